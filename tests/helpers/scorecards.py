"""A scorecard with every kind of column and pair, under names and levels that need care in any language."""

from typing import Any

from webapp.scoring.notation import SMALLEST
from webapp.scoring.scorecard import Scorecard

START = "2019-01-01T00:00:00"
LEVELS = ["INLAND", 'it\'s "odd"\n\\n', "ä 😀", "select"]
ZONED = [
    "2020-01-31T23:30:15.25-01:30",
    "2024-12-31T23Z",
    "2020-03-01T00:10 +02:00",
    "0001-01-01T00:00+10:00",
    "2020-01-01T24:00",
    "1999-06-30T12:00:00+10:75",
]
POOLS: dict[str, list[str]] = {  # cells as text
    "select": ["1.234,5", "12", "0,5", "-200", "", "1.5", "x", "1.23", "99999999", "-3", "$ 7,25 each", "1.234.567"],
    'Größe "cm"': ["1", "2.5", "-200", "NA", "", "nan", "1e3", "7.", ".5", "1e999", "-1e-400", "3.25", "+4", "٣"],
    "whole": ["1", "3.0", "1.5", "", "7", "1e1", "100", "99"],
    "flag": ["yes", " no ", "", "maybe", "YES"],
    "two words": ["1", "03", "2.0", "9", "", "x", "2"],
    "it's": [*LEVELS, "never seen", " INLAND\u3000", "", "NA", "far too long a level"],
    "day": ["2020-02-29", "2021-02-29", "2019", "2020-07", "20200115T101010Z", "", "?", "1969-12-31 23:59:59", *ZONED],
    "Sold%": ["1.2.2020 7:05", "31.12.1999 23:59", "30.02.2020 10:00", "", "1.1.20 1:00", "29.02.2020  00:00"],
    "code": ["A1", "B22", "", "A-1", "zz9"],
}


EXPOSURES = ["1", "0.25", "12", "0", "-1", "", "x", "1e-9", "1e9"]  # cells of the column `time`


def column(name: str, kind: str, effect: dict[str, Any], **others: Any) -> dict[str, Any]:
    """A column that takes any value, but for what is said of it."""
    empty = ("title", "description", "unit", "minimum", "maximum", "pattern", "min_length", "max_length", "histogram")
    lists: dict[str, Any] = {"allowed": [], "labels": {}, "quantiles": [], "shares": {}, "seen": None, "default": None}
    reading = {"missing_values": ["", "NA"], **others.pop("reading", {})}
    base = {"name": name, "type": kind, "effect": effect, "reading": reading, "required": False, "missing_share": 0.0}
    return {**dict.fromkeys(empty), **lists, **base, **others}


def curve(*points: tuple[float, float], missing: float = -0.125) -> dict[str, Any]:
    """A curve through these points."""
    return {"kind": "curve", "knots": [x for x, _ in points], "values": [y for _, y in points], "missing": missing}


def levels(*names: str) -> dict[str, Any]:
    """A table of these levels."""
    values = {name: 0.1 * place - 0.17 for place, name in enumerate(names)}
    return {"kind": "levels", "values": values, "other": 0.03, "missing": -0.06}


def axis(
    name: str, part: str | None = None, knots: tuple[float, ...] = (), levels: tuple[str, ...] = ()
) -> dict[str, Any]:
    """One side of a pair."""
    start = "2019-01-01T00:00:00" if part == "trend" else None
    return {"column": name, "part": part, "start": start, "knots": knots, "levels": levels}


def pair(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """A surface with different values at all places."""
    rows, width = (len(side["knots"]) + 1 if side["knots"] else len(side["levels"]) + 2 for side in (first, second))
    values = [[((7 * i + 3 * j) % 11 - 5) / 37 for j in range(width)] for i in range(rows)]
    return {"axes": (first, second), "values": values, "rows": [[1.0] * width] * rows, "folds": 1.0, "sd": 0.1}


def every_kind(transform: str) -> Scorecard:
    """The scorecard, on one of the scales of the target; on the logarithm it is that of a rate."""
    months, weekdays, hours = (levels(*map(str, numbers)) for numbers in (range(1, 13), range(6), (0, 7, 23)))
    calendar = {"kind": "calendar", "month": months, "weekday": weekdays, "hour": hours}
    histogram = {"low": 0.0, "high": 1.0, "shares": [1.0]}
    comma = {"decimal_char": ",", "group_char": ".", "bare_number": False, "missing_values": ["", "-200"]}
    german, yes = {"format": "%d.%m.%Y %H:%M"}, {"true_values": ["yes"], "false_values": ["no"]}
    big = '"cm"'
    columns = [
        column("select", "number", curve((-1, 0.2), (3, -0.1), (900.5, 0.4)), maximum=1e7, reading=comma),
        column(f"Größe {big}", "number", curve((0, 0.1), (2, 0.3), (4, -0.2), (9, 0)), minimum=-500.0),
        column("whole", "integer", curve((1, 0.1), (8, 0.2)), minimum=1.0, maximum=99.0, required=True),
        column("flag", "boolean", curve((0, 0.0), (1, 0.25)), reading=yes),
        column("two words", "integer", levels("1", "2", "3"), allowed=["1", "2", "3"]),
        column("it's", "string", levels(*LEVELS), max_length=15),
        column(
            "day",
            "date",
            {**calendar, "start": "2019-01-01T00:00:00", "days": curve((0, 0.1), (400, -0.1), (900, 0.3))},
        ),
        column("Sold%", "datetime", {**calendar, "start": None, "days": None}, minimum="1999-01-01", reading=german),
        column("code", "string", levels("A1", "B22"), pattern="[A-Z][0-9]{1,2}", min_length=2),
    ]
    number, other = axis("select", knots=(0.0, 5.0, 50.0)), axis(f"Größe {big}", knots=(1.0, 3.0))
    text, month = axis("it's", levels=("INLAND", "ä 😀")), axis("day", "month", levels=("1", "2", "12"))
    intervals: dict[str, Any] = {"coverage": 0.9, "edges": [0.2, 0.6]}
    intervals |= {"lower": [-0.5, -0.6, -0.7], "upper": [0.4, 0.5, 0.9]}
    surfaces = [
        pair(number, other),
        pair(text, other),
        pair(other, axis("two words", levels=("1", "3"))),
        pair(axis("two words", levels=("1", "3")), axis("code", levels=("A1",))),
        pair(month, number),
        pair(axis("day", "trend", knots=(100.0, 400.0, 800.0)), axis("Sold%", "hour", levels=("0", "23"))),
        pair(axis("Sold%", "weekday", levels=("0", "6")), axis("flag", knots=(0.0, 1.0))),
    ]
    if transform != "sqrt":  # intervals that differ from row to row
        wide = {**calendar, "start": START, "days": curve((0, -0.3), (400, 0.2), (900, 0.1))}
        for place, width in (
            (1, curve((0, 0.2), (2, -0.3), (4, 0.4), (9, 0.1))),
            (5, levels("INLAND", "x")),
            (6, wide),
        ):
            columns[place]["width"] = width
        intervals["factor_limits"] = (0.7, 1.3)
    time = column("time", "number", curve((0, 0), missing=0.0), required=True, minimum=SMALLEST)
    exposure = None if transform != "log" else {**time, "total_unit": "claims", "limits": (0.1, 20.0)}
    target: dict[str, Any] = {
        "name": "y\nz",
        "title": None,
        "description": None,
        "unit": None,
        "quantiles": [],
        "histogram": histogram,
    }
    return Scorecard.model_validate(
        {
            "version": 2,
            "title": None,
            "description": None,
            "target": {**target, "transform": transform, "factor": 1.0 if transform == "none" else 1.02},
            "intercept": 0.4,
            "columns": columns,
            "exposure": exposure,
            "surfaces": surfaces,
            "intervals": intervals,
            "training": {},
            "metrics": {},
            "made_from": {},
        }
    )

"""The generated Python module but for its head and its model; needs the standard library of Python 3.11 only."""

import datetime
import math
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

MODEL: dict[str, Any] = {}
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
ISO_DATE = re.compile("@ISO_DATE@")
EPOCH = datetime.datetime(1970, 1, 1)


def predict(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Predict one row.

    Args:
        cells: by column a number, text or a date, typed or as the table writes it; None or absent where it is missing.

    Returns:
        `prediction`, `lower` and `upper` in the target's unit; of a rate, `total`, `total_lower` and `total_upper` as
        well, times the exposure; `contributions` by column and `pairs` by pair of
        columns, on the scale on which they and the intercept add up to the prediction.

    Raises:
        ValueError: the model does not take a cell.
    """
    values = [read(column, cells.get(column["name"])) for column in MODEL["inputs"]]
    places = [find(axis, values[axis["input"]]) for axis in MODEL["axes"]]
    contributions, pairs = (
        {term["name"]: sum(look_up(table, places) for table in term["tables"]) for term in MODEL[terms]}
        for terms in ("contributions", "pairs")
    )
    total = MODEL["intercept"]
    for part in (*contributions.values(), *pairs.values()):
        total += part
    place = bisect_right(MODEL["edges"], total)
    factor = width_factor(places)
    exposure = None if MODEL["exposure"] is None else values[MODEL["exposure"]]
    if exposure is not None:
        least, most = MODEL["exposure_limits"]
        factor /= math.sqrt(min(max(exposure, least), most))
    lower, upper = total + MODEL["lower"][place] * factor, total + MODEL["upper"][place] * factor
    found = {"prediction": back(total) * MODEL["factor"], "lower": back(lower), "upper": back(upper)}
    if exposure is not None:
        totals = zip(("total", "total_lower", "total_upper"), found.values(), strict=True)
        found |= {name: end * exposure for name, end in totals}
    return {**found, "contributions": contributions, "pairs": pairs}


def width_factor(places: Sequence[tuple[int, float]]) -> float:
    """Give the factor by which the interval of this row is wider than that of an average one."""
    if MODEL["factor_limits"] is None:
        return 1.0
    low, high = MODEL["factor_limits"]
    return float(min(max(math.exp(sum(look_up(table, places) for table in MODEL["widenings"])), low), high))


def back(total: float) -> float:
    """Return from the scale of the sum to the target's unit."""
    if MODEL["transform"] == "sqrt":
        return max(total, 0.0) ** 2
    return {"none": float, "log": math.exp, "log1p": math.expm1}[MODEL["transform"]](total)


def look_up(table: Mapping[str, Any], places: Sequence[tuple[int, float]]) -> float:
    """Read a table at the places of its axes."""
    i, s = places[table["axes"][0]]
    if len(table["axes"]) == 1:
        return between(table["values"], i, s)
    j, t = places[table["axes"][1]]
    first = between(table["values"][i], j, t)
    return first + s * (between(table["values"][i + 1], j, t) - first) if s else first


def between(values: Sequence[float], place: int, share: float) -> float:
    """Interpolate between a place and the next."""
    here = values[place]
    return here + share * (values[place + 1] - here) if share else here


def find(axis: Mapping[str, Any], value: Any) -> tuple[int, float]:
    """Find the place of a value on an axis, and the share of the way to the next place."""
    knots, levels, last = axis["knots"], axis["levels"], len(axis["knots"]) - 1
    if value is None:
        return (len(knots) if knots else len(levels) + 1), 0.0
    if axis["part"] == "month":
        value = (EPOCH + datetime.timedelta(seconds=value)).month
    elif axis["part"] == "weekday":
        value = (value // 86400 + 3) % 7
    elif axis["part"] == "hour":
        value = value % 86400 // 3600
    elif axis["part"] == "days":
        value = (value - axis["start"]) / 86400
    if not knots:
        return (levels.index(value) if value in levels else len(levels)), 0.0
    place = bisect_right(knots, value) - 1
    if place < 0 or place >= last:
        return max(0, place), 0.0
    return place, (value - knots[place]) / (knots[place + 1] - knots[place])


def read(column: Mapping[str, Any], cell: Any) -> Any:
    """Read a cell: a number (of a date, the seconds since 1970) or the text of a level; None where it is missing.

    Raises:
        ValueError: the model does not take it.
    """
    text = cell.strip() if isinstance(cell, str) else None
    value = None
    if cell is not None and cell == cell and text not in column["missing"]:
        value = VALUES[column["kind"], column["whole"]](column, cell if text is None else text)
        if value is None:
            raise ValueError(f"{column['name']} must be {column['expects']}; found {cell!r}")
        if value in (column["missing"] if isinstance(value, str) else column["marks"]):
            value = None
        elif not is_valid(column, value):
            raise ValueError(f"{column['name']} must be {column['expects']}; found {cell!r}")
    if value is None and column["required"]:
        raise ValueError(f"{column['name']} is required")
    return value


def is_valid(column: Mapping[str, Any], value: Any) -> bool:
    """Tell whether a value keeps the constraints of its column."""
    if column["allowed"] and value not in column["allowed"]:
        return False
    if isinstance(value, str):
        pattern, low, high = column["pattern"], column["min_length"], column["max_length"]
        matches = pattern is None or re.fullmatch(pattern, value)
        return bool(matches) and (low or 0) <= len(value) and (high is None or len(value) <= high)
    low, high = column["low"], column["high"]
    return (low is None or value >= low) and (high is None or value <= high) and not (column["whole"] and value % 1)


def read_number(column: Mapping[str, Any], cell: Any) -> float | None:
    """Read a number; None if the cell is not one."""
    if isinstance(cell, str):
        cell = rewrite(column, cell)
        return float(cell) if NUMBER.fullmatch(cell) and math.isfinite(float(cell)) else None
    if not isinstance(cell, int | float | Decimal):
        return None
    with suppress(OverflowError):
        return float(cell) if math.isfinite(cell) else None
    return None


def rewrite(column: Mapping[str, Any], text: str) -> str:
    """Rewrite a number in the notation of the column for Python."""
    group, decimal = column["group"], column["decimal"]
    if not column["bare_number"]:
        text = re.sub(r"^[^0-9+\-.,]+|[^0-9]+$", "", text)
    if group is not None and group in text:
        mark = re.escape(group)
        grouped = rf"[^0-9{mark}]*[0-9]{{1,3}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}(?:[^0-9{mark}][^{mark}]*)?"
        text = text.replace(group, "") if re.fullmatch(grouped, text) else "?"
    return text if decimal == "." else text.replace(".", "?").replace(decimal, ".")


def read_boolean(column: Mapping[str, Any], cell: Any) -> float | None:
    """Read true as 1 and false as 0; None if the cell is neither."""
    if isinstance(cell, str):
        return 1.0 if cell in column["true_values"] else 0.0 if cell in column["false_values"] else None
    return float(cell) if isinstance(cell, int | float | Decimal) and cell in (0, 1) else None


def read_level(column: Mapping[str, Any], cell: Any) -> str:
    """Read the text of a level; 3, 3.0 and "3" are one."""
    if isinstance(cell, bytes):
        cell = cell.decode(errors="replace")
    return (str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)).strip()


def read_date(column: Mapping[str, Any], cell: Any) -> float | None:
    """Read a date as seconds since 1970 in UTC; None if the cell is not a date."""
    with suppress(ValueError, OverflowError):
        if isinstance(cell, str) and column["format"] != "default":
            cell = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", cell)
            if any(mark.isdigit() and not mark.isascii() for mark in cell):
                return None
            cell = datetime.datetime.strptime(cell, column["format"])
        elif isinstance(cell, str) and ISO_DATE.fullmatch(cell):
            cell = datetime.datetime.fromisoformat(cell + {4: "-01-01", 7: "-01"}.get(len(cell), ""))
        if isinstance(cell, datetime.datetime):
            when = cell.astimezone(datetime.UTC).replace(tzinfo=None) if cell.tzinfo else cell
            return (when - EPOCH).total_seconds()
        if isinstance(cell, datetime.date):
            return (datetime.datetime(cell.year, cell.month, cell.day) - EPOCH).total_seconds()
    return None


VALUES: dict[tuple[str, bool], Any] = {
    ("number", False): read_number,
    ("number", True): read_number,
    ("boolean", False): read_boolean,
    ("level", False): read_level,
    ("level", True): read_number,
    ("date", False): read_date,
}

"""Scoring in plain Python: a prediction, what each column contributes to it, and the interval."""

import datetime
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from webapp.scoring.grammar import as_level
from webapp.scoring.scorecard import Calendar, Curve, Intervals, Levels, Scorecard, Surface, SurfaceAxis

Cell = float | int | bool | str | datetime.date | None
DAY_SECONDS = 86_400.0
BACK: dict[str, Callable[[float], float]] = {  # from the scale of the sum to the target's unit
    "none": float,
    "sqrt": lambda total: max(total, 0.0) ** 2,
    "log": math.exp,
    "log1p": math.expm1,
}


class Score(NamedTuple):
    """What the model says of one row, in the target's unit."""

    prediction: float
    lower: float
    upper: float
    contributions: dict[str, float]  # of the columns
    pairs: dict[str, float]  # of the surfaces; all of these and the intercept add up to the prediction, on its scale
    unseen_pairs: list[str]  # those whose two cells do not occur together in training


Place = tuple[int, float]  # on one side of a surface, and the share of the way to the next place
Scorer = Callable[[Mapping[str, Cell]], Score]
# the contribution of a missing cell; a function for that of another one, or the segments of a curve to read it off:
# where each ends, where it starts, how high, how steep
Layout = tuple[float, Callable[[Any], float] | None, Sequence[float], Sequence[float], Sequence[float], Sequence[float]]


def make_scorer(card: Scorecard) -> Scorer:
    """A function that scores one row: what `score` does, with all that it needs of the columns laid out beforehand."""
    columns = [(column.name, *lay_out(column.effect)) for column in card.columns]
    read_pairs = surface_reader(card.surfaces)
    intercept, intervals, factor = card.intercept, card.intervals, card.target.factor
    back = None if card.target.transform == "none" else BACK[card.target.transform]

    def score_row(row: Mapping[str, Cell]) -> Score:
        contributions = {}
        total, get = intercept, row.get
        for name, missing, read, knots, starts, heights, slopes in columns:
            x: Any = get(name)
            if x is None:
                part = missing
            elif read is not None:
                part = read(x)
            else:
                x = float(x)
                place = bisect_right(knots, x)
                part, slope = heights[place], slopes[place]
                if slope:
                    part += slope * (x - starts[place])
                if x != x:
                    part = missing
            contributions[name] = part
            total += part
        pairs, unseen_pairs = read_pairs(row)
        for part in pairs.values():
            total += part
        lower, upper = interval(intervals, total)
        if back is not None:
            return Score(back(total) * factor, back(lower), back(upper), contributions, pairs, unseen_pairs)
        return Score(total, lower, upper, contributions, pairs, unseen_pairs)

    return score_row


def score(card: Scorecard, row: Mapping[str, Cell]) -> Score:
    """Score one row.

    Args:
        card: the model.
        row: a cell for each input column: a number, text or (for a date) a date, a datetime in UTC or ISO text; None
            or absent where it is missing. Columns that the model does not know are not looked at.

    Raises:
        ValueError: a cell of a number column is no number, or one of a date column is no date.
    """
    return make_scorer(card)(row)


def lay_out(effect: Curve | Levels | Calendar) -> Layout:
    """What scoring needs of an effect; a curve as segments, with one of slope 0 before and one after its knots."""
    if isinstance(effect, Calendar):
        return on_calendar(effect, None), lambda cell: on_calendar(effect, cell), (), (), (), ()
    if isinstance(effect, Levels):
        values, other = effect.values, effect.other
        return effect.missing, lambda cell: values.get(as_level(cell), other), (), (), (), ()
    knots, heights = effect.knots, effect.values
    points = list(zip(knots, heights, strict=True))
    slopes = [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairwise(points)]
    return effect.missing, None, knots, [knots[0], *knots], [heights[0], *heights], [0.0, *slopes, 0.0]


def surface_reader(surfaces: Sequence[Surface]) -> Callable[[Mapping[str, Cell]], tuple[dict[str, float], list[str]]]:
    """Make a function that reads every surface for one row, and names those where training has no rows near it.

    An axis that several surfaces share is looked up once.
    """
    axes: list[SurfaceAxis] = []
    for axis in (axis for surface in surfaces for axis in surface.axes):
        if axis not in axes:
            axes.append(axis)
    readers = [(axis.column, place_reader(axis)) for axis in axes]
    laid_out = [
        (surface.name, surface.values, gaps_of(surface), axes.index(surface.axes[0]), axes.index(surface.axes[1]))
        for surface in surfaces
    ]

    def read(row: Mapping[str, Cell]) -> tuple[dict[str, float], list[str]]:
        places = [place(row.get(column)) for column, place in readers]
        parts, unseen = {}, []
        for name, values, gaps, first, second in laid_out:
            parts[name] = on_surface(values, places[first], places[second])
            if on_surface(gaps, places[first], places[second]):
                unseen.append(name)
        return parts, unseen

    return read


def on_surface(matrix: Sequence[Sequence[float]], first: Place, second: Place) -> float:
    """Interpolate a matrix bilinearly, between places on its first and its second side."""
    (i, s), (j, t) = first, second
    line = matrix[i]
    value = line[j] + t * (line[j + 1] - line[j]) if t else line[j]
    if s:
        line = matrix[i + 1]
        value += s * ((line[j] + t * (line[j + 1] - line[j]) if t else line[j]) - value)
    return value


def gaps_of(surface: Surface) -> list[list[float]]:
    """Mark with 1 each place of a surface without training rows, though they are at its place on either side alone."""
    down = [sum(column) > 0 for column in zip(*surface.rows, strict=True)]
    return [
        [float(count == 0 and sum(line) > 0 and known) for count, known in zip(line, down, strict=True)]
        for line in surface.rows
    ]


def place_reader(axis: SurfaceAxis) -> Callable[[Cell], Place]:
    """Make a function from a cell to its place on one side of a surface."""
    missing = axis.places - 1
    if axis.levels:
        places, other = {level: place for place, level in enumerate(axis.levels)}, len(axis.levels)
        part = axis.part

        def of_level(cell: Cell) -> Place:
            level = as_level(cell) if part is None and cell is not None else calendar_level(cell, part)
            return (missing if level is None else places.get(level, other)), 0.0

        return of_level
    knots, last = axis.knots, len(axis.knots) - 1
    start = None if axis.start is None else datetime.datetime.fromisoformat(axis.start)

    def of_number(cell: Cell) -> Place:
        x: Any = cell if start is None else days_since(as_datetime(cell), start)
        if x is None:
            return missing, 0.0
        x = float(x)
        if x != x:
            return missing, 0.0
        place = bisect_right(knots, x) - 1
        if place < 0 or place >= last:
            return max(0, min(place, last)), 0.0
        return place, (x - knots[place]) / (knots[place + 1] - knots[place])

    return of_number


def calendar_level(cell: Cell, part: str | None) -> str | None:
    """The level of one calendar part of a date; weekday 0 is Monday."""
    when = as_datetime(cell)
    if when is None:
        return None
    return str(when.weekday() if part == "weekday" else getattr(when, str(part)))


def days_since(when: datetime.datetime | None, start: datetime.datetime) -> float | None:
    """Days (with fractions) from `start`."""
    return None if when is None else (when - start).total_seconds() / DAY_SECONDS


def on_curve(curve: Curve, x: float | None) -> float:
    """The piecewise-linear interpolation at x, constant beyond the ends."""
    missing, _, knots, starts, heights, slopes = lay_out(curve)
    if x is None or x != x:
        return missing
    place = bisect_right(knots, x)
    return heights[place] + slopes[place] * (x - starts[place]) if slopes[place] else heights[place]


def in_table(levels: Levels, level: str | None) -> float:
    """The contribution of a level."""
    if level is None:
        return levels.missing
    return levels.values.get(level, levels.other)


def on_calendar(calendar: Calendar, cell: Cell) -> float:
    """The contribution of a date: of its trend and of each of its calendar parts."""
    when = as_datetime(cell)
    days = month = weekday = hour = None
    if when is not None:
        month, weekday, hour = str(when.month), str(when.weekday()), str(when.hour)
        if calendar.start is not None:
            days = (when - datetime.datetime.fromisoformat(calendar.start)).total_seconds() / DAY_SECONDS
    total = in_table(calendar.month, month) + in_table(calendar.weekday, weekday) + in_table(calendar.hour, hour)
    return total if calendar.days is None else total + on_curve(calendar.days, days)


def as_datetime(cell: Cell) -> datetime.datetime | None:
    """A date as a datetime in UTC, without a zone."""
    if cell is None:
        return None
    if isinstance(cell, str):
        cell = datetime.datetime.fromisoformat(cell)
    if not isinstance(cell, datetime.date):
        raise ValueError(f"{cell!r} is not a date")
    if not isinstance(cell, datetime.datetime):
        return datetime.datetime(cell.year, cell.month, cell.day)
    return cell.astimezone(datetime.UTC).replace(tzinfo=None) if cell.tzinfo else cell


def interval(intervals: Intervals, prediction: float) -> tuple[float, float]:
    """The prediction interval around a prediction."""
    bin_ = bisect_right(intervals.edges, prediction)
    return prediction + intervals.lower[bin_], prediction + intervals.upper[bin_]

"""Scoring in plain Python: a prediction, what each column contributes to it, and the interval."""

import datetime
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from webapp.scoring.effects import Cell, as_datetime, calendar_level, days_since, lay_out
from webapp.scoring.grammar import as_level
from webapp.scoring.scorecard import Scorecard, Surface, SurfaceAxis

TOTALS = ("total", "total_lower", "total_upper")  # names of what `make_totaller` gives
BACK: dict[str, Callable[[float], float]] = {  # from the scale of the sum to the target's unit
    "none": float,
    "sqrt": lambda total: max(total, 0.0) ** 2,
    "log": math.exp,
    "log1p": math.expm1,
}


class Score(NamedTuple):
    """The score of one row, in the target's unit."""

    prediction: float
    lower: float
    upper: float
    contributions: dict[str, float]  # of the columns
    pairs: dict[str, float]  # of the surfaces; all of these and the intercept add up to the prediction, on its scale
    unseen_pairs: list[str]  # those whose two cells do not occur together in training
    widths: dict[str, float]  # of columns that have one: logarithm of the factor on the interval's width


Place = tuple[int, float]  # on one side of a surface, and the share of the way to the next place
Scorer = Callable[[Mapping[str, Cell]], Score]
Ends = tuple[float, float, float]  # a prediction or a total, and the lower and upper end of its interval
Totaller = Callable[[Mapping[str, Cell], Score], Ends]


def make_scorer(card: Scorecard) -> Scorer:
    """A function that scores one row: what `score` does, with all that it needs of the columns laid out beforehand."""
    columns = [
        (column.name, column.width is not None, *lay_out(column.effect, column.width)) for column in card.columns
    ]
    read_pairs = surface_reader(card.surfaces) if card.surfaces else None
    intercept, factor = card.intercept, card.target.factor
    edges, below, above = card.intervals.edges, card.intervals.lower, card.intervals.upper
    limits = card.intervals.factor_limits
    exposure, least, most = None, 0.0, 0.0
    if card.exposure is not None:
        exposure, (least, most) = card.exposure.name, card.exposure.limits
    back = None if card.target.transform == "none" else BACK[card.target.transform]

    def score_row(row: Mapping[str, Cell]) -> Score:
        contributions, widths = {}, {}
        total, widening, get = intercept, 0.0, row.get
        for name, has_width, missing, read, knots, segments in columns:
            x: Any = get(name)
            if x is None:
                part, wider = missing
            elif read is not None:
                part, wider = read(x)
            else:
                x = float(x)
                start, part, slope, wider, widening_slope = segments[bisect_right(knots, x)]
                if start is not None:
                    step = x - start
                    part += slope * step
                    wider += widening_slope * step
                elif x != x:
                    part, wider = missing
            contributions[name] = part
            total += part
            if has_width:
                widths[name] = wider
                widening += wider
        pairs, unseen_pairs = read_pairs(row) if read_pairs else ({}, [])
        for part in pairs.values():
            total += part
        place = bisect_right(edges, total)
        lower, upper = below[place], above[place]
        if limits is not None:
            scale = min(max(math.exp(widening), limits[0]), limits[1])
            lower, upper = lower * scale, upper * scale
        if exposure is not None:
            x = row[exposure]
            scale = 1 / math.sqrt(min(max(x, least), most))
            lower, upper = lower * scale, upper * scale
        if back is not None:
            ends = back(total + lower), back(total + upper)
            return Score(back(total) * factor, *ends, contributions, pairs, unseen_pairs, widths)
        return Score(total, total + lower, total + upper, contributions, pairs, unseen_pairs, widths)

    return score_row


def make_totaller(card: Scorecard) -> Totaller | None:
    """Make a function from a row and its score to the total and both ends of its interval; None without exposure."""
    if card.exposure is None:
        return None
    name = card.exposure.name

    def total(row: Mapping[str, Cell], score: Score) -> Ends:
        exposure: Any = row[name]
        return score.prediction * exposure, score.lower * exposure, score.upper * exposure

    return total


def score(card: Scorecard, row: Mapping[str, Cell]) -> Score:
    """Score one row.

    Args:
        card: the model.
        row: a cell for each input column: a number, text or (for a date) a date, a datetime in UTC or ISO text; None
            or absent where it is missing. Columns that the model does not know are not looked at.

    Raises:
        ValueError: a cell of a number column is not a number, or one of a date column is not a date.
    """
    return make_scorer(card)(row)


def surface_reader(surfaces: Sequence[Surface]) -> Callable[[Mapping[str, Cell]], tuple[dict[str, float], list[str]]]:
    """Make a function that reads every surface for one row, and names those where training has no rows near it.

    An axis that several surfaces share is looked up once.
    """
    axes: list[SurfaceAxis] = []
    for axis in (axis for surface in surfaces for axis in surface.axes):
        if axis not in axes:
            axes.append(axis)
    readers = [(axis.column, place_reader(axis)) for axis in axes]
    laid_out = []
    for surface in surfaces:
        gaps = gaps_of(surface)
        sides = axes.index(surface.axes[0]), axes.index(surface.axes[1])
        laid_out.append((surface.name, surface.values, gaps if any(map(any, gaps)) else None, *sides))

    def read(row: Mapping[str, Cell]) -> tuple[dict[str, float], list[str]]:
        places = [place(row.get(column)) for column, place in readers]
        parts, unseen = {}, []
        for name, values, gaps, first, second in laid_out:
            i, j = places[first], places[second]
            parts[name] = on_surface(values, i, j)
            if gaps is not None and on_surface(gaps, i, j):
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
        places: dict[str | None, Place] = {level: (place, 0.0) for place, level in enumerate(axis.levels)}
        places[None], other, part = (missing, 0.0), (len(axis.levels), 0.0), axis.part
        if part is None:
            return lambda cell: places.get(None if cell is None else as_level(cell), other)
        return lambda cell: places.get(calendar_level(cell, part), other)
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

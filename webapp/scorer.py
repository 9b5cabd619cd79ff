"""Scoring in plain Python: a prediction, what each column contributes to it, and the interval."""

import datetime
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from webapp.scorecard import Calendar, Curve, Intervals, Levels, Scorecard

Cell = float | int | bool | str | datetime.date | None
DAY_SECONDS = 86_400.0


class Score(NamedTuple):
    """What the model says of one row, in the target's unit."""

    prediction: float
    lower: float
    upper: float
    contributions: dict[str, float]  # they and the scorecard's intercept add up to the prediction


Scorer = Callable[[Mapping[str, Cell]], Score]
Reader = Callable[[Any], float]  # the contribution of a column's cell that is not missing


def make_scorer(card: Scorecard) -> Scorer:
    """A function that scores one row: what `score` does, with everything about the columns looked up beforehand."""
    columns = [(column.name, make_reader(column.effect), missing_part(column.effect)) for column in card.columns]
    intercept, intervals = card.intercept, card.intervals
    edges, lower, upper = intervals.edges, intervals.lower, intervals.upper

    def score_row(row: Mapping[str, Cell]) -> Score:
        contributions = {}
        prediction, get = intercept, row.get
        for name, read, missing in columns:
            cell = get(name)
            contributions[name] = part = missing if cell is None else read(cell)
            prediction += part
        bin_ = bisect_right(edges, prediction)
        return Score(prediction, prediction + lower[bin_], prediction + upper[bin_], contributions)

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


def make_reader(effect: Curve | Levels | Calendar) -> Reader:
    """A function that reads a cell's contribution off the effect."""
    if isinstance(effect, Calendar):
        return lambda cell: on_calendar(effect, cell)
    if isinstance(effect, Levels):
        values, other = effect.values, effect.other
        return lambda cell: values.get(cell if cell.__class__ is str else as_level(cell), other)
    knots, heights, missing = effect.knots, effect.values, effect.missing
    count = len(knots)

    def on_this_curve(x: Any) -> float:
        x = float(x)
        right = bisect_right(knots, x)
        if x != x:
            return missing
        if right == 0 or right == count:
            return heights[0 if right == 0 else -1]
        x0, y0 = knots[right - 1], heights[right - 1]
        return y0 + (heights[right] - y0) * ((x - x0) / (knots[right] - x0))

    return on_this_curve


def missing_part(effect: Curve | Levels | Calendar) -> float:
    """The contribution of a missing cell."""
    return on_calendar(effect, None) if isinstance(effect, Calendar) else effect.missing


def on_curve(curve: Curve, x: float | None) -> float:
    """The piecewise-linear interpolation at x, constant beyond the ends."""
    return curve.missing if x is None else make_reader(curve)(x)


def in_table(levels: Levels, level: str | None) -> float:
    """The contribution of a level."""
    if level is None:
        return levels.missing
    return levels.values.get(level, levels.other)


def as_level(cell: Cell) -> str:
    """A level as text; 3, 3.0 and "3" are one."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


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

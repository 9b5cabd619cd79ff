"""Scoring in plain Python: a prediction, what each column contributes to it, and the interval."""

import datetime
import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from webapp.scorecard import Calendar, Curve, Intervals, Levels, Scorecard

Cell = float | int | bool | str | datetime.date | None
DAY_SECONDS = 86_400.0


class Score(NamedTuple):
    """What the model says of one row, in the target's unit."""

    prediction: float
    lower: float
    upper: float
    contributions: dict[str, float]  # they and the scorecard's intercept add up to the prediction, or its logarithm


def score(card: Scorecard, row: Mapping[str, Cell]) -> Score:
    """Score one row.

    Args:
        row: a cell for each input column: a number, text or (for a date) a date, a datetime in UTC or ISO text; None
            or absent where it is missing. Columns that the model does not know are not looked at.

    Raises:
        ValueError: a cell of a number column is no number, or one of a date column is no date.
    """
    contributions = {}
    total = card.intercept
    for column in card.columns:
        effect, cell = column.effect, row.get(column.name)
        if isinstance(effect, Curve):
            part = on_curve(effect, None if cell is None else float(cell))  # type: ignore[arg-type]
        elif isinstance(effect, Levels):
            part = in_table(effect, None if cell is None else as_level(cell))
        else:
            part = on_calendar(effect, cell)
        contributions[column.name] = part
        total += part
    lower, upper = interval(card.intervals, total)
    if card.target.transform == "log":
        return Score(math.exp(total), math.exp(lower), math.exp(upper), contributions)
    return Score(total, lower, upper, contributions)


def on_curve(curve: Curve, x: float | None) -> float:
    """The piecewise-linear interpolation at x, constant beyond the ends."""
    if x is None or x != x:
        return curve.missing
    knots, values = curve.knots, curve.values
    right = bisect_right(knots, x)
    if right == 0:
        return values[0]
    if right == len(knots):
        return values[-1]
    x0, x1 = knots[right - 1], knots[right]
    y0, y1 = values[right - 1], values[right]
    return y0 + (y1 - y0) * ((x - x0) / (x1 - x0))


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

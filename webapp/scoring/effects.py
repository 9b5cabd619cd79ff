"""Reading the effect of a column: what a cell contributes, and how much wider or narrower it makes the interval."""

import datetime
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from webapp.scoring.grammar import as_level
from webapp.scoring.scorecard import Calendar, Curve, Levels

Cell = float | int | bool | str | datetime.date | None
Effect = Curve | Levels | Calendar
DAY_SECONDS = 86_400.0
Parts = tuple[float, float]  # the contribution of a cell, and what it adds to the logarithm of the interval's factor
# where a segment starts (None before the first knot and after the last); there both parts; how steep each of them is
Segment = tuple[float | None, float, float, float, float]
# the parts of a missing cell; a function for those of another one, or the knots of a curve and its segments
Layout = tuple[Parts, Callable[[Any], Parts] | None, Sequence[float], Sequence[Segment]]


def lay_out(effect: Effect, width: Effect | None) -> Layout:
    """Lay out the effect of a column for scoring, and what the column adds to the factor on the interval's width."""
    if isinstance(effect, Curve):
        flat = Curve(knots=effect.knots, values=[0.0] * len(effect.knots), missing=0.0)
        wider = width if isinstance(width, Curve) else flat
        points = list(zip(effect.knots, effect.values, wider.values, strict=True))
        inner = [(x, y, (y1 - y) / (x1 - x), w, (w1 - w) / (x1 - x)) for (x, y, w), (x1, y1, w1) in pairwise(points)]
        first, last = ((None, y, 0.0, w, 0.0) for _, y, w in (points[0], points[-1]))
        return (effect.missing, wider.missing), None, effect.knots, [first, *inner, last]
    if isinstance(effect, Levels):
        table, other, missing = join_levels(effect, width if isinstance(width, Levels) else None)
        return missing, lambda cell: table.get(as_level(cell), other), (), ()
    return lay_out_calendar(effect, width if isinstance(width, Calendar) else None)


def join_levels(effect: Levels, width: Levels | None) -> tuple[dict[str, Parts], Parts, Parts]:
    """Join two tables of levels: the parts of each level, of any other one and of a missing cell."""
    width = width or Levels(values={}, other=0.0, missing=0.0)
    levels = {*effect.values, *width.values}
    table = {level: (in_table(effect, level), in_table(width, level)) for level in levels}
    return table, (effect.other, width.other), (effect.missing, width.missing)


def lay_out_calendar(effect: Calendar, width: Calendar | None) -> Layout:
    """Lay out the effect of a date (see `lay_out`)."""
    tables = [
        join_levels(getattr(effect, part), None if width is None else getattr(width, part))
        for part in ("month", "weekday", "hour")
    ]
    (months, other_month, no_month), (weekdays, other_weekday, no_weekday), (hours, other_hour, no_hour) = tables
    trend, wide_trend = effect.days, None if width is None else width.days
    no_trend = (trend.missing if trend else 0.0, wide_trend.missing if wide_trend else 0.0)
    no_date = [no_month, no_weekday, no_hour, no_trend]
    none = sum(part for part, _ in no_date), sum(wider for _, wider in no_date)
    start = None if effect.start is None else datetime.datetime.fromisoformat(effect.start)

    def of_date(cell: Cell) -> Parts:
        when = as_datetime(cell)
        if when is None:
            return none
        part, wider = months.get(str(when.month), other_month)
        more, wider_more = weekdays.get(str(when.weekday()), other_weekday)
        most, wider_most = hours.get(str(when.hour), other_hour)
        part, wider = part + more + most, wider + wider_more + wider_most
        days = None if start is None else days_since(when, start)
        if trend is not None:
            part += on_curve(trend, days)
        if wide_trend is not None:
            wider += on_curve(wide_trend, days)
        return part, wider

    return none, of_date, (), ()


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
    if x is None or x != x:
        return curve.missing
    place = bisect_right(curve.knots, x)
    if place == 0 or place == len(curve.knots):
        return curve.values[0 if place == 0 else -1]
    (x0, x1), (y0, y1) = curve.knots[place - 1 : place + 1], curve.values[place - 1 : place + 1]
    return y0 + (y1 - y0) / (x1 - x0) * (x - x0)


def in_table(levels: Levels, level: str | None) -> float:
    """The contribution of a level."""
    if level is None:
        return levels.missing
    return levels.values.get(level, levels.other)


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

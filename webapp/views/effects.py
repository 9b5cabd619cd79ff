"""The geometry of the effects: of a column alone, and given the other cells of the row where pairs change it."""

import calendar
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from webapp.formatting import factor_ticks, is_factor, ticks
from webapp.scoring.effects import Cell, as_datetime, in_table, on_curve
from webapp.scoring.grammar import as_level
from webapp.scoring.scorecard import Calendar, Column, Curve, Histogram, Levels, Scorecard, Surface, Target
from webapp.scoring.scorer import on_surface, place_reader
from webapp.views.charts import Bar, Box, Label, Scale, amount_of, bars_about_zero, draw_ticks, histogram_boxes

Effect = Curve | Levels
NOTES = {None: "", "increasing": "only rises", "decreasing": "only falls"}  # by the column's `monotone`


class EffectCurve(NamedTuple):
    """A column's curve over its distribution, alone and given the other inputs; `here` is the point of its cell."""

    title: str
    note: str
    bars: list[Box]
    points: str  # of a polyline in a square of 100 by 100
    given: str  # the same, given the other inputs; empty where no pair of columns changes the curve
    zero: float
    ticks: list[Label]
    heights: list[Label]
    here: tuple[float, float] | None


class EffectBars(NamedTuple):
    """A table of levels."""

    title: str
    note: str
    bars: list[Bar]
    has_given: bool  # whether the bars say what the levels add given the other inputs


def draw_effect(card: Scorecard, column: Column, row: Mapping[str, Cell]) -> list[EffectCurve | EffectBars]:
    """Draw the effect of a column: a curve, a table or, for a date, a chart of each part.

    Where pairs of columns change the effect, it is drawn a second time: with the other cells of the row as they are.
    """
    target, effect, cell = card.target, column.effect, row.get(column.name)
    title, note = column.title or column.name, NOTES[column.monotone]
    if isinstance(effect, Calendar):
        return draw_calendar(card, effect, column, row)
    cuts = effects_given(card.surfaces, row, column.name) if row else []
    if isinstance(effect, Curve):
        axis = f"{title} ({column.unit})" if column.unit else title
        x: Any = cell
        curve = draw_curve(effect, cuts, target, column.histogram, axis, None if x is None else float(x))
        return [curve._replace(note=note)]
    known = None if cell is None else as_level(cell)
    listed = {level: effect.values[level] for level in map(str, column.allowed) if level in effect.values}
    effect = Levels(values=listed | effect.values, other=effect.other, missing=effect.missing)  # in the schema's order
    return [draw_levels(effect, cuts, column.labels, known, target, title)._replace(note=note)]


def draw_curve(
    curve: Curve, cuts: Sequence[Effect], target: Target, histogram: Histogram | None, title: str, x: float | None
) -> EffectCurve:
    """Draw a curve over the column's distribution in training; `cuts` are what its pairs add, given the other cells."""
    total = curve if not cuts else add_curves([curve, *(cut for cut in cuts if isinstance(cut, Curve))])
    low, high = total.knots[0], total.knots[-1]
    if histogram is not None:
        low, high = min(low, histogram.low), max(high, histogram.high)
    across = Scale(low, high)
    heights = [*curve.values, *total.values, 0.0]
    edge = 0.08 * (max(heights) - min(heights)) or 1.0
    up = Scale(-max(heights) - edge, -min(heights) + edge)  # downwards, as SVG counts

    def points_of(drawn: Curve) -> str:
        corners = [(low, drawn.values[0]), *zip(drawn.knots, drawn.values, strict=True), (high, drawn.values[-1])]
        return " ".join(f"{across.at(knot)},{up.at(-value)}" for knot, value in corners)

    here = None if x is None else (across.at(x), up.at(-on_curve(total, x)))
    marks = (factor_ticks if is_factor(target.transform) else ticks)(-up.high + edge, -up.low - edge, 4)
    sides = [Label(up.at(-value), amount_of(target, value, is_tick=True), "end") for value in marks]
    bars = [] if histogram is None else histogram_boxes(histogram, across, 30)
    given = points_of(total) if cuts else ""
    return EffectCurve(title, "", bars, points_of(curve), given, up.at(0.0), draw_ticks(across, 5), sides, here)


def add_curves(curves: Sequence[Curve]) -> Curve:
    """Add up curves: the sum has the knots of all."""
    knots = sorted({knot for curve in curves for knot in curve.knots})
    values = [sum(on_curve(curve, knot) for curve in curves) for knot in knots]
    return Curve(knots=knots, values=values, missing=sum(curve.missing for curve in curves))


def draw_levels(
    levels: Levels, cuts: Sequence[Effect], labels: Mapping[str, str], here: str | None, target: Target, title: str
) -> EffectBars:
    """Draw a bar for each level; one that is not in the table has a bar of its own. `cuts` are as for a curve."""
    rows = [(level, labels.get(level, level), "", part) for level, part in levels.values.items()]
    if all(is_whole(level) for level in levels.values):
        rows.sort(key=lambda row: int(row[0]))
    if here is not None and here not in levels.values:
        rows.append((here, f"{here} (rare or not seen)", "", levels.other))
    tables = [cut for cut in cuts if isinstance(cut, Levels)]
    given = [part + sum(in_table(table, level) for table in tables) for level, *_, part in rows] if tables else []
    return EffectBars(title, "", bars_about_zero(rows, target, here, given), bool(tables))


def is_whole(level: str) -> bool:
    """Tell whether a level is a whole number, so that levels are shown in their order."""
    return level.removeprefix("-").isdecimal()


MONTHS = list(calendar.month_name)[1:]
PARTS: dict[str, dict[str, str]] = {  # of a date, with the names of their levels
    "month": {str(place + 1): name for place, name in enumerate(MONTHS)},
    "weekday": {str(place): name for place, name in enumerate(calendar.day_name)},
    "hour": {},
}


def draw_calendar(
    card: Scorecard, effect: Calendar, column: Column, row: Mapping[str, Cell]
) -> list[EffectCurve | EffectBars]:
    """Draw a date: its trend over the days, and its calendar parts where they matter."""
    when, title = as_datetime(row.get(column.name)), column.title or column.name
    drawn: list[EffectCurve | EffectBars] = []

    def cuts(part: str) -> list[Effect]:
        return effects_given(card.surfaces, row, f"{column.name}.{part}") if row else []

    if effect.days is not None and effect.start is not None:
        start = as_datetime(effect.start)
        days = None if when is None or start is None else (when - start).total_seconds() / 86_400
        name = f"{title}: days since {effect.start[:10]}"
        drawn.append(draw_curve(effect.days, cuts("trend"), card.target, None, name, days))
    now = {} if when is None else {"month": when.month, "weekday": when.weekday(), "hour": when.hour}
    for part, labels in PARTS.items():
        levels, given = getattr(effect, part), cuts(part)
        if given or any(in_table(levels, level) for level in levels.values):
            here = str(now[part]) if part in now else None
            drawn.append(draw_levels(levels, given, labels, here, card.target, f"{title}: {part}"))
    return drawn


def effects_given(surfaces: Sequence[Surface], row: Mapping[str, Cell], axis_name: str) -> list[Effect]:
    """Cut each surface along one of its sides, by name (`column` or `column.part`), where the row is on the other."""
    cuts: list[Effect] = []
    for surface in surfaces:
        for side, (axis, other) in enumerate((surface.axes, surface.axes[::-1])):
            if axis.name != axis_name:
                continue
            at = place_reader(other)(row.get(other.column))
            matrix = surface.values if side == 0 else list(zip(*surface.values, strict=True))
            *values, missing = (on_surface(matrix, (place, 0.0), at) for place in range(axis.places))
            if axis.knots:
                cuts.append(Curve(knots=axis.knots, values=values, missing=missing))
            else:
                *known, unknown = values
                table = dict(zip(axis.levels, known, strict=True))
                cuts.append(Levels(values=table, other=unknown, missing=missing))
    return cuts

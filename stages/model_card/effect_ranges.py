"""The range of each column's effect on the prediction, and where its ends are, for the model card."""

import math
from typing import Literal, NamedTuple

from stages.table.schema import TableSchema
from webapp.formatting import is_factor, short
from webapp.scoring.scorecard import Calendar, Curve, Levels, Scorecard


class EffectRange(NamedTuple):
    """The lowest and the highest contribution of a column: amounts or, on a logarithmic scale, factors."""

    name: str
    label: str
    low: float
    at_low: str
    high: float
    at_high: str


def effect_ranges(
    schema: TableSchema, served: Scorecard, kind: Literal["effect", "width"] = "effect"
) -> list[EffectRange]:
    """Return the range of each column's effect on the prediction, or on the interval's width; the widest first."""
    show = math.exp if kind == "width" or is_factor(served.target.transform) else float
    ranges = []
    for column in served.columns:
        effect = getattr(column, kind)
        if effect is None:
            continue
        ends = effect_ends(effect, column.labels)
        (low, at_low), (high, at_high) = min(ends), max(ends)
        name, label = column.name, schema.column(column.name).label
        ranges.append((low - high, EffectRange(name, label, show(low), at_low, show(high), at_high)))
    return [found for _, found in sorted(ranges)]


def effect_ends(effect: Curve | Levels | Calendar, labels: dict[str, str]) -> list[tuple[float, str]]:
    """Return contributions and where they occur: at the knots, of the levels, or the extreme sums of a date's parts."""
    if isinstance(effect, Curve):
        return [(value, short(knot)) for knot, value in zip(effect.knots, effect.values, strict=True)]
    if isinstance(effect, Levels):
        named = [(value, labels.get(level, level)) for level, value in effect.values.items()]
        return [*named, (effect.other, "any other")]
    tables = {"month": effect.month, "weekday": effect.weekday, "hour": effect.hour}
    parts = [[(value, f"{part} {level}") for level, value in table.values.items()] for part, table in tables.items()]
    if effect.days and effect.start:
        knots = zip(effect.days.knots, effect.days.values, strict=True)
        parts.append([(value, f"day {knot:.0f} since {effect.start[:10]}") for knot, value in knots])
    varying = [part for part in parts if len({value for value, _ in part}) > 1]
    extremes = ([pick(part, key=lambda end: end[0]) for part in varying] for pick in (min, max))
    return [(sum(value for value, _ in ends), ", ".join(at for _, at in ends) or "any") for ends in extremes]

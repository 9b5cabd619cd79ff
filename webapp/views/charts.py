"""The geometry of the charts. Templates draw them as SVG; the browser only swaps what the server has drawn.

Places are in percent of a chart's width (x) or height (y, downwards), so that text keeps its size on every screen.
"""

import calendar
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from webapp.formatting import decimals_for, distinct, fixed, short, ticks
from webapp.scoring.grammar import as_level
from webapp.scoring.scorecard import Calendar, Column, Curve, Histogram, Levels, Scorecard, Target
from webapp.scoring.scorer import Cell, Score, as_datetime, in_table, on_curve

MOST_BARS = 12  # that are shown at once


class Box(NamedTuple):
    """A rectangle, in percent."""

    x: float
    y: float
    width: float
    height: float


class Label(NamedTuple):
    """A text at a place along an axis, in percent; `anchor` keeps it inside the chart."""

    at: float
    text: str
    anchor: str


class Bar(NamedTuple):
    """A row of a bar chart about zero."""

    name: str
    title: str
    value: str  # of the cell
    amount: str
    x: float
    width: float
    is_negative: bool
    is_here: bool


class Distribution(NamedTuple):
    """The target's distribution, with the interval and the prediction on it."""

    bars: list[Box]
    ticks: list[Label]
    lower: float
    upper: float
    here: float


class EffectCurve(NamedTuple):
    """A column's curve over its distribution; `here` is the point of its cell, if it has one."""

    title: str
    bars: list[Box]
    points: str  # of a polyline in a square of 100 by 100
    zero: float
    ticks: list[Label]
    heights: list[Label]
    here: tuple[float, float] | None


class EffectBars(NamedTuple):
    """A table of levels."""

    title: str
    bars: list[Bar]


class Scale(NamedTuple):
    """Map from low to 0% and from high to 100%; values beyond them go to the nearer end."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Give the place of a value, in percent."""
        if self.high <= self.low:
            return 50.0
        return round(min(max((value - self.low) / (self.high - self.low), 0.0), 1.0) * 100, 3)


def draw_ticks(scale: Scale, most: int) -> list[Label]:
    """Label round numbers along an axis."""
    values = ticks(scale.low, scale.high, most)
    places = [scale.at(value) for value in values]
    anchors = ["start" if at < 4 else "end" if at > 96 else "middle" for at in places]
    return [Label(*label) for label in zip(places, distinct(values), anchors, strict=True)]


def histogram_boxes(histogram: Histogram, scale: Scale, height: float) -> list[Box]:
    """Draw the bars of a histogram on the bottom of the chart, the tallest `height` percent high."""
    step = (histogram.high - histogram.low) / len(histogram.shares)
    tallest = max(histogram.shares)
    boxes = []
    for place, share in enumerate(histogram.shares):
        left, right = (scale.at(histogram.low + step * side) for side in (place, place + 1))
        tall = round(share / tallest * height, 3)
        if tall > 0:
            boxes.append(Box(left, round(100 - tall, 3), round(max(right - left - 0.3, 0.2), 3), tall))
    return boxes


def draw_distribution(card: Scorecard, score: Score) -> Distribution:
    """Draw the prediction and its interval on the distribution of the target."""
    histogram = card.target.histogram
    scale = Scale(min(histogram.low, score.lower), max(histogram.high, score.upper))
    places = [scale.at(value) for value in (score.lower, score.upper, score.prediction)]
    return Distribution(histogram_boxes(histogram, scale, 78), draw_ticks(scale, 5), *places)


def draw_contributions(card: Scorecard, score: Score, shown: Mapping[str, str]) -> list[Bar]:
    """Draw what each column adds to the prediction, the largest first."""
    titles = {column.name: column.title or column.name for column in card.columns}
    parts = sorted(score.contributions.items(), key=lambda part: -abs(part[1]))
    return bars_about_zero([(name, titles[name], shown[name], part) for name, part in parts], card.target)


def bars_about_zero(rows: Sequence[tuple[str, str, str, float]], target: Target, here: str | None = None) -> list[Bar]:
    """Draw bars to both sides of a common zero; a row is name, title, cell, amount."""
    amounts = [amount for *_, amount in rows]
    scale = Scale(min(0.0, *amounts, 0.0), max(0.0, *amounts, 0.0))
    zero = scale.at(0.0) if scale.low < scale.high else 0.0
    bars = []
    for name, title, value, amount in rows:
        end = scale.at(amount) if scale.low < scale.high else 0.0
        left, width = min(zero, end), round(abs(end - zero), 3)
        bars.append(Bar(name, title, value, amount_of(target, amount), left, width, amount < 0, name == here))
    return bars


def decimals_of(target: Target) -> int:
    """Count the decimals that a prediction is shown with: three significant digits of the target's spread."""
    return decimals_for(target.quantiles[-1] - target.quantiles[0])


def amount_of(target: Target, part: float, is_tick: bool = False) -> str:
    """Write a contribution: what it adds or, where the model predicts the logarithm, the factor it multiplies by."""
    if target.transform == "log":
        return f"×{short(math.exp(part)) if is_tick else fixed(math.exp(part), 2)}"
    if is_tick:
        return f"{'+' if part > 0 else ''}{short(part)}"
    return fixed(part, decimals_of(target) + 1, sign=True)


def draw_effect(card: Scorecard, column: Column, cell: Cell) -> list[EffectCurve | EffectBars]:
    """Draw the effect of a column: a curve, a table or, for a date, a chart of each part."""
    target, effect = card.target, column.effect
    title = column.title or column.name
    axis = f"{title} ({column.unit})" if column.unit else title
    if isinstance(effect, Curve):
        return [draw_curve(effect, target, column.histogram, axis, None if cell is None else float(cell))]  # type: ignore
    if isinstance(effect, Levels):
        known = None if cell is None else as_level(cell)
        return [EffectBars(title, level_bars(effect, column.labels, known, target))]
    return draw_calendar(effect, cell, title, target)


def draw_curve(curve: Curve, target: Target, histogram: Histogram | None, title: str, x: float | None) -> EffectCurve:
    """Draw a curve over the column's distribution in training."""
    low, high = curve.knots[0], curve.knots[-1]
    if histogram is not None:
        low, high = min(low, histogram.low), max(high, histogram.high)
    across = Scale(low, high)
    edge = 0.08 * (max(*curve.values, 0.0) - min(*curve.values, 0.0)) or 1.0
    up = Scale(-max(*curve.values, 0.0) - edge, -min(*curve.values, 0.0) + edge)  # downwards, as SVG counts
    corners = [(low, curve.values[0]), *zip(curve.knots, curve.values, strict=True), (high, curve.values[-1])]
    points = " ".join(f"{across.at(knot)},{up.at(-value)}" for knot, value in corners)
    here = None if x is None else (across.at(x), up.at(-on_curve(curve, x)))
    sides = [
        Label(up.at(-value), amount_of(target, value, is_tick=True), "end")
        for value in ticks(-up.high + edge, -up.low - edge, 4)
    ]
    bars = [] if histogram is None else histogram_boxes(histogram, across, 30)
    return EffectCurve(title, bars, points, up.at(0.0), draw_ticks(across, 5), sides, here)


def level_bars(levels: Levels, labels: Mapping[str, str], here: str | None, target: Target) -> list[Bar]:
    """Draw a bar for each level; one that is not in the table has a bar of its own."""
    rows = [(level, labels.get(level, level), "", part) for level, part in levels.values.items()]
    if here is not None and here not in levels.values:
        rows.append((here, f"{here} (not seen)", "", levels.other))
    return bars_about_zero(rows, target, here)


MONTHS = list(calendar.month_name)[1:]
DAYS = list(calendar.day_name)


def draw_calendar(effect: Calendar, cell: Cell, title: str, target: Target) -> list[EffectCurve | EffectBars]:
    """Draw a date: its trend over the days, and its calendar parts where they matter."""
    when = as_datetime(cell)
    drawn: list[EffectCurve | EffectBars] = []
    if effect.days is not None and effect.start is not None:
        start = as_datetime(effect.start)
        days = None if when is None or start is None else (when - start).total_seconds() / 86_400
        drawn.append(draw_curve(effect.days, target, None, f"{title}: days since {effect.start[:10]}", days))
    names: dict[str, dict[str, str]] = {
        "month": {str(place + 1): name for place, name in enumerate(MONTHS)},
        "weekday": {str(place): name for place, name in enumerate(DAYS)},
        "hour": {},
    }
    now = {} if when is None else {"month": when.month, "weekday": when.weekday(), "hour": when.hour}
    for part, labels in names.items():
        levels: Levels = getattr(effect, part)
        if any(in_table(levels, level) for level in levels.values):
            ordered = levels.model_copy(update={"values": dict(sorted(levels.values.items(), key=lambda v: int(v[0])))})
            here = str(now[part]) if part in now else None
            drawn.append(EffectBars(f"{title}: {part}", level_bars(ordered, labels, here, target)))
    return drawn

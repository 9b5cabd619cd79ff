"""The geometry of the charts. Templates draw them as SVG; the browser only swaps what the server has drawn.

Places are in percent of a chart's width (x) or height (y, downwards), so that text keeps its size on every screen.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from webapp.formatting import decimals_for, distinct, fixed, is_factor, short, ticks
from webapp.scoring.scorecard import Histogram, Scorecard, Surface, SurfaceAxis, Target
from webapp.scoring.scorer import Score


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
    given: tuple[float, str] | None = None  # place and amount, with the other inputs as they are


class Distribution(NamedTuple):
    """The target's distribution, with the interval and the prediction on it."""

    bars: list[Box]
    ticks: list[Label]
    lower: float
    upper: float
    here: float


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
    """Draw what each column and each pair of columns adds to the prediction, the largest first."""
    rows = [(column.name, column.title or column.name, shown[column.name], score.contributions[column.name])
            for column in card.columns]  # fmt: skip
    for surface in card.surfaces:
        cells = ", ".join(dict.fromkeys(shown[axis.column] for axis in surface.axes))
        rows.append((surface.name, pair_title(card, surface), cells, score.pairs[surface.name]))
    return bars_about_zero(sorted(rows, key=lambda row: -abs(row[3])), card.target)


def axis_title(card: Scorecard, axis: SurfaceAxis) -> str:
    """Name one side of a pair by the title of its column."""
    column = next(column for column in card.columns if column.name == axis.column)
    return (column.title or column.name) + (f": {axis.part}" if axis.part else "")


def pair_title(card: Scorecard, surface: Surface) -> str:
    """Name a pair by the titles of its columns."""
    return " × ".join(axis_title(card, axis) for axis in surface.axes)


def bars_about_zero(
    rows: Sequence[tuple[str, str, str, float]],
    target: Target,
    here: str | None = None,
    given: Sequence[float] = (),
) -> list[Bar]:
    """Draw bars to both sides of a common zero; a row is name, title, cell, amount; `given` has another amount each."""
    amounts = [*(amount for *_, amount in rows), *given]
    scale = Scale(min(0.0, *amounts, 0.0), max(0.0, *amounts, 0.0))
    zero = scale.at(0.0) if scale.low < scale.high else 0.0
    bars = []
    marks = [(scale.at(amount), amount_of(target, amount)) for amount in given] if given else [None] * len(rows)
    for (name, title, value, amount), mark in zip(rows, marks, strict=True):
        end = scale.at(amount) if scale.low < scale.high else 0.0
        left, width = min(zero, end), round(abs(end - zero), 3)
        bars.append(Bar(name, title, value, amount_of(target, amount), left, width, amount < 0, name == here, mark))
    return bars


def decimals_of(target: Target) -> int:
    """Count the decimals that a prediction is shown with: three significant digits of the target's spread.

    Rates over a short exposure spread too far: of a rate they are those of its mean.
    """
    return decimals_for(abs(target.typical or target.quantiles[-1] - target.quantiles[0]))


def amount_of(target: Target, part: float, is_tick: bool = False) -> str:
    """Write a contribution: what it adds or, on a logarithmic scale, the factor it multiplies by."""
    if is_factor(target.transform):
        return f"×{short(math.exp(part)) if is_tick else fixed(math.exp(part), 2)}"
    if is_tick:
        return f"{'+' if part > 0 else ''}{short(part)}"
    decimals = decimals_of(target) + 1
    return fixed(part, decimals if target.transform == "none" else max(decimals, 2), sign=True)

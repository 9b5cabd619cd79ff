"""Plot of what each column adds to the prediction, over its range."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.plotting.labels import wrapped
from stages.plotting.report.fold_effects import Effect
from stages.plotting.small_multiples import CHART, MOST_ROWS, are_codes, label_rows, small_multiples
from stages.plotting.style import FIT, GREY, PALE, SOFT, date_axis, factor_axis
from webapp.formatting import EFFECTS, is_factor, scale_name, typical_amount

HISTOGRAM = 0.17  # of a panel's height


def draw_effects(effects: Sequence[Effect], label: str, transform: str, pages: int) -> list[Figure]:
    """Draw the contribution of each column over its range, with the density of the data."""
    shown = [effect for effect in effects if effect.weight > 0]
    if not shown:
        return []
    idle = len(effects) - len(shown)
    ends = np.concatenate([[0.0], *(effect.values for effect in shown)])
    low, high = ends.min(), ends.max()
    mark = "×/÷" if is_factor(transform) else "±"
    return small_multiples(
        shown,
        partial(draw_effect, limits=(low - 0.3 * (high - low), high + 0.08 * (high - low)), transform=transform),
        f"What each column {EFFECTS[transform]}",
        "Vermilion: the model; pale blue: the models of the folds, whose spread shows how certain the shape is; grey: "
        f"the number of training rows. {mark}: one standard deviation over the training rows."
        + (f" {idle} of {len(effects)} columns have no effect." if idle else ""),
        pages,
        rows=lambda effect: max(CHART, len(drawn_levels(effect))),
        ylabel=effect_axis(label, transform),
    )


def effect_axis(label: str, transform: str) -> str:
    """Name the axis of contributions to the target of this label."""
    if is_factor(transform):
        return f"multiplies: {label}{' + 1' if transform == 'log1p' else ''}"
    return f"adds to: {scale_name(transform, label)}"


def draw_effect(axes: Axes, effect: Effect, limits: tuple[float, float], transform: str) -> None:
    """Draw one effect: a curve over a histogram of the data, codes in their order, or a row for each level."""
    axes.set_title(typical_amount(effect.weight, transform), color=FIT, weight="bold")
    if effect.levels and not are_codes(effect.levels[:-1]):
        draw_levels(axes, effect)
        axes.set_xlim(*limits)
    else:
        draw_codes(axes, effect) if effect.levels else draw_curve(axes, effect)
        axes.axhline(0, color=GREY, linewidth=1)
        axes.set_ylim(*limits)
    if is_factor(transform):
        factor_axis(axes.xaxis if axes.yaxis_inverted() else axes.yaxis, *limits)
    axes.set_xlabel(wrapped(effect.label))


def drawn_levels(effect: Effect) -> npt.NDArray[np.intp]:
    """Return the positions of the levels that get a row: the commonest, the largest contribution first."""
    if not effect.levels or are_codes(effect.levels[:-1]):
        return np.empty(0, np.intp)
    counts = level_counts(effect)
    commonest = np.argsort(-counts, kind="stable")[: min(MOST_ROWS, np.count_nonzero(counts))]
    return commonest[np.argsort(-effect.values[commonest], kind="stable")]


def level_counts(effect: Effect) -> npt.NDArray[np.intp]:
    """Return the rows of the sample in each level, (k,)."""
    return np.bincount(effect.cells[~np.isnan(effect.cells)].astype(int), minlength=len(effect.levels))


def draw_levels(axes: Axes, effect: Effect) -> None:
    """Draw a row for each level: a dot for the model, a tick for each fold's model."""
    order, counts = drawn_levels(effect), level_counts(effect)
    places = label_rows(axes, [effect.levels[level] for level in order], [f"{counts[level]:,}" for level in order])
    axes.axvline(0, color=GREY, linewidth=1)
    for fold in effect.folds:
        axes.plot(fold[order], places, "|", color=SOFT, markersize=9, markeredgewidth=1.2)
    axes.plot(effect.values[order], places, "o", color=FIT, markersize=5)


def draw_codes(axes: Axes, effect: Effect) -> None:
    """Draw levels that are whole numbers in their order: a dot for each, over the number of its rows."""
    codes = np.array([int(level) for level in effect.levels[:-1]])
    order = np.argsort(codes)
    counts = level_counts(effect)[: len(codes)]
    tall = counts / np.maximum(counts.max(), 1) * HISTOGRAM
    axes.bar(codes, tall, 0.9, color=PALE, transform=axes.get_xaxis_transform(), linewidth=0)
    for fold in effect.folds:
        axes.plot(codes[order], fold[:-1][order], color=SOFT, linewidth=1)
    axes.plot(codes[order], effect.values[:-1][order], "o-", color=FIT, linewidth=1, markersize=3.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def draw_curve(axes: Axes, effect: Effect) -> None:
    """Draw a curve over a histogram of the data."""
    known = effect.cells[~np.isnan(effect.cells)].clip(effect.knots[0], effect.knots[-1])
    heights, edges = np.histogram(known, bins=40)
    tall = heights / max(heights.max(), 1) * HISTOGRAM
    rising = axes.get_xaxis_transform()
    axes.bar(edges[:-1], tall, np.diff(edges), align="edge", color=PALE, transform=rising, linewidth=0)
    for fold in effect.folds:
        axes.plot(effect.knots, fold, color=SOFT, linewidth=1)
    axes.plot(effect.knots, effect.values, color=FIT, linewidth=2)
    axes.set_xlim(edges[0], edges[-1])
    if effect.is_date:
        date_axis(axes)

"""Pictures of what each column adds to the prediction, and of how much each weighs."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.plotting.panels import ROWS, are_codes, label_rows, small_multiples, wrapped
from stages.plotting.report.effect_curves import Effect, spread
from stages.plotting.style import DATA, FIT, GREY, INK, PALE, SOFT, date_axis, number, sheet

HISTOGRAM = 0.17  # of a panel's height
MOST = 24  # bars


def draw_effects(effects: Sequence[Effect], label: str, pages: int) -> list[Figure]:
    """What each column adds to the prediction, over its range, with the density of the data."""
    shown = [effect for effect in effects if effect.weight > 0]
    if not shown:
        return []
    idle = (
        f" {len(effects) - len(shown)} of {len(effects)} columns have no weight." if len(shown) < len(effects) else ""
    )
    ends = np.concatenate([[0.0], *([*effect.values] for effect in shown)])
    low, high = ends.min(), ends.max()
    return small_multiples(
        shown,
        partial(draw_effect, limits=(low - 0.3 * (high - low), high + 0.08 * (high - low))),
        "What each column adds to the prediction",
        "Vermilion: the model; pale blue: the models of the folds, which shows how sure the shape is; grey: how many "
        f"training rows there are. ± is the standard deviation of what the column adds.{idle}",
        pages,
        height=2.3,
        ylabel=f"adds to: {label}",
    )


def draw_effect(axes: Axes, effect: Effect, limits: tuple[float, float]) -> None:
    """A curve over a histogram of the data, or a row a level."""
    axes.set_title(f"± {number(effect.weight)}", color=FIT, weight="bold")
    if are_codes(effect.levels[:-1]):
        draw_codes(axes, effect)
        axes.set_ylim(*limits)
    elif effect.levels:
        counts = np.bincount(effect.cells[~np.isnan(effect.cells)].astype(int), minlength=len(effect.levels))
        order = np.argsort(-counts, kind="stable")[: min(ROWS, np.count_nonzero(counts))]
        order = order[np.argsort(-effect.values[order], kind="stable")]
        place = np.arange(len(order)) + 0.18
        axes.axvline(0, color=GREY, linewidth=1)
        for fold in effect.folds:
            axes.plot(fold[order], place, "|", color=SOFT, markersize=9, markeredgewidth=1.2)
        axes.plot(effect.values[order], place, "o", color=FIT, markersize=5)
        label_rows(axes, [effect.levels[level] for level in order], [f"{counts[level]:,}" for level in order])
        axes.set_xlim(*limits)
    else:
        known = effect.cells[~np.isnan(effect.cells)].clip(effect.knots[0], effect.knots[-1])
        heights, edges = np.histogram(known, bins=40)
        tall = heights / max(heights.max(), 1) * HISTOGRAM
        axes.bar(
            edges[:-1],
            tall,
            np.diff(edges),
            align="edge",
            color=PALE,
            transform=axes.get_xaxis_transform(),
            linewidth=0,
        )
        axes.axhline(0, color=GREY, linewidth=1)
        for fold in effect.folds:
            axes.plot(effect.knots, fold, color=SOFT, linewidth=1)
        axes.plot(effect.knots, effect.values, color=FIT, linewidth=2)
        axes.set_ylim(*limits)
        axes.set_xlim(edges[0], edges[-1])
        if effect.is_date:
            date_axis(axes)
    axes.set_xlabel(wrapped(effect.label))


def draw_codes(axes: Axes, effect: Effect) -> None:
    """Levels that are whole numbers, in their order: a dot each, over the rows that each has."""
    codes = np.array([int(level) for level in effect.levels[:-1]])
    order = np.argsort(codes)
    counts = np.bincount(effect.cells[~np.isnan(effect.cells)].astype(int), minlength=len(codes))[: len(codes)]
    tall = counts / max(counts.max(), 1) * HISTOGRAM
    axes.bar(codes, tall, 0.9, color=PALE, transform=axes.get_xaxis_transform(), linewidth=0)
    axes.axhline(0, color=GREY, linewidth=1)
    for fold in effect.folds:
        axes.plot(codes[order], fold[:-1][order], color=SOFT, linewidth=1)
    axes.plot(codes[order], effect.values[:-1][order], "o-", color=FIT, linewidth=1, markersize=3.5)


def draw_importance(effects: Sequence[Effect], label: str) -> Figure:
    """How much each column moves the prediction."""
    shown = sorted(effects, key=lambda effect: -effect.weight)[:MOST]
    figure, axes = sheet(
        0.36 * len(shown) + 0.7,
        "Which columns move the prediction most",
        "Standard deviation over the training rows of what the column adds to the prediction; ticks: the same in each "
        "fold's model." + (f" The {len(shown)} heaviest of {len(effects)}." if len(shown) < len(effects) else ""),
    )
    panel: Axes = axes[0, 0]
    place = np.arange(len(shown)) + 0.18
    panel.barh(place, [effect.weight for effect in shown], height=0.34, color=DATA)
    for row, effect in enumerate(shown):
        folds = [spread(effect.added(fold)) for fold in effect.folds]
        panel.plot(folds, np.full(len(folds), place[row]), "|", color=INK, markersize=9, markeredgewidth=1)
    label_rows(panel, [effect.label for effect in shown], [number(effect.weight) for effect in shown])
    panel.set_xlim(left=0)
    panel.set_xlabel(label)
    return figure

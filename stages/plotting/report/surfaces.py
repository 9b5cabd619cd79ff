"""Plot of what pairs of columns add to the prediction together, as heat maps."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from stages.plotting.labels import told_apart, wrapped
from stages.plotting.report.pair_effects import PairEffect, Side
from stages.plotting.small_multiples import small_multiples
from stages.plotting.style import DATA, FIT, INK, PALE, date_axis, factor_axis, tick
from webapp.formatting import EFFECTS, is_factor, short, typical_amount

ACROSS = 2  # panels in a row
CHART, MOST_ROWS = 8, 12  # rows that a panel is high: with a number up, and with levels
TABLE = (7, 8)  # levels across and up of a table whose cells are labelled
TYPICAL = 0.99  # share of the rows whose contributions the colours tell apart
DARK = 0.7  # share of the colours' limit beyond which a cell is labelled in white
DOT = 1.2  # size of a row, in square points
MOST_NAMES = 14  # levels on an axis that are all named
COLOURS = LinearSegmentedColormap.from_list("raises or lowers", [DATA, "#f4f4f4", FIT])


def draw_surfaces(effects: Sequence[PairEffect], transform: str, pages: int) -> list[Figure]:
    """Draw a heat map for each pair of columns, with the rows of the sample as dots."""
    mark = "×/÷" if is_factor(transform) else "±"
    return small_multiples(
        effects,
        partial(draw_surface, transform=transform),
        f"What each pair of columns {EFFECTS[transform]}",
        "Beyond what each column does alone: vermilion raises the prediction, blue lowers it; hatched: no training "
        "rows; dots, or numbers in brackets: training rows. "
        f"{mark}: one standard deviation over the training rows; then the number of folds that chose the pair too.",
        pages,
        rows=lambda effect: min(max(len(effect.up.names), 4), MOST_ROWS) if effect.up.names else CHART,
        across=ACROSS,
    )


def draw_surface(axes: Axes, effect: PairEffect, transform: str) -> None:
    """Draw one pair: a heat map with a colour bar of its own; a small table of levels has its values in its cells."""
    limit = typical_limit(effect)
    edges = effect.across.edges, effect.up.edges
    mesh = axes.pcolormesh(*edges, effect.values.T, cmap=COLOURS, vmin=-limit, vmax=limit)
    axes.patch.set(hatch="////", edgecolor=PALE)
    extend = "both" if limit < np.nanmax(np.abs(effect.values)) else "neither"
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02, aspect=30, format=tick, extend=extend)
    if is_factor(transform):
        factor_axis(bar.ax.yaxis, -limit, limit)
    if 0 < len(effect.across.names) <= TABLE[0] and 0 < len(effect.up.names) <= TABLE[1]:
        label_cells(axes, effect, transform, limit)
    else:
        axes.scatter(effect.across.cells, effect.up.cells, s=DOT, color=INK, alpha=0.35, linewidths=0)
    name_side(axes.xaxis, axes, effect.across)
    name_side(axes.yaxis, axes, effect.up)
    axes.set(xlim=effect.across.edges[[0, -1]], ylim=effect.up.edges[[0, -1]])
    axes.grid(visible=False)
    chosen = f"{effect.chosen} of {len(effect.folds)} folds"
    axes.set_title(f"{typical_amount(effect.weight, transform)}, in {chosen}", color=FIT, weight="bold")


def typical_limit(effect: PairEffect) -> float:
    """Return the size of contribution that all but a few rows of the sample stay within, or the largest of all."""
    known = ~np.isnan(effect.across.cells + effect.up.cells)
    across, up = (
        np.clip(np.searchsorted(side.edges, side.cells[known], side="right") - 1, 0, len(side.edges) - 2)
        for side in (effect.across, effect.up)
    )
    sizes = np.abs(effect.values[across, up])
    sizes = sizes[~np.isnan(sizes)]
    typical = float(np.quantile(sizes, TYPICAL)) if len(sizes) else 0.0
    return typical or float(np.nanmax(np.abs(effect.values)))


def label_cells(axes: Axes, effect: PairEffect, transform: str, limit: float) -> None:
    """Write its value into each cell of a table, and the number of its training rows below."""
    for (column, row), value in np.ndenumerate(effect.values):
        if np.isnan(value):
            continue
        amount = (
            f"×{short(np.exp(value), 3)}" if is_factor(transform) else f"{'+' if value > 0 else ''}{short(value, 3)}"
        )
        colour = "white" if abs(value) > DARK * limit else INK
        text = f"{amount}\n({effect.rows[column, row]:,.0f})"
        axes.text(column, row, text, ha="center", va="center", size=7, color=colour)


def name_side(axis: Axis, axes: Axes, side: Side) -> None:
    """Label an axis, and name its levels: all of them, or every second, third … if they are many."""
    axis.set_label_text(wrapped(side.label))
    if side.is_date and axis is axes.xaxis:
        date_axis(axes)
    if side.names:
        step = -(-len(side.names) // MOST_NAMES)
        names = told_apart(side.names, 14)
        axis.set_ticks(range(0, len(names), step), names[::step])
        if axis is axes.xaxis and max(map(len, names[::step])) * len(names[::step]) > 40:
            axes.tick_params(axis="x", labelrotation=30)
    axis.set_tick_params(length=0)

"""Small multiples over pages, and panels in which each level has a row."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.plotting.labels import told_apart, wrapped
from stages.plotting.style import GREY, INK, titled_figure

Panel = TypeVar("Panel")

ACROSS, DOWN = 3, 4  # panels in a row, rows of panels on a page
MOST_ROWS = 8  # levels in a panel where each has a row
TWO_LINES = 4  # rows in a panel that leave room for labels of two lines
MOST_CODES = 60
FRAME, ROW = 0.95, 0.28  # inches: a panel's title and axis, one of its rows
CHART = 5  # rows that a panel without rows is as high as
MARK = 0.17  # how far below the middle of its row a level's mark stands; its label is above
ABOVE, BELOW = 0.62, 0.45  # where the vertical axis of rows starts above the first and ends below the last


def small_multiples(
    panels: Sequence[Panel],
    draw: Callable[[Axes, Panel], None],
    title: str,
    subtitle: str,
    pages: int,
    rows: Callable[[Panel], int] = lambda _: CHART,
    xlabel: str = "",
    ylabel: str = "",
    across: int = ACROSS,
    **grid: Any,
) -> list[Figure]:
    """Draw pages of small panels, filled row by row in the order given; panels that do not fit are left out.

    Args:
        draw: draws one item of `panels` on its axes.
        pages: the most pages.
        rows: the rows of levels that a panel needs, which decide its height.
        xlabel, ylabel: what all panels of a page share.
        across: panels in a row.
        grid: passed on to `Figure.subplots`.
    """
    size = across * DOWN
    shown = panels[: pages * size]
    figures = []
    for start in range(0, len(shown), size):
        page = shown[start : start + size]
        columns = min(across, len(page))
        deepest = [max(rows(panel) for panel in page[left : left + columns]) for left in range(0, len(page), columns)]
        of = f" ({start // size + 1} of {-(-len(shown) // size)})" if len(shown) > size else ""
        note = f" The {len(shown)} most important of {len(panels)} panels." if len(shown) < len(panels) else ""
        figure, axes = titled_figure(
            sum(FRAME + ROW * count for count in deepest),
            title + of,
            subtitle + note,
            len(deepest),
            columns,
            gridspec_kw={"height_ratios": deepest},
            **grid,
        )
        for place, panel in enumerate(axes.flat):
            if place >= len(page):
                panel.remove()
                continue
            draw(panel, page[place])
            if panel.yaxis_inverted():  # a panel of rows: as high as those of its neighbours
                panel.set_ylim(bottom=deepest[place // columns] - 1 + BELOW)
            panel.tick_params(labelbottom=place + columns >= len(page) or not grid.get("sharex"))
        if xlabel:
            figure.supxlabel(xlabel, size=9, color=INK)
        if ylabel:
            figure.supylabel(ylabel, size=9, color=INK)
        figures.append(figure)
    return figures


def label_rows(axes: Axes, labels: Sequence[str], notes: Sequence[str] = ()) -> npt.NDArray[np.float64]:
    """Turn the vertical axis into rows, the first on top, and write each label above its row's mark.

    A label may use the whole width of the panel, so that long names of levels stay readable; its note is at the right.

    Returns:
        Where on the vertical axis the marks of the rows belong, (n,).
    """
    count, wide = len(labels), 126 // axes.get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]
    axes.set_ylim(count - 1 + BELOW, -ABOVE)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    room = wide - max(map(len, notes), default=0)
    lines = 2 if count <= TWO_LINES else 1
    for row, label in enumerate(told_apart(labels, room if lines == 1 else int(1.6 * room))):
        style: dict[str, Any] = {
            "transform": axes.get_yaxis_transform(),
            "size": 7.5,
            "va": "center",
            "zorder": 4,
            "in_layout": False,
            "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
        }
        axes.text(0.0, row - 0.26, wrapped(label, room, lines), color=INK, **style)
        if notes:
            axes.text(1.0, row - 0.26, notes[row], color=GREY, ha="right", **style)
    return np.arange(count, dtype=np.float64) + MARK


def are_codes(levels: Sequence[str]) -> bool:
    """Tell whether levels are whole numbers, too many for a row each: hours, months. They are drawn in their order."""
    return MOST_ROWS < len(levels) <= MOST_CODES and all(level.removeprefix("-").isdecimal() for level in levels)

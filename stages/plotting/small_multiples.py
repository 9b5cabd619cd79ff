"""Small multiples over pages, panels with a row a level, and labels that fit them."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.plotting.style import GREY, INK, sheet

Panel = TypeVar("Panel")

ACROSS, DOWN = 3, 4  # panels in a row, rows on a page
ROWS = 8  # levels in a panel with a row a level
TWO_LINES = 4  # rows in a panel that leave room for a name on two lines
MOST_CODES = 60


def small_multiples(
    panels: Sequence[Panel],
    draw: Callable[[Axes, Panel], None],
    title: str,
    subtitle: str,
    pages: int,
    height: float = 2.2,
    xlabel: str = "",
    ylabel: str = "",
    **grid: Any,
) -> list[Figure]:
    """Pages of small panels, filled row by row in the order given; what does not fit on `pages` is left out.

    Args:
        draw: draws one item of `panels` on its axes.
        height: of a panel, in inches.
        xlabel, ylabel: what all axes of a page share.
    """
    size = ACROSS * DOWN
    shown = panels[: pages * size]
    figures = []
    for start in range(0, len(shown), size):
        page = shown[start : start + size]
        across = min(ACROSS, len(page))
        rows = -(-len(page) // across)
        of = f" ({start // size + 1} of {-(-len(shown) // size)})" if len(shown) > size else ""
        note = f" The {len(shown)} most telling of {len(panels)}." if len(shown) < len(panels) else ""
        figure, axes = sheet(rows * height, title + of, subtitle + note, rows, across, **grid)
        for number, panel in enumerate(axes.flat):
            if number >= len(page):
                panel.remove()
                continue
            draw(panel, page[number])
            panel.tick_params(labelbottom=number + across >= len(page) or not grid.get("sharex"))
        if xlabel:
            figure.supxlabel(xlabel, size=9, color=INK)
        if ylabel:
            figure.supylabel(ylabel, size=9, color=INK)
        figures.append(figure)
    return figures


def label_rows(axes: Axes, labels: Sequence[str], notes: Sequence[str] = ()) -> None:
    """Make the vertical axis one of rows, the first on top, each with its label above it inside the panel.

    A label has the whole width of the panel, so a long name of a level stays readable; a note stands at the right.
    """
    count, wide = len(labels), 126 // axes.get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]
    axes.set_ylim(count - 0.5 + 0.15, -0.5 - 0.12)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    place = axes.get_yaxis_transform()
    backing = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
    room = wide - max(map(len, notes), default=0)
    texts = [wrapped(label, room) for label in labels] if count <= TWO_LINES else told_apart(labels, room)
    for row, text in enumerate(texts):
        note = notes[row] if notes else ""
        style: dict[str, Any] = {"transform": place, "size": 7.5, "va": "center", "zorder": 4, "in_layout": False}
        axes.text(0.0, row - 0.26, text, color=INK, bbox=backing, **style)
        axes.text(1.0, row - 0.26, note, color=GREY, ha="right", **style)


def are_codes(levels: Sequence[str]) -> bool:
    """Whether levels are whole numbers, too many for a row each: hours, months. They are drawn in their order."""
    return ROWS < len(levels) <= MOST_CODES and all(level.removeprefix("-").isdecimal() for level in levels)


def told_apart(labels: Sequence[str], length: int) -> list[str]:
    """Labels cut to so many characters; where that would make some alike, what the long ones begin with is left out."""
    cut = [shortened(label, length) for label in labels]
    if len(set(cut)) == len(set(labels)):
        return cut
    long = [label for label in labels if len(label) > length]
    start = next(place for place, letters in enumerate(zip(*long, strict=False)) if len(set(letters)) > 1)
    return [shortened(f"…{label[start:]}", length) if len(label) > length else label for label in labels]


def shortened(text: str, length: int) -> str:
    """Text cut in its middle to so many characters: names that start alike stay told apart by their ends."""
    if len(text) <= length:
        return text
    tail = length // 3
    return f"{text[: length - tail - 1].rstrip()}…{text[len(text) - tail :].lstrip()}"


def wrapped(text: str, width: int = 40, lines: int = 2) -> str:
    """Text on so many lines at the most."""
    return textwrap.fill(text, width, max_lines=lines, placeholder=" …", break_long_words=True)

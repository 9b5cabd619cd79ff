"""The look of all plots, and PNG files with the same bytes every time. Only the stages that draw import this module.

Colours are those of Okabe & Ito (2008), "Color universal design", which people with colour blindness can tell apart. A
plot is 900 pixels wide, which is what a README shows at full size.
"""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from PIL import Image

from stages.plotting.labels import wrapped
from stages.utils.files import replacing
from webapp.formatting import compact, factor_ticks, short

DATA, FIT, OTHER, SOFT = "#0072b2", "#d55e00", "#009e73", "#a9cfe6"  # blue, vermilion, green, pale blue
INK, GREY, PALE = "#222222", "#6b6b6b", "#d9d9d9"
WIDTH = 9.0  # inches
HEAD = 0.72  # inches above the panels for title and subtitle
COLOURS = 255  # in a PNG: with a palette it is a third of the size of true colour
STEPS = [1, 2, 2.5, 5, 10]  # between ticks, times a power of ten

mpl.rcParams.update(
    {
        "figure.dpi": 100,
        "savefig.dpi": 100,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
        "axes.labelcolor": INK,
        "axes.titlelocation": "left",
        "axes.titlesize": 9,
        "axes.labelsize": 9,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.formatter.limits": (-4, 6),
        "grid.color": "#ececec",
        "grid.linewidth": 0.7,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "text.parse_math": False,  # a dollar in a column's name is a dollar
    }
)


def titled_figure(
    height: float, title: str, subtitle: str, rows: int = 1, columns: int = 1, **grid: Any
) -> tuple[Figure, Any]:
    """Make a figure with a bold title and a grey subtitle that say what it shows, and its axes (rows, columns).

    Args:
        height: of all panels together, in inches.
        grid: passed on to `Figure.subplots`.
    """
    title, subtitle = textwrap.fill(title, 92), textwrap.fill(subtitle, 128)
    head = HEAD + 0.2 * title.count("\n") + 0.16 * subtitle.count("\n")
    whole = height + head
    figure = Figure(figsize=(WIDTH, whole), layout="constrained")
    figure.get_layout_engine().set(rect=(0.005, 0.01, 0.985, height / whole - 0.01), h_pad=0.06, w_pad=0.06)  # type: ignore[union-attr, call-arg]
    figure.text(0.012, 1 - 0.1 / whole, title, size=12.5, weight="bold", color=INK, va="top")
    figure.text(0.012, 1 - (0.1 + 0.24 + 0.2 * title.count("\n")) / whole, subtitle, size=9, color=GREY, va="top")
    axes = figure.subplots(rows, columns, squeeze=False, **grid)
    for axis in (axis for panel in axes.flat for axis in (panel.xaxis, panel.yaxis)):
        axis.set_major_formatter(tick)
        axis.set_major_locator(MaxNLocator(10 if columns == 1 else 5, steps=STEPS))
    return figure, axes


def panel_title(axes: Axes, title: str, note: str) -> None:
    """Write a bold title above a panel, and a grey note below the title."""
    axes.set_title(f"{wrapped(title, 34)}\n", weight="bold")
    axes.text(0, 1.015, note, transform=axes.transAxes, size=8, color=GREY, va="bottom")


def tick(value: float, _: float | None = None) -> str:
    """Format a number on an axis, as matplotlib asks for it."""
    return compact(value)


def percent_tick(value: float, _: float | None = None) -> str:
    """Format a share on an axis as a percentage."""
    return f"{100 * value:.4g}%"


def log_axis(axes: Axes) -> None:
    """Make the horizontal axis logarithmic, with plain numbers on it."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(tick)
    axes.xaxis.set_minor_locator(NullLocator())


def factor_axis(axis: Axis, low: float, high: float) -> None:
    """Mark an axis of natural logarithms between low and high with the factors that they stand for: ×0.5, ×1, ×2."""
    shown = factor_ticks(low, high, 8)
    axis.set_ticks(shown, [f"×{short(math.exp(place), 3)}" for place in shown])


def date_axis(axes: Axes) -> None:
    """Mark a horizontal axis of days since 1970 with dates."""
    locator = AutoDateLocator(minticks=2, maxticks=5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def save_pages(figures: Sequence[Figure], directory: Path, name: str) -> None:
    """Write the pages of a plot as NAME.png, NAME_2.png and so on."""
    for page, figure in enumerate(figures, start=1):
        save(figure, directory / (f"{name}.png" if page == 1 else f"{name}_{page}.png"))


def save(figure: Figure, path: Path) -> None:
    """Write a PNG with a palette, with nothing in it but the pixels."""
    lay_out(figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3].copy())  # type: ignore[no-untyped-call]
    with replacing(path) as partial:
        pixels.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            partial, format="PNG", optimize=True
        )


def lay_out(figure: Figure) -> None:
    """Place the axes to a thousandth of a pixel.

    The solver of constrained layout visits its variables by their addresses in memory, so that the last digits of a
    place vary from run to run, and with them a pixel now and then.
    """
    figure.get_layout_engine().execute(figure)  # type: ignore[union-attr]
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position([round(end, 6) for end in axes.get_position(original=True).bounds])  # type: ignore[arg-type]

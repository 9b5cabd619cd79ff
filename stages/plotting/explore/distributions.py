"""Plot of how the target and the columns that are numbers, dates or codes are distributed."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.plotting.explore.sampled_columns import SampledColumn
from stages.plotting.labels import wrapped
from stages.plotting.small_multiples import small_multiples
from stages.plotting.style import DATA, FIT, GREY, INK, SOFT, date_axis
from webapp.formatting import short

BINS = 30
FEW_VALUES = 40  # whole numbers with so few values get a bar each
SOFT_FIT = "#f0b27a"


def draw_distributions(target: SampledColumn, columns: Sequence[SampledColumn], pages: int) -> list[Figure]:
    """Draw a histogram of the target and of each column that is a number, a date or a code."""
    shown = [target, *(column for column in columns if column.kind != "level" and len(column.known))]
    return small_multiples(
        shown,
        partial(histogram, target=target),
        "How the numbers are distributed",
        f"{len(target.values):,} training rows, without a few that are far out (see outliers.png). Dark: the middle "
        "half of the rows; line: the median. The first panel is the target.",
        pages,
        ylabel="rows",
    )


def histogram(axes: Axes, column: SampledColumn, target: SampledColumn) -> None:
    """Draw one histogram, with the median and the middle half of the rows."""
    values, (low, high) = column.known, column.ends
    is_whole = column.field.type == "integer" and values.max() - values.min() < FEW_VALUES
    if column.kind == "code" or is_whole:
        edges = np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    else:
        edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    counts, edges = np.histogram(values, edges)
    quarter, half, three_quarters = values.quantile([0.25, 0.5, 0.75])
    colours = (SOFT_FIT, FIT) if column is target else (SOFT, DATA)
    is_middle = (edges[1:] > quarter) & (edges[:-1] < three_quarters) | (column.kind == "code")
    axes.bar(
        edges[:-1],
        counts,
        np.diff(edges),
        align="edge",
        color=[colours[dark] for dark in is_middle.astype(int)],
        edgecolor="white",
        linewidth=0.4,
    )
    axes.set_xlabel(wrapped(column.field.label))
    axes.grid(visible=False, axis="x")
    if column.kind == "date":
        date_axis(axes)
    elif column.kind == "code":
        axes.set_title(f"{column.known.nunique()} levels", color=GREY)
    if column.kind in ("date", "number"):
        axes.axvline(half, color=INK, linewidth=1.2)
    if column.kind == "number":
        axes.set_title(f"median {short(half, 3)}", color=GREY)

"""Plot of the target against each column that is a number, a date or a code."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.evaluation.metrics import NORMAL_95
from stages.plotting.explore.sampled_columns import SampledColumn
from stages.plotting.labels import wrapped
from stages.plotting.small_multiples import small_multiples
from stages.plotting.style import DATA, FIT, date_axis

FEW_VALUES = 20  # a column with no more distinct values is jittered
GOLDEN_RATIO = 0.6180339887  # its multiples, modulo 1, are evenly spread


def draw_target_by_number(target: SampledColumn, columns: Sequence[SampledColumn], pages: int) -> list[Figure]:
    """Draw the target against each number or date: a dot for each row, and the fitted trend."""
    shown = [column for column in columns if column.trend is not None or column.kind == "code"]
    return small_multiples(
        shown,
        partial(scatter, target=target),
        f"{target.field.title or target.field.name} against each number",
        f"A dot is one of {len(target.values):,} training rows. The line is a fitted trend, or the mean of each code, "
        "with its 95% confidence band. The percentage is the share of the target's variance that it alone explains.",
        pages,
        ylabel=target.field.label,
        sharey=True,
    )


def scatter(axes: Axes, column: SampledColumn, target: SampledColumn) -> None:
    """Draw the rows as dots, the trend as a line."""
    size = float(np.clip(6000 / len(column.values), 3.5, 9))
    axes.scatter(jittered(column), jittered(target), s=size, color=DATA, alpha=0.3, linewidths=0)
    if column.trend is not None:
        trend, band = column.trend, NORMAL_95 * column.trend.error
        axes.fill_between(trend.x, trend.mean - band, trend.mean + band, color=FIT, alpha=0.25, linewidth=0)
        axes.plot(trend.x, trend.mean, color=FIT, linewidth=1.8)
    elif column.means is not None:
        means = column.means.sort_index()
        axes.errorbar(means.index, means["mean"], NORMAL_95 * means["error"], fmt="o-", color=FIT, markersize=3)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set(xlim=column.limits, ylim=target.limits)
    axes.set_xlabel(wrapped(column.field.label))
    axes.set_title(f"{column.explains:.0%}", color=FIT, weight="bold")
    if column.kind == "date":
        date_axis(axes)


def jittered(column: SampledColumn) -> "pd.Series[float]":
    """Spread values of which there are few, so that rows do not hide one another; the same every time."""
    distinct = np.unique(column.known)
    if not 1 < len(distinct) <= FEW_VALUES:
        return column.values
    shift = np.arange(len(column.values)) * GOLDEN_RATIO % 1 - 0.5
    spread: pd.Series[float] = column.values + shift * 0.5 * np.diff(distinct).min()
    return spread

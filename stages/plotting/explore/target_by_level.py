"""Plot of the target in each level."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.evaluation.metrics import NORMAL_95
from stages.plotting.explore.sampled_columns import SampledColumn
from stages.plotting.small_multiples import MOST_ROWS, label_rows, small_multiples
from stages.plotting.style import FIT, GREY, SOFT, panel_title
from stages.plotting.univariate import FEWEST
from webapp.formatting import short


def draw_target_by_level(target: SampledColumn, columns: Sequence[SampledColumn], pages: int) -> list[Figure]:
    """Draw the target's mean in each level, for the columns that have levels."""
    shown = [column for column in columns if column.kind == "level" and len(frequent(column))]
    return small_multiples(
        shown,
        partial(mean_rows, target=target),
        f"{target.field.title or target.field.name} by level",
        "A dot is a level's mean with its 95% confidence interval, a tick is one of its rows, the grey line is the "
        "mean of all rows. The percentage is the share of the target's variance that the levels alone explain.",
        pages,
        rows=lambda column: min(len(frequent(column)), MOST_ROWS),
        xlabel=target.field.label,
        sharex=True,
    )


def frequent(column: SampledColumn) -> pd.DataFrame:
    """Return the target's mean by level, for levels with enough rows, the commonest first."""
    return pd.DataFrame() if column.means is None else column.means[column.means["rows"] >= FEWEST]


def mean_rows(axes: Axes, column: SampledColumn, target: SampledColumn) -> None:
    """Draw a row for each of the commonest levels, highest mean first: its rows as ticks, its mean as a dot."""
    shown = frequent(column).head(MOST_ROWS).sort_values("mean", ascending=False, kind="stable")
    places = label_rows(axes, [str(level) for level in shown.index], [short(mean, 3) for mean in shown["mean"]])
    axes.axvline(target.values.mean(), color=GREY, linewidth=1)
    for place, level in zip(places, shown.index, strict=True):
        cells = target.values[column.values == level]
        axes.plot(cells, np.full(len(cells), place), "|", color=SOFT, markersize=5, markeredgewidth=0.6, alpha=0.5)
    axes.errorbar(
        shown["mean"], places, xerr=NORMAL_95 * shown["error"], fmt="o", color=FIT, markersize=4, linewidth=1.6
    )
    levels = column.known.nunique()
    note = f", {len(shown)} of {levels} levels" if levels > len(shown) else ""
    panel_title(axes, column.field.label, f"{column.explains:.0%}{note}")
    axes.set(xlim=target.limits)

"""Plot of how many test rows the prediction intervals cover, and how wide they are."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.evaluation.metrics import NORMAL_95
from stages.plotting.labels import wrapped
from stages.plotting.style import DATA, FIT, GREY, percent_tick, titled_figure
from webapp.formatting import short


def draw_coverage(bins: pd.DataFrame, nominal: float, by: str, label: str) -> Figure:
    """Draw the coverage of the intervals and their width, by bin.

    Args:
        bins: the columns of plots/coverage.csv or plots/coverage_by_width.csv.
        by: what the bins are of.
        label: the target's.
    """
    bins = bins[bins["rows"] > 0].reset_index(drop=True)
    figure, axes = titled_figure(
        2.8,
        f"Do the {nominal:.0%} prediction intervals cover {nominal:.0%} of the test rows?",
        f"By bin ({by}). Left: the share of test rows inside their interval, with its 95% confidence "
        "interval (vermilion if that excludes the dashed line); the number of rows is on top. Right: mean width.",
        columns=2,
    )
    share, width = axes[0]
    place = np.arange(len(bins))
    low, high = wilson(bins["coverage"].to_numpy(), bins["rows"].to_numpy())
    share.axhline(nominal, color=GREY, linewidth=1.2, linestyle="--")
    share.text(len(bins) - 0.5, nominal, f" {nominal:.0%}", color=GREY, size=8, va="center")
    for row in place:
        colour = DATA if low[row] <= nominal <= high[row] else FIT
        share.plot([row, row], [low[row], high[row]], color=colour, linewidth=2.5, alpha=0.45, solid_capstyle="butt")
        share.plot(row, bins["coverage"][row], "o", color=colour, markersize=6, clip_on=False)
        share.text(
            row,
            1.02,
            f"{bins['rows'][row]:,}",
            size=8,
            color=GREY,
            ha="center",
            va="bottom",
            transform=share.get_xaxis_transform(),
        )
    share.set(xlim=(-0.5, len(bins) - 0.5), ylim=(max(0.0, low.min() - 0.05), 1.01), ylabel="share inside the interval")
    share.yaxis.set_major_formatter(percent_tick)
    width.bar(place, bins["width"], color=DATA, width=0.6)
    width.set_ylabel(wrapped(f"mean width: {label}", 28))
    names = [bin_name(row["from"], row["to"]) for _, row in bins.iterrows()]
    for axis in (share, width):
        axis.set_xticks(place, names, rotation=0 if len(names) <= 5 else 45)
        axis.set_xlabel(wrapped(f"{by}: {label}", 60))
        axis.grid(visible=False, axis="x")
    return figure


def bin_name(low: float, high: float) -> str:
    """Name the range of a bin on two lines."""
    if np.isnan(low) and np.isnan(high):
        return "all"
    if np.isnan(low):
        return f"below\n{short(high, 3)}"
    return f"from\n{short(low, 3)}" if np.isnan(high) else f"{short(low, 3)}\nto {short(high, 3)}"


def wilson(share: Any, rows: Any) -> tuple[Any, Any]:
    """Return the 95% score interval of a share of n rows (Wilson 1927)."""
    z2 = NORMAL_95**2
    centre = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2)) / (1 + z2 / rows)
    return np.maximum(centre - half, 0), np.minimum(centre + half, 1)

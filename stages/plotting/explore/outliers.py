"""Plot of how far out the extremes of each number are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from stages.plotting.explore.sampled_columns import SampledColumn
from stages.plotting.small_multiples import MARK, label_rows
from stages.plotting.style import DATA, FIT, GREY, PALE, tick, titled_figure
from webapp.formatting import short

MOST_COLUMNS = 24
LINEAR = 6  # interquartile ranges up to which the axis is linear
FENCE = 1.5  # interquartile ranges beyond the quartiles: Tukey (1977), "Exploratory data analysis"


def draw_outliers(profile: dict[str, Any], columns: Sequence[SampledColumn]) -> Figure | None:
    """Draw how far the extremes of each number are from its middle half; None if no number has a middle half."""
    spreads = []
    for column in columns:
        if column.kind == "number" and len(column.known):
            entry = profile["columns"][column.field.name]
            low, median, high = column.known.quantile([0.25, 0.5, 0.75])
            if high > low:
                spreads.append((column, entry, median, high - low))
    if not spreads:
        return None

    shown = sorted(spreads, key=lambda item: -reach(*item[1:]))[:MOST_COLUMNS]
    figure, axes = titled_figure(
        0.42 * len(shown) + 0.7,
        "How far out the extremes are",
        "Distance from the median in interquartile ranges, the widths of the middle half. Bar: the middle half; dots: "
        f"rows more than {FENCE} widths outside it; ends of the line: smallest and largest of all training rows.",
    )
    panel: Axes = axes[0, 0]
    notes = []
    for row, (column, entry, median, spread) in enumerate(shown):
        scaled = ((column.known - median) / spread).to_numpy()
        quarter, three_quarters = np.quantile(scaled, [0.25, 0.75])
        far = scaled[(scaled < quarter - FENCE) | (scaled > three_quarters + FENCE)]
        ends = [(entry["min"] - median) / spread, (entry["max"] - median) / spread]
        place = row + MARK
        panel.plot(ends, [place, place], "-|", color=PALE, linewidth=1.2, markersize=7, markeredgecolor=GREY)
        panel.plot(far, np.full(len(far), place), "o", color=FIT, markersize=3, alpha=0.5, markeredgewidth=0)
        panel.barh(place, three_quarters - quarter, left=quarter, height=0.26, color=DATA)
        panel.plot([0, 0], [place - 0.13, place + 0.13], color="white", linewidth=1.2)
        outside = f"{len(far) / len(scaled):.1%}" if len(far) else "none"
        notes.append(f"{short(entry['min'], 3)} to {short(entry['max'], 3)}; {outside} outside")
    label_rows(panel, [column.field.label for column, *_ in shown], notes)
    is_far_out = reach(*shown[0][1:]) > LINEAR
    if is_far_out:
        panel.set_xscale("symlog", linthresh=LINEAR / 2)
        low, high = panel.get_xlim()
        decades = [sign * step * 10**power for power in range(9) for step in (1, 3) for sign in (-1, 1)]
        panel.set_xticks([0, *(place for place in sorted(decades) if low <= place <= high)])
        panel.xaxis.set_major_formatter(tick)
        panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("interquartile ranges from the median" + f" (logarithmic beyond {LINEAR / 2:g})" * is_far_out)
    return figure


def reach(entry: dict[str, Any], median: float, spread: float) -> float:
    """Return how many interquartile ranges the farthest value of a column is from its median."""
    return float(max(entry["max"] - median, median - entry["min"]) / spread)

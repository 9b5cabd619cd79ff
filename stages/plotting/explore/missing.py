"""Plot of what is missing, and of the target where it is."""

from typing import Any

from matplotlib.figure import Figure

from stages.evaluation.metrics import NORMAL_95
from stages.plotting.small_multiples import label_rows
from stages.plotting.style import DATA, FIT, GREY, percent_tick, titled_figure
from stages.table.schema import TableSchema
from webapp.formatting import short

MOST_COLUMNS = 24


def draw_missing(profile: dict[str, Any], schema: TableSchema) -> Figure:
    """Draw how much of each column is missing, and the target's mean where it is; only columns with gaps."""
    gaps = {name: entry for name, entry in profile["columns"].items() if entry["missing"]}
    names = sorted(gaps, key=lambda name: -gaps[name]["missing"])[:MOST_COLUMNS]
    labels = [schema.column(name).label for name in names]
    of = f" The {len(names)} columns with most of {len(gaps)} with gaps." if len(names) < len(gaps) else ""
    figure, axes = titled_figure(
        0.42 * len(names) + 0.7,
        "What is missing, and whether that matters",
        "Left: share of the training rows without a value. Right: the target's mean in those rows with its 95% "
        f"confidence interval; the grey line is the mean of all rows.{of}",
        columns=2,
    )
    share, mean = axes[0]
    shares = [gaps[name]["missing"] / profile["rows"] for name in names]
    places = label_rows(share, labels, [f"{value:.1%}" for value in shares])
    share.barh(places, shares, height=0.34, color=DATA)
    share.xaxis.set_major_formatter(percent_tick)
    share.set_xlabel("share of rows missing")
    means = [gaps[name]["target_where_missing"]["mean"] for name in names]
    errors = [NORMAL_95 * (gaps[name]["target_where_missing"]["error"] or 0) for name in names]
    mean.axvline(profile["columns"][schema.target.name]["mean"], color=GREY, linewidth=1)
    label_rows(mean, labels, [short(value, 3) for value in means])
    mean.errorbar(means, places, xerr=errors, fmt="o", color=FIT, markersize=4, linewidth=1.6)
    mean.set_xlabel(schema.target.label)
    return figure

"""Pictures of the table as a whole: where its rows went, what is missing, what lies far out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from stages.evaluation.metrics import NORMAL_95
from stages.plotting.explore.summaries import Look
from stages.plotting.panels import label_rows, shortened
from stages.plotting.style import DATA, FIT, GREY, INK, OTHER, PALE, number, sheet, tick

MOST_ROWS = 24  # of a picture with a row a column
LINEAR = 6  # interquartile ranges up to which the axis of the outliers is linear
FENCE = 1.5  # interquartile ranges beyond the quartiles: Tukey (1977), "Exploratory data analysis"


def draw_rows(validation: dict[str, Any], split: dict[str, Any]) -> Figure:
    """Where the rows of the source went, and what put rows in quarantine."""
    taken = validation["quarantined"]
    counts = [
        ("train", split["train"], DATA),
        ("test", split["test"], OTHER),
        ("quarantine", taken, FIT),
    ]
    found = [
        (f"{column}: {check}", entry["count"], entry["examples"][0])
        for column, checks in validation["violations"].items()
        for check, entry in checks.items()
    ]
    worst = sorted(found, key=lambda item: (-item[1], item[0]))[:MOST_ROWS]
    heights = [1.0, *([0.42 * len(worst) + 0.3] if worst else [])]
    figure, axes = sheet(
        sum(heights) + 0.3,
        f"{taken:,} of {validation['rows']:,} rows are in quarantine",
        f"Where the rows of the source went ({validation['duplicates']:,} of the valid ones repeat an earlier row)"
        + (", and the checks that failed, with the first cell found." if worst else ": every check passed."),
        len(heights),
        gridspec_kw={"height_ratios": heights},
    )
    start = 0
    for _, rows, colour in counts:
        axes[0, 0].barh(0, rows, left=start, color=colour, height=0.6)
        start += rows
    for place, (name, rows, colour) in enumerate(counts):
        here = {"color": colour, "size": 9, "weight": "bold", "va": "bottom"}
        axes[0, 0].text(
            place / len(counts), -0.42, f"{name} {rows:,}", transform=axes[0, 0].get_yaxis_transform(), **here
        )
    axes[0, 0].set(ylim=(0.4, -0.75), xlim=(0, validation["rows"]), xlabel="rows", yticks=[])
    axes[0, 0].spines["left"].set_visible(False)
    if worst:
        panel = axes[1, 0]
        panel.barh(np.arange(len(worst)) + 0.15, [count for _, count, _ in worst], height=0.3, color=FIT)
        for row, (what, count, example) in enumerate(worst):
            panel.text(0, row - 0.2, f"{shortened(what, 50)}, {shortened(example, 80)}", size=8, color=INK, va="center")
            panel.text(count, row + 0.15, f" {count:,}", size=8, color=GREY, va="center")
        panel.set(ylim=(len(worst) - 0.5, -0.6), yticks=[], xlabel="cells or rows that failed")
        panel.spines["left"].set_visible(False)
    return figure


def draw_missing(profile: dict[str, Any], labels: dict[str, str], target: Look) -> Figure:
    """How much of each column is missing, and the target's mean where it is; only columns with gaps."""
    gaps = {name: entry for name, entry in profile["columns"].items() if entry["missing"]}
    names = sorted(gaps, key=lambda name: -gaps[name]["missing"])[:MOST_ROWS]
    of = f" The {len(names)} with most of {len(gaps)} columns." if len(names) < len(gaps) else ""
    figure, axes = sheet(
        0.42 * len(names) + 0.7,
        "What is missing, and whether it matters that it is",
        "Left: share of the training rows without a value. Right: the target's mean in those rows with its 95 % "
        f"interval; the grey line is the mean of all rows.{of}",
        columns=2,
    )
    share, mean = axes[0]
    rows = np.arange(len(names)) + 0.15
    share.barh(rows, [gaps[name]["missing"] / profile["rows"] for name in names], height=0.34, color=DATA)
    label_rows(
        share, [labels[name] for name in names], [f"{gaps[name]['missing'] / profile['rows']:.1%}" for name in names]
    )
    share.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}" if value < 0.01 else f"{value:.0%}")
    share.set_xlabel("share of rows missing")
    means = [gaps[name]["target_where_missing"]["mean"] for name in names]
    errors = [NORMAL_95 * (gaps[name]["target_where_missing"]["error"] or 0) for name in names]
    mean.axvline(profile["columns"][target.column.name]["mean"], color=GREY, linewidth=1)
    mean.errorbar(means, rows, xerr=errors, fmt="o", color=FIT, markersize=4, linewidth=1.6)
    label_rows(mean, [labels[name] for name in names], [number(value) for value in means])
    mean.set_xlabel(target.column.label)
    return figure


def draw_outliers(profile: dict[str, Any], looks: Sequence[Look]) -> Figure | None:
    """How far the extremes of each number lie from its middle half; None without a number that has one."""
    spreads = []
    for look in looks:
        if look.kind == "number" and len(look.known):
            entry = profile["columns"][look.column.name]
            low, median, high = look.known.quantile([0.25, 0.5, 0.75])
            if high > low:
                spreads.append((look, entry, (median, high - low)))
    if not spreads:
        return None

    shown = sorted(spreads, key=lambda item: -reach(*item[1:]))[:MOST_ROWS]
    far_out = reach(*shown[0][1:]) > LINEAR
    figure, axes = sheet(
        0.42 * len(shown) + 0.7,
        "How far out the extremes lie",
        "Distance from the median in widths of the middle half (interquartile ranges). Bar: the middle half; dots: "
        f"rows more than {FENCE} widths outside it; ends of the line: smallest and largest of all training rows.",
    )
    panel: Axes = axes[0, 0]
    notes = []
    for row, (look, entry, (median, spread)) in enumerate(shown):
        scaled = ((look.known - median) / spread).to_numpy()
        quarter, three_quarters = np.quantile(scaled, [0.25, 0.75])
        far = scaled[(scaled < quarter - FENCE) | (scaled > three_quarters + FENCE)]
        ends = [(entry["min"] - median) / spread, (entry["max"] - median) / spread]
        place = row + 0.16
        panel.plot(ends, [place, place], "-|", color=PALE, linewidth=1.2, markersize=7, markeredgecolor=GREY)
        panel.plot(far, np.full(len(far), place), "o", color=FIT, markersize=3, alpha=0.5, markeredgewidth=0)
        panel.barh(place, three_quarters - quarter, left=quarter, height=0.26, color=DATA)
        panel.plot([0, 0], [place - 0.13, place + 0.13], color="white", linewidth=1.2)
        outside = f"{len(far) / len(scaled):.1%}" if len(far) else "none"
        notes.append(f"{number(entry['min'])} to {number(entry['max'])}; {outside} outside")
    label_rows(panel, [look.column.label for look, _, _ in shown], notes)
    if far_out:
        panel.set_xscale("symlog", linthresh=LINEAR / 2)
        low, high = panel.get_xlim()
        decades = [sign * step * 10**power for power in range(9) for step in (1, 3) for sign in (-1, 1)]
        panel.set_xticks([0, *(place for place in sorted(decades) if low <= place <= high)])
        panel.xaxis.set_major_formatter(tick)
        panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("interquartile ranges from the median" + f" (logarithmic beyond {LINEAR / 2:g})" * far_out)
    return figure


def reach(entry: dict[str, Any], middle: tuple[float, float]) -> float:
    """How many interquartile ranges the farthest value of a column lies from its median."""
    median, spread = middle
    return float(max(entry["max"] - median, median - entry["min"]) / spread)

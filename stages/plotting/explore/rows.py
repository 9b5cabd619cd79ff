"""Plot of where the rows of the source went, and of what put rows in quarantine."""

import numpy as np
from matplotlib.figure import Figure

from stages.plotting.labels import shortened
from stages.plotting.style import DATA, FIT, GREY, INK, OTHER, titled_figure
from stages.utils.metrics_files import SplitMetrics, ValidationMetrics

MOST_CHECKS = 24


def draw_rows(validation: ValidationMetrics, split: SplitMetrics) -> Figure:
    """Draw where the rows of the source went, and the checks that failed."""
    taken = validation.quarantined
    counts = [
        ("train", split.train, DATA),
        ("test", split.test, OTHER),
        ("quarantine", taken, FIT),
    ]
    worst = validation.failed_checks[:MOST_CHECKS]
    heights = [1.0, *([0.42 * len(worst) + 0.3] if worst else [])]
    figure, axes = titled_figure(
        sum(heights) + 0.3,
        f"{taken:,} of {validation.rows:,} rows are in quarantine",
        f"Where the rows of the source went ({validation.duplicates:,} of the valid ones repeat an earlier row)"
        + (", and the checks that failed, each with the first cell that did." if worst else ": every check passed."),
        len(heights),
        gridspec_kw={"height_ratios": heights},
    )
    start = 0
    for place, (name, rows, colour) in enumerate(counts):
        axes[0, 0].barh(0, rows, left=start, color=colour, height=0.6)
        start += rows
        style = {"color": colour, "size": 9, "weight": "bold", "va": "bottom"}
        axes[0, 0].text(
            place / len(counts), -0.42, f"{name} {rows:,}", transform=axes[0, 0].get_yaxis_transform(), **style
        )
    axes[0, 0].set(ylim=(0.4, -0.75), xlim=(0, validation.rows), xlabel="rows", yticks=[])
    axes[0, 0].spines["left"].set_visible(False)
    if worst:
        panel = axes[1, 0]
        panel.barh(np.arange(len(worst)) + 0.15, [failed.count for *_, failed in worst], height=0.3, color=FIT)
        for row, (column, check, failed) in enumerate(worst):
            what = f"{shortened(f'{column}: {check}', 50)}, {shortened(failed.examples[0], 80)}"
            panel.text(0, row - 0.2, what, size=8, color=INK, va="center")
            panel.text(failed.count, row + 0.15, f" {failed.count:,}", size=8, color=GREY, va="center")
        panel.set(ylim=(len(worst) - 0.5, -0.6), yticks=[], xlabel="cells or rows that failed")
        panel.spines["left"].set_visible(False)
    return figure

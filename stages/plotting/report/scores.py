"""Plot of the model beside its baselines."""

import numpy as np
from matplotlib.figure import Figure

from stages.evaluation.metrics import MODELS
from stages.plotting.labels import wrapped
from stages.plotting.small_multiples import label_rows
from stages.plotting.style import DATA, FIT, GREY, titled_figure
from stages.utils.metrics_files import EvaluationMetrics
from webapp.formatting import with_interval


def draw_scores(test: EvaluationMetrics, label: str) -> Figure:
    """Draw RMSE, MAE and R² of the model and its baselines on the test rows, with bootstrap intervals."""
    metrics = (("rmse", f"RMSE: {label}"), ("mae", f"MAE: {label}"), ("r2", "R²: 1 is perfect, 0 is the mean"))
    figure, axes = titled_figure(
        2.2,
        "The model beside its baselines",
        "Errors on the test rows with their bootstrap intervals; left is better for RMSE and MAE, right for R².",
        columns=3,
    )
    for axis, (metric, what) in zip(axes[0], metrics, strict=True):
        scores = {name: dict(getattr(test, name)) for name in MODELS}
        notes = [with_interval(found, metric).partition(" ")[0] for found in scores.values()]
        places = label_rows(axis, list(MODELS.values()), notes)
        for place, (name, found) in zip(places, scores.items(), strict=True):
            value, low, high = np.array([found[metric + end] for end in ("", "_low", "_high")], dtype=float)
            colour = FIT if name == "model" else DATA
            axis.plot([low, high], [place, place], color=colour, linewidth=2.5, alpha=0.45, solid_capstyle="butt")
            axis.plot(value, place, "o", color=colour, markersize=6)
        axis.set_xlabel(wrapped(what))
        axis.margins(x=0.08)
    axes[0, 2].axvline(0, color=GREY, linewidth=1)
    return figure

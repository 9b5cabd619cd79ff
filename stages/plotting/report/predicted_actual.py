"""Plot of actual values against predictions, with the prediction intervals."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.plotting.style import DATA, FIT, GREY, SOFT, titled_figure
from stages.utils.metrics_files import EvaluationMetrics
from webapp.formatting import percent, with_interval


def draw_predicted_actual(drawn: pd.DataFrame, test: EvaluationMetrics, label: str) -> Figure:
    """Draw test rows (columns actual, predicted, lower, upper), the line of equality and the intervals as a band."""
    drawn = drawn.sort_values("predicted", kind="stable")
    inside = (drawn["lower"] <= drawn["actual"]) & (drawn["actual"] <= drawn["upper"])
    intervals = test.intervals
    rmse, r2 = (with_interval(dict(test.model), metric).partition(" ")[0] for metric in ("rmse", "r2"))
    figure, axes = titled_figure(
        5.2,
        f"{percent(intervals.coverage)} of test rows are inside their {percent(intervals.nominal)} prediction interval",
        f"A dot is one of {len(drawn):,} test rows, vermilion if outside its interval (the band). On the line, "
        f"prediction and actual value agree. RMSE {rmse}, R² {r2} over all test rows.",
    )
    panel: Axes = axes[0, 0]
    predicted = drawn["predicted"].to_numpy()
    panel.fill_between(predicted, drawn["lower"], drawn["upper"], color=SOFT, alpha=0.35, linewidth=0)
    ends = np.array([predicted[0], predicted[-1]])
    panel.plot(ends, ends, color=GREY, linewidth=1.2)
    size = float(np.clip(6000 / len(drawn), 8, 22))
    for rows, colour in ((inside, DATA), (~inside, FIT)):
        panel.scatter(predicted[rows], drawn["actual"][rows], s=size, color=colour, alpha=0.7, linewidths=0)
    panel.set(xlabel=f"predicted: {label}", ylabel=f"actual: {label}")
    return figure

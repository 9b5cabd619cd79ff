"""Plot of the cross-validated error over alpha and l1_ratio."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.plotting.report.regularization_path import error_label
from stages.plotting.style import FIT, INK, log_axis, tick, titled_figure
from stages.utils.metrics_files import TrainMetrics
from webapp.formatting import short

WORST = 1.25  # times the best error: where the colours end
EDGE = ", at the edge of the grid: a smaller train.eps would look further"


def draw_cv_surface(surface: pd.DataFrame, train: TrainMetrics) -> Figure:
    """Draw the cross-validated error (rows of plots/cv_surface.csv) as a heat map, with the choice marked."""
    ratios = sorted(surface["l1_ratio"].unique())
    best = surface.sort_values("mse", kind="stable").iloc[0]
    smallest = surface.loc[surface["chosen"], "l1_ratio"].map(surface.groupby("l1_ratio")["alpha"].min()).min()
    figure, axes = titled_figure(
        0.36 * len(ratios) + 1.4,
        f"Cross-validated error: {short(train.cv_rmse, 3)} at the ring",
        f"RMSE over the grid of alpha and l1_ratio. Ring: the choice{EDGE if train.alpha == smallest else ''}. Dots: "
        "within one standard error of the best, so the folds cannot tell them apart. White: not on the grid.",
    )
    panel: Axes = axes[0, 0]
    worst = min(surface["rmse"].max(), WORST * best["rmse"])
    mesh = None
    for row, ratio in enumerate(ratios):
        points = surface[surface["l1_ratio"] == ratio].sort_values("alpha")
        middle = np.log(points["alpha"].to_numpy())
        step = np.diff(middle).mean() if len(middle) > 1 else 0.1
        edges = np.exp(
            np.concatenate([[middle[0] - step / 2], (middle[1:] + middle[:-1]) / 2, [middle[-1] + step / 2]])
        )
        mesh = panel.pcolormesh(
            edges,
            [row - 0.5, row + 0.5],
            points[["rmse"]].T,
            cmap="cividis_r",
            vmin=best["rmse"],
            vmax=worst,
        )
        near = points[points["mse"] <= best["mse"] + best["mse_se"]]
        panel.plot(near["alpha"], np.full(len(near), row), ".", color=INK, markersize=2.5)
        chosen = points[points["chosen"]]
        panel.plot(
            chosen["alpha"],
            np.full(len(chosen), row),
            "o",
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=FIT,
            markeredgewidth=2.2,
        )
    log_axis(panel)
    panel.set_yticks(range(len(ratios)), [f"{ratio:g}" for ratio in ratios])
    panel.set(xlabel="alpha", ylabel="l1_ratio")
    panel.grid(visible=False)
    assert mesh is not None
    extend = "max" if worst < surface["rmse"].max() else "neither"
    figure.colorbar(mesh, ax=panel, label=error_label(train), pad=0.02, format=tick, extend=extend)
    return figure

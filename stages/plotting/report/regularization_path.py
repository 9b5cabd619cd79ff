"""Plot of how the model grows as the penalty falls, and of the cross-validated error that chose where to stop."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.plotting.labels import shortened, wrapped
from stages.plotting.style import DATA, GREY, PALE, SOFT, log_axis, titled_figure
from stages.table.schema import TableSchema
from stages.utils.metrics_files import TrainMetrics
from webapp.formatting import scale_name, short

PAIRS = "The line of a pair (a × b) includes what importance.png attributes to a or b alone."
LEADER = 1.03  # where the labels of the lines start, in widths of the panel
LINES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#222222", "#8c6d31"]


def draw_path(
    path: pd.DataFrame, surface: pd.DataFrame, train: TrainMetrics, schema: TableSchema, label: str
) -> Figure:
    """Draw how the columns come in as the penalty falls, above the cross-validated error at the chosen l1_ratio.

    Args:
        path, surface: the rows of plots/regularization_path.csv and plots/cv_surface.csv.
        train: metrics/train.json.
        label: the name of what the model predicts, on the scale of the fit.
    """
    errors = surface[surface["l1_ratio"] == train.l1_ratio].sort_values("alpha")
    wide = path.pivot(index="alpha", columns="column", values="sd")
    heaviest = wide.iloc[0].sort_values(ascending=False, kind="stable").index[: len(LINES)]
    titles = {column.name: column.title or column.name for column in schema.inputs}
    note = "" if set(wide) <= set(titles) else f" {PAIRS}"
    figure, axes = titled_figure(
        5.6,
        "How the model grows as the penalty falls",
        f"At l1_ratio {train.l1_ratio:g}. Top: standard deviation of what each column adds to the prediction. Bottom: "
        "cross-validated error, with its standard error as a band. Dashed: the penalty chosen." + note,
        2,
        sharex=True,
        gridspec_kw={"height_ratios": [1.5, 1]},
    )
    lines, cv = axes[:, 0]
    for column in wide.columns.difference(heaviest):
        lines.plot(wide.index, wide[column], color=PALE, linewidth=1)
    ends = []
    for column, colour in zip(heaviest, LINES, strict=False):
        lines.plot(wide.index, wide[column], color=colour, linewidth=1.8)
        ends.append((float(wide[column].iloc[0]), titles.get(column, column), colour))
    low, top = 0.0, float(wide.to_numpy().max()) * 1.05 or 1.0
    heights = apart([end for end, _, _ in ends], top * 0.075)
    for height, (end, name, colour) in zip(heights, ends, strict=True):
        lines.annotate(
            shortened(name, 30),
            (wide.index[0], end),
            xytext=(LEADER, height),
            textcoords=(lines.get_yaxis_transform()),
            size=8,
            color=colour,
            va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "relpos": (0, 0.5), "shrinkA": 1},
            annotation_clip=False,
        )
    lines.set(ylim=(low, max(top, *heights) * 1.02), ylabel=wrapped(label, 36))
    mse, error = errors["mse"], errors["mse_se"]
    cv.fill_between(
        errors["alpha"], np.sqrt((mse - error).clip(lower=0)), np.sqrt(mse + error), color=SOFT, alpha=0.5, linewidth=0
    )
    cv.plot(errors["alpha"], errors["rmse"], color=DATA, linewidth=1.8)
    cv.set(xlabel="alpha (penalty; weaker to the right)", ylabel=wrapped(error_label(train), 24, 3))
    for axis in (lines, cv):
        axis.axvline(train.alpha, color=GREY, linewidth=1.2, linestyle="--")
    late = train.alpha < np.sqrt(wide.index[0] * wide.index[-1])
    lines.text(
        train.alpha,
        1.03,
        f" alpha {short(train.alpha, 3)}: {train.nonzero} of {train.terms} terms ",
        transform=lines.get_xaxis_transform(),
        size=8,
        color=GREY,
        ha="right" if late else "left",
        va="bottom",
    )
    log_axis(cv)
    cv.invert_xaxis()
    return figure


def error_label(train: TrainMetrics) -> str:
    """Name the axis of cross-validated errors."""
    scale = "" if train.target == "none" else f" of the {scale_name(train.target, 'the target')}"
    return f"cross-validated RMSE{scale}"


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Move places up as little as needed for a gap between any two."""
    moved: dict[int, float] = {}
    last = -np.inf
    for position in np.argsort(places, kind="stable"):
        last = max(places[position], last + gap)
        moved[int(position)] = last
    return [moved[position] for position in range(len(places))]

"""Pictures of how the penalty was chosen: the regularisation path and the cross-validated surface."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.plotting.panels import wrapped
from stages.plotting.style import DATA, FIT, GREY, INK, PALE, SOFT, log_axis, number, sheet
from stages.table.schema import TableSchema

EDGE = " It lies at the edge of the grid: a smaller train.eps would look further."
LINES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#222222", "#8c6d31"]


def draw_path(
    path: pd.DataFrame, surface: pd.DataFrame, train: dict[str, Any], schema: TableSchema, label: str
) -> Figure:
    """How the columns come in as the penalty falls, above the cross-validated error that chose where to stop.

    `label` names what the model adds up, with its unit.
    """
    errors = surface[surface["l1_ratio"] == train["l1_ratio"]].sort_values("alpha")
    wide = path.pivot(index="alpha", columns="column", values="sd")
    heaviest = wide.iloc[0].sort_values(ascending=False, kind="stable").index[: len(LINES)]
    figure, axes = sheet(
        5.6,
        "How the model grows as the penalty falls",
        f"At l1_ratio {train['l1_ratio']:g}. Top: standard deviation of what each column adds to the prediction. "
        "Bottom: cross-validated error with its standard error; the dashed line is the penalty chosen.",
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
        ends.append((float(wide[column].iloc[0]), schema.column(column).title or column, colour))
    low, top = 0.0, float(wide.to_numpy().max()) * 1.05 or 1.0
    heights = apart([end for end, _, _ in ends], top * 0.075)
    for height, (_, name, colour) in zip(heights, ends, strict=True):
        lines.annotate(
            wrapped(name, 30, 1),
            (wide.index[0], height),
            xytext=(6, 0),
            textcoords="offset points",
            size=8,
            color=colour,
            va="center",
            annotation_clip=False,
        )
    lines.set(ylim=(low, max(top, *heights) * 1.02), ylabel=wrapped(label, 36))
    mse, error = errors["mse"], errors["mse_se"]
    cv.fill_between(
        errors["alpha"], np.sqrt((mse - error).clip(lower=0)), np.sqrt(mse + error), color=SOFT, alpha=0.5, linewidth=0
    )
    cv.plot(errors["alpha"], errors["rmse"], color=DATA, linewidth=1.8)
    cv.set(xlabel="alpha (penalty; weaker to the right)", ylabel=error_label(train))
    for axis in (lines, cv):
        axis.axvline(train["alpha"], color=GREY, linewidth=1.2, linestyle="--")
    late = train["alpha"] < np.sqrt(wide.index[0] * wide.index[-1])
    lines.text(
        train["alpha"],
        1.03,
        f" alpha {number(train['alpha'])}: {train['nonzero']} of {train['terms']} terms ",
        transform=lines.get_xaxis_transform(),
        size=8,
        color=GREY,
        ha="right" if late else "left",
        va="bottom",
    )
    log_axis(cv)
    cv.invert_xaxis()
    return figure


def error_label(train: dict[str, Any]) -> str:
    """What the axis of cross-validated errors shows."""
    return "cross-validated RMSE" + (" (of the logarithm)" if train["target"] == "log" else "")


def apart(places: Sequence[float], gap: float) -> list[float]:
    """The places moved up as little as needed for a gap between any two."""
    moved: dict[int, float] = {}
    last = -np.inf
    for position in np.argsort(places, kind="stable"):
        last = max(places[position], last + gap)
        moved[int(position)] = last
    return [moved[position] for position in range(len(places))]


def draw_surface(surface: pd.DataFrame, train: dict[str, Any]) -> Figure:
    """The cross-validated error over alpha and l1_ratio as a heat map, the choice marked."""
    ratios = sorted(surface["l1_ratio"].unique())
    best = surface.sort_values("mse", kind="stable").iloc[0]
    smallest = surface.loc[surface["chosen"], "l1_ratio"].map(surface.groupby("l1_ratio")["alpha"].min()).min()
    figure, axes = sheet(
        0.36 * len(ratios) + 1.4,
        f"Cross-validated error: {number(train['cv_rmse'])} where the ring is",
        "RMSE over the grid of alpha and l1_ratio. Dots: within one standard error of the best, so as good as it for "
        "all that the folds can tell. Ring: the choice." + (EDGE if train["alpha"] == smallest else ""),
    )
    panel: Axes = axes[0, 0]
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
            vmax=surface["rmse"].max(),
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
    figure.colorbar(mesh, ax=panel, label=error_label(train), pad=0.02)
    return figure

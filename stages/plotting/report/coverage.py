"""Pictures of how good the predictions are: scores, predictions beside actual values, what the intervals hold."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.evaluation.metrics import MODELS, NORMAL_95
from stages.plotting.panels import label_rows, wrapped
from stages.plotting.style import DATA, FIT, GREY, SOFT, number, sheet


def draw_scores(test: dict[str, Any], label: str) -> Figure:
    """The model beside its baselines: RMSE, MAE and R² on the test rows, with their intervals."""
    metrics = (("rmse", f"RMSE: {label}"), ("mae", f"MAE: {label}"), ("r2", "R²: 1 is perfect, 0 is the mean"))
    figure, axes = sheet(
        2.2,
        "The model beside its baselines",
        "Errors on the test rows with their bootstrap intervals; left is better for RMSE and MAE, right for R².",
        columns=3,
    )
    names = list(MODELS)
    for axis, (metric, what) in zip(axes[0], metrics, strict=True):
        values = pd.DataFrame(
            [[test[name][metric + end] for end in ("", "_low", "_high")] for name in names], dtype=float
        )
        for row, (value, low, high) in enumerate(values.to_numpy()):
            colour = FIT if names[row] == "model" else DATA
            axis.plot([low, high], [row + 0.16] * 2, color=colour, linewidth=2.5, alpha=0.45, solid_capstyle="butt")
            axis.plot(value, row + 0.16, "o", color=colour, markersize=6)
        label_rows(axis, [MODELS[name] for name in names], [number(value) for value in values[0]])
        axis.set_xlabel(wrapped(what))
        axis.margins(x=0.08)
    axes[0, 2].axvline(0, color=GREY, linewidth=1)
    return figure


def draw_predicted_actual(drawn: pd.DataFrame, test: dict[str, Any], label: str) -> Figure:
    """Actual values against predictions, with the prediction intervals."""
    drawn = drawn.sort_values("predicted", kind="stable")
    inside = (drawn["lower"] <= drawn["actual"]) & (drawn["actual"] <= drawn["upper"])
    intervals, model = test["intervals"], test["model"]
    figure, axes = sheet(
        5.2,
        f"{intervals['coverage']:.0%} of the test rows lie inside their {intervals['nominal']:.0%} prediction interval",
        f"A dot is one of {len(drawn):,} test rows, vermilion outside its interval (the band); on the line prediction "
        f"and actual value agree. RMSE {number(model['rmse'])}, R² {number(model['r2'] or np.nan)}.",
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


def draw_coverage(bins: pd.DataFrame, nominal: float, label: str) -> Figure:
    """Whether the intervals hold what they promise, and how wide they are, by bin of the prediction."""
    bins = bins[bins["rows"] > 0].reset_index(drop=True)
    figure, axes = sheet(
        2.8,
        f"Do the {nominal:.0%} prediction intervals hold what they promise?",
        "By bin of the prediction. Left: share of the test rows inside their interval, with the 95 % interval of that "
        "share and the rows of the bin. Right: how wide the intervals are.",
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
        share.plot(row, bins["coverage"][row], "o", color=colour, markersize=6)
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
    share.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    width.bar(place, bins["width"], color=DATA, width=0.6)
    width.set_ylabel(wrapped(f"width: {label}", 28))
    names = [bin_name(row["from"], row["to"]) for _, row in bins.iterrows()]
    for axis in (share, width):
        axis.set_xticks(place, names, rotation=0 if len(names) <= 5 else 45)
        axis.set_xlabel(wrapped(f"predicted: {label}", 60))
        axis.grid(visible=False, axis="x")
    return figure


def bin_name(low: float, high: float) -> str:
    """The range of a bin on two lines."""
    if np.isnan(low) and np.isnan(high):
        return "all"
    if np.isnan(low):
        return f"below\n{number(high)}"
    return f"from\n{number(low)}" if np.isnan(high) else f"{number(low)}\nto {number(high)}"


def wilson(share: Any, rows: Any) -> tuple[Any, Any]:
    """The 95 % score interval of a share of n rows (Wilson 1927)."""
    z2 = NORMAL_95**2
    centre = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2)) / (1 + z2 / rows)
    return np.maximum(centre - half, 0), np.minimum(centre + half, 1)

"""Pictures of how good the predictions are: scores, errors and where they lie, what the intervals hold."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.utils.plots import (
    DATA,
    FIT,
    GREY,
    INK,
    ROWS,
    SOFT,
    are_codes,
    label_rows,
    number,
    sheet,
    small_multiples,
    wrapped,
)
from stages.utils.scores import MODELS
from stages.utils.table_schema import Column, TableSchema
from stages.utils.trends import FEWEST, NORMAL_95, fit_trend

BINS = 40


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


def draw_residuals(drawn: pd.DataFrame, label: str) -> Figure:
    """Residuals against the prediction, with a trend, and how they are distributed beside a normal curve."""
    residual = (drawn["actual"] - drawn["predicted"]).to_numpy()
    predicted = drawn["predicted"].to_numpy()
    figure, axes = sheet(
        3.6,
        "What the model leaves unexplained",
        f"Actual less predicted, {len(drawn):,} test rows. Left: against the prediction, with a fitted trend and its "
        "95 % band (flat at 0 is good). Right: their distribution; the line is the normal curve of the same spread.",
        columns=2,
        sharey=True,
        gridspec_kw={"width_ratios": [2.2, 1]},
    )
    scatter, histogram = axes[0]
    scatter.axhline(0, color=GREY, linewidth=1)
    size = float(np.clip(6000 / len(drawn), 6, 18))
    scatter.scatter(predicted, residual, s=size, color=DATA, alpha=0.55, linewidths=0)
    trend = fit_trend(predicted, residual)
    if trend:
        band = NORMAL_95 * trend.error
        scatter.fill_between(trend.x, trend.mean - band, trend.mean + band, color=FIT, alpha=0.25, linewidth=0)
        scatter.plot(trend.x, trend.mean, color=FIT, linewidth=1.8)
    scatter.set(xlabel=f"predicted: {label}", ylabel=wrapped(f"residual: {label}", 48))
    counts, edges, _ = histogram.hist(
        residual, bins=min(BINS, max(8, len(drawn) // 8)), orientation="horizontal", color=DATA, alpha=0.8
    )
    spread = residual.std()
    if spread > 0:
        grid = np.linspace(edges[0], edges[-1], 200)
        normal = np.exp(-0.5 * ((grid - residual.mean()) / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
        histogram.plot(normal * counts.sum() * (edges[1] - edges[0]), grid, color=INK, linewidth=1.2)
    histogram.axhline(0, color=GREY, linewidth=1)
    histogram.set_xlabel("rows")
    return figure


def draw_residuals_by_group(groups: pd.DataFrame, schema: TableSchema, pages: int) -> list[Figure]:
    """The mean residual in each level, or fifth of a number, the columns with the largest deviation first."""
    groups = groups.assign(half=NORMAL_95 * groups["se"].fillna(0.0))
    sure = groups[(groups["rows"] >= FEWEST) & (groups["half"] > 0)]
    if len(sure) == 0:
        return []
    order = (sure["bias"] / sure["half"]).abs().groupby(sure["column"], sort=False).max()
    names = order.sort_values(ascending=False, kind="stable").index
    panels = [(schema.column(name), sure[sure["column"] == name]) for name in names]
    rows = max((min(len(panel), ROWS) for _, panel in panels if not are_codes(panel["group"].tolist())), default=5)
    return small_multiples(
        panels,
        partial(residual_panel, limit=float((sure["bias"].abs() + sure["half"]).max()) * 1.05),
        "Where the model is off on average",
        "Mean residual (actual less predicted) of the test rows by level, or by fifth of a number, with its 95 % "
        "interval: vermilion where that excludes 0, as one in twenty does by chance. Grey: rows of the group, at "
        f"least {FEWEST}.",
        pages,
        height=0.95 + 0.27 * rows,
        xlabel=f"mean residual: {schema.target.label}",
    )


def residual_panel(axes: Axes, panel: tuple[Column, pd.DataFrame], limit: float) -> None:
    """The mean residual of each group and its interval: a row a group, or codes in their order."""
    column, groups = panel
    upright = are_codes(groups["group"].tolist())
    groups = groups if upright else groups.head(ROWS)
    off = groups["bias"].abs() > groups["half"]
    place = groups["group"].astype(int).to_numpy() if upright else np.arange(len(groups)) + 0.18
    for chosen, colour in ((~off, DATA), (off, FIT)):
        bias, half = groups["bias"][chosen], groups["half"][chosen]
        style: dict[str, Any] = {"fmt": "o", "color": colour, "markersize": 4, "linewidth": 1.6}
        if upright:
            axes.errorbar(place[chosen], bias, yerr=half, **style)
        else:
            axes.errorbar(bias, place[chosen], xerr=half, **style)
    if upright:
        axes.axhline(0, color=GREY, linewidth=1)
        axes.set(ylim=(-limit, limit), ylabel="mean residual", xlabel=column.title or column.name)
    else:
        axes.axvline(0, color=GREY, linewidth=1)
        names = [column.labels.get(str(group), str(group)) for group in groups["group"]]
        label_rows(axes, names, [f"{rows:,}" for rows in groups["rows"]])
        axes.set_xlim(-limit, limit)
    axes.set_title(wrapped(column.label, 34), weight="bold")


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

"""Pictures of the residuals: against the prediction, how they are distributed, and by group of rows."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.evaluation.metrics import NORMAL_95
from stages.plotting.panels import ROWS, are_codes, label_rows, small_multiples, wrapped
from stages.plotting.style import DATA, FIT, GREY, INK, sheet
from stages.plotting.trends import FEWEST, fit_trend
from stages.table.schema import Column, TableSchema

BINS = 40


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

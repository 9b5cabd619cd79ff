"""Plot of the residuals against the prediction, and of their distribution."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.evaluation.metrics import NORMAL_95
from stages.plotting.labels import wrapped
from stages.plotting.style import DATA, FIT, GREY, INK, titled_figure
from stages.plotting.univariate import fit_trend

BINS = 40


def draw_residuals(drawn: pd.DataFrame, label: str) -> Figure:
    """Draw the residuals of test rows (columns actual, predicted) with a trend, and their distribution."""
    residual = (drawn["actual"] - drawn["predicted"]).to_numpy()
    predicted = drawn["predicted"].to_numpy()
    figure, axes = titled_figure(
        3.6,
        "What the model leaves unexplained",
        f"Residuals (actual minus predicted) of {len(drawn):,} test rows. Left: against the prediction, with a fitted "
        "trend and its 95% confidence band; flat at 0 is good. Right: their distribution; the line is the normal curve "
        "with the same standard deviation.",
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

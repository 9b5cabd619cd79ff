"""Prediction intervals: residual quantiles within bins of the prediction, and their coverage on the test rows."""

from typing import Any

import numpy as np
import pandas as pd

from stages.modelling.target_scale import from_scale
from stages.utils.arrays import Floats
from stages.utils.metrics_files import IntervalScores
from stages.utils.params import TargetTransform


def residual_intervals(prediction: Floats, residual: Floats, coverage: float, bins: int) -> dict[str, Any]:
    """Return offsets of prediction intervals: residual quantiles within bins of the prediction.

    The quantiles have the finite-sample correction of split conformal prediction. With out-of-fold residuals this is
    the idea of CV+ (Barber, Candès, Ramdas and Tibshirani 2021, "Predictive inference with the jackknife+") without
    its guarantee, so the coverage must be measured.

    Args:
        prediction, residual: (n,) out-of-fold predictions, and targets minus predictions, on the model's scale.
        bins: the most bins, each with about as many predictions.

    Returns:
        coverage; edges (bins - 1,), ascending; lower and upper (bins,).
    """
    edges = np.unique(np.quantile(prediction, np.linspace(0, 1, bins + 1)[1:-1])) if bins > 1 else np.empty(0)
    place = np.searchsorted(edges, prediction, side="right")
    lower, upper = [], []
    for number in range(len(edges) + 1):
        inside = np.sort(residual[place == number])
        if len(inside) == 0:  # no prediction is beyond the last edge
            inside = np.sort(residual)
        rank = int(np.ceil((len(inside) + 1) * (1 + coverage) / 2)) - 1
        upper.append(inside[min(rank, len(inside) - 1)])
        lower.append(inside[max(len(inside) - 1 - rank, 0)])
    return {"coverage": coverage, "edges": edges.tolist(), "lower": lower, "upper": upper}


def apply_intervals(
    intervals: dict[str, Any], scaled: Floats, target: Floats, transform: TargetTransform
) -> tuple[Floats, Floats, Floats]:
    """Return the lower and upper ends of n rows' intervals, each (n,), and the counts of each bin, (bins, 3).

    The counts are rows, rows whose target is inside, and the sum of the widths. `intervals` and the predictions
    `scaled` (n,) are on the model's scale, everything else is in the target's unit.
    """
    bins = np.searchsorted(intervals["edges"], scaled, side="right")
    lower, upper = (from_scale(scaled + np.array(intervals[end])[bins], transform) for end in ("lower", "upper"))
    inside = (lower <= target) & (target <= upper)
    counts = [np.bincount(bins, weights, len(intervals["lower"])) for weights in (None, inside, upper - lower)]
    return lower, upper, np.column_stack(counts)


def coverage_scores(counts: Floats, nominal: float) -> IntervalScores:
    """Return the share of test rows inside their interval, its standard error, and the mean width of the intervals."""
    rows, inside, width = counts.sum(axis=0)
    share = inside / rows
    se = np.sqrt(share * (1 - share) / rows)
    return IntervalScores(nominal=nominal, coverage=share, coverage_se=se, mean_width=width / rows)


def coverage_by_bin(counts: Floats, intervals: dict[str, Any], transform: TargetTransform) -> pd.DataFrame:
    """Return a row for each bin: bin (1, 2, …), from, to (predictions; NaN at the open ends), rows, coverage, width."""
    rows = counts[:, 0]
    with np.errstate(invalid="ignore"):
        shares = counts[:, 1:] / rows[:, None]
    edges = [np.nan, *from_scale(np.array(intervals["edges"]), transform), np.nan]
    columns = {
        "bin": np.arange(1, len(rows) + 1),
        "from": edges[:-1],
        "to": edges[1:],
        "rows": rows.astype(int),
        "coverage": shares[:, 0],
        "width": shares[:, 1],
    }
    return pd.DataFrame(columns)

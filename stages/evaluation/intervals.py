"""Prediction intervals: residual quantiles within bins of the prediction, and their coverage on the test rows."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.modelling.target_scale import from_scale
from stages.utils.arrays import Floats, quantiles
from stages.utils.metrics_files import GroupCoverage, IntervalScores
from stages.utils.params import TargetTransform


def residual_intervals(
    prediction: Floats, residual: Floats, coverage: float, bins: int, weight: Floats | None = None
) -> dict[str, Any]:
    """Return offsets of prediction intervals: residual quantiles within bins of the prediction.

    The quantiles have the finite-sample correction of split conformal prediction. With out-of-fold residuals this is
    the idea of CV+ (Barber, Candès, Ramdas and Tibshirani 2021, "Predictive inference with the jackknife+") without
    its guarantee, so the coverage must be measured.

    Args:
        prediction, residual: (n,) out-of-fold predictions, and targets minus predictions, on the model's scale.
        bins: the most bins, each with about as many predictions.
        weight: (n,) how often each row counts; once if None.

    Returns:
        coverage; edges (bins - 1,), ascending; lower and upper (bins,).
    """
    shares = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(quantiles(prediction, shares, weight)) if bins > 1 else np.empty(0)
    counted = np.ones(len(residual)) if weight is None else weight
    place = np.searchsorted(edges, prediction, side="right")
    lower, upper = [], []
    for number in range(len(edges) + 1):
        inside = place == number
        if not inside.any():  # no prediction is beyond the last edge
            inside = np.ones(len(residual), bool)
        upper.append(upper_end(residual[inside], counted[inside], coverage))
        lower.append(-upper_end(-residual[inside], counted[inside], coverage))
    return {"coverage": coverage, "edges": edges.tolist(), "lower": lower, "upper": upper}


def upper_end(residual: Floats, weight: Floats, coverage: float) -> float:
    """Return the quantile at (1 + coverage) / 2 of n weighted residuals, with the finite-sample correction."""
    order = np.argsort(residual, kind="stable")
    below = np.cumsum(weight[order])
    rank = np.searchsorted(below, (below[-1] + 1) * (1 + coverage) / 2)
    return float(residual[order[min(rank, len(order) - 1)]])


def interval_ends(
    intervals: dict[str, Any], scaled: Floats, factor: Floats | float, transform: TargetTransform
) -> tuple[Floats, Floats]:
    """Return the lower and upper ends of n rows' intervals, each (n,), in the target's unit.

    Args:
        intervals: as `residual_intervals` returns them.
        scaled: (n,) predictions on the model's scale.
        factor: (n,) what each row's offsets are multiplied by.
    """
    bins = np.searchsorted(intervals["edges"], scaled, side="right")
    lower, upper = (
        from_scale(scaled + np.array(intervals[end])[bins] * factor, transform) for end in ("lower", "upper")
    )
    return lower, upper


def interval_scores(lower: Floats, upper: Floats, target: Floats, coverage: float) -> Floats:
    """Return the interval score of each of n rows: the width, and 2 / (1 - coverage) times the distance outside.

    Source: Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation", section 6.2.
    """
    outside = np.maximum(lower - target, 0) + np.maximum(target - upper, 0)
    return (upper - lower) + 2 / (1 - coverage) * outside


def count_coverage(
    key: Floats,
    edges: npt.ArrayLike,
    lower: Floats,
    upper: Floats,
    target: Floats,
    coverage: float,
    weight: Floats | None = None,
) -> Floats:
    """Count, in each bin, the rows, those inside their interval, and the sums of widths and interval scores: (bins, 4).

    Args:
        key: (n,) what puts a row into a bin: its prediction, or the width of its interval.
        edges: (bins - 1,), ascending.
        weight: (n,) how often each row counts; once if None.
    """
    weight = np.ones(len(key)) if weight is None else weight
    place, bins = np.searchsorted(edges, key, side="right"), len(np.asarray(edges)) + 1
    inside = (lower <= target) & (target <= upper)
    sums = (np.ones(len(key)), inside, upper - lower, interval_scores(lower, upper, target, coverage))
    return np.column_stack([np.bincount(place, each * weight, bins) for each in sums])


def coverage_scores(
    counts: Floats, constant: Floats, nominal: float, worst_group: GroupCoverage | None
) -> IntervalScores:
    """Return the scores of the intervals on the test rows.

    Args:
        counts, constant: (bins, 4), as `count_coverage` returns them, of the intervals and of those of constant width.
    """
    rows, inside, width, score = counts.sum(axis=0)
    share = inside / rows
    return IntervalScores(
        nominal=nominal,
        coverage=share,
        coverage_se=np.sqrt(share * (1 - share) / rows),
        mean_width=width / rows,
        interval_score=score / rows,
        interval_score_constant=constant[:, 3].sum() / rows,
        worst_group=worst_group,
    )


def coverage_by_bin(counts: Floats, edges: Floats) -> pd.DataFrame:
    """Return a row for each bin: bin (1, 2, …), from, to (NaN at the open ends), rows, coverage, width.

    Args:
        counts: (bins, 4), as `count_coverage` returns them.
        edges: (bins - 1,) between the bins, of the predictions or of the intervals' widths.
    """
    rows = counts[:, 0]
    with np.errstate(invalid="ignore"):
        shares = counts[:, 1:] / rows[:, None]
    edges = np.array([np.nan, *edges, np.nan])
    columns = {
        "bin": np.arange(1, len(rows) + 1),
        "from": edges[:-1],
        "to": edges[1:],
        "rows": rows.round().astype(int),
        "coverage": shares[:, 0],
        "width": shares[:, 1],
    }
    return pd.DataFrame(columns)

"""Error metrics from sums over clusters of rows, and their bootstrap intervals."""

import numpy as np
import numpy.typing as npt

from stages.utils.arrays import Floats
from stages.utils.metrics_files import Scores

MODELS = {  # keys of metrics/test.json, and their names on pages and plots
    "model": "ElasticNet",
    "mean": "mean",
    "least_squares": "least squares",
    "black_box": "gradient-boosted trees",
}
CLUSTERS = 1024
NORMAL_95 = 1.96  # standard errors on either side of a mean that give its 95% confidence interval
SUMS = 5  # rows, squared errors, absolute errors, target, squared target


def cluster_sums(
    cluster: npt.NDArray[np.int64], target: Floats, prediction: Floats, centre: float, weight: Floats | None = None
) -> Floats:
    """Add up what the metrics need of n rows, by cluster.

    Args:
        cluster: (n,) cluster of each row, 0 to CLUSTERS - 1.
        target, prediction: (n,) in the target's unit.
        centre: a number near the mean of the target, for accuracy.
        weight: (n,) how often each row counts; once if None.

    Returns:
        (CLUSTERS, SUMS) sums; those of several parts add up.
    """
    error, centred = target - prediction, target - centre
    weight = np.ones_like(error) if weight is None else weight
    columns = (weight, error**2 * weight, np.abs(error) * weight, centred * weight, centred**2 * weight)
    return np.column_stack([np.bincount(cluster, column, CLUSTERS) for column in columns])


def metrics_of(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Return RMSE, MAE and R² (against the mean of the same rows; NaN for a constant target) from sums (..., SUMS)."""
    n, squared, absolute, total, total_squared = np.moveaxis(sums, -1, 0)
    variation = total_squared - total**2 / n
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(variation > 0, 1 - squared / variation, np.nan)
    return np.sqrt(squared / n), absolute / n, r2


def bootstrap_scores(sums: Floats, samples: int, confidence: float, seed: int) -> Scores:
    """Return RMSE, MAE and R² with percentile bootstrap intervals; whole clusters are drawn with replacement.

    Rows that belong together (duplicates, or a group) are in one cluster, or the interval would be too narrow
    (cluster bootstrap: Field & Welsh 2007, "Bootstrapping clustered data"). What is not finite is None.

    Args:
        sums: (CLUSTERS, SUMS), as `cluster_sums` returns them.
    """
    values = dict(zip(("rmse", "mae", "r2"), metrics_of(sums.sum(axis=0)), strict=True))
    filled = sums[sums[:, 0] > 0]
    drawn = np.random.Generator(np.random.PCG64(seed)).multinomial(
        len(filled), np.full(len(filled), 1 / len(filled)), samples
    )
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    scores: dict[str, float | None] = {}
    for (name, value), sampled in zip(values.items(), metrics_of(drawn @ filled), strict=True):
        known = sampled[np.isfinite(sampled)]
        low, high = np.quantile(known, tails) if len(known) and np.isfinite(value) else (np.nan, np.nan)
        for key, number in ((name, value), (f"{name}_low", low), (f"{name}_high", high)):
            scores[key] = float(number) if np.isfinite(number) else None
    return Scores.model_validate(scores)

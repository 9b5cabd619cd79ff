"""The evidence that something has changed: tests whose chance of a false alarm is known, and the rows they need."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

from stages.utils.arrays import Floats

POWER = 0.8  # with which a change is seen, in the counts of rows needed
RELABELLINGS = 1000  # of the permutation test
MOST_ERRORS = 5_000  # live errors in the tests: more add nothing beside the test rows
FEWEST_EXPECTED = 5.0  # rows in a bin of the chi-square test


def error_growth(test: Floats, live: Floats, seed: int) -> float:
    """Test whether live errors are larger than those of the test rows; return the one-sided p-value.

    Twice the smaller p-value of a rank test of the absolute errors, which heavy tails do not disturb (Mann & Whitney
    1947), and a permutation test of the mean squared error, which sees a few very large errors. Both hold their level
    whatever the distribution of the errors is.

    Args:
        test, live: (m,) and (n,) errors.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    live = rng.choice(live, MOST_ERRORS, replace=False) if len(live) > MOST_ERRORS else live
    ranks = stats.mannwhitneyu(np.abs(live), np.abs(test), alternative="greater").pvalue
    squares = stats.permutation_test(
        (live**2, test**2),
        lambda first, second, axis: first.mean(axis=axis) - second.mean(axis=axis),
        vectorized=True,
        n_resamples=RELABELLINGS,
        batch=50,
        alternative="greater",
        rng=rng,
    ).pvalue
    return min(1.0, 2 * float(min(ranks, squares)))


def coverage_drop(test: tuple[float, float], live: tuple[float, float]) -> float:
    """Test whether a smaller share of live rows than of test rows is inside its interval (Fisher's exact test).

    Args:
        test, live: rows inside, rows outside.
    """
    return float(stats.fisher_exact(np.round([live, test]).astype(int), alternative="less").pvalue)


def drift(shares: Sequence[float], trained: int, counts: Floats) -> tuple[float, int]:
    """Test whether live rows fall into the bins as training rows do; return the p-value and the degrees of freedom.

    The chi-square test of two samples, for the training rows are a sample, too; bins with few rows are put together.

    Args:
        shares, counts: (bins,) shares of the training rows, and counts of live rows.
        trained: training rows that the shares come from.
    """
    table = np.array([np.asarray(shares) * trained, counts], float)
    expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    order = np.argsort(-expected, kind="stable")
    table, expected = table[:, order], expected[order]
    kept = int(np.sum(expected >= FEWEST_EXPECTED))
    if expected[kept:].sum() < FEWEST_EXPECTED:  # the rare bins together are too rare: into the rarest of the others
        kept -= 1
    if kept < 1:
        return 1.0, 0
    table = np.column_stack([table[:, :kept], table[:, kept:].sum(axis=1)])
    found = stats.chi2_contingency(table, correction=False)
    return float(found.pvalue), int(found.dof)


def chance_index(freedom: int, trained: int, rows: int) -> float:
    """Compute the stability index that chance gives on average (Yurdakul 2018, "Statistical properties of PSI")."""
    return freedom * (1 / rows + 1 / trained)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm 1979, "A simple sequentially rejective multiple test procedure")."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * np.asarray(p_values)[order]))
    return [float(value) for value in adjusted]


def rows_for_growth(growth: float, spread: float, tested: int, level: float) -> int | None:
    """Compute how many labelled rows show that the RMSE grew by this share; None if the test rows are too few.

    Args:
        spread: standard error of log RMSE, times the root of the rows it was computed from.
        tested: test rows.
        level: of the test.
    """
    z = float(stats.norm.isf(level) + stats.norm.ppf(POWER))
    left = (math.log1p(growth) / z) ** 2 - spread**2 / tested
    return math.ceil(spread**2 / left) if left > 0 else None


def rows_for_drift(index: float, freedom: int, trained: int, level: float) -> int | None:
    """Compute how many rows show a drift of this stability index; None if the training rows are too few."""
    limit = stats.chi2.isf(level, freedom)
    # the noncentrality at which the test has its power
    needed = optimize.brentq(lambda noncentrality: stats.ncx2.sf(limit, freedom, noncentrality) - POWER, 0, 1e4)
    left = index * trained - needed
    return math.ceil(needed * trained / left) if left > 0 else None

"""Fits of the target on one column alone, for plots: a piecewise-linear trend, or the mean of each level."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.utils.arrays import Floats

MOST_KNOTS = 8
FEWEST = 5  # rows that a level needs for its mean to be shown


@dataclass(frozen=True)
class Trend:
    """A fitted curve: points (k,), its height and standard error at each (k,), the share of variance explained."""

    x: Floats
    mean: Floats
    error: Floats
    explains: float


def fit_trend(x: Floats, y: Floats) -> Trend | None:
    """Fit y (n,) by a piecewise-linear curve of x (n,) between quantile knots; None for a constant x."""
    count = int(np.clip(round(len(x) ** 0.25), 3, MOST_KNOTS))  # few rows cannot support many bends
    knots = np.unique(np.quantile(x, np.linspace(0, 1, count))) if len(x) > count else np.empty(0)
    if len(knots) < 2:
        return None
    basis = hats(x, knots)
    inverse = np.linalg.pinv(basis.T @ basis)
    coef = inverse @ (basis.T @ y)
    left = float(((y - basis @ coef) ** 2).sum())
    grid = np.unique(np.concatenate([knots, np.linspace(knots[0], knots[-1], 60)]))
    read = hats(grid, knots)
    variance = left / max(len(y) - len(knots), 1)
    error = np.sqrt(np.maximum(((read @ inverse) * read).sum(axis=1) * variance, 0))
    return Trend(grid, read @ coef, error, share_explained(left, y, len(knots)))


def hats(x: Floats, knots: Floats) -> Floats:
    """Return the basis (n, k) of piecewise-linear curves: each column is 1 at its knot and 0 at the others."""
    return np.column_stack([np.interp(x, knots, unit) for unit in np.eye(len(knots))])


def level_means(levels: "pd.Series[str]", y: "pd.Series[float]") -> tuple[pd.DataFrame, float]:
    """Return rows, mean and standard error of y by level (commonest first), and the share of y's variance explained."""
    table: pd.DataFrame = y.groupby(levels).agg(["count", "mean", "sem"])
    table = table.set_axis(["rows", "mean", "error"], axis=1).sort_values("rows", ascending=False, kind="stable")
    known = levels.notna()
    left = float(((y - levels.map(table["mean"])) ** 2)[known].sum())
    return table, share_explained(left, np.asarray(y[known], np.float64), len(table))


def share_explained(left: float, y: Floats, parameters: int) -> float:
    """Return R² adjusted for the number of parameters, at least 0."""
    n, total = len(y), float(((y - y.mean()) ** 2).sum()) if len(y) else 0.0
    if total <= 0 or n <= parameters:
        return 0.0
    return max(0.0, 1 - (left / (n - parameters)) / (total / (n - 1)))

"""Time the CV surface from moments against ElasticNetCV on the same grid, folds and rows, both in memory.

The columns are scaled within each fold, so that every training set has unit scale: ElasticNetCV does not scale again
inside the folds, so both solve the same problems. Everything runs on one thread. Run: python -m benchmarks.surface
"""

import sys
import time

from stages.modelling import elasticnet  # before numpy: fixes the threads

import numpy as np  # isort: skip
from sklearn.linear_model import ElasticNetCV  # isort: skip
from sklearn.model_selection import PredefinedSplit  # isort: skip

from stages.modelling.moments import Moments, merge_all  # isort: skip
from stages.modelling.training_sets import additive_sets, memberships  # isort: skip

ROWS, COLUMNS, FOLDS, ALPHAS = 1_000_000, 20, 5, 40
L1_RATIOS = [0.1, 0.5, 0.7, 0.9, 0.95, 0.99, 1.0]
TOL, MAX_ITER = 1e-6, 10_000  # as params.yaml has them


def make_rows(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correlated columns (rows, COLUMNS), scaled within each fold; a target; the fold of each row."""
    random = np.random.default_rng(0)
    X = random.standard_normal((rows, COLUMNS)) @ random.standard_normal((COLUMNS, COLUMNS))
    fold = np.arange(rows) % FOLDS
    for k in range(FOLDS):
        X[fold == k] -= X[fold == k].mean(axis=0)
        X[fold == k] /= X[fold == k].std(axis=0)
    y = X @ random.standard_normal(COLUMNS) + 5 * random.standard_normal(rows)
    for k in range(FOLDS):  # scaled too: the target is standardised for the fit
        y[fold == k] = (y[fold == k] - y[fold == k].mean()) / y[fold == k].std()
    return X, y, fold


def from_moments(X: np.ndarray, y: np.ndarray, fold: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """Mean squared errors (l1_ratios, alphas, folds): one pass over the rows, then the surface."""
    moments = [Moments.of(np.column_stack([X[fold == k], y[fold == k]])) for k in range(FOLDS)]
    errors = np.empty((len(L1_RATIOS), len(alphas), FOLDS))
    for k, one in enumerate(list(additive_sets(moments, memberships(FOLDS, forward=False)))[:-1]):
        problem = elasticnet.problem_of(one.train, np.zeros(COLUMNS))
        for i, l1_ratio in enumerate(L1_RATIOS):
            coef = elasticnet.path(problem, alphas, l1_ratio, TOL, MAX_ITER).coef
            errors[i, :, k] = elasticnet.mean_squared_errors(moments[k], coef, one.train)
    return errors


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    X, y, fold = make_rows(rows)
    whole = merge_all([Moments.of(np.column_stack([X, y]))])
    alphas = elasticnet.largest_alpha(elasticnet.problem_of(whole, np.zeros(COLUMNS)), 1.0) * np.geomspace(
        1, 1e-3, ALPHAS
    )

    start = time.perf_counter()
    ours = from_moments(X, y, fold, alphas)
    middle = time.perf_counter()
    search = ElasticNetCV(l1_ratio=L1_RATIOS, alphas=alphas, cv=PredefinedSplit(fold), tol=TOL, max_iter=MAX_ITER)
    theirs = search.fit(X, y).mse_path_
    end = time.perf_counter()

    ours_s, theirs_s = middle - start, end - middle
    difference = float(np.abs(ours / theirs - 1).max())
    print(f"{len(L1_RATIOS) * ALPHAS} points x {FOLDS} folds, {rows:,} rows x {COLUMNS} columns")
    print(f"from moments {ours_s:.2f} s (the pass over the rows included), ElasticNetCV {theirs_s:.2f} s")
    print(f"ratio {theirs_s / ours_s:.1f}, largest relative difference of an error {difference:.1g}")


if __name__ == "__main__":
    main()

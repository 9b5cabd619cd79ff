"""Comparison of models by cross-validation: the simpler one stays unless the other is clearly better."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.modelling import elasticnet
from stages.modelling.training_sets import TrainingSet
from stages.utils.arrays import Floats

L1_RATIO, ALPHAS, EPS = 0.5, 12, 5e-5  # of the quick path; where it ends the penalty hardly counts
TOL, MAX_ITER = 1e-4, 500  # R² to four digits; a harder fit than that is never the best of its path


class Candidate(NamedTuple):
    """A model cross-validated along a short path of alphas."""

    errors: Floats  # (folds,) mean squared error of each fold, by the alpha that is best for the others
    coefs: list[Floats]  # of each training set (p,), by that alpha; last of all the rows


class QuickPath(NamedTuple):
    """One training set's part of a Candidate."""

    coef: Floats  # (alphas, p)
    errors: Floats | None  # (alphas,) on its fold


def quick_path(one: TrainingSet, signs: Floats) -> QuickPath:
    """Fit a short path of alphas to a training set (see `elasticnet.problem_of` for `signs`)."""
    problem = elasticnet.problem_of(one.train, signs)
    alphas = elasticnet.largest_alpha(problem, L1_RATIO) * np.geomspace(1, EPS, ALPHAS)
    coef = elasticnet.path(problem, alphas, L1_RATIO, TOL, MAX_ITER).coef
    return QuickPath(coef, None if one.test is None else elasticnet.mean_squared_errors(one.test, coef, one.train))


def candidate_of(paths: Sequence[QuickPath]) -> Candidate:
    """Choose an alpha for each training set by the errors of the other folds: a fold's own error stays honest."""
    errors = np.array([path.errors for path in paths if path.errors is not None])
    overall = int(errors.mean(axis=0).argmin())
    best = [int(np.delete(errors, k, axis=0).mean(axis=0).argmin()) if len(errors) > 1 else overall
            for k in range(len(errors))]  # fmt: skip
    coefs = [path.coef[point] for path, point in zip(paths, [*best, overall], strict=True)]
    return Candidate(errors[np.arange(len(best)), best], coefs)


def is_better(errors: Floats, simpler: Floats) -> bool:
    """Tell whether a model's error is lower by more than one standard error of the paired difference over the folds.

    Args:
        errors, simpler: (folds,) mean squared errors of the model and of a simpler one.
    """
    gains = simpler - errors
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return bool(gains.mean() > error)

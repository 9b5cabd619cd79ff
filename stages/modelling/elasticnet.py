"""ElasticNet from moments: scikit-learn's own solver on p + 1 pseudo-rows that stand for the n rows.

With the standardised features X (n, p) and the centred target y, let XᵀX = RᵀR and Rᵀz = Xᵀy. Then for every w
‖y − Xw‖² = ‖z − Rw‖² + (yᵀy − zᵀz), so the p rows R, z and one more row (0, √(yᵀy − zᵀz)) have the same objective,
gradients and duality gap as the n rows (the m pseudo-rows scaled by √(m/n), because scikit-learn divides by the number
of rows). The fit is the fit of `make_pipeline(features, StandardScaler(), ElasticNet(alpha, l1_ratio))`.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, enet_path

from stages.modelling.moments import Moments
from stages.utils.arrays import Floats


@dataclass(frozen=True)
class Problem:
    """The pseudo-rows of a training set, and what takes their coefficients back to the features' own units."""

    rows: Floats  # (p + 1, p), Fortran order: standardised features
    target: Floats  # (p + 1,): centred target
    scale: Floats  # (p,): standard deviations of the features; 1 for a constant one
    mean: Floats  # (p,): means of the features
    target_mean: float


@dataclass(frozen=True)
class Fit:
    """An ElasticNet, for standardised features and for features in their own units."""

    alpha: float
    l1_ratio: float
    tol: float
    max_iter: int
    scaled: Floats  # (p,): weights of the standardised features
    coef: Floats  # (p,): weights of the features
    intercept: float
    iterations: int
    dual_gap: float
    converged: bool


def problem_of(moments: Moments) -> Problem:
    """The pseudo-rows for the moments of n rows of p features and the target."""
    p = len(moments.mean) - 1
    gram, moment = moments.scatter[:p, :p], moments.scatter[:p, p]
    scale = standard_deviations(moments)
    gram = gram / np.outer(scale, scale)
    moment = moment / scale
    values, vectors = np.linalg.eigh(gram)
    kept = values > max(values[-1], 0) * p * np.finfo(np.float64).eps
    root = np.sqrt(values[kept])
    rows, target = np.zeros((p + 1, p)), np.zeros(p + 1)
    rows[: len(root)] = root[:, None] * vectors[:, kept].T
    target[: len(root)] = (vectors[:, kept].T @ moment) / root
    target[p] = np.sqrt(max(moments.scatter[p, p] - target @ target, 0))
    stretch = np.sqrt((p + 1) / moments.n)
    return Problem(np.asfortranarray(rows * stretch), target * stretch, scale, moments.mean[:p], float(moments.mean[p]))


def standard_deviations(moments: Moments) -> Floats:
    """Standard deviations of the features, 1 where a feature is constant up to rounding: as StandardScaler has them."""
    p, eps = len(moments.mean) - 1, np.finfo(np.float64).eps
    variance = np.diag(moments.scatter)[:p] / moments.n
    bound = moments.n * eps * variance + (moments.n * moments.mean[:p] * eps) ** 2
    deviation: Floats = np.sqrt(np.where(variance <= bound, 1.0, variance))
    return deviation


def fit(moments: Moments, alpha: float, l1_ratio: float, tol: float, max_iter: int) -> Fit:
    """Fit an ElasticNet to the rows that the moments stand for.

    Args:
        alpha, l1_ratio, tol, max_iter: as scikit-learn's ElasticNet has them, for standardised features.
    """
    problem = problem_of(moments)
    model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, fit_intercept=False, tol=tol, max_iter=max_iter)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(problem.rows, problem.target)
    converged = not any(issubclass(item.category, ConvergenceWarning) for item in caught)
    coef = model.coef_ / problem.scale
    intercept = problem.target_mean - float(coef @ problem.mean)
    solved = (int(model.n_iter_), float(model.dual_gap_), converged)
    return Fit(alpha, l1_ratio, tol, max_iter, model.coef_, coef, intercept, *solved)


def least_squares(moments: Moments) -> tuple[Floats, float]:
    """Ordinary least squares (of the smallest norm, where features depend on one another): weights (p,), intercept."""
    problem = problem_of(moments)
    coef = np.linalg.lstsq(problem.rows, problem.target, rcond=1e-10)[0] / problem.scale
    return coef, problem.target_mean - float(coef @ problem.mean)


def path(moments: Moments, alphas: Floats, l1_ratio: float, tol: float, max_iter: int) -> tuple[Floats, Floats]:
    """ElasticNet at every alpha of a descending grid, each started from the one before.

    Returns:
        Weights of the standardised features (alphas, p), and of the features in their own units (alphas, p).
    """
    problem = problem_of(moments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, weights, _ = enet_path(
            problem.rows, problem.target, l1_ratio=l1_ratio, alphas=alphas, tol=tol, max_iter=max_iter, precompute=False
        )
    return weights.T, weights.T / problem.scale


def largest_alpha(moments: Moments, l1_ratio: float) -> float:
    """The smallest alpha at which every weight is zero."""
    p = len(moments.mean) - 1
    moment = moments.scatter[:p, p] / standard_deviations(moments)
    return float(np.abs(moment).max() / (moments.n * l1_ratio))


def mean_squared_errors(moments: Moments, coef: Floats, train: Moments) -> Floats:
    """Mean squared errors on the rows of `moments` of models fitted to the rows of `train`.

    Args:
        coef: (k, p) weights of k models, for features in their own units.

    Returns:
        (k,) errors, in the target's unit squared.
    """
    p = len(moments.mean) - 1
    shift = (moments.mean[p] - train.mean[p]) - coef @ (moments.mean[:p] - train.mean[:p])
    square = (
        moments.scatter[p, p]
        - 2 * coef @ moments.scatter[:p, p]
        + ((coef @ moments.scatter[:p, :p]) * coef).sum(axis=1)
    )
    errors: Floats = np.maximum(square, 0) / moments.n + shift**2
    return errors

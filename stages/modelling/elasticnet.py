"""ElasticNet from moments: scikit-learn's coordinate descent on the Gram matrix.

With standardised features and target, the Gram matrix XᵀX / n, the moment Xᵀy / n and yᵀy / n are all that the
objective, the gradient and the duality gap depend on. So the fit is that of `make_pipeline(features, StandardScaler(),
ElasticNet(alpha, l1_ratio))` on the n rows with a standardised target, and stops by the same duality gap; one pass
costs the square of the number of terms, whatever n is. A penalty means the same whatever the target's unit.

Where coordinate descent crawls, Newton steps over the weights that are not zero help it along (see `solve`).
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path

from stages.modelling.moments import Moments
from stages.utils.arrays import Floats

PASSES_PER_STEP = 200  # of coordinate descent before each Newton step
TINY_RIDGE = 1e-12  # lets terms that depend on one another be solved for
USUAL_DEVIATION = 0.3  # of a term that is 1 in a tenth of the rows and 0 elsewhere

# Passes are capped on purpose. Threads share the filters, so that they are not changed around a call.
warnings.filterwarnings("ignore", "Objective did not converge", ConvergenceWarning)


@dataclass(frozen=True)
class Problem:
    """The standardised sums of a training set, and the scales that take weights back to the terms' own units."""

    gram: Floats  # (p, p)
    moment: Floats  # (p,)
    scale: Floats  # (p,): what each term is divided by; 1 for a constant one
    mean: Floats  # (p,): means of the terms
    target_scale: float  # standard deviation of the target; 1 if it is constant
    target_mean: float
    energy: float  # mean square of the standardised target: 1, or 0 if it is constant
    signs: Floats  # (p,): the sign that a weight may have, 1 or -1; 0 for both


@dataclass(frozen=True)
class Path:
    """Weights along a descending grid of alphas."""

    alphas: Floats  # (a,)
    coef: Floats  # (a, p): for terms in their own units and the target in its own
    iterations: list[int]
    gaps: Floats  # (a,): duality gaps, as fractions of yᵀy / n
    converged: bool


@dataclass(frozen=True)
class Fit:
    """An ElasticNet for one alpha and l1_ratio."""

    alpha: float
    l1_ratio: float
    tol: float
    max_iter: int
    coef: Floats  # (p,): weights of the terms in their own units, the target in its own
    intercept: float
    iterations: int
    dual_gap: float
    converged: bool


def problem_of(moments: Moments, signs: Floats) -> Problem:
    """The standardised sums of n rows of p terms and the target.

    Args:
        signs: for each term of a column the sign that its weight may have, 1 or -1, or 0 for both. The terms of pairs
            follow; theirs are free.
    """
    p = len(moments.mean) - 1
    scale = scales(moments, len(signs))
    deviation = np.sqrt(moments.scatter[p, p] / moments.n)
    target_scale = float(deviation) if deviation > 0 else 1.0
    gram = moments.scatter[:p, :p] / moments.n / np.outer(scale, scale)
    moment = moments.scatter[:p, p] / moments.n / scale / target_scale
    energy = float(moments.scatter[p, p] / moments.n / target_scale**2)
    signs = np.append(signs, np.zeros(p - len(signs)))
    return Problem(gram, moment, scale, moments.mean[:p], target_scale, float(moments.mean[p]), energy, signs)


def nonnegative_parts(signs: Floats) -> Floats:
    """The matrix (q, p) whose transpose makes weights with these signs of q weights that are not negative.

    A free weight is the difference of two. At the optimum one of them is 0, so the penalties stay what they are.
    """
    p, free = len(signs), signs == 0
    return np.vstack([np.diag(np.where(free, 1, signs)), -np.eye(p)[free]])


def scales(moments: Moments, additive: int) -> Floats:
    """Return what each of p terms is divided by; the first `additive` are of columns, the others of pairs."""
    return pair_scales(standard_deviations(moments), additive)


def pair_scales(deviations: Floats, additive: int) -> Floats:
    """Standard deviations s of the columns' terms as they are, and √(0.3 s) for the pairs' terms, which follow.

    So a rare cell of a pair is penalised more than a column's curve; one that holds a tenth of the rows is not.
    """
    return np.append(deviations[:additive], np.sqrt(USUAL_DEVIATION * deviations[additive:]))


def standard_deviations(moments: Moments) -> Floats:
    """Standard deviations of the terms, 1 where a term is constant up to rounding: as StandardScaler computes them."""
    p, eps = len(moments.mean) - 1, np.finfo(np.float64).eps
    variance = np.diag(moments.scatter)[:p] / moments.n
    bound = moments.n * eps * variance + (moments.n * moments.mean[:p] * eps) ** 2
    deviation: Floats = np.sqrt(np.where(variance <= bound, 1.0, variance))
    return deviation


def path(
    problem: Problem, alphas: Floats, l1_ratio: float, tol: float, max_iter: int, start: Floats | None = None
) -> Path:
    """ElasticNet at every alpha of a descending grid, each started from the one before.

    Args:
        alphas, l1_ratio, tol, max_iter: as in scikit-learn's ElasticNet, for standardised terms and target.
        start: (p,) weights that the first one starts from; 0 without.
    """
    if problem.signs.any() and (problem.signs != 1).any():
        parts = nonnegative_parts(problem.signs)
        same = np.abs(parts)
        bounded = replace(
            problem,
            gram=parts @ problem.gram @ parts.T,
            moment=parts @ problem.moment,
            scale=same @ problem.scale,
            mean=same @ problem.mean,
            signs=np.ones(len(parts)),
        )
        warm = None if start is None else np.maximum(parts @ start, 0)
        found = path(bounded, alphas, l1_ratio, tol, max_iter, warm)
        return replace(found, coef=found.coef @ parts)
    weights = np.zeros(len(problem.moment)) if start is None else start * problem.scale / problem.target_scale
    coef, iterations, gaps = [], [], []
    for alpha in alphas:
        weights, gap, passes = solve(problem, float(alpha), l1_ratio, tol, max_iter, weights)
        coef.append(weights * problem.target_scale / problem.scale)
        iterations.append(passes)
        gaps.append(gap)
    return Path(alphas, np.array(coef), iterations, np.array(gaps), max(gaps) <= tol * problem.energy)


def solve(
    problem: Problem, alpha: float, l1_ratio: float, tol: float, max_iter: int, start: Floats
) -> tuple[Floats, float, int]:
    """Minimise the standardised objective at one alpha: weights (p,), their duality gap, passes of coordinate descent.

    scikit-learn's coordinate descent crawls where many terms are collinear, so after every `PASSES_PER_STEP` passes
    `newton_step` jumps to where it is heading.
    """
    one_row = np.zeros((1, len(problem.moment)), order="F")  # the solver takes only their number from the rows
    target = np.array([np.sqrt(problem.energy)])
    weights, passes = start, 0
    while True:
        _, found, gaps, iterations = enet_path(
            one_row,
            target,
            l1_ratio=l1_ratio,
            alphas=[alpha],
            precompute=problem.gram,
            Xy=problem.moment,
            tol=tol,
            max_iter=min(PASSES_PER_STEP, max_iter - passes),
            coef_init=weights,
            return_n_iter=True,
            positive=bool(problem.signs.any()),
            check_input=False,
        )
        weights, gap, passes = found[:, 0], float(gaps[0]), passes + int(iterations[0])
        if gap <= tol * problem.energy or passes >= max_iter:
            return weights, gap, passes
        weights = newton_step(problem, alpha, l1_ratio, weights)


def newton_step(problem: Problem, alpha: float, l1_ratio: float, weights: Floats) -> Floats:
    """Minimise over the weights that are not zero, for as long as they keep their signs; the first to lose it is 0.

    With its signs fixed the objective is quadratic: one linear system has its minimum, and the way there only descends.
    """
    active = np.flatnonzero(weights)
    now, signs = weights[active], np.sign(weights[active])
    ridge = alpha * (1 - l1_ratio) + TINY_RIDGE
    curvature = problem.gram[np.ix_(active, active)] + ridge * np.eye(len(active))
    downhill = problem.moment[active] - alpha * l1_ratio * signs - curvature @ now
    try:
        step = cho_solve(cho_factor(curvature), downhill)
    except LinAlgError:
        return weights
    crossing = (now + step) * signs < 0
    reach = np.divide(now, -step, out=np.ones(len(now)), where=crossing)
    length = float(reach.min(initial=1.0))
    moved = np.where(crossing & (reach == length), 0.0, now + length * step)
    result = weights.copy()
    result[active] = moved
    return result


def fit(problem: Problem, alpha: float, l1_ratio: float, tol: float, max_iter: int) -> Fit:
    """Fit an ElasticNet at one alpha (see `path`)."""
    found = path(problem, np.array([alpha]), l1_ratio, tol, max_iter)
    coef = found.coef[0]
    intercept = problem.target_mean - float(coef @ problem.mean)
    solved = (int(found.iterations[0]), float(found.gaps[0]), found.converged)
    return Fit(alpha, l1_ratio, tol, max_iter, coef, intercept, *solved)


def least_squares(moments: Moments) -> tuple[Floats, float]:
    """Ordinary least squares (of the smallest norm, where terms depend on one another): weights (p,), intercept."""
    p = len(moments.mean) - 1
    problem = problem_of(moments, np.zeros(p))
    values, vectors = np.linalg.eigh(problem.gram)
    kept = values > 1e-10 * max(values[-1], 0)
    solved = vectors[:, kept] @ ((vectors[:, kept].T @ problem.moment) / values[kept])
    coef = solved * problem.target_scale / problem.scale
    return coef, problem.target_mean - float(coef @ problem.mean)


def largest_alpha(problem: Problem, l1_ratio: float) -> float:
    """An alpha at which every weight is zero: the smallest, if no sign is bounded."""
    return float(np.abs(problem.moment).max() / l1_ratio)


def mean_squared_errors(moments: Moments, coef: Floats, train: Moments) -> Floats:
    """Mean squared errors on the rows of `moments` of models fitted to the rows of `train`.

    Args:
        coef: (k, p) weights of k models, for terms in their own units.

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

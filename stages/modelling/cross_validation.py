"""Cross-validation from the moments of the training sets: the surface of alpha and l1_ratio, and a point on it."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.modelling import elasticnet
from stages.modelling.elasticnet import Problem
from stages.modelling.training_sets import TrainingSet
from stages.utils.arrays import Floats
from stages.utils.parallel import map_parts
from stages.utils.params import TrainParams

FEW_TERMS = 200  # whose surface takes seconds
NOTICEABLE = 1e-3  # of the mean squared error
SMALLEST = 1e-6  # alpha of the grid, as a fraction of the largest
COARSEST_TOL = 1e-4  # of a surface of many terms: R² is then right to about four digits, in less time than by 1e-6


def cv_surface(sets: list[TrainingSet], problems: list[Problem], params: TrainParams) -> pd.DataFrame:
    """Cross-validated error on the grid of alpha and l1_ratio, and at the values that params.yaml fixes.

    The grid of an l1_ratio goes on below `eps` for as long as its best alpha is its smallest.

    Args:
        sets: the training sets, the one of all the rows last; problems: theirs.

    Returns:
        One row per point: alpha, l1_ratio, mse (mean over the folds, on the model's scale), mse_se (its standard
        error), rmse (root of mse), nonzero (terms of the fit to all training rows); alphas descend within an l1_ratio.
    """
    ratios = sorted({*params.l1_ratios, *([] if params.l1_ratio == "auto" else [params.l1_ratio])})
    small = len(problems[-1].moment) < FEW_TERMS
    paths = map_parts(cv_paths, ratios, sets, problems, params, small=small, unit="values of l1_ratio")
    return pd.concat(paths, ignore_index=True)


def cv_paths(l1_ratio: float, sets: list[TrainingSet], problems: list[Problem], params: TrainParams) -> pd.DataFrame:
    """The points of the surface for one l1_ratio."""
    top = elasticnet.largest_alpha(problems[-1], max(l1_ratio, 0.001))  # at 0 no alpha makes every weight zero
    more = max(params.alphas // 8, 1)
    step = params.eps ** (1 / (params.alphas - 1))
    grid = [float(f"{alpha:.6g}") for alpha in top * step ** np.arange(params.alphas)]
    if params.alpha != "auto":
        grid = sorted({*grid, params.alpha}, reverse=True)
    tol = surface_tol(problems[-1], params)
    warm = [np.zeros(len(problem.moment)) for problem in problems]
    frames: list[pd.DataFrame] = []
    while True:
        errors, counts = [], np.empty(0)
        for number, (one, problem) in enumerate(zip(sets, problems, strict=True)):
            found = elasticnet.path(problem, np.array(grid), l1_ratio, tol, params.max_iter, warm[number])
            warm[number] = found.coef[-1]
            if one.test is not None:
                errors.append(elasticnet.mean_squared_errors(one.test, found.coef, one.train))
            counts = np.count_nonzero(found.coef, axis=1)
        mse = np.mean(errors, axis=0)
        spread = np.std(errors, axis=0, ddof=1) if len(errors) > 1 else np.zeros(len(grid))
        columns = {
            "alpha": grid,
            "l1_ratio": l1_ratio,
            "mse": mse,
            "mse_se": spread / np.sqrt(len(errors)),
            "rmse": np.sqrt(mse),
            "nonzero": counts,
        }
        frames.append(pd.DataFrame(columns))
        points = pd.concat(frames, ignore_index=True)
        if params.alpha != "auto" or not worth_going_on(points["mse"].to_numpy(), more) or grid[-1] < top * SMALLEST:
            return points
        grid = [float(f"{grid[-1] * step**number:.6g}") for number in range(1, more + 1)]


def worth_going_on(mse: Floats, last: int) -> bool:
    """Tell whether the smallest alpha of a grid is its best and the `last` ones still lowered the error noticeably."""
    return bool(mse.argmin() == len(mse) - 1 and mse[-1] < (1 - NOTICEABLE) * mse[-1 - last])


def surface_tol(problem: Problem, params: TrainParams) -> float:
    """Return the tolerance of a surface or path: wider than that of the chosen fit, if there are many terms."""
    return params.tol if len(problem.moment) < FEW_TERMS else max(params.tol, COARSEST_TOL)


class Point(NamedTuple):
    """A point of the CV surface."""

    alpha: float
    l1_ratio: float
    mse: float
    mse_se: float


def choose(surface: pd.DataFrame, params: TrainParams) -> Point:
    """The point of the surface that params.yaml asks for; ties go to the sparser, more penalised model.

    `best` has the smallest cross-validated error. `one_se` is the sparsest whose error is within one standard error of
    it (Breiman et al. 1984, section 3.4.3).
    """
    allowed = surface
    if params.alpha != "auto":
        allowed = allowed[allowed["alpha"] == params.alpha]
    if params.l1_ratio != "auto":
        allowed = allowed[allowed["l1_ratio"] == params.l1_ratio]
    ranked = allowed.sort_values(["mse", "nonzero", "alpha"], ascending=[True, True, False], kind="stable")
    if params.rule == "one_se":
        near = ranked[ranked["mse"] <= ranked["mse"].iloc[0] + ranked["mse_se"].iloc[0]]
        ranked = near.sort_values(["nonzero", "alpha", "mse"], ascending=[True, False, True], kind="stable")
    return Point(*ranked[list(Point._fields)].iloc[0])

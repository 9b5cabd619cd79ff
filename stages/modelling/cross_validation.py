"""Cross-validation from the moments of the folds: the surface of alpha and l1_ratio, and the point chosen on it."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from stages.modelling import elasticnet
from stages.modelling.moments import Moments, merge_all
from stages.utils.params import TrainParams


def training_sets(folds: list[Moments], forward: bool) -> list[Moments | None]:
    """What each fold's model is fitted to: the other folds, or (forward) those before it; the first then has none."""
    return [
        merge_all(others)
        if (others := [fold for i, fold in enumerate(folds) if (i < k if forward else i != k)])
        else None
        for k in range(len(folds))
    ]


def cv_surface(
    moments: list[Moments], folds: list[Moments | None], total: Moments, params: TrainParams
) -> pd.DataFrame:
    """Cross-validated error on the grid of alpha and l1_ratio, and at the values that params.yaml fixes.

    Returns:
        A row a point: alpha, l1_ratio, mse (mean over the folds, on the model's scale), mse_se (its standard error),
        rmse (root of mse), nonzero (terms of the fit to all training rows); alphas descend within an l1_ratio.
    """
    ratios = sorted({*params.l1_ratios, *([] if params.l1_ratio == "auto" else [params.l1_ratio])})
    frames = []
    for l1_ratio in tqdm(ratios, unit="l1_ratio", leave=False, disable=None):
        top = elasticnet.largest_alpha(total, max(l1_ratio, 0.001))  # at l1_ratio 0 no alpha makes every weight zero
        grid = np.array([float(f"{alpha:.6g}") for alpha in top * np.geomspace(1, params.eps, params.alphas)])
        if params.alpha != "auto":
            grid = np.unique(np.append(grid, params.alpha))[::-1]
        errors = []
        for fold, train in zip(moments, folds, strict=True):
            if train is not None:
                _, coef = elasticnet.path(train, grid, l1_ratio, params.tol, params.max_iter)
                errors.append(elasticnet.mean_squared_errors(fold, coef, train))
        scaled, _ = elasticnet.path(total, grid, l1_ratio, params.tol, params.max_iter)
        mse = np.mean(errors, axis=0)
        spread = np.std(errors, axis=0, ddof=1) if len(errors) > 1 else np.zeros(len(grid))
        columns = {
            "alpha": grid,
            "l1_ratio": l1_ratio,
            "mse": mse,
            "mse_se": spread / np.sqrt(len(errors)),
            "rmse": np.sqrt(mse),
            "nonzero": np.count_nonzero(scaled, axis=1),
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


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

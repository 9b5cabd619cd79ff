"""Train: ElasticNet from the moments; it reads no rows, so its cost does not depend on how many there are.

Reads   data/moments.npz, models/features.joblib
Writes  models/model.joblib (feature map, scaler, ElasticNet), models/folds.npz (each fold's coefficients),
        metrics/train.json, plots/cv_surface.csv, plots/regularization_path.csv
Run     python -m stages.train

Every fold's training set is the other folds' moments merged (by time: the folds before it). The whole surface of alpha
and l1_ratio is cross-validated at every run; `auto` picks from it.
"""

from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import ElasticNet
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from stages.utils import elasticnet
from stages.utils.elasticnet import Fit
from stages.utils.features import blocks
from stages.utils.files import replacing, write_csv, write_json, write_pickle
from stages.utils.moments import Moments, load_moments, merge_all
from stages.utils.settings import TrainParams, read_params
from stages.utils.stage import stage

Floats = npt.NDArray[np.float64]

MOMENTS, FEATURE_MAP = Path("data/moments.npz"), Path("models/features.joblib")
MODEL, FOLDS, METRICS = Path("models/model.joblib"), Path("models/folds.npz"), Path("metrics/train.json")
SURFACE, PATH = Path("plots/cv_surface.csv"), Path("plots/regularization_path.csv")


def main() -> None:
    with stage("train") as log:
        params: TrainParams = read_params("train")
        forward = read_params("split.by") == "time"
        moments = load_moments(MOMENTS)
        feature_map: ColumnTransformer = joblib.load(FEATURE_MAP)
        total = merge_all(moments)
        folds = training_sets(moments, forward)

        surface = cv_surface(moments, folds, total, params)
        chosen = choose(surface, params)
        alpha, l1_ratio = chosen.alpha, chosen.l1_ratio
        fit = elasticnet.fit(total, alpha, l1_ratio, params.tol, params.max_iter)
        if not fit.converged:
            log.warning("not converged in %d passes: raise train.max_iter or train.tol in params.yaml", fit.iterations)

        write_pickle(MODEL, as_pipeline(feature_map, fit, total))
        save_folds(folds, alpha, l1_ratio, params)
        surface["chosen"] = (surface["alpha"] == alpha) & (surface["l1_ratio"] == l1_ratio)
        write_csv(SURFACE, surface)
        write_csv(PATH, regularization_path(total, l1_ratio, feature_map, surface, params))
        variance = total.scatter[-1, -1] / total.n
        metrics = {
            "alpha": alpha,
            "l1_ratio": l1_ratio,
            "cv_rmse": np.sqrt(chosen.mse),
            "cv_r2": 1 - chosen.mse / variance,
            "cv_mse_se": chosen.mse_se,
            "terms": len(fit.coef),
            "nonzero": np.count_nonzero(fit.coef),
            "iterations": fit.iterations,
            "converged": fit.converged,
        }
        write_json(METRICS, metrics)
        log.info("alpha %(alpha).4g, l1_ratio %(l1_ratio)g: CV RMSE %(cv_rmse).4g, R2 %(cv_r2).3f, "
                 "%(nonzero)d of %(terms)d terms", metrics)  # fmt: skip


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
        A row a point: alpha, l1_ratio, mse (mean over the folds, target's unit squared), mse_se (its standard error),
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


def as_pipeline(feature_map: ColumnTransformer, fit: Fit, total: Moments) -> Pipeline:
    """The model as the scikit-learn pipeline that a fit to the rows would have given; it takes typed columns."""
    p = len(fit.coef)
    scaler = StandardScaler()
    scaler.mean_ = total.mean[:p]
    scaler.scale_ = elasticnet.standard_deviations(total)
    scaler.var_ = np.diag(total.scatter)[:p] / total.n
    scaler.n_samples_seen_, scaler.n_features_in_ = total.n, p
    model = ElasticNet(alpha=fit.alpha, l1_ratio=fit.l1_ratio, tol=fit.tol, max_iter=fit.max_iter)
    model.coef_, model.intercept_ = fit.scaled, float(total.mean[p])
    model.n_iter_, model.dual_gap_, model.n_features_in_ = fit.iterations, fit.dual_gap, p
    return Pipeline([("features", feature_map), ("scale", scaler), ("elasticnet", model)])


def save_folds(folds: list[Moments | None], alpha: float, l1_ratio: float, params: TrainParams) -> None:
    """Write each fold's model, for terms in their own units: coef (folds, p), intercept (folds,); NaN where none is."""
    p = len(next(train for train in folds if train is not None).mean) - 1
    coef, intercept = np.full((len(folds), p), np.nan), np.full(len(folds), np.nan)
    for k, train in enumerate(folds):
        if train is not None:
            fit = elasticnet.fit(train, alpha, l1_ratio, params.tol, params.max_iter)
            coef[k], intercept[k] = fit.coef, fit.intercept
    with replacing(FOLDS) as partial:
        np.savez(partial, coef=coef, intercept=intercept)


def regularization_path(
    total: Moments, l1_ratio: float, feature_map: ColumnTransformer, surface: pd.DataFrame, params: TrainParams
) -> pd.DataFrame:
    """How much each column weighs along the alphas at the chosen l1_ratio: alpha, column, sd.

    `sd` is the standard deviation over the training rows of the column's part of the prediction (target's unit).
    """
    grid = surface.loc[surface["l1_ratio"] == l1_ratio, "alpha"].to_numpy()
    _, coef = elasticnet.path(total, grid, l1_ratio, params.tol, params.max_iter)
    frames = []
    for name, block in blocks(feature_map).items():
        part, weights = total.select(block).scatter / total.n, coef[:, list(block)]
        sd = np.sqrt(np.maximum(((weights @ part) * weights).sum(axis=1), 0))
        frames.append(pd.DataFrame({"alpha": grid, "column": name, "sd": sd}))
    return pd.concat(frames, ignore_index=True)


if __name__ == "__main__":
    main()

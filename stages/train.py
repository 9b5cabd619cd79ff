"""Train: ElasticNet from the moments; it reads no rows, so its cost does not depend on how many there are.

Reads   data/moments.npz, models/features.joblib
Writes  models/model.joblib (feature map, scaler, ElasticNet), models/folds.npz (each fold's coefficients),
        metrics/train.json, plots/cv_surface.csv, plots/regularization_path.csv
Run     python -m stages.train

Every fold's training set is the other folds' moments merged (by time: the folds before it). The whole surface of alpha
and l1_ratio is cross-validated at every run; `auto` picks from it. All errors are on the scale of features.target.
"""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import ElasticNet
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stages.modelling import elasticnet
from stages.modelling.cross_validation import choose, cv_surface, training_sets
from stages.modelling.elasticnet import Fit
from stages.modelling.feature_map import blocks
from stages.modelling.moments import Moments, load_moments, merge_all
from stages.modelling.target_scale import LogElasticNet
from stages.utils.files import replacing, write_csv, write_json, write_pickle
from stages.utils.params import TargetTransform, TrainParams, read_params
from stages.utils.stage import stage

MOMENTS, FEATURE_MAP = Path("data/moments.npz"), Path("models/features.joblib")
MODEL, FOLDS, METRICS = Path("models/model.joblib"), Path("models/folds.npz"), Path("metrics/train.json")
SURFACE, PATH = Path("plots/cv_surface.csv"), Path("plots/regularization_path.csv")


def main() -> None:
    with stage("train") as log:
        params: TrainParams = read_params("train")
        forward, transform = read_params("split.by") == "time", read_params("features.target")
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
        if params.alpha == "auto" and alpha == surface.loc[surface["l1_ratio"] == l1_ratio, "alpha"].min():
            log.warning("the best alpha is the smallest of the grid: lower train.eps in params.yaml to look further")

        write_pickle(MODEL, as_pipeline(feature_map, fit, total, transform))
        save_folds(folds, alpha, l1_ratio, params)
        surface["chosen"] = (surface["alpha"] == alpha) & (surface["l1_ratio"] == l1_ratio)
        write_csv(SURFACE, surface)
        write_csv(PATH, regularization_path(total, l1_ratio, feature_map, surface, params))
        variance = total.scatter[-1, -1] / total.n
        metrics = {
            "alpha": alpha,
            "l1_ratio": l1_ratio,
            "target": transform,
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


def as_pipeline(feature_map: ColumnTransformer, fit: Fit, total: Moments, transform: TargetTransform) -> Pipeline:
    """The model as the scikit-learn pipeline that a fit to the rows would have given; it takes typed columns."""
    p = len(fit.coef)
    scaler = StandardScaler()
    scaler.mean_ = total.mean[:p]
    scaler.scale_ = elasticnet.standard_deviations(total)
    scaler.var_ = np.diag(total.scatter)[:p] / total.n
    scaler.n_samples_seen_, scaler.n_features_in_ = total.n, p
    estimator = LogElasticNet if transform == "log" else ElasticNet
    model = estimator(alpha=fit.alpha, l1_ratio=fit.l1_ratio, tol=fit.tol, max_iter=fit.max_iter)
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

    `sd` is the standard deviation over the training rows of the column's part of the prediction (on the model's scale).
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

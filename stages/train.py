"""Train: ElasticNet from the moments, so its cost does not depend on how many rows there are.

Reads   data/training_sets.npz, models/features.joblib, models/pairs.joblib; a sample of data/train/ (schema.yaml says
        how to read it), if a target on another scale is to be taken back to its mean
Writes  models/model.joblib (terms, scaler, ElasticNet), models/folds.joblib (each fold's model), metrics/train.json,
        plots/cv_surface.csv, plots/regularization_path.csv
Run     python -m stages.train

Every fold's training set is the other folds (by time: the folds before it), with pairs of its own. The whole surface
of alpha and l1_ratio is cross-validated at every run; `auto` picks from it. All errors are on the scale of
features.target.
"""

from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from stages.modelling import elasticnet
from stages.modelling.constraints import free_r2
from stages.modelling.cross_validation import FEW_TERMS, choose, cv_surface, surface_tol
from stages.modelling.elasticnet import Problem
from stages.modelling.feature_map import blocks, count_terms, signs_of
from stages.modelling.moments import Moments
from stages.modelling.pipeline import as_pipeline, linear_predictions
from stages.modelling.target_scale import mean_factor
from stages.modelling.training_sets import Membership, load_sets, memberships
from stages.pairs.terms import ChosenPairs
from stages.table.parts import list_parts, row_weights, sample_rows
from stages.table.schema import read_schema
from stages.utils.files import write_csv, write_pickle
from stages.utils.metrics_files import TrainMetrics, write_metrics
from stages.utils.parallel import map_parts
from stages.utils.params import TargetTransform, TrainParams, read_params
from stages.utils.stage import stage

SETS, FEATURE_MAP, PAIRS = Path("data/training_sets.npz"), Path("models/features.joblib"), Path("models/pairs.joblib")
TRAIN = Path("data/train")
MODEL, FOLDS = Path("models/model.joblib"), Path("models/folds.joblib")
SURFACE, PATH = Path("plots/cv_surface.csv"), Path("plots/regularization_path.csv")


def main() -> None:
    with stage("train") as log:
        params: TrainParams = read_params("train")
        transform, back_transform = read_params("features.target"), read_params("features.back_transform")
        sample_size = read_params("features.sample_rows")
        forward = read_params("split.by") == "time"
        sets = load_sets(SETS)
        feature_map: ColumnTransformer = joblib.load(FEATURE_MAP)
        pairs: ChosenPairs = joblib.load(PAIRS)
        signs = signs_of(feature_map)
        problems = [elasticnet.problem_of(one.train, signs) for one in sets]
        total = sets[-1].train

        surface = cv_surface(sets, problems, params)
        chosen = choose(surface, params)
        alpha, l1_ratio = chosen.alpha, chosen.l1_ratio
        small = len(problems[-1].moment) < FEW_TERMS
        solve = partial(elasticnet.fit, alpha=alpha, l1_ratio=l1_ratio, tol=params.tol, max_iter=params.max_iter)
        fits = list(map_parts(solve, problems, small=small, unit="training sets"))
        fit = fits[-1]
        if not fit.converged:
            log.warning("not converged in %d passes: raise train.max_iter or train.tol in params.yaml", fit.iterations)

        *folds, model = (
            as_pipeline(feature_map, pairs.transformer(number), each, one.train, transform, back_transform)
            for number, (each, one) in enumerate(zip(fits, sets, strict=True))
        )
        if transform != "none" and back_transform == "mean":
            set_factors([*folds, model], memberships(len(folds) + forward, forward), transform, sample_size)
        write_pickle(MODEL, model)
        write_pickle(FOLDS, dict(zip((one.held_out for one in sets), folds, strict=False)))
        surface["chosen"] = (surface["alpha"] == alpha) & (surface["l1_ratio"] == l1_ratio)
        write_csv(SURFACE, surface)
        named = named_blocks(feature_map, pairs)
        write_csv(PATH, regularization_path(total, problems[-1], l1_ratio, named, surface, params))
        variance = total.scatter[-1, -1] / total.n
        metrics = TrainMetrics(
            alpha=alpha,
            l1_ratio=l1_ratio,
            target=transform,
            cv_rmse=np.sqrt(chosen.mse),
            cv_r2=1 - chosen.mse / variance,
            cv_mse_se=chosen.mse_se,
            terms=len(fit.coef),
            nonzero=np.count_nonzero(fit.coef),
            iterations=fit.iterations,
            converged=fit.converged,
        )
        if signs.any():
            metrics.cv_r2_free = free_r2(sets, problems, fit, pairs.axes, params, log)
            log.info("without the monotone constraints of schema.yaml: CV R² %.3f", metrics.cv_r2_free)
        log.info("alpha %(alpha).4g, l1_ratio %(l1_ratio)g: CV RMSE %(cv_rmse).4g, R2 %(cv_r2).3f, "
                 "%(nonzero)d of %(terms)d terms", metrics.model_dump())  # fmt: skip
        write_metrics(metrics)


def set_factors(
    models: list[Pipeline], members: list[Membership], transform: TargetTransform, sample_size: int
) -> None:
    """Let each model predict means: set its factor, over a sample of the rows that it was fitted to."""
    schema = read_schema()
    columns = [*schema.modelled, "_fold"]
    sample = sample_rows(list_parts(TRAIN), sample_size, columns)
    for model, member in zip(models, members, strict=True):
        rows = sample[sample["_fold"].isin(member.folds)]
        target = rows[schema.target.name].to_numpy()
        model["elasticnet"].factor_ = mean_factor(
            target, linear_predictions(model, rows), transform, row_weights(rows, schema)
        )


def named_blocks(feature_map: ColumnTransformer, pairs: ChosenPairs) -> dict[str, range]:
    """For each column and each pair of the model the positions of its terms."""
    named, start = blocks(feature_map), count_terms(feature_map)
    for pair in pairs.by_set[-1]:
        named[" × ".join(pairs.axes[axis].name for axis in pair.axes)] = range(start, start + pair.terms)
        start += pair.terms
    return named


def regularization_path(
    total: Moments,
    problem: Problem,
    l1_ratio: float,
    named: dict[str, range],
    surface: pd.DataFrame,
    params: TrainParams,
) -> pd.DataFrame:
    """Return how much each column and pair weighs along the alphas at the chosen l1_ratio: alpha, column, sd.

    `sd` is the standard deviation over the training rows of its part of the prediction (on the model's scale).
    """
    grid = surface.loc[surface["l1_ratio"] == l1_ratio, "alpha"].to_numpy()
    coef = elasticnet.path(problem, grid, l1_ratio, surface_tol(problem, params), params.max_iter).coef
    frames = []
    for name, block in named.items():
        part, weights = total.select(block).scatter / total.n, coef[:, list(block)]
        sd = np.sqrt(np.maximum(((weights @ part) * weights).sum(axis=1), 0))
        frames.append(pd.DataFrame({"alpha": grid, "column": name, "sd": sd}))
    return pd.concat(frames, ignore_index=True)


if __name__ == "__main__":
    main()

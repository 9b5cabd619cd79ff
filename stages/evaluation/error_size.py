"""The size of the error as a model of its own, so that the rows that are hard to predict get wider intervals.

The logarithm of the residual's size is regressed on the columns' terms, by the moments and the ElasticNet of the model
itself. The residuals are then divided by what that gives before their quantiles are taken: normalised split conformal
prediction (Papadopoulos, Proedrou, Vovk and Gammerman 2002; Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018,
section 5.2), within bins of the prediction (Mondrian: Boström and Johansson 2020).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.evaluation.intervals import interval_ends, interval_scores, residual_intervals
from stages.modelling.comparison import candidate_of, quick_path
from stages.modelling.pipeline import linear_sums, pairs_of, weights_of
from stages.modelling.sums import Products, add_by_fold, term_moments, vertex_blocks
from stages.modelling.target_scale import from_scale
from stages.modelling.training_sets import additive_sets, memberships
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats, median, quantiles
from stages.utils.params import EvaluateParams, TargetTransform

SMALL = 0.1  # of the median size: added to each, because the logarithm of 0 is no number
TAIL = 0.005  # of the training rows at either end, beyond which a factor is held
STRENGTHS = np.arange(7) / 4  # powers of the factor that are tried; 0 leaves the bins alone


def scaled_intervals(
    model: Pipeline,
    rows: pd.DataFrame,
    prediction: Floats,
    residual: Floats,
    params: EvaluateParams,
    transform: TargetTransform,
    weight: Floats | None = None,
    spread: Floats | float = 1.0,
    forward: bool = False,
) -> tuple[dict[str, Any], Floats]:
    """Return prediction intervals that are wider for rows that are hard to predict, and the factor of each row.

    The factor of a training row comes from a model that has not seen its fold. A power of it is taken: the one with
    the lowest mean interval score over these rows. It is 0, and the intervals are `residual_intervals`, where no
    column says how large the error is.

    Args:
        model: predicts the target; gives the terms.
        rows: (n,) training rows with their `_fold`.
        prediction, residual: (n,) out-of-fold predictions and residuals, on the model's scale.
        weight: (n,) how often each row counts; once if None.
        spread: (n,) part of each row's factor that is known beforehand (see `exposure_spread`).
        forward: the model of a fold must not see later folds either. The rows of the first fold then have no factor:
            the intervals are those of the others.

    Returns:
        The intervals, with `factor_coef`, the weights of the columns' terms in the logarithm of the factor, and
        `factor_limits`, unless the power is 0; and the factors (n,), NaN for a row without one.
    """
    spread = np.full(len(rows), spread)
    coefs, logs = log_factors(model, rows, np.abs(residual) / spread, weight, forward)
    known = ~np.isnan(logs)
    prediction, residual, logs, spread = prediction[known], residual[known], logs[known], spread[known]
    weight = None if weight is None else weight[known]
    limits = quantiles(logs, [TAIL, 1 - TAIL], weight)
    target = from_scale(prediction + residual, transform)
    found = []
    for strength in STRENGTHS if limits[0] < limits[1] else [0.0]:
        factor = np.exp(strength * np.clip(logs, *limits)) * spread
        intervals = residual_intervals(prediction, residual / factor, params.coverage, params.bins, weight)
        ends = interval_ends(intervals, prediction, factor, transform)
        if strength > 0:
            intervals["factor_coef"] = (strength * coefs).tolist()
            intervals["factor_limits"] = np.exp(strength * limits).tolist()
        score = np.average(interval_scores(*ends, target, params.coverage), weights=weight)
        found.append((score, intervals, factor))
    _, intervals, factor = min(found, key=lambda each: each[0])
    factors = np.full(len(rows), np.nan)
    factors[known] = factor
    return intervals, factors


def log_factors(
    model: Pipeline, rows: pd.DataFrame, size: Floats, weight: Floats | None = None, forward: bool = False
) -> tuple[Floats, Floats]:
    """Regress the logarithm of the errors' sizes on the columns' terms.

    Args:
        size: (n,) of the out-of-fold errors, not negative.
        weight: (n,) how often each row counts; once if None.
        forward: fit to earlier folds only; alpha is still chosen by the errors of all other folds, as in train.

    Returns:
        The weights of the terms (p,), fitted to all rows; and for each row (n,) how far the logarithm is above that of
        an average row, by a model that has not seen the row's fold (forward: NaN in the first fold, which has no such
        model). All are 0 if there is nothing to learn.
    """
    pairs, fold = pairs_of(model), rows["_fold"].to_numpy()
    folds, p = np.unique(fold), sum(len(axis.places) for axis in pairs.axes)
    if len(folds) < 2 + forward or size.min() == size.max():
        return np.zeros(p), np.zeros(len(rows))
    positive = size > 0
    logs = np.log(size + SMALL * median(size[positive], None if weight is None else weight[positive]))
    values = np.array([axis.values(rows) for axis in pairs.axes])
    expand, place = partial(vertex_blocks, axes=pairs.axes), np.searchsorted(folds, fold)
    found = [Products.none(expand, len(values), float(logs.mean())) for _ in folds]
    add_by_fold(found, expand, values, logs, place, weight)
    moments = [term_moments(fold.moments(), pairs.axes) for fold in found]
    sets = additive_sets(moments, memberships(len(folds), forward))
    *others, coef = candidate_of([quick_path(one, np.zeros(p)) for one in sets]).coefs
    of_folds = linear_sums(pairs, rows, [centred(model, each) for each in others])
    if forward:
        of_folds = np.concatenate([np.full((1, len(rows)), np.nan), of_folds])
    return coef, of_folds[place, np.arange(len(rows))]


def factor_model(model: Pipeline, intervals: dict[str, Any]) -> tuple[Floats, float]:
    """Return weights of all the model's terms, and an intercept, that give the logarithm of a row's factor."""
    return centred(model, intervals.get("factor_coef", []))


def centred(model: Pipeline, coef: Floats | Sequence[float]) -> tuple[Floats, float]:
    """Return weights of all the model's terms, and the intercept that makes their sum 0 on average in training.

    Args:
        coef: weights of the columns' terms, which come first.
    """
    mean = weights_of(model)[1]
    weights = np.pad(coef, (0, len(mean) - len(coef)))
    return weights, -float(weights @ mean)


def row_factors(intervals: dict[str, Any], logs: Floats, rows: pd.DataFrame) -> Floats:
    """Return what the offsets of each of n rows are multiplied by, from the logarithms that `factor_model` gives."""
    factors: Floats = np.clip(np.exp(logs), *intervals.get("factor_limits", [1.0, 1.0]))
    return factors * exposure_spread(rows, intervals.get("exposure"))


def exposure_limits(rows: pd.DataFrame, schema: TableSchema) -> dict[str, Any] | None:
    """Return the name of the exposure, and limits beyond which the factor is held; None if the schema has none."""
    if schema.exposure is None:
        return None
    name = schema.exposure.name
    return {"name": name, "limits": quantiles(rows[name].to_numpy(), [TAIL, 1 - TAIL], None).tolist()}


def exposure_spread(rows: pd.DataFrame, exposure: dict[str, Any] | None) -> Floats | float:
    """Return 1 / √exposure for each of n rows (n,), to which the error of a rate is proportional; 1 without exposure.

    Args:
        exposure: as `exposure_limits` returns it.
    """
    return 1.0 if exposure is None else 1 / np.sqrt(np.clip(rows[exposure["name"]].to_numpy(), *exposure["limits"]))

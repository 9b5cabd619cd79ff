"""The scale that the target is modelled on: as it is, or its logarithm."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.modelling.elasticnet import least_squares
from stages.modelling.feature_map import count_terms, fit_feature_map, term_chunks
from stages.modelling.moments import Moments, merge_all
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats
from stages.utils.params import FeaturesParams, TargetTransform

Mask = npt.NDArray[np.bool_]

EVIDENCE = 5.0  # log-likelihood ratio from which evidence is very strong (Kass and Raftery 1995, "Bayes Factors")


def choose_scale(
    typed: pd.DataFrame, lowest: float, schema: TableSchema, params: FeaturesParams
) -> tuple[TargetTransform, str]:
    """The scale for a typed sample of the rows, and why; `lowest` is the least target of the whole table, or infinity.

    Least squares on both scales is fitted to a random half of the rows and judged on the rest. The logarithm is chosen
    where its residuals are clearly more likely to be normal, by the likelihood of Box and Cox (1964), "An Analysis of
    Transformations", and its terms also describe the mean in the target's own unit better. For the second, its
    predictions, which are medians, are scaled to means by Duan's (1983) smearing factor: like is compared with like.
    """
    rows = typed[typed[schema.target.name].notna()]
    y = rows[schema.target.name].to_numpy()
    if len(y) < 4 or min(lowest, y.min()) <= 0:
        return "none", "the target is not positive everywhere"
    fitted = np.random.default_rng(0).permutation(len(y)) < len(y) // 2
    judged = ~fitted
    plain, log = predictions(rows, fitted, schema, params)
    with np.errstate(over="ignore"):  # a prediction that overflows is a bad one
        smeared = np.exp(log) * np.mean(y[fitted] / np.exp(log[fitted]))
        plain_rmse, log_rmse = (float(np.sqrt(np.mean((y - p)[judged] ** 2))) for p in (plain, smeared))
    shown = f"on held-out rows the RMSE of its means is {log_rmse:.4g}, without log {plain_rmse:.4g}"
    log_error = float(np.sqrt(np.mean((np.log(y) - log)[judged] ** 2)))
    if not 0 < log_rmse < plain_rmse:
        return "none", f"log would not be better: {shown}"
    ratio = len(y[judged]) * (np.log(plain_rmse / log_error) - np.mean(np.log(y[judged])))
    if ratio < EVIDENCE:
        return "none", f"log would not be clearly better: {shown}, log-likelihood ratio {ratio:.3g}"
    return "log", f"{shown}, and its residuals are nearer to normal (log-likelihood ratio {ratio:.3g})"


def predictions(rows: pd.DataFrame, fitted: Mask, schema: TableSchema, params: FeaturesParams) -> tuple[Floats, Floats]:
    """Least squares predictions of the target and of its logarithm for all the rows, each (n,)."""
    feature_map = fit_feature_map(rows[fitted], schema, params)
    moments, p = [], count_terms(feature_map)
    for chunk, terms in term_chunks(rows[fitted], feature_map):
        y = chunk[schema.target.name].to_numpy()
        moments.append(Moments.of(np.column_stack([terms, y, np.log(y)])))
    both = merge_all(moments)
    coefs, intercepts = zip(*(least_squares(both.select([*range(p), p + place])) for place in (0, 1)), strict=True)
    linear = [terms @ np.transpose(coefs) + intercepts for _, terms in term_chunks(rows, feature_map)]
    plain, log = np.concatenate(linear).T
    return plain, log

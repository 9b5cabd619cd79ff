"""The scale that the target is modelled on: as it is, or one on which the residuals are nearer to normal."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LinearRegression

from stages.modelling.feature_map import fit_feature_map
from stages.modelling.target_scale import from_scale, to_scale
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats
from stages.utils.params import FeaturesParams, TargetTransform

JUDGED = 10_000  # rows of the sample that are enough
EVIDENCE = 5.0  # log-likelihood ratio from which evidence is very strong (Kass and Raftery 1995, "Bayes Factors")


class Scale(NamedTuple):
    """A candidate for params.yaml: features.target."""

    name: TargetTransform
    needs: str  # of every target, in words
    allows: Callable[[float], bool]  # the least target
    log_slope: Callable[[Floats], Floats]  # logarithm of the derivative of the scale


SCALES = (Scale("log", "positive everywhere", lambda least: least > 0, lambda y: -np.log(y)),)


class Judged(NamedTuple):
    """A scale on held-out rows."""

    rmse: float  # of the predicted means, in the target's own unit
    likelihood: float  # of the target, with normal residuals on the scale: logarithm


def choose_scale(
    typed: pd.DataFrame, least: float, schema: TableSchema, params: FeaturesParams
) -> tuple[TargetTransform, str]:
    """The scale for a typed sample of the rows, and why; `least` is the smallest target of the whole table.

    Least squares on each scale is fitted to a random half of the rows and judged on the rest. A scale is chosen where
    its residuals are clearly more likely to be normal, by the likelihood of Box and Cox (1964), "An Analysis of
    Transformations", and its predicted means also have a smaller error in the target's own unit.
    """
    rows = typed[typed[schema.target.name].notna()]
    rows = rows.sample(JUDGED, random_state=0) if len(rows) > JUDGED else rows
    y = rows[schema.target.name].to_numpy()
    allowed = [scale for scale in SCALES if len(y) >= 4 and scale.allows(min(least, float(y.min())))]
    if not allowed:
        return "none", f"the target is not {SCALES[0].needs}"
    fitted = np.random.default_rng(0).permutation(len(y)) < len(y) // 2
    terms = fit_feature_map(rows[fitted], schema, params).transform(rows)
    plain = judge("none", np.zeros(len(y)), terms, y, fitted)
    better: list[tuple[float, TargetTransform, str]] = []
    reasons = []
    for scale in allowed:
        found = judge(scale.name, scale.log_slope(y), terms, y, fitted)
        ratio = found.likelihood - plain.likelihood
        shown = f"on held-out rows its RMSE is {found.rmse:.4g}, without {scale.name} {plain.rmse:.4g}"
        evidence = f"log-likelihood ratio {ratio:.3g}"
        if not found.rmse < plain.rmse:
            reasons.append(f"{scale.name} would not be better: {shown}")
        elif ratio < EVIDENCE:
            reasons.append(f"{scale.name} would not be clearly better: {shown}, {evidence}")
        else:
            better.append((ratio, scale.name, f"{shown}, and its residuals are nearer to normal ({evidence})"))
    return max(better)[1:] if better else ("none", "; ".join(reasons))


def judge(name: TargetTransform, log_slope: Floats, terms: Floats, y: Floats, fitted: npt.NDArray[np.bool_]) -> Judged:
    """Least squares on a scale, fitted to some rows and judged on the others.

    Predictions are means: the average of what the residuals of the fitted rows make of each, by the smearing of Duan
    (1983), "Smearing Estimate: A Nonparametric Retransformation Method", here at a hundred quantiles.
    """
    scaled = to_scale(y, name)
    linear = LinearRegression().fit(terms[fitted], scaled[fitted]).predict(terms)
    residuals = np.quantile((scaled - linear)[fitted], np.linspace(0.005, 0.995, 100))
    with np.errstate(over="ignore"):  # a prediction that overflows is a bad one
        means = np.mean([from_scale(linear[~fitted] + residual, name) for residual in residuals], axis=0)
        rmse = float(np.sqrt(np.mean((y[~fitted] - means) ** 2)))
    deviation = np.sqrt(np.mean((scaled - linear)[~fitted] ** 2))
    return Judged(rmse, float(np.sum(log_slope[~fitted]) - np.sum(~fitted) * np.log(deviation)))

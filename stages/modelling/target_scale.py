"""The scale that the model is fitted on (params.yaml: features.target), and the way back to the target's unit.

On a logarithm contributions multiply: each is a factor on the prediction. On a square root they add up on the root
only. Where errors are symmetric on the scale, the sum taken back to the target's unit is a median. R² and RMSE reward
means: `features.back_transform: mean` multiplies by one factor, the sum of the training rows' targets over the sum of
their predictions. It is a smearing estimate (Duan 1983, "Smearing estimate: a nonparametric retransformation method")
that also leaves the mean of the training rows as it is.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import ElasticNet

from stages.table.schema import TableSchema
from stages.utils.arrays import Floats
from stages.utils.errors import DataError
from stages.utils.params import TargetTransform

TO_SCALE: dict[TargetTransform, Callable[[Floats], Floats]] = {
    "none": np.asarray,
    "sqrt": np.sqrt,
    "log": np.log,
    "log1p": np.log1p,
}
FROM_SCALE: dict[TargetTransform, Callable[[Floats], Floats]] = {
    "none": np.asarray,
    "sqrt": lambda values: np.maximum(values, 0) ** 2,
    "log": np.exp,
    "log1p": np.expm1,
}


def to_scale(target: Floats, transform: TargetTransform) -> Floats:
    """The target on the model's scale; NaN or -inf where it has no place there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return TO_SCALE[transform](target)


def from_scale(values: Floats, transform: TargetTransform) -> Floats:
    """Values of the model's scale in the target's unit."""
    return FROM_SCALE[transform](values)


def check_target(target: Floats, schema: TableSchema) -> None:
    """Raise a DataError for a constant target."""
    if target.min() == target.max():
        raise DataError(
            f"data/train: the target {schema.target.name} is {target[0]:g} in every training row; "
            f"there is nothing to predict: choose another role: target in schema.yaml"
        )


def check_scale(smallest: float, transform: TargetTransform, schema: TableSchema) -> None:
    """Raise a DataError for a target that has no place on the model's scale."""
    if (transform == "log" and smallest <= 0) or (transform != "none" and smallest < 0):
        needed = "positive numbers" if transform == "log" else "numbers from 0 on"
        raise DataError(
            f"data/train: the target {schema.target.name} is {smallest:g} in a training row, and params.yaml: "
            f"features.target: {transform} needs {needed}; set it to none, or give the column a minimum in schema.yaml"
        )


def scale_centre(sample: pd.DataFrame, schema: TableSchema, transform: TargetTransform) -> float:
    """A number near the target's mean on the model's scale, which sums are taken around."""
    values = to_scale(sample[schema.target.name].to_numpy(), transform)
    return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else 0.0


def mean_factor(target: Floats, linear: Floats, transform: TargetTransform, weight: Floats | None = None) -> float:
    """The factor that takes predictions from medians to means: 1 where the scale is the target's own.

    Args:
        target: (n,) in its own unit.
        linear: (n,) predictions of the same rows on the model's scale.
        weight: (n,) how often each row counts; once if None.
    """
    predicted = from_scale(linear, transform)
    if weight is not None:
        target, predicted = target * weight, predicted * weight
    total = predicted.sum()
    return 1.0 if transform == "none" or not total > 0 else float(target.sum() / total)


class ScaledElasticNet(ElasticNet):  # type: ignore[misc]
    """An ElasticNet of the target on the model's scale, standardised for the fit; it predicts in the target's unit.

    Because the target is standardised, alpha and l1_ratio mean the same whatever its unit. `coef_` and `intercept_`
    are on the model's scale, in its own unit; `factor_` is what takes predictions to means.
    """

    def __init__(
        self,
        transform: TargetTransform = "none",
        back_transform: str = "mean",
        alpha: float = 1.0,
        l1_ratio: float = 0.5,
        tol: float = 1e-4,
        max_iter: int = 1000,
    ) -> None:
        super().__init__(alpha=alpha, l1_ratio=l1_ratio, tol=tol, max_iter=max_iter)
        self.transform = transform
        self.back_transform = back_transform

    def fit(self, X: Any, y: Any, **options: Any) -> "ScaledElasticNet":
        """Fit to targets y (n,) in their own unit."""
        target = np.asarray(y, np.float64)
        scaled = to_scale(target, self.transform)
        mean, deviation = scaled.mean(), scaled.std() or 1.0
        super().fit(X, (scaled - mean) / deviation, **options)
        self.coef_: Floats = self.coef_ * deviation
        self.intercept_: float = self.intercept_ * deviation + mean
        is_mean = self.back_transform == "mean"
        self.factor_ = mean_factor(target, self.predict_linear(X), self.transform) if is_mean else 1.0
        return self

    def predict_linear(self, X: Any) -> Floats:
        """Predictions (n,) on the model's scale."""
        linear: Floats = super().predict(X)
        return linear

    def predict(self, X: Any) -> Floats:
        """Predictions (n,) in the target's unit."""
        return from_scale(self.predict_linear(X), self.transform) * self.factor_

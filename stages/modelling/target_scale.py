"""The scale that the model is fitted on: the target as it is, or its natural logarithm (params.yaml: features.target).

On the log scale contributions multiply: each is a factor on the prediction. A prediction is the exponential of the
linear sum, so where errors are symmetric on the log scale it is the median of the target and not its mean; nothing is
added to centre it on the mean (no smearing).
"""

from typing import Any

import numpy as np
from sklearn.linear_model import ElasticNet

from stages.utils.arrays import Floats
from stages.utils.params import TargetTransform


def to_scale(target: Floats, transform: TargetTransform) -> Floats:
    """The target on the model's scale; NaN or -inf where it has no logarithm."""
    if transform == "none":
        return target
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(target)


def from_scale(values: Floats, transform: TargetTransform) -> Floats:
    """Values of the model's scale in the target's unit."""
    return values if transform == "none" else np.exp(values)


class ScaledElasticNet(ElasticNet):  # type: ignore[misc]
    """An ElasticNet of the target on the model's scale, standardised for the fit; it predicts in the target's unit.

    Because the target is standardised, alpha and l1_ratio mean the same whatever its unit. `coef_` and `intercept_`
    are on the model's scale, in its own unit.
    """

    def __init__(
        self,
        transform: TargetTransform = "none",
        alpha: float = 1.0,
        l1_ratio: float = 0.5,
        tol: float = 1e-4,
        max_iter: int = 1000,
    ) -> None:
        super().__init__(alpha=alpha, l1_ratio=l1_ratio, tol=tol, max_iter=max_iter)
        self.transform = transform

    def fit(self, X: Any, y: Any, **options: Any) -> "ScaledElasticNet":
        """Fit to targets y (n,) in their own unit."""
        scaled = to_scale(np.asarray(y, np.float64), self.transform)
        mean, deviation = scaled.mean(), scaled.std() or 1.0
        super().fit(X, (scaled - mean) / deviation, **options)
        self.coef_: Floats = self.coef_ * deviation
        self.intercept_: float = self.intercept_ * deviation + mean
        return self

    def predict(self, X: Any) -> Floats:
        """Predictions (n,) in the target's unit."""
        return from_scale(super().predict(X), self.transform)

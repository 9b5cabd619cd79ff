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


class LogElasticNet(ElasticNet):  # type: ignore[misc]
    """An ElasticNet of the target's logarithm that predicts in the target's unit."""

    def fit(self, X: Any, y: Any, **options: Any) -> "LogElasticNet":
        """Fit to the logarithm of y (n,), which is positive."""
        super().fit(X, np.log(y), **options)
        return self

    def predict(self, X: Any) -> Floats:
        """Predictions (n,) in the unit of the y that was fitted."""
        predictions: Floats = np.exp(super().predict(X))
        return predictions

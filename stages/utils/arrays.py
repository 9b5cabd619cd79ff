"""The types of the arrays that the stages pass around; docstrings give the shapes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


def quantiles(values: Floats, shares: Sequence[float] | Floats, weight: Floats | None) -> Floats:
    """The quantiles of n values at these shares; with weights (n,) of the distribution that these make."""
    found: Floats = (
        np.quantile(values, shares)
        if weight is None
        else np.quantile(values, shares, weights=weight, method="inverted_cdf")
    )
    return found


def median(values: Floats, weight: Floats | None) -> float:
    """The median of n values, at least one, with weights (n,) or without."""
    return float(np.median(values) if weight is None else quantiles(values, [0.5], weight)[0])

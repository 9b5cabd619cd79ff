"""Purification: the one way to tell apart what two columns add alone and what only both together add.

After Lengerich, Tan, Chang, Hooker and Caruana (2020), "Purifying interaction effects with the functional ANOVA: an
efficient algorithm for recovering identifiable additive models".
"""

from typing import NamedTuple

import numpy as np

from stages.utils.arrays import Floats

PASSES, TOL = 1000, 1e-13


class Purified(NamedTuple):
    """A surface taken apart: constant + first[:, None] + second + surface are its values again."""

    constant: float
    first: Floats  # (I,), of mean 0 over the rows
    second: Floats  # (J,), of mean 0 over the rows
    surface: Floats  # (I, J), of mean 0 over the rows at every place of either side


def purify(values: Floats, rows: Floats) -> Purified:
    """Move what is additive out of a surface (I, J), under the density of the training rows (I, J).

    Means are taken along one side and the other in turn until nothing moves.
    """
    surface = values.copy()
    first, second = np.zeros(surface.shape[0]), np.zeros(surface.shape[1])
    by_first, by_second = rows.sum(axis=1), rows.sum(axis=0)
    size = np.abs(values).max(initial=0.0)
    for _ in range(PASSES):
        a = np.divide((rows * surface).sum(axis=1), by_first, out=np.zeros_like(first), where=by_first > 0)
        surface -= a[:, None]
        b = np.divide((rows * surface).sum(axis=0), by_second, out=np.zeros_like(second), where=by_second > 0)
        surface -= b
        first, second = first + a, second + b
        if max(np.abs(a).max(), np.abs(b).max()) <= TOL * size:
            break
    total = rows.sum()
    a, b = by_first @ first / total, by_second @ second / total
    return Purified(float(a + b), first - a, second - b, surface)

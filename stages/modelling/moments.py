"""Moments: count, means and scatter of a set of rows, which is all that a linear model needs to know of them.

Moments of parts are merged in part order by the pairwise update of Chan, Golub and LeVeque (1983), "Algorithms for
computing the sample variance": centred, so that nothing is lost to large means.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from stages.utils.arrays import Floats
from stages.utils.files import write_arrays


@dataclass(frozen=True)
class Moments:
    """Moments of n rows of q columns; for a model the features come first and the target last (q = p + 1)."""

    n: float  # rows, or the sum of their weights
    mean: Floats  # (q,)
    scatter: Floats  # (q, q): sum over the rows of the outer products of the centred columns

    @classmethod
    def of(cls, rows: Floats, weight: Floats | None = None) -> "Moments":
        """The moments of an array (n, q); n may be 0. A row counts as often as its weight says, or once."""
        n, q = rows.shape
        if n == 0:
            return cls.none(q)
        mean = np.average(rows, axis=0, weights=weight)
        centred = rows - mean
        if weight is None:
            return cls(n, mean, centred.T @ centred)
        return cls(float(weight.sum()), mean, centred.T @ (centred * weight[:, None]))

    @classmethod
    def none(cls, q: int) -> "Moments":
        """The moments of no rows of q columns."""
        return cls(0, np.zeros(q), np.zeros((q, q)))

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both sets of rows together."""
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        shift = other.mean - self.mean
        mean = self.mean + shift * (other.n / n)
        scatter = self.scatter + other.scatter + np.outer(shift, shift) * (self.n * other.n / n)
        return Moments(n, mean, scatter)

    def select(self, columns: Iterable[int]) -> "Moments":
        """The moments of some of the columns."""
        chosen = np.fromiter(columns, dtype=np.intp)
        return Moments(self.n, self.mean[chosen], self.scatter[np.ix_(chosen, chosen)])


def merge_all(moments: Iterable[Moments]) -> Moments:
    """The moments of all the sets of rows together, merged in the order given."""
    return reduce(Moments.merge, moments)


def explained(moments: Moments) -> float:
    """R² of least squares of the last column on the others; 0 for a constant target.

    Columns that depend on one another are no obstacle: directions with less than 1e-12 of the largest variance are
    left out.
    """
    total = moments.scatter[-1, -1]
    spread = np.sqrt(np.diag(moments.scatter)[:-1])
    used = spread > 0
    if total <= 0 or not used.any():
        return 0.0
    scale = spread[used]
    gram = moments.scatter[:-1, :-1][np.ix_(used, used)] / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(gram)
    kept = values > 1e-12 * values[-1]
    projected = vectors[:, kept].T @ (moments.scatter[:-1, -1][used] / scale)
    return float(np.clip((projected**2 / values[kept]).sum() / total, 0, 1))


def save_moments(path: Path, folds: list[Moments]) -> None:
    """Write the moments of each fold: n (folds,), mean (folds, q), scatter (folds, q, q)."""
    write_arrays(path, {name: [getattr(fold, name) for fold in folds] for name in ("n", "mean", "scatter")})


def load_moments(path: Path) -> list[Moments]:
    """Read the moments of each fold."""
    with np.load(path) as arrays:
        fields = (arrays[name] for name in ("n", "mean", "scatter"))
        return [Moments(n.item(), *rest) for n, *rest in zip(*fields, strict=True)]

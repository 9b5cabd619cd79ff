"""Terms of pairs: the products of the hats (or levels) of two axes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from stages.modelling.axes import Axis
from stages.modelling.sums import Block, slices_of, vertex_blocks
from stages.pairs.grids import Grid
from stages.utils.arrays import Floats, Mask, Places

FEWEST_ROWS = 3  # that a cell of a surface stands for; a cell with fewer gets no term


@dataclass(frozen=True)
class Pair:
    """A pair of axes at a resolution, and which of its products are terms."""

    axes: tuple[int, int]
    resolutions: tuple[int, int]
    places: Places  # (I, J) number of the term of each product of vertices; -1 for one with too few rows

    @property
    def terms(self) -> int:
        """Number of its terms."""
        return int(self.places.max()) + 1


def make_pair(axes: tuple[int, int], resolutions: tuple[int, int], rows: Floats, grids: Sequence[Grid]) -> Pair:
    """A pair with a term for each product to which enough rows of its fine table (I, J) contribute."""
    first, second = grids[axes[0]], grids[axes[1]]
    kept = support(rows, first.spread(resolutions[0]), second.spread(resolutions[1])) >= FEWEST_ROWS
    return with_terms(Pair(axes, resolutions, np.empty(0, np.intp)), kept)


def with_terms(pair: Pair, kept: Mask) -> Pair:
    """The same pair with a term for each product that is kept (I, J)."""
    return replace(pair, places=np.where(kept, kept.cumsum().reshape(kept.shape) - 1, -1))


def support(rows: Floats, first: Floats, second: Floats) -> Floats:
    """About how many rows each cell of a surface stands for, from a fine table (I, J) of the rows.

    Args:
        first, second: `Grid.spread` of the two sides.
    """
    found: Floats = first.T @ rows @ second
    return found


def model_blocks(values: Floats, axes: Sequence[Axis], grids: Sequence[Grid], pairs: Sequence[Pair]) -> list[Block]:
    """The weights of every axis's vertices, then the terms of every pair, of n rows.

    Args:
        values: (axes, n) values of every axis.
        grids: one for each axis, in their order.
    """
    return [*vertex_blocks(values, axes), *pair_blocks(values, grids, pairs)]


def cell_rows(values: Floats, grids: Sequence[Grid], pair: Pair, weight: Floats | None = None) -> Floats:
    """Count the rows that each cell of a pair's surface stands for (I, J): a row counts for the corners around it.

    With weights (n,) a row counts as often as its weight says.
    """
    (p1, w1), (p2, w2) = (
        grids[axis].hats(values[axis], resolution) for axis, resolution in zip(pair.axes, pair.resolutions, strict=True)
    )
    place = p1[:, :, None] * pair.places.shape[1] + p2[:, None, :]
    share = w1[:, :, None] * w2[:, None, :]
    if weight is not None:
        share = share * weight[:, None, None]
    rows = np.bincount(place.ravel(), share.ravel(), pair.places.size)
    return rows.astype(np.float64).reshape(pair.places.shape)


def pair_blocks(values: Floats, grids: Sequence[Grid], pairs: Sequence[Pair]) -> list[Block]:
    """The terms of each pair: of a row there are 1, 2 or 4, the corners of the cell that it is in.

    A required pair may have no terms: no cell of it has enough rows.
    """
    hats: dict[tuple[int, int], tuple[Places, Floats]] = {}
    blocks = []
    for pair in pairs:
        for side in zip(pair.axes, pair.resolutions, strict=True):
            if side not in hats:
                hats[side] = grids[side[0]].hats(values[side[0]], side[1])
        (p1, w1), (p2, w2) = (hats[side] for side in zip(pair.axes, pair.resolutions, strict=True))
        flat, across = pair.places.ravel(), pair.places.shape[1]
        place = np.stack([flat[i * across + j] for i in p1.T for j in p2.T])
        weight = np.stack([a * b for a in w1.T for b in w2.T])
        some = slice(None) if pair.terms else slice(0)
        blocks.append(Block(np.maximum(place, 0)[some].T, np.where(place < 0, 0.0, weight)[some].T, pair.terms))
    return blocks


class PairTerms(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The scikit-learn transformer of typed rows into the terms of chosen pairs, (n, terms), dense.

    It is made fitted: which pairs act together is found from sums over all the rows (see `stages.interactions`).
    """

    def __init__(self, axes: list[Axis], grids: list[Grid], pairs: list[Pair], rows: list[Floats]) -> None:
        self.axes, self.grids, self.pairs, self.rows = axes, grids, pairs, rows

    @property
    def terms(self) -> int:
        """Number of terms."""
        return sum(pair.terms for pair in self.pairs)

    def fit(self, X: pd.DataFrame, y: object = None) -> "PairTerms":
        """Do nothing: the pairs are given."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: pd.DataFrame) -> Floats:
        """The terms of n rows."""
        blocks = pair_blocks(np.array([axis.values(X) for axis in self.axes]), self.grids, self.pairs)
        terms, row = np.zeros((len(X), self.terms)), np.arange(len(X))
        for block, place in zip(blocks, slices_of(blocks), strict=True):
            for places, weights in zip(block.places.T, block.weights.T, strict=True):
                terms[:, place][row, places] += weights
        return terms


@dataclass(frozen=True)
class ChosenPairs:
    """models/pairs.joblib: the pairs of every training set, in the order of the sets (that of all the rows is last)."""

    axes: list[Axis]
    grids: list[Grid]
    by_set: list[list[Pair]]
    rows: list[list[Floats]]  # for each of those pairs how many training rows each corner of its surface stands for

    def transformer(self, number: int) -> PairTerms:
        """The terms of one training set's pairs."""
        return PairTerms(self.axes, self.grids, self.by_set[number], self.rows[number])

    def share(self, axes: tuple[int, int]) -> float:
        """The share of the folds' training sets that chose a pair of axes."""
        return float(np.mean([any(pair.axes == axes for pair in pairs) for pairs in self.by_set[:-1]]))

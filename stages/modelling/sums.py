"""Moments of terms from the few that a row has: one or two weights on each axis, and up to four products for each pair.

Two axes add up to one small table of their vertices, so a row costs the square of its own terms, not of all of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stages.modelling.axes import Axis
from stages.modelling.moments import Moments
from stages.utils.arrays import Floats, Places

CHUNK = 16_384  # rows expanded at a time: what two axes need of them fits into the processor's cache


class Block(NamedTuple):
    """Terms of n rows, of which each has at most k that are not 0."""

    places: Places  # (n, k): which terms these are
    weights: Floats  # (n, k): their values
    terms: int


Expand = Callable[[Floats], list[Block]]  # from the values of the axes (axes, n) to the terms of n rows


def vertex_blocks(values: Floats, axes: Sequence[Axis]) -> list[Block]:
    """The weights of each axis's vertices, from the values of the axes (axes, n)."""
    return [Block(*axis.hats(value), len(axis.terms)) for axis, value in zip(axes, values, strict=True)]


def slices_of(blocks: Iterable[Block]) -> Iterator[slice]:
    """The positions of each block's terms among those of all."""
    start = 0
    for block in blocks:
        yield slice(start, start + block.terms)
        start += block.terms


@dataclass
class Products:
    """Sums over rows of the products of their terms, which are 0 to 1, of the target less `centre`, and of 1.

    Only the lower triangle is kept, which is half the memory; sums of two sets of rows are added in place.
    """

    terms: list[int]  # of each block; the last two are the target and 1
    strips: list[Floats]  # for each block (its terms, those up to its last)
    centre: float  # a number near the target's mean, for accuracy
    n: int  # rows
    is_weighted: bool = False

    @classmethod
    def none(cls, expand: Expand, axes: int, centre: float) -> "Products":
        """The sums of no rows, whose values of the axes `expand` turns into terms."""
        terms = [*(block.terms for block in expand(np.empty((axes, 0)))), 1, 1]
        strips = [np.zeros(shape) for shape in zip(terms, np.cumsum(terms).tolist(), strict=True)]
        return cls(terms, strips, centre, 0)

    def add(self, expand: Expand, values: Floats, target: Floats, weight: Floats | None) -> None:
        """Add n rows.

        Args:
            values: (axes, n) values of the axes.
            target: (n,) on the model's scale.
            weight: (n,) how often each row counts; once if None.
        """
        self.n += len(target)
        self.is_weighted = weight is not None
        for start in range(0, len(target), CHUNK):
            some = slice(start, start + CHUNK)
            blocks = expand(values[:, some])
            nowhere = np.zeros((len(target[some]), 1), np.intp)
            blocks += [Block(nowhere, target[some, None] - self.centre, 1), Block(nowhere, np.ones(nowhere.shape), 1)]
            add_products(self.strips, blocks, None if weight is None else weight[some])

    def merge(self, other: "Products") -> "Products":
        """Add the sums of other rows."""
        self.n += other.n
        self.is_weighted |= other.is_weighted
        for strip, more in zip(self.strips, other.strips, strict=True):
            strip += more
        return self

    def moments(self) -> Moments:
        """The moments of the terms and the target."""
        q = sum(self.terms) - 1
        if self.n == 0:
            return Moments.none(q)
        scatter, start = np.empty((q, q)), 0
        for strip in self.strips[:-1]:
            rows, end = slice(start, start + len(strip)), start + len(strip)
            own = strip[:, rows]
            scatter[rows, :start], scatter[:start, rows] = strip[:, :start], strip[:, :start].T
            scatter[rows, rows] = np.tril(own) + np.tril(own, -1).T
            start = end
        totals, total = self.strips[-1][0, :-1], self.strips[-1][0, -1]
        mean = totals / total
        scatter -= np.outer(totals, mean)
        mean[-1] += self.centre
        return Moments(float(total) if self.is_weighted else self.n, mean, scatter)


def add_up(expand: Expand, values: Floats, target: Floats, centre: float, weight: Floats | None = None) -> Moments:
    """The moments of the terms of n rows and of their target (see `Products`)."""
    found = Products.none(expand, len(values), centre)
    found.add(expand, values, target, weight)
    return found.moments()


def add_by_fold(
    found: Sequence[Products], expand: Expand, values: Floats, target: Floats, fold: Places, weight: Floats | None
) -> None:
    """Add n rows to the sums of their folds (see `Products.add`); `fold` (n,) is that of each row."""
    for number, products_of_fold in enumerate(found):
        inside = fold == number
        counted = None if weight is None else weight[inside]
        products_of_fold.add(expand, values[:, inside], target[inside], counted)


def add_products(strips: Sequence[Floats], blocks: Sequence[Block], weight: Floats | None) -> None:
    """Add the sums over n rows of the products of their terms to the lower triangle, block by block."""
    columns = list(slices_of(blocks))
    for number, (first, strip) in enumerate(zip(blocks, strips, strict=True)):
        weighted = first.weights if weight is None else first.weights * weight[:, None]
        for second, place in zip(blocks[: number + 1], columns, strict=False):
            strip[:, place] += products(first._replace(weights=weighted), second)


def products(first: Block, second: Block) -> Floats:
    """The sums over n rows of the products of the terms of two blocks, (terms, terms)."""
    size = first.terms * second.terms
    found = np.zeros(size)
    for places, weights in zip(first.places.T, first.weights.T, strict=True):
        start = places * second.terms
        for others, factors in zip(second.places.T, second.weights.T, strict=True):
            found += np.bincount(start + others, weights * factors, size)
    return found.reshape(first.terms, second.terms)


def weighted_sums(blocks: Sequence[Block], coef: Floats) -> Floats:
    """The sums over the terms (q,) of each of n rows, weighted by `coef` (q,): (n,)."""
    found = np.zeros(len(blocks[0].places))
    for block, place in zip(blocks, slices_of(blocks), strict=True):
        of_block = coef[place]
        for places, weights in zip(block.places.T, block.weights.T, strict=True):
            found += weights * of_block[places]
    return found


def term_moments(moments: Moments, axes: Sequence[Axis]) -> Moments:
    """The moments of the feature map's terms, from those of its vertices; whatever follows these stays.

    A term is linear between the vertices of its axis, whose weights add up to 1 in every row: so its values at the
    vertices may be centred first, which keeps large numbers (years, dollars) from costing digits.
    """
    vertices, p = sum(len(axis.terms) for axis in axes), sum(len(axis.places) for axis in axes)
    q = p + len(moments.mean) - vertices
    mean, half, scatter = np.empty(q), np.empty((q, len(moments.mean))), np.empty((q, q))
    mean[p:], half[p:] = moments.mean[vertices:], moments.scatter[vertices:]
    centred, start = [], 0
    for axis in axes:
        rows, places = slice(start, start + len(axis.terms)), slice(axis.places.start, axis.places.stop)
        mean[places] = moments.mean[rows] @ axis.terms
        centred.append((rows, places, axis.terms - mean[places]))
        half[places] = centred[-1][2].T @ moments.scatter[rows]
        start = rows.stop
    scatter[:, p:] = half[:, vertices:]
    for rows, places, terms in centred:
        scatter[:, places] = half[:, rows] @ terms
    return Moments(moments.n, mean, scatter)


def at_vertices(coef: Floats, axes: Sequence[Axis]) -> Floats:
    """The weights of terms (p,) as weights of the axes' vertices; those of the pairs' terms follow as they are."""
    additive = sum(len(axis.places) for axis in axes)
    return np.concatenate([*(axis.terms @ coef[list(axis.places)] for axis in axes), coef[additive:]])

"""Moments of terms from the few that a row has: one or two weights on each axis, and up to four products for each pair.

Two axes add up to one small table of their vertices, so a row costs the square of its own terms, not of all of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
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


def add_up(expand: Expand, values: Floats, target: Floats, centre: float, weight: Floats | None = None) -> Moments:
    """The moments of the terms of n rows, which are 0 to 1, and of their target.

    Args:
        values: (axes, n) values of the axes.
        target: (n,) on the model's scale.
        centre: a number near the target's mean, for accuracy.
        weight: (n,) how often each row counts; once if None.
    """
    n, squares = len(target), np.empty((0, 0))
    for start in range(0, max(n, 1), CHUNK):
        some = slice(start, start + CHUNK)
        blocks = expand(values[:, some])
        nowhere = np.zeros((len(target[some]), 1), np.intp)
        blocks += [Block(nowhere, target[some, None] - centre, 1), Block(nowhere, np.ones(nowhere.shape), 1)]
        if start == 0:
            q = sum(block.terms for block in blocks)
            squares = np.zeros((q, q))
        add_products(squares, blocks, None if weight is None else weight[some])
    if n == 0:
        return Moments.none(len(squares) - 1)
    squares = np.tril(squares) + np.tril(squares, -1).T
    totals, total = squares[-1, :-1], squares[-1, -1]
    mean = totals / total
    mean[-1] += centre
    return Moments(n if weight is None else float(total), mean, squares[:-1, :-1] - np.outer(totals, totals / total))


def moments_by_fold(
    expand: Expand,
    values: Floats,
    target: Floats,
    fold: Places,
    folds: int,
    centre: float,
    weight: Floats | None = None,
) -> list[Moments]:
    """The moments of the rows of each fold (see `add_up`); `fold` (n,) is that of each row."""
    found = []
    for number in range(folds):
        inside = fold == number
        counted = None if weight is None else weight[inside]
        found.append(add_up(expand, values[:, inside], target[inside], centre, counted))
    return found


def add_products(squares: Floats, blocks: Sequence[Block], weight: Floats | None) -> None:
    """Add the sums over n rows of the products of their terms to the lower triangle of an array (q, q)."""
    columns = list(slices_of(blocks))
    for number, first in enumerate(blocks):
        weighted = first.weights if weight is None else first.weights * weight[:, None]
        for second, place in zip(blocks[: number + 1], columns, strict=False):
            squares[columns[number], place] += products(first._replace(weights=weighted), second)


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

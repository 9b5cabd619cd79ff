"""Moments of terms from sparse rows: a row has a weight or two on each axis, and a product or four for each pair."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce

import numpy as np
from scipy import sparse

from stages.modelling.axes import Axis
from stages.modelling.moments import Moments
from stages.utils.arrays import Floats, Places

CHUNK = 65_536  # rows expanded at a time


Block = tuple[Places, Floats, int]  # terms of n rows: which, (n, k), their values, (n, k), and of how many


def sparse_rows(blocks: Iterable[Block], n: int) -> sparse.csr_array:
    """Blocks of terms side by side, as n sparse rows."""
    places, weights, width = [np.empty((n, 0), np.intp)], [np.empty((n, 0))], 0
    for place, weight, terms in blocks:
        places.append(place + width)
        weights.append(weight)
        width += terms
    index, data = np.concatenate(places, axis=1), np.concatenate(weights, axis=1)
    starts = np.arange(n + 1) * index.shape[1]
    rows = sparse.csr_array((data.ravel(), index.ravel(), starts), shape=(n, width))
    rows.eliminate_zeros()
    return rows


def vertex_blocks(values: Floats, axes: Sequence[Axis]) -> Iterator[Block]:
    """The weights of each axis's vertices, from the values of the axes (axes, n)."""
    for axis, value in zip(axes, values, strict=True):
        yield *axis.hats(value), len(axis.terms)


def vertex_rows(values: Floats, axes: Sequence[Axis]) -> sparse.csr_array:
    """The weights of every axis's vertices (n, vertices)."""
    return sparse_rows(vertex_blocks(values, axes), values.shape[1])


def add_up(
    expand: Callable[[Floats], sparse.csr_array],
    values: Floats,
    target: Floats,
    centre: float,
    weight: Floats | None = None,
) -> Moments:
    """The moments of n rows and their target.

    Args:
        expand: makes sparse rows (k, p) of the values (axes, k) of k rows.
        values: (axes, n) values of the axes.
        target: (n,) on the model's scale.
        centre: a number near the target's mean, for accuracy.
        weight: (n,) how often each row counts; once without.
    """
    chunks = (slice(start, start + CHUNK) for start in range(0, max(len(target), 1), CHUNK))
    found = (
        moments_of(expand(values[:, some]), target[some] - centre, centre, None if weight is None else weight[some])
        for some in chunks
    )
    return reduce(Moments.merge, found)


def moments_of(rows: sparse.csr_array, target: Floats, centre: float, weight: Floats | None) -> Moments:
    """The moments of sparse rows (n, p), whose entries are 0 to 1, and their target (n,), less `centre`."""
    n, p = rows.shape
    if n == 0:
        return Moments.none(p + 1)
    counted, weighted = rows, target
    if weight is not None:
        n, counted, weighted = float(weight.sum()), sparse.csr_array(rows.multiply(weight[:, None])), target * weight
    squares = np.empty((p + 1, p + 1))
    squares[:p, :p] = (rows.T @ counted).toarray()
    squares[p, :p] = squares[:p, p] = rows.T @ weighted
    squares[p, p] = target @ weighted
    totals = np.append(counted.sum(axis=0), weighted.sum())
    squares -= np.outer(totals, totals / n)
    mean = totals / n
    mean[p] += centre
    return Moments(n, mean, squares)


def term_moments(moments: Moments, axes: Sequence[Axis]) -> Moments:
    """The moments of the feature map's terms, from those of its vertices; whatever follows these stays.

    A term is linear between the vertices of its axis, whose weights add up to 1 in every row: so its values at the
    vertices may be centred first, which keeps large numbers (years, dollars) from costing digits.
    """
    vertices, p = sum(len(axis.terms) for axis in axes), sum(len(axis.places) for axis in axes)
    at_vertices, mean = np.zeros((vertices, p)), np.zeros(p)
    start = 0
    for axis in axes:
        rows = slice(start, start + len(axis.terms))
        mean[list(axis.places)] = moments.mean[rows] @ axis.terms
        at_vertices[rows, list(axis.places)] = axis.terms - mean[list(axis.places)]
        start += len(axis.terms)
    half = np.concatenate([at_vertices.T @ moments.scatter[:vertices], moments.scatter[vertices:]])
    scatter = np.concatenate([half[:, :vertices] @ at_vertices, half[:, vertices:]], axis=1)
    return Moments(moments.n, np.append(mean, moments.mean[vertices:]), scatter)


def at_vertices(coef: Floats, axes: Sequence[Axis]) -> Floats:
    """The weights of terms (p,) as weights of the axes' vertices; those of the pairs' terms follow as they are."""
    additive = sum(len(axis.places) for axis in axes)
    return np.concatenate([*(axis.terms @ coef[list(axis.places)] for axis in axes), coef[additive:]])

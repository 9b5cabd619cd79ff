"""Grids: an axis cut into dyadic bins for the tables of pairs, and the vertices of the surfaces at each resolution.

Bins are quantiles of a number (or its values, where they are few) or levels; those of a coarse resolution are unions of
fine ones, so that one fine table of a pair holds every coarser one.
"""

from dataclasses import dataclass

import numpy as np

from stages.modelling.axes import Axis, between
from stages.utils.arrays import Floats, Places, quantiles

FINEST = 32  # bins per side, and levels of a table of levels
RESOLUTIONS = (2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Grid:
    """The bins and vertices of an axis. A resolution is a number of bins; levels have one, called FINEST."""

    axis: Axis
    edges: Floats  # inner edges of the fine bins of a number
    merged: dict[int, Places]  # for each resolution the bin that each fine bin is part of
    knots: dict[int, Floats]  # for each resolution the knots of a number
    levels: Places  # for levels: the bin of each vertex of the axis
    centres: Floats  # (bins,) of a number: a value amid each fine bin; NaN for the bin of missing cells

    @property
    def is_constant(self) -> bool:
        """True if no row of the sample differs from another."""
        return self.bins < 2 + (not self.axis.is_number)

    @property
    def bins(self) -> int:
        """Number of fine bins."""
        return len(next(iter(self.merged.values())))

    def locate(self, values: Floats) -> Places:
        """The fine bin of each of the axis's values (n,)."""
        if not self.axis.is_number:
            return self.levels[values.astype(np.intp)]
        missing = np.isnan(values)
        if self.axis.fill is not None:
            values = np.where(missing, self.axis.fill, values)
        found = np.searchsorted(self.edges, values, side="right")
        return found if self.axis.fill is not None else np.where(missing, self.bins - 1, found)

    def vertices(self, resolution: int) -> int:
        """Return the number of vertices of a surface on this side."""
        if not self.axis.is_number:
            return self.bins
        return len(self.knots[resolution]) + (self.axis.fill is None)

    def hats(self, values: Floats, resolution: int) -> tuple[Places, Floats]:
        """The vertices that each row lies between and their weights: (n, 2) for a number, (n, 1) for levels."""
        if not self.axis.is_number:
            return self.locate(values)[:, None], np.ones((len(values), 1))
        if self.axis.fill is not None:
            values = np.where(np.isnan(values), self.axis.fill, values)
        return between(values, self.knots[resolution])

    def spread(self, resolution: int) -> Floats:
        """The weight of each vertex amid each fine bin: (bins, vertices)."""
        if not self.axis.is_number:
            return np.eye(self.bins)
        places, weights = between(self.centres, self.knots[resolution])
        found = np.zeros((self.bins, self.vertices(resolution)))
        np.add.at(found, (np.arange(self.bins)[:, None], places), weights)
        return found


def make_grid(axis: Axis, values: Floats, weight: Floats | None = None) -> Grid:
    """The grid of an axis, from the values of a sample of the rows (n,), which count as often as their weights say."""
    if not axis.is_number:
        return level_grid(axis, values, weight)
    is_known = ~np.isnan(values)
    known = np.clip(values[is_known], axis.knots[0], axis.knots[-1])
    distinct = np.unique(known) if len(known) else axis.knots[:1]
    if len(distinct) <= FINEST + 1:
        return discrete_grid(axis, distinct)
    cuts = quantiles(known, np.linspace(0, 1, FINEST + 1), None if weight is None else weight[is_known])
    edges = np.unique(cuts[1:-1])
    starts = np.append(-np.inf, edges)
    merged, knots = {}, {}
    for resolution in RESOLUTIONS:
        step = FINEST // resolution
        merged[resolution] = np.searchsorted(np.unique(cuts[step:-1:step]), starts, side="right")
        knots[resolution] = np.unique(cuts[::step])
    ends = np.concatenate([[cuts[0]], edges, [cuts[-1]]])
    return with_missing(axis, edges, merged, knots, (ends[1:] + ends[:-1]) / 2)


def discrete_grid(axis: Axis, distinct: Floats) -> Grid:
    """The grid of a number of few values: a fine bin and a finest knot for each."""
    count = len(distinct)
    merged, knots = {}, {}
    for resolution in RESOLUTIONS:
        merged[resolution] = np.arange(count) * min(resolution, count) // count
        knots[resolution] = distinct[np.round(np.linspace(0, count - 1, min(resolution + 1, count))).astype(int)]
    return with_missing(axis, (distinct[1:] + distinct[:-1]) / 2, merged, knots, distinct)


def with_missing(
    axis: Axis, edges: Floats, merged: dict[int, Places], knots: dict[int, Floats], centres: Floats
) -> Grid:
    """The grid of a number, with a last bin for missing cells where training has them; no resolution is there twice."""
    distinct: dict[int, Places] = {}
    for resolution, bins in merged.items():
        if not distinct or bins.max() > next(reversed(distinct.values())).max():
            distinct[resolution] = bins
    if axis.fill is None:
        distinct = {resolution: np.append(bins, bins.max() + 1) for resolution, bins in distinct.items()}
        centres = np.append(centres, np.nan)
    return Grid(axis, edges, distinct, {r: knots[r] for r in distinct}, np.empty(0, np.intp), centres)


def level_grid(axis: Axis, values: Floats, weight: Floats | None) -> Grid:
    """The grid of a table of levels: the commonest get a bin each, the others share the last."""
    counts = np.bincount(values.astype(np.intp), weight, len(axis.terms))
    order = np.argsort(-counts, kind="stable")
    used = int((counts > 0).sum())
    own = used if used <= FINEST else FINEST - 1
    levels = np.full(len(counts), own)  # the bin of the others; empty if every level that training has got its own
    levels[order[:own]] = np.arange(own)
    return Grid(axis, np.empty(0), {FINEST: np.arange(own + 1)}, {}, levels, np.empty(0))

"""Scores of pairs: how much squared error a table of a pair takes from rows that it was not learnt from.

As FAST (Lou, Caruana, Gehrke and Hooker 2013, "Accurate intelligible models with pairwise interactions") ranks pairs by
a table of their residuals; but the gain is counted on the folds held out in turn, with the cell means shrunk, so that a
fine table of noise gains nothing and every pair can be given its best resolution.
"""

from typing import NamedTuple

from stages.pairs.grids import Grid
from stages.pairs.tables import PairTable, margins, merge_bins
from stages.pairs.terms import FEWEST_ROWS, support
from stages.utils.arrays import Floats

SHRINKAGE = (2.0, 10.0, 40.0)  # rows of value 0 added to each cell; the best of them counts


class Score(NamedTuple):
    """A pair at one resolution."""

    gain: float  # squared error that its table takes from the held-out folds
    resolutions: tuple[int, int]
    terms: int


Spreads = dict[int, Floats]  # `Grid.spread` at every resolution


def spreads_of(grid: Grid) -> Spreads:
    """The weights of the vertices amid the fine bins at every resolution, which many pairs need."""
    return {resolution: grid.spread(resolution) for resolution in grid.merged}


def score_pair(
    table: PairTable, folds: list[int], first: Grid, second: Grid, spreads: tuple[Spreads, Spreads]
) -> list[Score]:
    """Score a pair at every resolution for the training set of these folds."""
    rows, sums = table.rows[folds], table.sums[folds]
    total = rows.sum(axis=0)
    sums = sums - rows * margins(total, sums.sum(axis=0))
    scores = []
    for a, bins_a in first.merged.items():
        for b, bins_b in second.merged.items():
            n, s = merge_bins(rows, bins_a, bins_b), merge_bins(sums, bins_a, bins_b)
            others_n, others_s = n.sum(axis=0) - n, s.sum(axis=0) - s
            gains = []
            for shrinkage in SHRINKAGE:
                mean = others_s / (others_n + shrinkage)
                gains.append(float((2 * s * mean - n * mean**2).sum()))
            terms = int((support(total, spreads[0][a], spreads[1][b]) >= FEWEST_ROWS).sum())
            scores.append(Score(max(gains), (a, b), terms))
    return scores

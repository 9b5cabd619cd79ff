"""The search for pairs: the rows they are chosen on, which pairs may be chosen, and how many terms they may have."""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.modelling.axes import Axis
from stages.modelling.target_scale import scale_centre, to_scale
from stages.pairs.grids import Grid
from stages.pairs.selection import Names, near_copies
from stages.pairs.tables import pair_table
from stages.table.parts import row_weights
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats, Mask, Places
from stages.utils.params import FeaturesParams, TargetTransform

MOST_PAIRS, FEWEST_ROWS_PER_TERM = 40, 2


@dataclass(frozen=True)
class Rows:
    """The rows that pairs are chosen on."""

    values: Floats  # (axes, n)
    target: Floats  # (n,) on the model's scale
    fold: Places  # (n,)
    weight: Floats | None  # (n,): how often each row counts
    transform: TargetTransform
    centre: float  # a number near the target's mean

    @property
    def total(self) -> float:
        """Number of rows, each counted by its weight."""
        return len(self.target) if self.weight is None else float(self.weight.sum())

    def counted(self, mask: Mask) -> Floats | None:
        """The weights of some of the rows."""
        return None if self.weight is None else self.weight[mask]


@dataclass(frozen=True)
class Search:
    """The pairs that may be chosen, and their budget."""

    axes: list[Axis]
    grids: list[Grid]
    signs: Floats  # that the weights of the axes' terms may have (see `elasticnet.problem_of`)
    candidates: list[Names]  # pairs of axes
    required: list[list[Names]]  # of each of these the best is taken in any case
    copies: set[Names]  # axes that are near-copies
    most_pairs: int
    most_terms: int
    forced: bool  # the pairs are taken even where cross-validation does not gain by them


def rows_of(sample: pd.DataFrame, axes: list[Axis], schema: TableSchema, transform: TargetTransform) -> Rows:
    """The rows that pairs are chosen on, as the axes' values."""
    target = to_scale(sample[schema.target.name].to_numpy(), transform)
    values = np.array([axis.values(sample) for axis in axes])
    fold = sample["_fold"].to_numpy().astype(np.intp)
    weight, centre = row_weights(sample, schema), scale_centre(sample, schema, transform)
    return Rows(values, target, fold, weight, transform, centre)


def search_of(
    axes: list[Axis],
    grids: list[Grid],
    signs: Floats,
    rows: Rows,
    schema: TableSchema,
    params: FeaturesParams,
    log: logging.Logger,
) -> Search:
    """Say which pairs may be chosen, and how many terms they may have."""
    wanted = schema.interactions
    monotone = [column.name for column in schema.inputs if column.monotone is not None]
    if monotone:
        log.info("in no pair, because a pair could make the effect turn: %s (monotone)", ", ".join(monotone))
    cut = [
        (number, grid)
        for number, grid in enumerate(grids)
        if not grid.is_constant and grid.axis.column not in [*wanted.exclude, *monotone]
    ]
    candidates = [(i, j) for i, _ in cut for j, _ in cut if i < j]
    bins = {number: grid.locate(rows.values[number]) for number, grid in cut}
    copies = set()
    nothing = np.zeros(len(rows.target), np.intp)
    for (i, first), (j, second) in ((a, b) for a in cut for b in cut if a[0] < b[0]):
        table = pair_table((bins[i], bins[j]), (first.bins, second.bins), nothing, rows.target, 1, rows.weight)
        if near_copies(table.rows[0], first, second):
            copies.add((i, j))
    forced = params.interactions != "auto"
    most = MOST_PAIRS if params.interactions == "auto" else params.interactions
    terms = min(params.interaction_terms, int(rows.total // FEWEST_ROWS_PER_TERM))
    if terms < params.interaction_terms:
        log.debug("%s rows are enough for %d terms of pairs", rows.total, terms)
    required = [
        [names for names in candidates if sorted(axes[axis].column for axis in names) == sorted(pair)]
        for pair in wanted.require
    ]
    return Search(axes, grids, signs, candidates, [group for group in required if group], copies, most, terms, forced)

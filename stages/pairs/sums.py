"""Sums over all the rows for the pairs that were chosen: the moments of every training set's terms, part by part."""

from functools import partial
from pathlib import Path

import numpy as np

from stages.modelling.axes import Axis
from stages.modelling.moments import Moments, merge_all
from stages.modelling.sums import add_up, term_moments
from stages.modelling.target_scale import to_scale
from stages.modelling.training_sets import Membership, TrainingSet
from stages.pairs.terms import ChosenPairs, cell_rows, pair_rows
from stages.table.parts import read_part, row_counts, row_weights
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats, Mask
from stages.utils.parallel import map_parts
from stages.utils.params import TargetTransform


def sum_sets(
    parts: list[Path],
    chosen: ChosenPairs,
    members: list[Membership],
    schema: TableSchema,
    transform: TargetTransform,
    centre: float,
) -> tuple[list[TrainingSet], list[list[Floats]]]:
    """The moments of every training set over all the rows, and the rows by corner of its pairs."""
    items = [(part, number) for number in range(len(members)) for part in parts]
    found = map_parts(
        sum_part, items, chosen, members, schema, transform, centre, rows=row_counts(parts) * len(members)
    )
    sets: list[TrainingSet] = []
    cells: list[list[Floats]] = []
    for member in members:
        by_part = [next(found) for _ in parts]
        train, test, rows = (list(column) for column in zip(*by_part, strict=True))
        cells.append([np.sum(pair, axis=0) for pair in zip(*rows, strict=True)])
        sets.append(TrainingSet(member.held_out, in_terms(train, chosen.axes),
                                None if member.held_out is None else in_terms(test, chosen.axes)))  # fmt: skip
    return sets, cells


def in_terms(by_part: list[Moments], axes: list[Axis]) -> Moments:
    """The moments of the terms of all the rows, from those of the vertices of each part."""
    return term_moments(merge_all(by_part), axes)


def sum_part(
    item: tuple[Path, int],
    chosen: ChosenPairs,
    members: list[Membership],
    schema: TableSchema,
    transform: TargetTransform,
    centre: float,
) -> tuple[Moments, Moments, list[Floats]]:
    """Return what one part adds to a training set: moments of its rows and its fold, and rows by cell of its pairs."""
    part, number = item
    frame, member, pairs = read_part(part), members[number], chosen.by_set[number]
    fold, target = frame["_fold"].to_numpy(), to_scale(frame[schema.target.name].to_numpy(), transform)
    values = np.array([axis.values(frame) for axis in chosen.axes])
    inside, outside = np.isin(fold, member.folds), fold == member.held_out

    expand = partial(pair_rows, axes=chosen.axes, grids=chosen.grids, pairs=pairs)

    weight = row_weights(frame, schema)

    def counted(mask: Mask) -> Floats | None:
        return None if weight is None else weight[mask]

    def moments(mask: Mask) -> Moments:
        return add_up(expand, values[:, mask], target[mask], centre, counted(mask))

    cells = [cell_rows(values[:, inside], chosen.grids, pair, counted(inside)) for pair in pairs]
    return moments(inside), moments(outside), cells

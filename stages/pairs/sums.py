"""Sums over rows for the pairs that were chosen: the moments of every training set's terms.

Training sets that chose the same pairs at the same resolutions are added up together, fold by fold; only the cells with
too few rows to be a term of theirs differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path

import numpy as np

from stages.modelling.moments import Moments, merge_all
from stages.modelling.sums import Products, add_by_fold, term_moments
from stages.modelling.target_scale import to_scale
from stages.modelling.training_sets import Membership, TrainingSet
from stages.pairs.grids import Grid
from stages.pairs.terms import ChosenPairs, Pair, cell_rows, model_blocks, with_terms
from stages.table.parts import read_chunks, row_counts, row_weights
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats, Mask
from stages.utils.parallel import map_parts
from stages.utils.params import TargetTransform

PartSums = tuple[list[Products], list[list[Floats]]]


@dataclass(frozen=True)
class Choice:
    """The pairs that some training sets chose, with a term for every cell that is one in any of these sets."""

    sets: list[int]
    pairs: list[Pair]


def choices_of(by_set: Sequence[list[Pair]]) -> list[Choice]:
    """The different choices of the training sets."""
    alike: dict[frozenset[object], list[int]] = {}
    for number, pairs in enumerate(by_set):
        alike.setdefault(frozenset((pair.axes, pair.resolutions) for pair in pairs), []).append(number)
    choices = []
    for numbers in alike.values():
        pairs = []
        for pair in by_set[numbers[0]]:
            same = [other for number in numbers for other in by_set[number] if other.axes == pair.axes]
            pairs.append(with_terms(pair, np.any([other.places >= 0 for other in same], axis=0)))
        choices.append(Choice(numbers, pairs))
    return choices


def set_of(
    number: int, choice: Choice, by_fold: list[Moments], by_set: Sequence[list[Pair]], members: Sequence[Membership]
) -> TrainingSet:
    """A training set of a choice, from the moments of the choice's terms in each fold."""
    starts = len(by_fold[0].mean) - 1 - np.cumsum([pair.terms for pair in reversed(choice.pairs)], dtype=int)[::-1]
    shared = {pair.axes: start + pair.places for start, pair in zip(starts, choice.pairs, strict=True)}
    additive = int(starts[0]) if len(starts) else len(by_fold[0].mean) - 1
    own = [place for pair in by_set[number] for place in shared[pair.axes][pair.places >= 0]]
    terms = [*range(additive), *own, len(by_fold[0].mean) - 1]
    folds, held_out = members[number].folds, members[number].held_out
    train = merge_all(by_fold[fold].select(terms) for fold in folds)
    return TrainingSet(held_out, train, None if held_out is None else by_fold[held_out].select(terms))


def sum_sets(
    parts: list[Path],
    chosen: ChosenPairs,
    members: list[Membership],
    schema: TableSchema,
    transform: TargetTransform,
    centre: float,
) -> tuple[list[TrainingSet], list[list[Floats]]]:
    """The moments of every training set over all the rows, and the rows by corner of its pairs."""
    sets: dict[int, TrainingSet] = {}
    cells: dict[int, list[Floats]] = {}
    folds = 1 + max(members[-1].folds)
    for choice in choices_of(chosen.by_set):
        by_part = map_parts(sum_part, parts, choice.pairs, chosen, folds, schema, transform, centre,
                            rows=row_counts(parts))  # fmt: skip
        summed, rows = reduce(merge_sums, by_part)
        by_fold = []
        while summed:  # either form of a fold takes as much memory as the terms squared
            by_fold.append(term_moments(summed.pop(0).moments(), chosen.axes))
        for number in choice.sets:
            sets[number] = set_of(number, choice, by_fold, chosen.by_set, members)
            of_pair = {
                pair.axes: np.sum([rows[fold][place] for fold in members[number].folds], axis=0)
                for place, pair in enumerate(choice.pairs)
            }
            cells[number] = [of_pair[pair.axes] for pair in chosen.by_set[number]]
        del by_fold
    return [sets[number] for number in range(len(members))], [cells[number] for number in range(len(members))]


def sum_part(
    part: Path,
    pairs: list[Pair],
    chosen: ChosenPairs,
    folds: int,
    schema: TableSchema,
    transform: TargetTransform,
    centre: float,
) -> PartSums:
    """Return the sums of one part by fold: those of the vertices and the pairs' terms, and rows by cell of a pair."""
    expand = partial(model_blocks, axes=chosen.axes, grids=chosen.grids, pairs=pairs)
    by_fold = [Products.none(expand, len(chosen.axes), centre) for _ in range(folds)]
    cells = [[np.zeros(pair.places.shape) for pair in pairs] for _ in range(folds)]
    for rows in read_chunks(part, [*schema.modelled, "_fold"]):
        fold, target = rows["_fold"].to_numpy(), to_scale(rows[schema.target.name].to_numpy(), transform)
        values, weight = np.array([axis.values(rows) for axis in chosen.axes]), row_weights(rows, schema)
        add_by_fold(by_fold, expand, values, target, fold, weight)
        of_chunk = [count_cells(values, fold == k, chosen.grids, pairs, weight) for k in range(folds)]
        cells = [add_all(*both) for both in zip(cells, of_chunk, strict=True)]
    return by_fold, cells


def merge_sums(first: PartSums, second: PartSums) -> PartSums:
    """The sums of both, added in place of the first."""
    by_fold = [a.merge(b) for a, b in zip(first[0], second[0], strict=True)]
    return by_fold, [add_all(*both) for both in zip(first[1], second[1], strict=True)]


def add_all(first: list[Floats], second: list[Floats]) -> list[Floats]:
    """The sums of two lists of arrays, one by one."""
    return [a + b for a, b in zip(first, second, strict=True)]


def count_cells(
    values: Floats, inside: Mask, grids: Sequence[Grid], pairs: list[Pair], weight: Floats | None
) -> list[Floats]:
    """Count the rows of a fold by the cells of each pair."""
    counted = None if weight is None else weight[inside]
    return [cell_rows(values[:, inside], grids, pair, counted) for pair in pairs]

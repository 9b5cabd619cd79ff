"""Interactions: find the pairs of columns that act together, and add up the moments of their terms.

Reads   data/train/, data/moments.npz, models/features.joblib, schema.yaml
Writes  models/pairs.joblib (the pairs of every training set), data/training_sets.npz (the moments of every training
        set's terms), metrics/interactions.json
Run     python -m stages.interactions

The columns' own effects are fitted first; pairs are scored by what they say of the residuals (see `stages.pairs`).
They stay only if cross-validation gains by more than its standard error; each fold's model chooses its own.
"""

import logging
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

from stages.features import scale_centre
from stages.modelling.axes import Axis, axes_of
from stages.modelling.comparison import Candidate, candidate_of, quick_path
from stages.modelling.feature_map import signs_of
from stages.modelling.leakage import refuse
from stages.modelling.moments import Moments, explained, load_moments, merge_all
from stages.modelling.sums import add_up, term_moments
from stages.modelling.target_scale import to_scale
from stages.modelling.training_sets import Membership, TrainingSet, additive_sets, memberships, save_sets
from stages.pairs.grids import Grid, make_grid
from stages.pairs.rounds import Rows, Search, find_pairs
from stages.pairs.selection import near_copies
from stages.pairs.tables import pair_table
from stages.pairs.terms import ChosenPairs, cell_rows, pair_rows
from stages.table.parts import list_parts, read_part, row_weights, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.arrays import Floats, Mask
from stages.utils.files import write_pickle
from stages.utils.metrics_files import InteractionMetrics, PairMetrics, write_metrics
from stages.utils.parallel import map_parts
from stages.utils.params import FeaturesParams, TargetTransform, read_params
from stages.utils.stage import stage

TRAIN, MOMENTS, FEATURE_MAP = Path("data/train"), Path("data/moments.npz"), Path("models/features.joblib")
PAIRS, SETS = Path("models/pairs.joblib"), Path("data/training_sets.npz")
MOST_PAIRS, FEWEST_ROWS_PER_TERM = 40, 2


def main() -> None:
    with stage("interactions") as log:
        params: FeaturesParams = read_params("features")
        schema = read_schema()
        feature_map: ColumnTransformer = joblib.load(FEATURE_MAP)
        moments = load_moments(MOMENTS)
        members = memberships(len(moments), read_params("split.by") == "time")
        axes, sets = axes_of(feature_map), additive_sets(moments, members)
        signs = signs_of(feature_map)
        additive = candidate_of([quick_path(one, signs) for one in sets])
        chosen, best = ChosenPairs(axes, [], [[] for _ in members], [[] for _ in members]), additive
        if params.interactions != 0:
            parts = list_parts(TRAIN)
            columns = [*schema.names("feature", "time", "target", "weight"), "_fold"]
            sample = sample_rows(parts, params.interaction_rows, columns)
            rows = rows_of(sample, axes, schema, params.target)
            grids = [make_grid(axis, values, rows.weight) for axis, values in zip(axes, rows.values, strict=True)]
            search = search_of(axes, grids, signs, rows, schema, params, log)
            pairs, best = find_pairs(rows, members, additive, search, log)
            chosen = ChosenPairs(axes, grids, pairs, [[] for _ in members])
            if any(pairs):
                sets, cells = sum_sets(parts, chosen, members, schema, params.target, rows.centre)
                chosen = ChosenPairs(axes, grids, pairs, cells)
            elif params.interactions == "auto":
                log.info("no pair lowers the CV error by more than one standard error: the model stays additive")
        elif schema.interactions.require:
            log.warning("params.yaml: features.interactions: 0 leaves out what schema.yaml: interactions requires")
        write_pickle(PAIRS, chosen)
        save_sets(SETS, sets)
        metrics = describe(chosen, additive, best, sets[-1].train)
        write_metrics(metrics)
        audit_pairs(metrics, chosen, schema, params, log)
        log.info("%d pairs, %d terms: CV R2 %.3f, without pairs %.3f", len(metrics.pairs), metrics.terms,
                 metrics.cv_r2, metrics.cv_r2_additive)  # fmt: skip


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
    found = map_parts(sum_part, items, chosen, members, schema, transform, centre)
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


def describe(chosen: ChosenPairs, additive: Candidate, best: Candidate, total: Moments) -> InteractionMetrics:
    """The pairs of the model, and what cross-validation gains by them; `total` are the moments of its terms."""
    variance = total.scatter[-1, -1] / total.n
    start, pairs = sum(len(axis.places) for axis in chosen.axes), []
    for pair in chosen.by_set[-1]:
        terms = [place for axis in pair.axes for place in chosen.axes[axis].places]
        terms += range(start, start + pair.terms)
        start += pair.terms
        names = [chosen.axes[axis].name for axis in pair.axes]
        r2 = explained(total.select([*terms, len(total.mean) - 1]))
        pairs.append(PairMetrics(columns=names, folds=chosen.share(pair.axes), terms=pair.terms, r2=r2))
    return InteractionMetrics(
        pairs=pairs,
        terms=sum(pair.terms for pair in pairs),
        cv_r2=1 - best.errors.mean() / variance,
        cv_r2_additive=1 - additive.errors.mean() / variance,
    )


def audit_pairs(
    metrics: InteractionMetrics,
    chosen: ChosenPairs,
    schema: TableSchema,
    params: FeaturesParams,
    log: logging.Logger,
) -> None:
    """Warn of a pair that explains as much as a leaking column, and refuse one that reproduces the target."""
    columns = [[chosen.axes[axis].column for axis in pair.axes] for pair in chosen.by_set[-1]]
    found = [(names, pair.r2) for names, pair in zip(columns, metrics.pairs, strict=True)]
    refuse((one for one in found if one[1] >= params.leak_set_r2), schema)
    for names, share in found:
        if share >= params.leak_r2:
            both = " and ".join(names)
            log.warning("%s explain %.2f%% of the target together: known only with it?", both, share * 100)


if __name__ == "__main__":
    main()

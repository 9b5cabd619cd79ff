"""Interactions: find the pairs of columns that act together, and add up the moments of their terms.

Reads   data/train/, data/moments.npz, models/features.joblib, schema.yaml
Writes  models/pairs.joblib (the pairs of every training set), data/training_sets.npz (the moments of every training
        set's terms), metrics/interactions.json
Run     python -m stages.interactions

The columns' own effects are fitted first; pairs are scored by what they say of the residuals (see `stages.pairs`).
They stay only if cross-validation gains by more than its standard error; each fold's model chooses its own.
"""

import logging
from pathlib import Path

import joblib
from sklearn.compose import ColumnTransformer

from stages.modelling.axes import axes_of
from stages.modelling.comparison import Candidate, candidate_of, quick_path
from stages.modelling.feature_map import signs_of
from stages.modelling.leakage import refuse
from stages.modelling.moments import Moments, explained, load_moments
from stages.modelling.training_sets import TrainingSet, additive_sets, memberships, save_sets
from stages.pairs.grids import make_grid
from stages.pairs.rounds import find_pairs
from stages.pairs.search import rows_of, search_of
from stages.pairs.sums import sum_sets
from stages.pairs.terms import ChosenPairs
from stages.table.parts import list_parts, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.files import write_pickle
from stages.utils.metrics_files import InteractionMetrics, PairMetrics, write_metrics
from stages.utils.params import FeaturesParams, read_params
from stages.utils.stage import stage

TRAIN, MOMENTS, FEATURE_MAP = Path("data/train"), Path("data/moments.npz"), Path("models/features.joblib")
PAIRS, SETS = Path("models/pairs.joblib"), Path("data/training_sets.npz")


def main() -> None:
    with stage("interactions") as log:
        params: FeaturesParams = read_params("features")
        schema = read_schema()
        feature_map: ColumnTransformer = joblib.load(FEATURE_MAP)
        moments = load_moments(MOMENTS)
        members = memberships(len(moments), read_params("split.by") == "time")
        axes, signs = axes_of(feature_map), signs_of(feature_map)
        additive = candidate_of([quick_path(one, signs) for one in additive_sets(moments, members)])
        sets: list[TrainingSet] | None = None
        chosen, best = ChosenPairs(axes, [], [[] for _ in members], [[] for _ in members]), additive
        if params.interactions != 0:
            parts = list_parts(TRAIN)
            columns = [*schema.modelled, "_fold"]
            rows = rows_of(sample_rows(parts, params.interaction_rows, columns), axes, schema, params.target)
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
        sets = sets or list(additive_sets(moments, members))
        write_pickle(PAIRS, chosen)
        save_sets(SETS, sets)
        metrics = describe(chosen, additive, best, sets[-1].train)
        write_metrics(metrics)
        audit_pairs(metrics, chosen, schema, params, log)
        count = len(metrics.pairs)
        log.info("%d pair%s, %d terms: CV R² %.3f, without pairs %.3f", count, "s"[: count != 1], metrics.terms,
                 metrics.cv_r2, metrics.cv_r2_additive)  # fmt: skip


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

"""Features: fit the feature map, then one pass over the rows for the moments of every fold; audit for leaks.

Reads   data/train/, schema.yaml
Writes  models/features.joblib (the fitted map), data/moments.npz (its terms' moments), metrics/audit.json
Run     python -m stages.features

The moments (count, means, scatter) are all that ElasticNet needs to know of the rows. One pass adds up those of the
most knots; those of fewer follow from them, so that cross-validation chooses how many each table can bear.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

from stages.modelling.axes import Axis, axes_of, with_terms_of
from stages.modelling.budget import within_budget
from stages.modelling.comparison import Candidate, candidate_of, is_better, quick_path
from stages.modelling.feature_map import blocks, fit_feature_maps, signs_of
from stages.modelling.leakage import check_leaks, correlated, find_leaks
from stages.modelling.moments import Moments, merge_all, save_moments
from stages.modelling.sums import Products, add_by_fold, term_moments, vertex_blocks
from stages.modelling.target_scale import check_scale, check_target, scale_centre, to_scale
from stages.modelling.training_sets import additive_sets, memberships
from stages.table.parts import list_parts, read_chunks, read_part, row_counts, row_weights, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.arrays import median
from stages.utils.files import write_json, write_pickle
from stages.utils.parallel import map_parts
from stages.utils.params import TargetTransform, read_params
from stages.utils.stage import stage

TRAIN = Path("data/train")
FEATURE_MAP, MOMENTS, METRICS = Path("models/features.joblib"), Path("data/moments.npz"), Path("metrics/audit.json")
NEAR_COPY = 0.95  # correlation from which the fit can hardly tell the effects of two columns apart


@dataclass
class PartSums:
    """The sums of one part, or of several."""

    folds: list[Products]  # of the axes' vertices and the target on the model's scale, one for each fold
    raw: Moments  # of the numeric columns as they are (a missing cell as the median) and the target as it is
    smallest: float  # target; infinite if the part has no rows

    def merge(self, other: "PartSums") -> "PartSums":
        """Add the sums of other parts."""
        folds = [a.merge(b) for a, b in zip(self.folds, other.folds, strict=True)]
        return PartSums(folds, self.raw.merge(other.raw), min(self.smallest, other.smallest))


def main() -> None:
    with stage("features") as log:
        params = read_params("features")
        forward = read_params("split.by") == "time"
        schema = read_schema()
        parts = list_parts(TRAIN)
        sample = sample_rows(parts, params.sample_rows, schema.modelled)
        check_target(sample[schema.target.name].to_numpy(), schema)
        counts, rarest = within_budget(sample, schema, params)
        if rarest > params.min_frequency:
            log.warning("params.yaml: features.max_terms: %d: levels with fewer than %d of %d sampled rows are merged; "
                        "raise it to keep more, if memory allows", params.max_terms, rarest, len(sample))  # fmt: skip
        maps = fit_feature_maps(sample, schema, params.model_copy(update={"min_frequency": rarest}), counts)
        axes = axes_of(maps[-1])
        numbers = {column.name: fill_of(sample, column.name, schema) for column in schema.inputs
                   if column.kind == "number"}  # fmt: skip
        folds = 1 + max(fold for part in parts for fold in read_part(part, ["_fold"])["_fold"].unique().tolist())
        centre = scale_centre(sample, schema, params.target)
        del sample  # it takes as much memory as a part
        by_part = map_parts(accumulate, parts, axes, schema, numbers, folds, params.target, centre,
                            rows=row_counts(parts))  # fmt: skip
        found = reduce(PartSums.merge, by_part)
        check_scale(found.smallest, params.target, schema)
        feature_map, by_fold = choose_map(maps, axes, [fold.moments() for fold in found.folds], forward, log)

        audit = find_leaks(merge_all(by_fold), blocks(feature_map), found.raw, list(numbers), params)
        audit["near_copies"] = correlated(found.raw, list(numbers), NEAR_COPY)
        write_json(METRICS, audit | ({"min_frequency": rarest} if rarest > params.min_frequency else {}))
        check_leaks(audit, schema)
        for names in audit["near_copies"]:
            log.info("%s are nearly the same: read their effects together, or ignore all but one", ", ".join(names))
        write_pickle(FEATURE_MAP, feature_map)
        save_moments(MOMENTS, by_fold)
        terms, rows = len(by_fold[0].mean) - 1, sum(fold.n for fold in by_fold)
        log.info("%d columns, %d terms; moments of %.10g rows in %d folds", len(schema.inputs), terms, rows, folds)


def fill_of(sample: pd.DataFrame, name: str, schema: TableSchema) -> float:
    """The median of a number, which stands for a missing cell in the audit; 0 if every cell is missing."""
    known = sample[sample[name].notna()]
    return float(median(known[name].to_numpy(), row_weights(known, schema))) if len(known) else 0.0


def accumulate(
    part: Path,
    axes: list[Axis],
    schema: TableSchema,
    numbers: dict[str, float],
    folds: int,
    transform: TargetTransform,
    centre: float,
) -> PartSums:
    """The sums of one part, read a chunk at a time."""
    expand = partial(vertex_blocks, axes=axes)
    by_fold = [Products.none(expand, len(axes), centre) for _ in range(folds)]
    found = PartSums(by_fold, Moments.none(len(numbers) + 1), np.inf)
    for rows in read_chunks(part, [*schema.modelled, "_fold"]):
        target, weight = rows[schema.target.name].to_numpy(), row_weights(rows, schema)
        values, scaled = np.array([axis.values(rows) for axis in axes]), to_scale(target, transform)
        add_by_fold(by_fold, expand, values, scaled, rows["_fold"].to_numpy(), weight)
        raw = Moments.of(np.column_stack([rows[list(numbers)].fillna(numbers).to_numpy(), target]), weight)
        found = PartSums(by_fold, found.raw.merge(raw), target.min(initial=found.smallest))
    return found


def choose_map(
    maps: Sequence[ColumnTransformer], axes: list[Axis], at_vertices: list[Moments], forward: bool, log: logging.Logger
) -> tuple[ColumnTransformer, list[Moments]]:
    """Choose the map with the fewest knots that no larger one clearly beats; also return its terms' moments by fold."""
    chosen: tuple[ColumnTransformer, list[Moments]] | None = None
    best: Candidate | None = None
    for feature_map in maps:
        with_terms = with_terms_of(feature_map, axes)
        moments = [term_moments(fold, with_terms) for fold in at_vertices]
        if len(maps) == 1:
            return feature_map, moments
        signs, sets = signs_of(feature_map), additive_sets(moments, memberships(len(moments), forward))
        candidate = candidate_of([quick_path(one, signs) for one in sets])
        log.debug("%d terms: CV RMSE %.6g", len(moments[0].mean) - 1, np.sqrt(candidate.errors.mean()))
        if best is None or is_better(candidate.errors, best.errors):
            chosen, best = (feature_map, moments), candidate
    assert chosen is not None
    return chosen


if __name__ == "__main__":
    main()

"""Features: fit the feature map, then one pass over the rows for the moments of every fold; audit for leaks.

Reads   data/train/, schema.yaml
Writes  models/features.joblib (the fitted map), data/moments.npz (its terms' moments), metrics/audit.json
Run     python -m stages.features

The moments (count, means, scatter) are all that ElasticNet needs to know of the rows: nothing after this stage reads
every training row to fit a model, however many there are.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.compose import ColumnTransformer

from stages.modelling.feature_map import blocks, count_terms, fit_feature_map, term_chunks
from stages.modelling.leakage import check_leaks, find_leaks
from stages.modelling.moments import Moments, merge_all, save_moments
from stages.modelling.target_scale import to_scale
from stages.table.parts import list_parts, read_part, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.arrays import Floats
from stages.utils.errors import DataError
from stages.utils.files import write_json, write_pickle
from stages.utils.parallel import map_parts
from stages.utils.params import TargetTransform, read_params
from stages.utils.stage import stage

TRAIN = Path("data/train")
FEATURE_MAP, MOMENTS, METRICS = Path("models/features.joblib"), Path("data/moments.npz"), Path("metrics/audit.json")


@dataclass
class PartMoments:
    """What one part adds up to."""

    folds: list[Moments]  # of the terms and the target on the model's scale, one a fold
    raw: Moments  # of the numeric columns as they are (a missing cell as the median) and the target as it is
    smallest: float  # target; infinite if the part has no rows


def main() -> None:
    with stage("features") as log:
        params = read_params("features")
        schema = read_schema()
        parts = list_parts(TRAIN)
        sample = sample_rows(parts, params.sample_rows, schema.names("feature", "time", "target"))
        check_target(sample[schema.target.name].to_numpy(), schema)
        feature_map = fit_feature_map(sample, schema, params)
        numbers = {column.name: sample[column.name].median() for column in schema.inputs if column.kind == "number"}
        numbers = {name: 0.0 if np.isnan(median) else float(median) for name, median in numbers.items()}
        folds = 1 + max(fold for part in parts for fold in read_part(part, ["_fold"])["_fold"].unique().tolist())
        found = list(map_parts(accumulate, parts, feature_map, schema, numbers, folds, params.target))
        check_scale(min(part.smallest for part in found), params.target, schema)
        by_fold = [merge_all(part.folds[fold] for part in found) for fold in range(folds)]

        audit = find_leaks(
            merge_all(by_fold), blocks(feature_map), merge_all(part.raw for part in found), list(numbers), params
        )
        write_json(METRICS, audit)
        check_leaks(audit, schema)
        write_pickle(FEATURE_MAP, feature_map)
        save_moments(MOMENTS, by_fold)
        terms, rows = len(by_fold[0].mean) - 1, sum(fold.n for fold in by_fold)
        log.info("%d columns, %d terms; moments of %d rows in %d folds", len(schema.inputs), terms, rows, folds)


def check_target(target: Floats, schema: TableSchema) -> None:
    """Raise a DataError for a constant target."""
    if target.min() == target.max():
        raise DataError(
            f"{TRAIN}: the target {schema.target.name} is {target[0]:g} in every training row; "
            f"there is nothing to predict: choose another role: target in schema.yaml"
        )


def check_scale(smallest: float, transform: TargetTransform, schema: TableSchema) -> None:
    """Raise a DataError for a target without a logarithm where the model is to be fitted to it."""
    if transform == "log" and smallest <= 0:
        raise DataError(
            f"{TRAIN}: the target {schema.target.name} is {smallest:g} in a training row, and params.yaml: "
            f"features.target: log needs positive numbers; set it to none, or give the column a minimum in schema.yaml"
        )


def accumulate(
    part: Path,
    feature_map: ColumnTransformer,
    schema: TableSchema,
    numbers: dict[str, float],
    folds: int,
    transform: TargetTransform,
) -> PartMoments:
    """The moments of one part."""
    smallest = np.inf
    by_fold = [Moments.none(count_terms(feature_map) + 1)] * folds
    raw = Moments.none(len(numbers) + 1)
    for chunk, terms in term_chunks(read_part(part), feature_map):
        target = chunk[schema.target.name].to_numpy()
        rows, fold = np.column_stack([terms, to_scale(target, transform)]), chunk["_fold"].to_numpy()
        by_fold = [moments.merge(Moments.of(rows[fold == k])) for k, moments in enumerate(by_fold)]
        raw = raw.merge(Moments.of(np.column_stack([chunk[list(numbers)].fillna(numbers).to_numpy(), target])))
        smallest = min(smallest, target.min(initial=np.inf))
    return PartMoments(by_fold, raw, smallest)


if __name__ == "__main__":
    main()

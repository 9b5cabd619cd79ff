"""Baselines for the model: the mean, and gradient-boosted trees, which show what a black box would reach."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from stages.table.parts import read_part, row_weights
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats

MOST_LEVELS = 250  # the trees take at most 255


def mean_target(parts: list[Path], schema: TableSchema) -> float:
    """Return the mean of the target over the training rows."""
    total = rows = 0.0
    for part in parts:
        frame = read_part(part, [schema.target.name, *filter(None, [schema.weight])])
        target, weight = frame[schema.target.name], row_weights(frame, schema)
        total += float(target.sum() if weight is None else target @ weight)
        rows += float(len(frame) if weight is None else weight.sum())
    return total / rows


def fit_black_box(sample: pd.DataFrame, schema: TableSchema, seed: int) -> Pipeline:
    """Fit HistGradientBoosting, with scikit-learn's defaults, to a sample of the training rows and the same columns.

    It runs on one thread (see `stages/__init__.py`), because its sums depend on the number of threads.
    """
    transformers: list[tuple[str, Any, list[str]]] = []
    is_level = []
    for position, column in enumerate(schema.inputs):
        if column.kind == "level":
            encoder: Any = FunctionTransformer(
                level_codes, kw_args={"levels": commonest_levels(sample[column.name], MOST_LEVELS)}
            )
            width = 1
        elif column.kind == "date":
            encoder, width = FunctionTransformer(date_numbers), 4
        elif sample[column.name].isna().all():  # the trees cannot bin a column without a value
            encoder, width = "drop", 0
        else:
            encoder, width = "passthrough", 1
        transformers.append((str(position), encoder, [column.name]))
        is_level += [column.kind == "level"] * width
    columns = ColumnTransformer(transformers, verbose_feature_names_out=False)
    trees = HistGradientBoostingRegressor(categorical_features=np.array(is_level), random_state=seed)
    target, weight = sample[schema.target.name].to_numpy(), row_weights(sample, schema)
    return make_pipeline(columns, trees).fit(sample, target, histgradientboostingregressor__sample_weight=weight)


def commonest_levels(cells: pd.Series, most: int) -> list[str]:
    """Return the levels of n cells in alphabetical order; of more than `most`, the `most` - 1 commonest."""
    counts = cells.value_counts().sort_index()
    return sorted(counts.index if len(counts) <= most else counts.sort_values(kind="stable").index[1 - most :])


def level_codes(cells: pd.DataFrame, levels: list[str]) -> Floats:
    """Turn levels into their places among `levels`, any other into one more, missing cells into NaN: (n, 1)."""
    codes, distinct = pd.factorize(cells.iloc[:, 0])
    places = pd.Index(levels, dtype="str").get_indexer(pd.Index(distinct, dtype="str")).astype(np.float64)
    places[places < 0] = len(levels)
    return np.append(places, np.nan)[codes][:, None]


def date_numbers(dates: pd.DataFrame) -> pd.DataFrame:
    """Turn a date into numbers for the trees: days since 1970, month, weekday, hour."""
    column = dates.iloc[:, 0]
    days = (column - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return pd.DataFrame(
        {"days": days, "month": column.dt.month, "weekday": column.dt.day_of_week, "hour": column.dt.hour}
    )

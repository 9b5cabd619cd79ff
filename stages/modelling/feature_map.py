"""The feature map: from typed columns to the numbers that ElasticNet weighs, made of scikit-learn's transformers.

Each input column becomes a block of terms of its own, so its effect on the prediction is a piecewise-linear curve (a
number), or a table of levels (text, categories, calendar parts of a date).
Only dates and constrained columns need this repository's code to load.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, SplineTransformer

from stages.table.parts import row_weights
from stages.table.schema import Column, TableSchema
from stages.utils.arrays import Floats, Mask, median, quantiles
from stages.utils.params import FeaturesParams

Direction = Literal["increasing", "decreasing"]
SIGNS: dict[Direction, int] = {"increasing": 1, "decreasing": -1}
CALENDAR = ("month", "weekday", "hour")  # levels of a date; Monday is weekday 0
DAY = np.timedelta64(1, "D")
FEW_KNOTS = 7  # for a quick look at a table
KNOTS = (4, 7, 10, 19)  # that `auto` chooses from; quantiles of the fewer are among those of the more


def fit_feature_map(
    sample: pd.DataFrame, schema: TableSchema, params: FeaturesParams, knots: int = FEW_KNOTS
) -> ColumnTransformer:
    """Fit the feature map on a sample of the training rows, with up to so many knots per number."""
    return fit_feature_maps(sample, schema, params, [knots])[0]


def fit_feature_maps(
    sample: pd.DataFrame, schema: TableSchema, params: FeaturesParams, counts: Sequence[int]
) -> list[ColumnTransformer]:
    """Fit a feature map for each number of knots; they share the levels.

    A map has one transformer for each input column, called by the column's position ("0", "1", …) because
    scikit-learn does not take every column name for the name of a transformer. It is fitted beforehand, to as few rows
    as make it what all of them would: the terms of all columns and rows are never in memory together.
    """
    weight, by_column = row_weights(sample, schema), []
    for column in schema.inputs:
        values, fitted = sample[column.name], []
        rows = sample.loc[enough_rows(column, values, params.min_frequency), [column.name]]
        for count in counts if column.kind != "level" else counts[:1]:
            fitted.append(FrozenEstimator(column_map(column, values, params, count, weight).fit(rows)))
        by_column.append(fitted if len(fitted) == len(counts) else fitted * len(counts))
    names = [column.name for column in schema.inputs]
    maps = []
    for transformers in zip(*by_column, strict=True):
        named = [(str(place), each, [name]) for place, (each, name) in enumerate(zip(transformers, names, strict=True))]
        columns = ColumnTransformer(named, sparse_threshold=0, verbose_feature_names_out=False)
        maps.append(columns.fit(sample.head()))
    return maps


def enough_rows(column: Column, values: pd.Series, min_frequency: int) -> Mask:
    """Choose the rows (n,) that a transformer is fitted to: the first `min_frequency` of each level, two of a number.

    Whatever a transformer takes from all values of a number is given to it (see `number_map`).
    """
    if column.kind == "number" or column.categoriesOrdered:
        return np.arange(len(values)) < 2
    parts = [values] if column.kind == "level" else [calendar_numbers(values, part) for part in CALENDAR]
    codes = [pd.Series(pd.factorize(part, use_na_sentinel=False)[0]) for part in parts]
    ranks = np.array([code.groupby(code).cumcount() for code in codes])
    return np.asarray(ranks.min(axis=0) < min_frequency)


def transformer_of(feature_map: ColumnTransformer, position: int) -> Any:
    """The fitted transformer of an input column."""
    return feature_map.named_transformers_[str(position)].estimator


def column_map(column: Column, values: pd.Series, params: FeaturesParams, knots: int, weight: Floats | None) -> Any:
    """The (unfitted) transformer of one column of n values into n rows of its terms."""
    if column.kind == "number":
        return number_map(values.to_numpy(), params, knots, column.monotone, weight)
    if column.categoriesOrdered:
        return ordered_map(column, values, weight)
    if column.kind == "level":
        return level_map(params)
    calendar = [(part, calendar_map(part, params), [0]) for part in CALENDAR]
    if column.role == "time":  # what recurs; the trend is not carried into the future
        return ColumnTransformer(calendar, sparse_threshold=0)
    days = FunctionTransformer(days_since, kw_args={"start": values.min()})
    trend = make_pipeline(days, number_map(days.transform(values.to_frame())[:, 0], params, knots, None, weight))
    return ColumnTransformer([("trend", trend, [0]), *calendar], sparse_threshold=0)


def number_map(
    values: Floats,
    params: FeaturesParams,
    most_knots: int = FEW_KNOTS,
    monotone: Direction | None = None,
    weight: Floats | None = None,
) -> Any:
    """A line and a piecewise-linear curve over clipped values; a missing one is the median, with a term of its own.

    The curve of a monotone column is a sum of ramps, whose weights `signs_of` bounds.
    """
    is_known = ~np.isnan(values)
    known, weight = values[is_known], None if weight is None else weight[is_known]
    if len(known) == 0:  # nothing to learn from; the line of a constant has no weight
        known, weight = np.zeros(1), None
    low, high = quantiles(known, [params.clip, 1 - params.clip], weight)
    clip = FunctionTransformer(np.clip, kw_args={"a_min": low, "a_max": high})
    impute = SimpleImputer(
        strategy="constant", fill_value=float(np.clip(median(known, weight), low, high)), keep_empty_features=True
    )
    knots = np.unique(np.clip(known, low, high))
    if len(knots) > most_knots:
        knots = np.unique(quantiles(np.clip(known, low, high), np.linspace(0, 1, most_knots), weight))
    terms: list[tuple[str, Any, list[int]]] = [("line", "passthrough", [0])]
    if len(knots) > 2:
        curve = SplineTransformer(degree=1, knots=knots[:, None], extrapolation="constant", include_bias=False)
        terms.append(("curve", curve, [0]))
    if monotone is not None and len(knots) > 1:
        terms = [*terms[: len(knots) > 2], (monotone, FunctionTransformer(ramps, kw_args={"knots": knots}), [0])]
    filled = Pipeline([("clip", clip), ("impute", impute), ("terms", ColumnTransformer(terms, sparse_threshold=0))])
    missing = [("missing", MissingIndicator(features="all"), [0])] if len(known) < len(values) else []
    return ColumnTransformer([("known", filled, [0]), *missing], sparse_threshold=0)


def ordered_map(column: Column, values: pd.Series, weight: Floats | None) -> ColumnTransformer:
    """A step from each level to the next; a missing or unlisted one is the median, a missing one has its own term."""
    levels = column.levels or []
    codes = pd.Index(levels).get_indexer(pd.Index(values))
    known = codes >= 0
    fill = median(codes[known].astype(np.float64), None if weight is None else weight[known]) if known.any() else 0.0
    steps = FunctionTransformer(ramps, kw_args={"knots": np.arange(len(levels), dtype=np.float64)})
    filled = Pipeline(
        [
            ("codes", OrdinalEncoder(categories=[levels], handle_unknown="use_encoded_value", unknown_value=np.nan)),
            ("impute", SimpleImputer(strategy="constant", fill_value=fill, keep_empty_features=True)),
            ("terms", ColumnTransformer([(column.monotone or "steps", steps, [0])], sparse_threshold=0)),
        ]
    )
    missing = [("missing", MissingIndicator(features="all"), [0])] if values.isna().any() else []
    return ColumnTransformer([("known", filled, [0]), *missing], sparse_threshold=0)


def ramps(values: Floats, knots: Floats) -> Floats:
    """Share of each of k - 1 segments between k knots that is below each of (n, 1) values, (n, k - 1)."""
    shares: Floats = np.clip((values - knots[:-1]) / np.diff(knots), 0, 1)
    return shares


def calendar_map(part: str, params: FeaturesParams) -> Pipeline:
    """The levels of one calendar part of a date."""
    return make_pipeline(FunctionTransformer(calendar_part, kw_args={"part": part}), level_map(params))


def level_map(params: FeaturesParams) -> OneHotEncoder:
    """One term per level; rare and unseen levels share one; a missing cell is a level."""
    return OneHotEncoder(
        min_frequency=params.min_frequency, handle_unknown="infrequent_if_exist", sparse_output=False, dtype=np.float64
    )


def calendar_part(dates: Any, part: str) -> Any:
    """Month (1–12), weekday (0–6) or hour (0–23) as text; missing where the date is."""
    codes, distinct = pd.factorize(calendar_numbers(np.asarray(dates)[:, 0], part), use_na_sentinel=False)
    return pd.DataFrame(calendar_levels(distinct).take(codes))


def calendar_numbers(dates: Any, part: str) -> Any:
    """Month, weekday or hour of n dates; NaN where the date is missing."""
    column = pd.Series(np.asarray(dates)).astype("datetime64[us]")
    return getattr(column.dt, "day_of_week" if part == "weekday" else part)


def calendar_levels(numbers: Any) -> Any:
    """Calendar parts as text."""
    return pd.Series(numbers).map("{:.0f}".format, na_action="ignore").astype("str").array


def days_since(dates: Any, start: pd.Timestamp) -> Floats:
    """Days (with fractions) from `start`, (n, 1); NaN where the date is missing."""
    column = pd.Series(np.asarray(dates)[:, 0]).astype("datetime64[us]")
    return np.asarray((column - start) / DAY, dtype=np.float64)[:, None]


def blocks(feature_map: ColumnTransformer) -> dict[str, range]:
    """For each input column the positions of its terms in the map's output."""
    slices = feature_map.output_indices_
    return {columns[0]: range(slices[name].start, slices[name].stop) for name, _, columns in feature_map.transformers}


def signs_of(feature_map: ColumnTransformer) -> Floats:
    """The sign that the weight of each term may have (p,): 1, -1, or 0 for both."""
    signs = np.zeros(count_terms(feature_map))
    for position, block in enumerate(blocks(feature_map).values()):
        transformer = transformer_of(feature_map, position)
        curves = getattr(transformer, "named_transformers_", {})
        for direction, sign in SIGNS.items() if "known" in curves else ():
            if direction in curves["known"]["terms"].named_transformers_:
                signs[block.start : block.stop][transformer.output_indices_["known"]] = sign
    return signs


def count_terms(feature_map: ColumnTransformer) -> int:
    """Count the terms that the map gives a row."""
    return sum(map(len, blocks(feature_map).values()))

"""The budget of terms (params.yaml: features.max_terms): memory grows with their square, so they must not grow freely.

Numbers of knots that would take more than half of the budget are not tried; then levels are merged, the rarest first.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.modelling.feature_map import KNOTS
from stages.table.schema import Column, TableSchema
from stages.utils.params import FeaturesParams

MOST_CALENDAR_TERMS = 12 + 7 + 24


def within_budget(sample: pd.DataFrame, schema: TableSchema, params: FeaturesParams) -> tuple[Sequence[int], int]:
    """The numbers of knots to compare, and the rows that a level needs to keep a term: `min_frequency`, or more."""
    levels = [
        sample[column.name].value_counts(dropna=False).to_numpy() for column in schema.inputs if has_levels(column)
    ]
    room = params.max_terms - level_terms(levels, params.min_frequency)
    wanted = KNOTS if params.knots == "auto" else (params.knots,)
    counts = [count for count in wanted if number_terms(schema, count) <= max(room, params.max_terms / 2)] or wanted[:1]
    room, rarest = params.max_terms - number_terms(schema, counts[-1]), params.min_frequency
    rows = np.unique(np.concatenate([np.zeros(1, int), *levels])) + 1  # the thresholds that make a difference
    for threshold in rows[rows > rarest]:
        if level_terms(levels, rarest) <= room:
            break
        rarest = int(threshold)
    return counts, rarest


def has_levels(column: Column) -> bool:
    """Tell whether rare levels of a column are merged."""
    return column.kind == "level" and not column.categoriesOrdered


def level_terms(levels: list[np.ndarray], min_frequency: int) -> int:
    """Terms of the level columns, from the rows of each of their levels."""
    return sum(int((rows >= min_frequency).sum()) + bool((rows < min_frequency).any()) for rows in levels)


def number_terms(schema: TableSchema, knots: int) -> int:
    """The most terms that all other columns have with so many knots."""
    total = 0
    for column in schema.inputs:
        if column.categoriesOrdered:
            total += len(column.levels or [])
        elif column.kind == "number":
            total += knots + 1
        elif column.kind == "date":
            total += MOST_CALENDAR_TERMS + (knots + 1 if column.role != "time" else 0)
    return total

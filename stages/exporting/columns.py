"""The columns of the scorecard: what the form and the API need to know of each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.table.schema import Column, TableSchema
from webapp.scoring import scorecard
from webapp.scoring.notation import SMALLEST

QUANTILES = np.linspace(0, 1, 21)
BINS, MOST_LEVELS = 40, 50  # of a histogram; levels whose share is noted


def make_column(
    column: Column, values: "pd.Series[Any]", effect: Any, missing_values: Sequence[str], width: Any = None
) -> scorecard.Column:
    """Describe one input column; `values` are its cells in the sample, `missing_values` the table's missing marks."""
    known = values.dropna()
    quantiles, histogram, shares, seen, default = [], None, {}, None, None
    if len(known) == 0:
        pass
    elif column.kind == "number":
        quantiles = np.quantile(known, QUANTILES).tolist()
        histogram = make_histogram(known)
        default = known.median()
    elif column.kind == "level":
        counts = known.value_counts(normalize=True).sort_index().sort_values(ascending=False, kind="stable")
        shares = counts.head(MOST_LEVELS).to_dict()
        default = counts.index[0]
    else:
        seen = (known.min().isoformat(), known.max().isoformat())
        default = seen[1]
    limits = column.constraints
    return scorecard.Column(
        name=column.name,
        title=column.title,
        description=column.description,
        unit=column.unit,
        type=column.type,
        reading=make_reading(column, missing_values),
        required=limits.required or column.role == "time",  # as in validate
        minimum=None if limits.minimum is None else as_limit(limits.minimum, column),
        maximum=None if limits.maximum is None else as_limit(limits.maximum, column),
        allowed=allowed_values(column),
        pattern=limits.pattern,
        min_length=limits.minLength,
        max_length=limits.maxLength,
        labels=column.labels,
        quantiles=quantiles,
        histogram=histogram,
        shares=shares,
        seen=seen,
        missing_share=float(values.isna().mean()),
        monotone=column.monotone,
        default=default,
        effect=effect,
        width=width,
    )


def make_exposure(sample: pd.DataFrame, schema: TableSchema, limits: list[float]) -> scorecard.Exposure:
    """Describe the exposure: a column that is positive, required, and adds nothing to the rate."""
    column = next(column for column in schema.fields if column.role == "exposure")
    nothing = scorecard.Curve(knots=[0.0], values=[0.0], missing=0.0)
    found = make_column(column, sample[column.name], nothing, schema.missingValues)
    smallest = 1.0 if column.type == "integer" else SMALLEST
    lowest = found.minimum if isinstance(found.minimum, float) and found.minimum > 0 else smallest
    unit = schema.column(schema.target.name).unit
    changes = {"required": True, "minimum": lowest, "limits": limits, "total_unit": unit}
    return scorecard.Exposure(**dict(found) | changes)


def make_reading(column: Column, missing_values: Sequence[str]) -> scorecard.Reading:
    """Note how the column's cells are written."""
    return scorecard.Reading(
        missing_values=list(missing_values if column.missingValues is None else column.missingValues),
        format=column.format,
        decimal_char=column.decimalChar,
        group_char=column.groupChar,
        bare_number=column.bareNumber,
        true_values=column.trueValues,
        false_values=column.falseValues,
    )


def allowed_values(column: Column) -> list[float | str]:
    """List the only valid values: the categories, the values of `enum`, or those in both."""
    enum = None if column.constraints.enum is None else [as_limit(value, column) for value in column.constraints.enum]
    if column.levels is None:
        return enum or []
    return [level for level in column.levels if enum is None or level in enum]


def as_limit(value: Any, column: Column) -> float | str:
    """Write a value of a constraint as the scorecard holds it: a number, or the text of a level or a date."""
    return float(value) if column.kind == "number" else str(value)


def make_histogram(values: "pd.Series[Any]") -> scorecard.Histogram:
    """The distribution of a number, in bins of equal width."""
    counts, edges = np.histogram(values, BINS)
    return scorecard.Histogram(low=edges[0], high=edges[-1], shares=(counts / counts.sum()).tolist())

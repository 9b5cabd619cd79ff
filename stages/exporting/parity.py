"""Parity of the web app's scorer with the model, on training rows and on rows unlike any of them."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.evaluation.error_size import factor_model, row_factors
from stages.evaluation.intervals import interval_ends
from stages.modelling.axes import UNSEEN
from stages.modelling.pipeline import linear_predictions, linear_sums, pairs_of
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats
from stages.utils.errors import ExportError
from webapp.scoring.effects import Cell
from webapp.scoring.scorecard import Scorecard
from webapp.scoring.scorer import make_scorer

TOLERANCE = 1e-9  # of max(|prediction|, standard deviation of the target)


def odd_rows(sample: pd.DataFrame, schema: TableSchema) -> list[pd.DataFrame]:
    """Rows unlike any in training: each column missing, unseen or far out of range, and all of them missing."""
    base = sample.head(10)
    odd = [base.assign(**{column.name: missing_cell(sample[column.name]) for column in schema.inputs})]
    for column in schema.inputs:
        cells: list[Any] = [missing_cell(sample[column.name])]
        if column.kind == "level":
            cells += [UNSEEN, ""]
        elif column.kind == "number":
            cells += [-1e12, 1e12, 0.0]
        else:
            cells += [pd.Timestamp("1900-02-28T23:59:59"), pd.Timestamp("2199-12-31T00:00:01")]
        odd += [base.assign(**{column.name: pd.Series(cell, base.index, sample[column.name].dtype)}) for cell in cells]
    return odd


def missing_cell(column: "pd.Series[Any]") -> Any:
    """Return a missing cell of this column's type."""
    return pd.NaT if column.dtype.kind == "M" else np.nan


def largest_difference(
    card: Scorecard, model: Pipeline, intervals: dict[str, Any], rows: pd.DataFrame, target: Floats
) -> float:
    """Return the largest difference between scorer and model, relative to max(|expected|, sd of the target).

    The prediction and both ends of its interval are compared.

    Args:
        intervals: models/intervals.json.

    Raises:
        ExportError: it is larger than TOLERANCE.
    """
    ends = ends_of(model, intervals, rows)
    expected = np.column_stack([model.predict(rows), *ends])
    names = [column.name for column in card.inputs]
    cells = zip(*(as_cells(rows[name]) for name in names), strict=True)
    score = make_scorer(card)
    found = np.array([score(dict(zip(names, row, strict=True)))[:3] for row in cells])
    difference = np.abs(found - expected) / np.maximum(np.abs(expected), target.std())
    worst = int(difference.max(axis=1).argmax())
    largest = float(difference[worst].max())
    if not largest <= TOLERANCE:
        raise ExportError(
            f"models/scorecard.json: not written: for the row {rows.iloc[worst][names].to_dict()} the scorer predicts "
            f"(with its interval) {found[worst].tolist()} and models/model.joblib {expected[worst].tolist()}; "
            f"expected agreement to {TOLERANCE:g}: "
            f"a transform in stages/modelling/feature_map.py has no counterpart in "
            f"stages/exporting/effects.py or webapp/scoring/scorer.py"
        )
    return largest


def as_cells(column: "pd.Series[Any]") -> list[Cell]:
    """The cells as the web app gets them: Python's own types, None where one is missing."""
    cells = (cell.to_pydatetime() if isinstance(cell, pd.Timestamp) else cell for cell in column.tolist())
    return [None if pd.isna(cell) else cell for cell in cells]


def ends_of(model: Pipeline, intervals: dict[str, Any], rows: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return the lower and upper ends of the prediction intervals of n rows, each (n,), in the target's unit."""
    [logs] = linear_sums(pairs_of(model), rows, [factor_model(model, intervals)])
    linear, factors = linear_predictions(model, rows), row_factors(intervals, logs, rows)
    return interval_ends(intervals, linear, factors, model["elasticnet"].transform)

"""Export: the served form of the model, written only if the web app's scorer predicts with it what the model does.

Reads   models/model.joblib, models/intervals.json, metrics/train.json, metrics/test.json, data/train/, schema.yaml
Writes  models/scorecard.json (schemas/scorecard.schema.json documents it)
Run     python -m stages.export
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.pipeline import Pipeline

from stages.exporting.effects import effects_of, width_effects
from stages.exporting.parity import largest_difference, odd_rows
from stages.modelling.pipeline import weights_of
from stages.table.parts import by_weight, list_parts, sample_rows
from stages.table.schema import Column, TableSchema, read_schema
from stages.utils.files import ALL_DIGITS, md5_of, read_json, replacing, write_json
from stages.utils.metrics_files import InteractionMetrics, read_metrics
from stages.utils.params import read_params
from stages.utils.stage import stage
from webapp.scoring import scorecard
from webapp.scoring.notation import SMALLEST
from webapp.scoring.scorecard import Scorecard

MODEL, INTERVALS = Path("models/model.joblib"), Path("models/intervals.json")
FIT, METRICS = Path("metrics/train.json"), Path("metrics/test.json")
TRAIN, SCHEMA, SCORECARD = Path("data/train"), Path("schema.yaml"), Path("models/scorecard.json")
QUANTILES = np.linspace(0, 1, 21)
FIT_KEYS = ("alpha", "l1_ratio", "terms", "nonzero", "cv_rmse", "cv_r2")
BINS, MOST_LEVELS = 40, 50  # of a histogram; levels whose share is noted


def main() -> None:
    with stage("export") as log:
        params = read_params("export")
        schema = read_schema()
        model: Pipeline = joblib.load(MODEL)
        sample = sample_rows(list_parts(TRAIN), params.check_rows, schema.modelled)
        card = make_scorecard(model, sample, schema)
        with replacing(SCORECARD) as partial:
            write_json(partial, card.model_dump(mode="json"), ALL_DIGITS)
            served = Scorecard.model_validate_json(partial.read_bytes())
            rows = pd.concat([sample, *odd_rows(sample, schema)], ignore_index=True)
            worst = largest_difference(served, model, read_json(INTERVALS), rows, sample[schema.target.name].to_numpy())
        log.info(
            "scorecard of %d columns agrees with the model on %d rows to %.1g", len(card.columns), len(rows), worst
        )


def make_scorecard(model: Pipeline, sample: pd.DataFrame, schema: TableSchema) -> Scorecard:
    """The model as a scorecard, with what the form and the API need to know of each column.

    Args:
        sample: training rows.
    """
    # with an exposure each row counts once for its columns, as live rows do, but a rate as much as its exposure
    weighted = by_weight(sample, schema)
    sample = sample if schema.exposure else weighted
    shares = [pair.folds for pair in read_metrics(InteractionMetrics).pairs]
    known = {column.name: column.levels or [] for column in schema.inputs}
    intervals = read_json(INTERVALS)
    effects = effects_of(model, known, sample, shares)
    exposure = intervals.pop("exposure", None)
    widths = width_effects(effects.axes, intervals.pop("factor_coef", []), weights_of(model)[1], known)
    target = schema.target
    metrics = read_json(METRICS)
    worst_group = metrics["intervals"].pop("worst_group")
    headline = {**metrics["model"], **metrics["intervals"], "gate_passed": metrics["gate"]["passed"]}
    headline["worst_group_coverage"] = None if worst_group is None else worst_group["coverage"]
    headline |= {f"total_{name}": value for name, value in metrics.get("total", {}).get("model", {}).items()}
    return Scorecard(
        version=2,
        title=schema.title,
        description=schema.description,
        target=scorecard.Target(
            name=target.name,
            title=target.title,
            description=target.description,
            unit=target.unit,
            transform=model["elasticnet"].transform,
            factor=model["elasticnet"].factor_,
            quantiles=np.quantile(weighted[target.name], QUANTILES).tolist(),
            histogram=make_histogram(weighted[target.name]),
            typical=None if schema.exposure is None else float(weighted[target.name].mean()),
        ),
        intercept=float(model["elasticnet"].intercept_),
        columns=[
            make_column(
                column, sample[column.name], effects.columns[column.name], schema.missingValues, widths.get(column.name)
            )
            for column in schema.inputs
        ],
        exposure=None if exposure is None else make_exposure(sample, schema, exposure["limits"]),
        surfaces=effects.surfaces,
        intervals=scorecard.Intervals(**intervals),
        training={"rows": sum(pq.read_metadata(part).num_rows for part in list_parts(TRAIN))} | chosen(read_json(FIT)),
        metrics=headline,
        made_from={path.as_posix(): md5_of(path) for path in (MODEL, INTERVALS, FIT, METRICS, SCHEMA)},
    )


def chosen(fit: dict[str, Any]) -> dict[str, float | bool | None]:
    """Return the figures of the fit that the model page shows."""
    return {key: fit[key] for key in FIT_KEYS}


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


if __name__ == "__main__":
    main()

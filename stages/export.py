"""Export: the served form of the model, written only if the web app's scorer predicts with it what the model does.

Reads   models/model.joblib, models/intervals.json, metrics/train.json, metrics/test.json, data/train/, schema.yaml
Writes  models/scorecard.json (schemas/scorecard.schema.json documents it)
Run     python -m stages.export
"""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.pipeline import Pipeline

from stages.exporting.effects import column_effects
from stages.exporting.parity import largest_difference, odd_rows
from stages.modelling.target_scale import LogElasticNet
from stages.table.parts import list_parts, sample_rows
from stages.table.schema import Column, TableSchema, read_schema
from stages.utils.files import ALL_DIGITS, md5_of, read_json, replacing, write_json
from stages.utils.params import read_params
from stages.utils.stage import stage
from webapp.scoring import scorecard
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
        sample = sample_rows(list_parts(TRAIN), params.check_rows, schema.names("feature", "time", "target"))
        card = make_scorecard(model, sample, schema)
        with replacing(SCORECARD) as partial:
            write_json(partial, card.model_dump(mode="json"), ALL_DIGITS)
            served = Scorecard.model_validate_json(partial.read_bytes())
            rows = pd.concat([sample, *odd_rows(sample, schema)], ignore_index=True)
            worst = largest_difference(served, model, rows, sample[schema.target.name].to_numpy())
        log.info(
            "scorecard of %d columns agrees with the model on %d rows to %.1g", len(card.columns), len(rows), worst
        )


def make_scorecard(model: Pipeline, sample: pd.DataFrame, schema: TableSchema) -> Scorecard:
    """The model as a scorecard, with what the form and the API need to know of each column."""
    effects = column_effects(model, {column.name: column.levels or [] for column in schema.inputs})
    target = schema.target
    metrics = read_json(METRICS)
    headline = {**metrics["model"], **metrics["intervals"], "gate_passed": metrics["gate"]["passed"]}
    return Scorecard(
        title=schema.title,
        description=schema.description,
        target=scorecard.Target(
            name=target.name,
            title=target.title,
            description=target.description,
            unit=target.unit,
            transform="log" if isinstance(model["elasticnet"], LogElasticNet) else "none",
            quantiles=np.quantile(sample[target.name], QUANTILES).tolist(),
            histogram=make_histogram(sample[target.name]),
        ),
        intercept=float(model["elasticnet"].intercept_),
        columns=[make_column(column, sample[column.name], effects[column.name]) for column in schema.inputs],
        intervals=scorecard.Intervals(**read_json(INTERVALS)),
        missing_values=schema.missingValues,
        training={"rows": sum(pq.read_metadata(part).num_rows for part in list_parts(TRAIN))} | chosen(read_json(FIT)),
        metrics=headline,
        made_from={path.as_posix(): md5_of(path) for path in (MODEL, INTERVALS, FIT, METRICS, SCHEMA)},
    )


def chosen(fit: dict[str, Any]) -> dict[str, float | bool | None]:
    """What the model page says of the fit."""
    return {key: fit[key] for key in FIT_KEYS}


def make_column(column: Column, values: "pd.Series[Any]", effect: Any) -> scorecard.Column:
    """One input column of the scorecard; `values` are its cells in the sample."""
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
    minimum, maximum = (
        str(limit) if column.kind == "date" and limit is not None else limit
        for limit in (limits.minimum, limits.maximum)
    )
    return scorecard.Column(
        name=column.name,
        title=column.title,
        description=column.description,
        unit=column.unit,
        type=column.type,
        required=limits.required,
        minimum=minimum,
        maximum=maximum,
        allowed=column.levels or ([str(level) for level in limits.enum or []] if column.kind == "level" else []),
        labels=column.labels,
        quantiles=quantiles,
        histogram=histogram,
        shares=shares,
        seen=seen,
        missing_share=float(values.isna().mean()),
        default=default,
        effect=effect,
    )


def make_histogram(values: "pd.Series[Any]") -> scorecard.Histogram:
    """The distribution of a number, in bins of equal width."""
    counts, edges = np.histogram(values, BINS)
    return scorecard.Histogram(low=edges[0], high=edges[-1], shares=(counts / counts.sum()).tolist())


if __name__ == "__main__":
    main()

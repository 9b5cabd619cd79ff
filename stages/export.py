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

from stages.exporting.columns import QUANTILES, make_column, make_exposure, make_histogram
from stages.exporting.effects import effects_of, width_effects
from stages.exporting.parity import largest_difference, odd_rows
from stages.modelling.pipeline import weights_of
from stages.table.parts import by_weight, list_parts, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.files import ALL_DIGITS, md5_of, read_json, replacing, write_json
from stages.utils.metrics_files import InteractionMetrics, read_metrics
from stages.utils.params import read_params
from stages.utils.stage import stage
from webapp.scoring import scorecard
from webapp.scoring.scorecard import Scorecard

MODEL, INTERVALS = Path("models/model.joblib"), Path("models/intervals.json")
FIT, METRICS = Path("metrics/train.json"), Path("metrics/test.json")
TRAIN, SCHEMA, SCORECARD = Path("data/train"), Path("schema.yaml"), Path("models/scorecard.json")
FIT_KEYS = ("alpha", "l1_ratio", "terms", "nonzero", "cv_rmse", "cv_r2")


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


if __name__ == "__main__":
    main()

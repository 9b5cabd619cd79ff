"""Evaluate: use the test rows once, for the metrics of the model and its baselines, the intervals and the gate.

Reads   models/model.joblib, models/folds.joblib, data/training_sets.npz, data/train/, data/test/, schema.yaml
Writes  models/intervals.json, metrics/test.json, plots/predicted_actual.csv, plots/coverage.csv,
        plots/coverage_by_width.csv, plots/residuals_by_group.csv
Run     python -m stages.evaluate

Baselines: the mean; ordinary least squares on the same terms; HistGradientBoosting, as a black box to compare with.
"""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.evaluation.baselines import fit_black_box, mean_target
from stages.evaluation.error_groups import FIFTHS, find_groups, residuals_by_group, worst_coverage
from stages.evaluation.error_size import exposure_limits, exposure_spread, scaled_intervals
from stages.evaluation.gate import gate, gate_checks
from stages.evaluation.intervals import coverage_by_bin, coverage_scores, interval_ends, residual_intervals
from stages.evaluation.metrics import bootstrap_scores
from stages.evaluation.scoring import DRAWN_ROWS, Models, score_part
from stages.modelling import elasticnet
from stages.modelling.pipeline import linear_predictions, linear_sums, pairs_of
from stages.modelling.target_scale import from_scale, mean_factor, to_scale
from stages.modelling.training_sets import load_sets
from stages.table.parts import by_weight, list_parts, row_counts, row_weights, sample_rows
from stages.table.schema import TableSchema, read_schema
from stages.utils.arrays import Floats, quantiles
from stages.utils.files import ALL_DIGITS, write_csv, write_json
from stages.utils.metrics_files import EvaluationMetrics, write_metrics
from stages.utils.parallel import map_parts
from stages.utils.params import EvaluateParams, TargetTransform, read_params
from stages.utils.stage import stage
from webapp.formatting import percent, with_interval

MODEL, FOLDS, SETS = Path("models/model.joblib"), Path("models/folds.joblib"), Path("data/training_sets.npz")
TRAIN, TEST = Path("data/train"), Path("data/test")
INTERVALS = Path("models/intervals.json")
PREDICTED, COVERAGE = Path("plots/predicted_actual.csv"), Path("plots/coverage.csv")
WIDTHS, GROUPS = Path("plots/coverage_by_width.csv"), Path("plots/residuals_by_group.csv")


def main() -> None:
    with stage("evaluate") as log:
        params: EvaluateParams = read_params("evaluate")
        by_group, transform = read_params("split.by") == "group", read_params("features.target")
        schema = read_schema()
        model: Pipeline = joblib.load(MODEL)
        columns = [*schema.modelled, "_fold"]
        sample = sample_rows(list_parts(TRAIN), params.sample_rows, columns)

        models = fit_models(model, sample, schema, params, transform, read_params("split.by") == "time")
        write_json(INTERVALS, models.intervals, ALL_DIGITS)
        groups = find_groups(by_weight(sample, schema), schema)
        test = list_parts(TEST)
        del sample
        parts = list(map_parts(score_part, test, models, schema, groups, by_group, rows=row_counts(test)))
        by_group_of_rows = residuals_by_group(pd.concat([part.groups for part in parts]), groups, schema)

        scores, totals = (
            {
                name: bootstrap_scores(
                    np.sum([sums[name] for sums in found], axis=0), params.bootstrap, params.confidence, params.seed
                )
                for name in found[0]
            }
            for found in ([part.sums for part in parts], [part.totals for part in parts])
        )
        counts = {name: np.sum([part.coverage[name] for part in parts], axis=0) for name in parts[0].coverage}
        coverage = coverage_scores(counts["bin"], counts["constant"], params.coverage, worst_coverage(by_group_of_rows))
        verdicts = gate(gate_checks(scores["model"], scores["least_squares"], coverage, params.gate))
        metrics = EvaluationMetrics(**scores, intervals=coverage, gate=verdicts)
        if totals:
            metrics.total = totals
        write_metrics(metrics)
        drawn = pd.concat([part.drawn for part in parts]).sort_values("draw", kind="stable").head(DRAWN_ROWS)
        write_csv(PREDICTED, drawn.drop(columns="draw"))
        write_csv(COVERAGE, coverage_by_bin(counts["bin"], from_scale(np.array(models.intervals["edges"]), transform)))
        write_csv(WIDTHS, coverage_by_bin(counts["width"], models.width_edges))
        write_csv(GROUPS, by_group_of_rows)
        model_scores = dict(scores["model"])
        log.info("RMSE %s, MAE %s, R² %s", *(with_interval(model_scores, name) for name in ("rmse", "mae", "r2")))
        shares = percent(coverage.coverage, 1), percent(coverage.nominal)
        log.info("%s of the test rows are inside their %s prediction interval", *shares)
        log.info("gate %s", "passed" if verdicts.passed else "FAILED: a deployment would stop here")


def fit_models(
    model: Pipeline,
    sample: pd.DataFrame,
    schema: TableSchema,
    params: EvaluateParams,
    transform: TargetTransform,
    forward: bool,
) -> Models:
    """Fit the intervals and the baselines to training rows; `forward` if folds are blocks of time."""
    prediction, residual = out_of_fold(sample, schema, transform)
    known = ~np.isnan(prediction)
    rows, prediction, residual = sample[known], prediction[known], residual[known]
    weight, exposure = row_weights(rows, schema), exposure_limits(rows, schema)
    spread = exposure_spread(rows, exposure)
    if params.intervals == "scaled":
        intervals, factor = scaled_intervals(
            model, rows, prediction, residual, params, transform, weight, spread, forward
        )
    else:
        intervals = residual_intervals(prediction, residual / spread, params.coverage, params.bins, weight)
        factor = np.ones(len(rows)) * spread
    if exposure is not None:
        intervals["exposure"] = exposure
    lower, upper = interval_ends(intervals, prediction, factor, transform)
    has_width = ~np.isnan(factor)
    least_squares = elasticnet.least_squares(load_sets(SETS)[-1].train)
    [fitted] = linear_sums(pairs_of(model), sample, [least_squares])
    target = sample[schema.target.name].to_numpy()
    return Models(
        model=model,
        least_squares=least_squares,
        least_squares_factor=mean_factor(target, fitted, transform, row_weights(sample, schema)),
        black_box=fit_black_box(sample, schema, params.seed),
        mean=mean_target(list_parts(TRAIN), schema),
        intervals=intervals,
        constant=residual_intervals(prediction, residual, params.coverage, 1, weight),
        width_edges=np.unique(
            quantiles((upper - lower)[has_width], FIFTHS, None if weight is None else weight[has_width])
        ),
        transform=transform,
    )


def out_of_fold(sample: pd.DataFrame, schema: TableSchema, transform: TargetTransform) -> tuple[Floats, Floats]:
    """Predict training rows by the model of their fold, which has not seen them; also return the residuals (each (n,)).

    Both are on the model's scale, and NaN for the rows of a fold without a model (the first, by time).
    """
    models: dict[int, Pipeline] = joblib.load(FOLDS)
    fold, prediction = sample["_fold"].to_numpy(), np.full(len(sample), np.nan)
    for held_out, model in models.items():
        inside = fold == held_out
        if inside.any():
            prediction[inside] = linear_predictions(model, sample[inside])
    return prediction, to_scale(sample[schema.target.name].to_numpy(), transform) - prediction


if __name__ == "__main__":
    main()

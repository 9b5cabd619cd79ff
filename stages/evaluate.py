"""Evaluate: use the test rows once, for the metrics of the model and its baselines, the intervals and the gate.

Reads   models/model.joblib, models/folds.joblib, data/training_sets.npz, data/train/, data/test/, schema.yaml
Writes  models/intervals.json, metrics/test.json, plots/predicted_actual.csv, plots/coverage.csv,
        plots/coverage_by_width.csv, plots/residuals_by_group.csv
Run     python -m stages.evaluate

Baselines: the mean; ordinary least squares on the same terms; HistGradientBoosting, as a black box to compare with.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.evaluation.baselines import fit_black_box, mean_target
from stages.evaluation.error_groups import FIFTHS, Groups, find_groups, group_sums, residuals_by_group, worst_coverage
from stages.evaluation.error_size import factor_model, row_factors, scaled_intervals
from stages.evaluation.gate import gate, gate_checks
from stages.evaluation.intervals import (
    count_coverage,
    coverage_by_bin,
    coverage_scores,
    interval_ends,
    residual_intervals,
)
from stages.evaluation.metrics import CLUSTERS, bootstrap_scores, cluster_sums
from stages.modelling import elasticnet
from stages.modelling.pipeline import linear_predictions, linear_sums, pairs_of
from stages.modelling.target_scale import from_scale, mean_factor, to_scale
from stages.modelling.training_sets import load_sets
from stages.table.hashing import draw, hash_rows
from stages.table.parts import by_weight, list_parts, read_part, row_weights, sample_rows
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
DRAWN_ROWS = 1000  # test rows, chosen by hash, in plots/predicted_actual.csv


@dataclass
class Models:
    """The models that predict the test rows."""

    model: Pipeline
    least_squares: tuple[Floats, float]
    least_squares_factor: float
    black_box: Pipeline
    mean: float
    intervals: dict[str, Any]
    constant: dict[str, Any]  # intervals with the same offsets for every row
    width_edges: Floats  # between fifths of the training rows by the width of their intervals
    transform: TargetTransform


@dataclass
class PartScores:
    """Sums over the test rows of one part."""

    sums: dict[str, Floats]  # for each model, sums by cluster of rows
    coverage: dict[str, Floats]  # by bin of the prediction, by width, and with constant intervals: see count_coverage
    groups: pd.DataFrame  # sums by group of rows: see group_sums
    drawn: pd.DataFrame  # draw, actual, predicted, lower, upper of up to DRAWN_ROWS rows


def main() -> None:
    with stage("evaluate") as log:
        params: EvaluateParams = read_params("evaluate")
        by_group, transform = read_params("split.by") == "group", read_params("features.target")
        schema = read_schema()
        model: Pipeline = joblib.load(MODEL)
        total = load_sets(SETS)[-1].train
        columns = [*schema.names("feature", "time", "target", "weight"), "_fold"]
        sample = sample_rows(list_parts(TRAIN), params.sample_rows, columns)

        prediction, residual = out_of_fold(sample, schema, transform)
        known = ~np.isnan(prediction)
        rows, prediction, residual = sample[known], prediction[known], residual[known]
        weight = row_weights(rows, schema)
        constant = residual_intervals(prediction, residual, params.coverage, 1, weight)
        if params.intervals == "scaled":
            intervals, factor = scaled_intervals(model, rows, prediction, residual, params, transform, weight)
        else:
            intervals = residual_intervals(prediction, residual, params.coverage, params.bins, weight)
            factor = np.ones(len(rows))
        lower, upper = interval_ends(intervals, prediction, factor, transform)
        width_edges = np.unique(quantiles(upper - lower, FIFTHS, weight))
        write_json(INTERVALS, intervals, ALL_DIGITS)
        black_box = fit_black_box(sample, schema, params.seed)
        mean = mean_target(list_parts(TRAIN), schema)
        least_squares = elasticnet.least_squares(total)
        [fitted] = linear_sums(pairs_of(model), sample, [least_squares])
        back = mean_factor(sample[schema.target.name].to_numpy(), fitted, transform, row_weights(sample, schema))
        models = Models(model, least_squares, back, black_box, mean, intervals, constant, width_edges, transform)
        groups = find_groups(by_weight(sample, schema), schema)
        parts = list(map_parts(score_part, list_parts(TEST), models, schema, groups, by_group))
        by_group_of_rows = residuals_by_group(pd.concat([part.groups for part in parts]), groups, schema)

        scores = {
            name: bootstrap_scores(
                np.sum([part.sums[name] for part in parts], axis=0), params.bootstrap, params.confidence, params.seed
            )
            for name in parts[0].sums
        }
        counts = {name: np.sum([part.coverage[name] for part in parts], axis=0) for name in parts[0].coverage}
        coverage = coverage_scores(counts["bin"], counts["constant"], params.coverage, worst_coverage(by_group_of_rows))
        verdicts = gate(gate_checks(scores["model"], scores["least_squares"], coverage, params.gate))
        write_metrics(EvaluationMetrics(**scores, intervals=coverage, gate=verdicts))
        drawn = pd.concat([part.drawn for part in parts]).sort_values("draw", kind="stable").head(DRAWN_ROWS)
        write_csv(PREDICTED, drawn.drop(columns="draw"))
        write_csv(COVERAGE, coverage_by_bin(counts["bin"], from_scale(np.array(intervals["edges"]), transform)))
        write_csv(WIDTHS, coverage_by_bin(counts["width"], width_edges))
        write_csv(GROUPS, by_group_of_rows)
        model_scores = dict(scores["model"])
        log.info("RMSE %s, MAE %s, R² %s", *(with_interval(model_scores, name) for name in ("rmse", "mae", "r2")))
        shares = percent(coverage.coverage, 1), percent(coverage.nominal)
        log.info("%s of the test rows are inside their %s prediction interval", *shares)
        log.info("gate %s", "passed" if verdicts.passed else "FAILED: a deployment would stop here")


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


def score_part(part: Path, models: Models, schema: TableSchema, groups: Groups, by_group: bool) -> PartScores:
    """Predict the test rows of one part with every model."""
    frame = read_part(part)
    target, weight = frame[schema.target.name].to_numpy(), row_weights(frame, schema)
    linear = linear_predictions(models.model, frame)
    widening = factor_model(models.model, models.intervals)
    least_squares, log_factor = linear_sums(pairs_of(models.model), frame, [models.least_squares, widening])
    predicted = from_scale(linear, models.transform) * models.model["elasticnet"].factor_
    predictions = {
        "model": predicted,
        "mean": np.full(len(frame), models.mean),
        "least_squares": from_scale(least_squares, models.transform) * models.least_squares_factor,
        "black_box": models.black_box.predict(frame) if len(frame) else np.empty(0),
    }
    unit = hash_rows(frame, schema.names("group")) if by_group else frame["_hash"].to_numpy()
    cluster = (draw(unit, "bootstrap") % np.uint64(CLUSTERS)).astype(np.int64)
    sums = {name: cluster_sums(cluster, target, values, models.mean, weight) for name, values in predictions.items()}

    lower, upper = interval_ends(models.intervals, linear, row_factors(models.intervals, log_factor), models.transform)
    coverage = models.intervals["coverage"]
    by_bin = count_coverage(linear, models.intervals["edges"], lower, upper, target, coverage, weight)
    by_width = count_coverage(upper - lower, models.width_edges, lower, upper, target, coverage, weight)
    ends = interval_ends(models.constant, linear, 1.0, models.transform)
    same_width = count_coverage(linear, [], *ends, target, coverage, weight)
    counts = {"bin": by_bin, "width": by_width, "constant": same_width}
    order = draw(frame["_hash"].to_numpy(), "sample")
    drawn = pd.DataFrame({"draw": order, "actual": target, "predicted": predicted, "lower": lower, "upper": upper})
    inside = ((lower <= target) & (target <= upper)).astype(np.float64)
    by_column = group_sums(frame, target - predicted, inside, groups, weight)
    return PartScores(sums, counts, by_column, drawn.sort_values("draw", kind="stable").head(DRAWN_ROWS))


if __name__ == "__main__":
    main()

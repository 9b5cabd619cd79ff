"""Scoring of the test rows, part by part: sums for the metrics, the coverage of the intervals, errors by group."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.evaluation.error_groups import Groups, group_sums
from stages.evaluation.error_size import factor_model, row_factors
from stages.evaluation.intervals import count_coverage, interval_ends
from stages.evaluation.metrics import CLUSTERS, cluster_sums
from stages.modelling.pipeline import linear_predictions, linear_sums, pairs_of
from stages.modelling.target_scale import from_scale
from stages.table.hashing import draw, hash_rows
from stages.table.parts import read_part, row_weights
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats
from stages.utils.params import TargetTransform

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
    totals: dict[str, Floats]  # likewise for the totals, if the target is a rate
    coverage: dict[str, Floats]  # by bin of the prediction, by width, and with constant intervals: see count_coverage
    groups: pd.DataFrame  # sums by group of rows: see group_sums
    drawn: pd.DataFrame  # draw, actual, predicted, lower, upper of up to DRAWN_ROWS rows


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
    totals = {}
    if schema.exposure is not None:
        exposure = frame[schema.exposure.name].to_numpy()
        survey = [frame[name].to_numpy() for name in schema.names("weight")]
        totals = {
            name: cluster_sums(cluster, target * exposure, values * exposure, 0.0, *survey)
            for name, values in predictions.items()
        }

    factors = row_factors(models.intervals, log_factor, frame)
    lower, upper = interval_ends(models.intervals, linear, factors, models.transform)
    coverage = models.intervals["coverage"]
    by_bin = count_coverage(linear, models.intervals["edges"], lower, upper, target, coverage, weight)
    by_width = count_coverage(upper - lower, models.width_edges, lower, upper, target, coverage, weight)
    ends = interval_ends(models.constant, linear, 1.0, models.transform)
    same_width = count_coverage(linear, [], *ends, target, coverage, weight)
    counts = {"bin": by_bin, "width": by_width, "constant": same_width}
    order = draw(frame["_hash"].to_numpy(), "sample")
    drawn = pd.DataFrame({"draw": order, "actual": target, "predicted": predicted, "lower": lower, "upper": upper})
    if schema.exposure is not None:
        drawn["exposure"] = exposure
    inside = ((lower <= target) & (target <= upper)).astype(np.float64)
    by_column = group_sums(frame, target - predicted, inside, groups, weight)
    return PartScores(sums, totals, counts, by_column, drawn.sort_values("draw", kind="stable").head(DRAWN_ROWS))

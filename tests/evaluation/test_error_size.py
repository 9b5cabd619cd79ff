"""Intervals that know which rows are hard: their coverage, and that nothing is learnt from the row itself."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import ElasticNet
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stages.evaluation.error_size import (
    SMALL,
    exposure_limits,
    exposure_spread,
    factor_model,
    log_factors,
    row_factors,
    scaled_intervals,
)
from stages.evaluation.intervals import interval_ends, interval_scores, residual_intervals
from stages.modelling.axes import axes_of
from stages.modelling.comparison import ALPHAS, EPS, L1_RATIO
from stages.modelling.elasticnet import Fit
from stages.modelling.feature_map import fit_feature_map
from stages.modelling.moments import Moments
from stages.modelling.pipeline import as_pipeline, linear_sums, pairs_of
from stages.pairs.terms import PairTerms
from stages.table.schema import TableSchema
from stages.utils.params import EvaluateParams, read_params
from tests.helpers.modelling import features_params

FIELDS = [
    {"name": "x", "type": "number"},
    {"name": "place", "type": "string"},
    {"name": "y", "type": "number", "role": "target"},
]
SCHEMA = TableSchema.model_validate({"fields": FIELDS})


def rows_of(n: int, seed: int, steepness: float = 1.0) -> pd.DataFrame:
    """Rows whose error is ten times as large at x = 3 as at 0, and twice as large in b as in a."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.uniform(0, 3, n), "place": pd.Series(rng.choice(["a", "b"], n), dtype="str")})
    size = np.exp(steepness * (frame["x"] / 3 * np.log(10) + (frame["place"] == "b") * np.log(2)))
    return frame.assign(y=rng.normal(size=n) * size, _fold=rng.integers(0, 5, n))


def zero_model(frame: pd.DataFrame) -> Pipeline:
    """A model whose weights are 0, so that the target is the residual."""
    feature_map = fit_feature_map(frame, SCHEMA, features_params(), 4)
    total = Moments.of(np.column_stack([feature_map.transform(frame), frame["y"]]))
    fit = Fit(1.0, 1.0, 1e-6, 10, np.zeros(len(total.mean) - 1), 0.0, iterations=1, dual_gap=0.0, converged=True)
    return as_pipeline(feature_map, PairTerms(axes_of(feature_map), [], [], []), fit, total, "none", "mean")


def intervals_of(train: pd.DataFrame) -> tuple[dict[str, Any], Pipeline]:
    params: EvaluateParams = read_params("evaluate")
    model = zero_model(train)
    intervals, _ = scaled_intervals(model, train, np.zeros(len(train)), train["y"].to_numpy(), params, "none")
    return intervals, model


def test_they_cover_hard_and_easy_rows_alike() -> None:
    """Bins of the prediction cover 90% of all rows, yet few of the hard ones; a factor for each row covers both."""
    train, new = rows_of(6000, 0), rows_of(20_000, 1)
    scaled, model = intervals_of(train)
    [logs] = linear_sums(pairs_of(model), new, [factor_model(model, scaled)])
    y, hard, easy = new["y"].to_numpy(), (new["x"] > 2.5) & (new["place"] == "b"), new["x"] < 0.5
    found = []
    for intervals in (residual_intervals(np.zeros(len(train)), train["y"].to_numpy(), 0.9, 5), scaled):
        lower, upper = interval_ends(intervals, np.zeros(len(new)), row_factors(intervals, logs, new), "none")
        inside = (lower <= y) & (y <= upper)
        scores = interval_scores(lower, upper, y, 0.9)
        found.append([inside.mean(), inside[hard].mean(), inside[easy].mean(), scores.mean()])
    binned, adaptive = found
    assert binned[0] == pytest.approx(0.9, abs=0.02)
    assert binned[1] < 0.65
    assert adaptive[0] == pytest.approx(0.9, abs=0.02)
    assert adaptive[1:3] == pytest.approx([0.9, 0.9], abs=0.06)
    assert adaptive[3] < 0.85 * binned[3]


def test_where_no_column_says_how_large_the_error_is_they_are_the_bins() -> None:
    """The power of the factor that has the lowest score is 0, or so small that the factors are all about 1."""
    train = rows_of(2000, 3, steepness=0.0)
    intervals, _ = intervals_of(train)
    smallest, largest = intervals.get("factor_limits", [1.0, 1.0])
    assert largest / smallest < 1.1


@pytest.mark.parametrize("y", [np.zeros(60), np.ones(60)], ids=["no error", "errors all alike"])
def test_errors_of_one_size_leave_the_bins(y: Any) -> None:
    intervals, _ = intervals_of(rows_of(60, 4).assign(y=y))
    assert "factor_coef" not in intervals


@pytest.mark.slow
@pytest.mark.parametrize("forward", [False, True])
def test_the_factor_of_a_row_comes_from_a_model_that_has_not_seen_its_fold(forward: bool) -> None:
    """Refitting by scikit-learn without the fold (in time, before it), at one of the path's alphas, gives the same."""
    train = rows_of(1500, 2)
    model, fold, size = zero_model(train), train["_fold"].to_numpy(), train["y"].abs().to_numpy()
    _, logs = log_factors(model, train, size, forward=forward)
    assert np.isnan(logs[fold == 0]).all() == forward
    terms, target = model["terms"].transform(train), np.log(size + SMALL * np.median(size))
    for k in range(forward, 5):
        others = fold < k if forward else fold != k
        scaler = StandardScaler().fit(terms[others])
        rest, y = scaler.transform(terms[others]), target[others]
        standard = (y - y.mean()) / y.std()
        top = np.abs(rest.T @ standard).max() / len(rest) / L1_RATIO
        differences = []
        for alpha in top * np.geomspace(1, EPS, ALPHAS):
            fitted = ElasticNet(alpha=alpha, l1_ratio=L1_RATIO, tol=1e-8, max_iter=100_000).fit(rest, standard)
            direct = (scaler.transform(terms) @ fitted.coef_) * y.std()
            differences.append(np.abs(direct[fold == k] - direct.mean() - logs[fold == k]).max())
        assert min(differences) < 0.01


def test_a_short_exposure_gets_a_wide_interval() -> None:
    """Rates whose variance is 1 / exposure are covered alike; with one width for all, few of the shortest are."""
    schema = TableSchema.model_validate({"fields": [*FIELDS, {"name": "time", "type": "number", "role": "exposure"}]})

    def rates_of(n: int, seed: int) -> pd.DataFrame:
        frame = rows_of(n, seed)
        time = np.exp(np.random.default_rng(seed).uniform(-3, 1, n))
        return frame.assign(time=time, y=np.random.default_rng(seed + 1).normal(size=n) / np.sqrt(time))

    train, new = rates_of(5000, 5), rates_of(20_000, 7)
    weight, exposure = train["time"].to_numpy() / train["time"].mean(), exposure_limits(train, schema)
    fifth = np.searchsorted(np.quantile(new["time"], [0.2, 0.4, 0.6, 0.8]), new["time"])
    covered = []
    for limits in (None, exposure):
        intervals = residual_intervals(
            np.zeros(len(train)), train["y"].to_numpy() / exposure_spread(train, limits), 0.9, 1, weight
        )
        factors = row_factors({**intervals, "exposure": limits}, np.zeros(len(new)), new)
        lower, upper = interval_ends(intervals, np.zeros(len(new)), factors, "none")
        inside = (lower <= new["y"]) & (new["y"] <= upper)
        covered.append([inside[fifth == number].mean() for number in range(5)])
    assert covered[0][0] < 0.5
    assert covered[1] == pytest.approx([0.9] * 5, abs=0.03)

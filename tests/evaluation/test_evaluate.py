"""Evaluate: error metrics and their intervals, prediction intervals and their coverage, baselines, the gate."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from stages.evaluate import out_of_fold
from stages.evaluation.baselines import fit_black_box
from stages.evaluation.gate import gate, gate_checks
from stages.evaluation.intervals import (
    count_coverage,
    coverage_by_bin,
    coverage_scores,
    interval_ends,
    residual_intervals,
)
from stages.evaluation.metrics import CLUSTERS, bootstrap_scores, cluster_sums, metrics_of
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats
from stages.utils.files import read_json
from stages.utils.metrics_files import GroupCoverage, IntervalScores, Scores
from stages.utils.params import GateParams
from tests.helpers.project import Project
from webapp.scoring.scorecard import Scorecard
from webapp.scoring.scorer import score

# ---------------------------------------------------------------- metrics


def rows_of(n: int, seed: int = 0) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Clusters, targets far from 0, and predictions of them."""
    rng = np.random.default_rng(seed)
    target = 1e6 + rng.normal(size=n)
    return rng.integers(0, CLUSTERS, n), target, target + rng.normal(size=n) / 2


def test_metrics_equal_scikit_learn() -> None:
    cluster, target, prediction = rows_of(3000)
    cuts = [slice(0, 1), slice(1, 1200), slice(1200, 1200), slice(1200, 3000)]
    sums = np.sum([cluster_sums(cluster[cut], target[cut], prediction[cut], 1e6 + 3) for cut in cuts], axis=0)
    rmse, mae, r2 = metrics_of(sums.sum(axis=0))
    assert rmse == pytest.approx(np.sqrt(mean_squared_error(target, prediction)), rel=1e-9)
    assert mae == pytest.approx(mean_absolute_error(target, prediction), rel=1e-9)
    assert r2 == pytest.approx(r2_score(target, prediction), rel=1e-9)


def test_bootstrap_intervals_are_those_of_rows_drawn_one_by_one() -> None:
    """With a cluster a row or so, drawing clusters is drawing rows."""
    _, target, prediction = rows_of(500)
    cluster = np.arange(500)
    found = dict(bootstrap_scores(cluster_sums(cluster, target, prediction, 1e6), 4000, 0.95, seed=0))
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, 500, (2000, 500))
    errors, variances = target[drawn] - prediction[drawn], target[drawn].var(axis=1)
    squares = (errors**2).mean(axis=1)
    expected = {"rmse": np.sqrt(squares), "mae": np.abs(errors).mean(axis=1), "r2": 1 - squares / variances}
    for name, values in expected.items():
        low, high = np.quantile(values, [0.025, 0.975])
        width = high - low
        assert found[name + "_low"] == pytest.approx(low, abs=0.1 * width)
        assert found[name + "_high"] == pytest.approx(high, abs=0.1 * width)
        assert found[name + "_low"] < found[name] < found[name + "_high"]


def test_rows_that_hang_together_widen_the_interval() -> None:
    """Each row standing ten times tells no more than once: the interval must not shrink by √10."""
    target, prediction = (np.repeat(column, 10) for column in rows_of(100)[1:])
    together = bootstrap_scores(cluster_sums(np.repeat(np.arange(100), 10), target, prediction, 1e6), 2000, 0.9, 0)
    apart = bootstrap_scores(cluster_sums(np.arange(1000), target, prediction, 1e6), 2000, 0.9, 0)
    ratio = (together.mae_high - together.mae_low) / (apart.mae_high - apart.mae_low)  # type: ignore[operator]
    assert 2.5 < ratio < 4


def test_the_seed_decides_the_intervals() -> None:
    sums = cluster_sums(*rows_of(300), 1e6)
    assert bootstrap_scores(sums, 500, 0.95, 7) == bootstrap_scores(sums, 500, 0.95, 7)
    assert bootstrap_scores(sums, 500, 0.95, 7) != bootstrap_scores(sums, 500, 0.95, 8)


def test_r2_of_a_constant_target_is_undefined() -> None:
    found = bootstrap_scores(cluster_sums(np.arange(5), np.full(5, 2.0), np.arange(5.0), 2.0), 200, 0.95, 0)
    assert (found.r2, found.r2_low, found.r2_high) == (None, None, None)
    assert found.mae == pytest.approx(1.2)


# ---------------------------------------------------------------- prediction intervals


def heteroscedastic(n: int, seed: int) -> tuple[Floats, Floats]:
    """Predictions, and residuals whose spread grows with them and whose distribution is skewed."""
    rng = np.random.default_rng(seed)
    prediction = rng.uniform(1, 10, n)
    return prediction, (rng.gamma(2, size=n) - 2) * prediction


def coverage_of(intervals: dict[str, Any], prediction: Floats, residual: Floats) -> Floats:
    """Share of the residuals inside their interval, by bin."""
    place = np.searchsorted(intervals["edges"], prediction, side="right")
    inside = (np.array(intervals["lower"])[place] <= residual) & (residual <= np.array(intervals["upper"])[place])
    return np.array([inside[place == number].mean() for number in range(len(intervals["lower"]))])


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.99])
def test_intervals_cover_new_rows_in_every_bin(coverage: float) -> None:
    intervals = residual_intervals(*heteroscedastic(20_000, 0), coverage, 5)
    found = coverage_of(intervals, *heteroscedastic(50_000, 1))
    assert len(found) == 5
    spread = np.sqrt(coverage * (1 - coverage) * (1 / 4000 + 1 / 10_000))  # of a bin's rows, fitted and new
    assert (np.abs(found - coverage) < 4 * spread).all()
    widths = np.subtract(intervals["upper"], intervals["lower"])
    assert (np.diff(widths) > 0).all()


def test_quantiles_carry_the_finite_sample_correction() -> None:
    """Of 19 residuals the interval at 0.9 takes ranks ⌈20·0.95⌉ = 19 and 1; of 18 it would want the 19th."""
    residual = np.arange(19.0)[::-1]
    assert residual_intervals(np.zeros(19), residual, 0.9, 1) == {
        "coverage": 0.9, "edges": [], "lower": [0.0], "upper": [18.0],
    }  # fmt: skip
    [upper] = residual_intervals(np.zeros(18), residual[:18], 0.9, 1)["upper"]
    assert upper == residual[:18].max()
    assert residual_intervals(np.zeros(99), np.arange(99.0), 0.9, 1)["upper"] == [94.0]  # rank ⌈100·0.95⌉


def test_predictions_that_are_all_alike_are_one_bin_in_effect() -> None:
    intervals = residual_intervals(np.full(50, 3.0), np.arange(50.0), 0.8, 5)
    assert intervals["edges"] == [3.0]
    assert intervals["lower"][0] == intervals["lower"][1]
    assert len(intervals["upper"]) == 2


def test_coverage_is_counted() -> None:
    counts = np.array([[10.0, 9.0, 30.0, 40.0], [0.0, 0.0, 0.0, 0.0], [30.0, 21.0, 10.0, 60.0]])
    found = coverage_scores(counts, counts * 2, 0.8, None)
    assert found.nominal == 0.8
    assert found.coverage == pytest.approx(0.75)
    assert found.coverage_se == pytest.approx(np.sqrt(0.75 * 0.25 / 40))
    assert found.mean_width == pytest.approx(1.0)
    assert (found.interval_score, found.interval_score_constant) == (2.5, 5.0)
    frame = coverage_by_bin(counts, np.array([1.0, 2.0]))
    assert frame["rows"].tolist() == [10, 0, 30]
    np.testing.assert_allclose(frame["coverage"], [0.9, np.nan, 0.7])
    np.testing.assert_allclose(frame["width"], [3.0, np.nan, 1 / 3])
    np.testing.assert_allclose(frame[["from", "to"]], [[np.nan, 1], [1, 2], [2, np.nan]])


def test_intervals_on_the_log_scale_are_factors() -> None:
    """Edges and offsets are logarithms; ends, widths and scores are in the target's unit."""
    intervals = {"edges": [np.log(10)], "lower": [-np.log(2), -np.log(4)], "upper": [np.log(2), np.log(5)]}
    scaled, target = np.log([8.0, 100.0]), np.array([17.0, 400.0])
    lower, upper = interval_ends(intervals, scaled, 1.0, "log")
    np.testing.assert_allclose([lower, upper], [[4, 25], [16, 500]])
    counts = count_coverage(scaled, intervals["edges"], lower, upper, target, 0.9)
    np.testing.assert_allclose(counts, [[1, 0, 12, 12 + 20 * 1], [1, 1, 475, 475]])
    halved = interval_ends(intervals, scaled, np.array([2.0, 0.5]), "log")
    np.testing.assert_allclose(halved, [[2, 50], [32, 100 * np.sqrt(5)]])


# ---------------------------------------------------------------- the gate

LIMITS = {"min_r2": 0.1, "max_rmse_to_ols": 1.05, "min_coverage": 0.85, "min_worst_group_coverage": 0.8}


def verdict(
    r2_low: float | None = 0.2,
    rmse: float | None = 1.0,
    coverage: float = 0.9,
    ols: float | None = 1.0,
    worst: float | None = 0.8,
    **limits: Any,
) -> dict[str, bool | None]:
    nothing = dict.fromkeys(Scores.model_fields)
    model, least_squares = Scores(**{**nothing, "r2_low": r2_low, "rmse": rmse}), Scores(**{**nothing, "rmse": ols})
    group = None if worst is None else GroupCoverage(column="x", group="a", rows=50, coverage=worst)
    intervals = IntervalScores.model_construct(coverage=coverage, worst_group=group)
    return dict(gate(gate_checks(model, least_squares, intervals, GateParams(**{**LIMITS, **limits}))))


@pytest.mark.parametrize(
    ("found", "failed"),
    [
        ({}, []),
        ({"r2_low": 0.1}, []),
        ({"r2_low": 0.09}, ["min_r2"]),
        ({"r2_low": None}, ["min_r2"]),
        ({"rmse": 1.05}, []),
        ({"rmse": 1.051}, ["max_rmse_to_ols"]),
        ({"coverage": 0.84}, ["min_coverage"]),
        ({"coverage": 0.1, "rmse": 9.0, "r2_low": -1.0}, ["min_r2", "max_rmse_to_ols", "min_coverage"]),
        ({"coverage": 0.1, "min_coverage": None}, []),
        ({"r2_low": None, "min_r2": None}, []),
        ({"ols": None}, []),  # infinite, as of a logarithm that overflows
        ({"ols": 0.0}, ["max_rmse_to_ols"]),
        ({"rmse": None}, ["max_rmse_to_ols"]),
        ({"worst": 0.79}, ["min_worst_group_coverage"]),
        ({"worst": None}, ["min_worst_group_coverage"]),
        (dict.fromkeys(LIMITS), []),
    ],
)
def test_gate(found: dict[str, Any], failed: list[str]) -> None:
    verdicts = verdict(**found)
    assert [name for name in LIMITS if verdicts[name] is False] == failed
    assert [name for name in LIMITS if verdicts[name] is None] == [
        name for name in LIMITS if found.get(name, 0) is None
    ]
    assert verdicts["passed"] is (not failed)


# ---------------------------------------------------------------- baselines


def test_black_box_takes_every_kind_of_column() -> None:
    rng = np.random.default_rng(0)
    n = 400
    dates = pd.Series(pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 9000, n), "h"))
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "level": pd.Series(rng.choice(["a", "b", "c"], n), dtype="str"),
            "when": dates.astype("datetime64[us]"),
        }
    )
    frame["y"] = frame["x"] + (frame["level"] == "b") * 5 + frame["when"].dt.hour / 4
    fields = [
        {"name": "x", "type": "number"},
        {"name": "level", "type": "string"},
        {"name": "when", "type": "datetime"},
    ]
    schema = TableSchema.model_validate({"fields": [*fields, {"name": "y", "type": "number", "role": "target"}]})
    model = fit_black_box(frame, schema, seed=0)
    assert r2_score(frame["y"], model.predict(frame)) > 0.9
    odd = frame.head(3).assign(
        x=np.nan,
        level=pd.Series(["never seen", None, "a"], dtype="str"),
        when=pd.Series([pd.NaT] * 3, dtype="datetime64[us]"),
    )  # fmt: skip
    assert np.isfinite(model.predict(odd)).all()


def test_black_box_takes_a_column_without_a_value() -> None:
    frame = pd.DataFrame({"x": np.arange(60.0), "empty": np.nan, "y": np.arange(60.0)})
    fields = [{"name": "x", "type": "number"}, {"name": "empty", "type": "number"}]
    schema = TableSchema.model_validate({"fields": [*fields, {"name": "y", "type": "number", "role": "target"}]})
    assert np.isfinite(fit_black_box(frame, schema, seed=0).predict(frame)).all()


def test_black_box_takes_more_levels_than_the_trees_do() -> None:
    levels = [f"level {number:03d}" for number in range(400)]
    frame = pd.DataFrame({"level": pd.Series(levels * 3, dtype="str"), "y": np.tile(np.arange(400.0), 3)})
    fields = [{"name": "level", "type": "string"}, {"name": "y", "type": "number", "role": "target"}]
    model = fit_black_box(frame, TableSchema.model_validate({"fields": fields}), seed=0)
    assert np.isfinite(model.predict(frame)).all()


# ---------------------------------------------------------------- the stage on the default table


@pytest.mark.slow
def test_metrics_are_those_of_a_direct_evaluation(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Model, mean and least squares again by scikit-learn alone; coverage from the drawn rows, which here are all."""
    monkeypatch.chdir(built.path)
    metrics = read_json("metrics/test.json")
    model = joblib.load("models/model.joblib")
    train, test = built.frame("data/train"), built.frame("data/test")
    terms, y = model["terms"].transform(train), train["target"]
    least_squares = LinearRegression().fit((terms - terms.mean(axis=0)) / model["scale"].scale_, y)
    test_terms = (model["terms"].transform(test) - terms.mean(axis=0)) / model["scale"].scale_
    predictions = {
        "model": model.predict(test),
        "mean": np.full(len(test), y.mean()),
        "least_squares": least_squares.predict(test_terms),
    }
    for name, predicted in predictions.items():
        assert metrics[name]["rmse"] == pytest.approx(np.sqrt(mean_squared_error(test["target"], predicted)), rel=1e-6)
        assert metrics[name]["mae"] == pytest.approx(mean_absolute_error(test["target"], predicted), rel=1e-6)
        assert metrics[name]["r2"] == pytest.approx(r2_score(test["target"], predicted), rel=1e-6)
    drawn = pd.read_csv("plots/predicted_actual.csv")
    assert len(drawn) == len(test)
    inside = (drawn["lower"] <= drawn["actual"]) & (drawn["actual"] <= drawn["upper"])
    assert metrics["intervals"]["coverage"] == pytest.approx(inside.mean())
    assert metrics["intervals"]["mean_width"] == pytest.approx((drawn["upper"] - drawn["lower"]).mean())
    assert pd.read_csv("plots/coverage.csv")["rows"].sum() == len(test)


@pytest.mark.slow
def test_a_row_is_predicted_by_the_model_that_has_not_seen_it(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The residuals behind the intervals are out of fold: refitting without the fold gives the same predictions."""
    monkeypatch.chdir(built.path)
    model = joblib.load("models/model.joblib")
    train = built.frame("data/train")
    fields = read_json("models/scorecard.json")["columns"]
    schema = TableSchema.model_validate(
        {"fields": [{"name": field["name"], "type": "number"} for field in fields]
         + [{"name": "target", "type": "number", "role": "target"}]}
    )  # fmt: skip
    predicted, residual = out_of_fold(train, schema, "none")
    np.testing.assert_allclose(predicted + residual, train["target"])
    terms, fold = model["terms"].transform(train), train["_fold"].to_numpy()
    for k in range(fold.max() + 1):
        rest, held_out = terms[fold != k], terms[fold == k]
        scale = np.where(rest.std(axis=0) > 0, rest.std(axis=0), 1)
        fitted = type(model["elasticnet"])(
            alpha=model["elasticnet"].alpha, l1_ratio=model["elasticnet"].l1_ratio, tol=1e-10, max_iter=50_000
        ).fit((rest - rest.mean(axis=0)) / scale, train["target"][fold != k])
        direct = fitted.predict((held_out - rest.mean(axis=0)) / scale)
        np.testing.assert_allclose(predicted[fold == k], direct, atol=0.05)  # train stops at tol 1e-6


@pytest.mark.slow
def test_prices_on_the_log_scale(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that is a product: on the log scale the model finds it, in the target's unit it is judged."""
    rng = np.random.default_rng(0)
    n = 600
    table = pd.DataFrame({"size": rng.uniform(20, 200, n).round(1), "place": rng.choice(["town", "village"], n)})
    noise = rng.normal(size=n) / 10
    table["price"] = (np.exp(9 + table["size"] / 50 + (table["place"] == "town") * 0.7 + noise)).round(2)
    fields = [
        {"name": "size", "type": "number"},
        {"name": "place", "type": "string"},
        {"name": "price", "type": "number", "role": "target"},
    ]
    project.use_table(table, fields, features__target="log")
    project.stages("ingest", "validate", "split", "features", "interactions", "train", "evaluate", "export")
    monkeypatch.chdir(project.path)
    metrics, train = read_json("metrics/test.json"), read_json("metrics/train.json")
    assert train["target"] == "log"
    assert 0.09 < train["cv_rmse"] < 0.13  # the noise, on the log scale
    model, test = joblib.load("models/model.joblib"), project.frame("data/test")
    assert metrics["model"]["rmse"] == pytest.approx(np.sqrt(mean_squared_error(test["price"], model.predict(test))))
    assert metrics["model"]["rmse"] < metrics["mean"]["rmse"] / 4
    assert metrics["mean"]["r2"] > -0.1
    assert 0.8 < metrics["intervals"]["coverage"] <= 1
    drawn = pd.read_csv("plots/predicted_actual.csv")
    assert (drawn["lower"] > 0).all()
    card = Scorecard.model_validate_json(Path("models/scorecard.json").read_bytes())
    town, village = (score(card, {"size": 100.0, "place": place}) for place in ("town", "village"))
    assert town.prediction / village.prediction == pytest.approx(np.exp(0.7), rel=0.05)
    assert np.exp(town.contributions["place"] - village.contributions["place"]) == pytest.approx(
        town.prediction / village.prediction
    )

    project.use_table(table.assign(price=table["price"].where(table.index % 2 == 0, 0.0)), fields)
    project.stages("ingest", "validate", "split")
    refused = project.stage("features")
    assert refused.returncode == 4
    assert "the target price is 0 in a training row" in refused.stderr

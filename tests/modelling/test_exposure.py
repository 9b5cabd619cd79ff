"""Exposure: the model is that of the rate, weighted by the exposure, from the table to every answer."""

import hashlib
import json
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import ElasticNet
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.modelling import elasticnet
from stages.modelling.axes import axes_of
from stages.modelling.feature_map import fit_feature_map
from stages.modelling.sums import add_up, term_moments, vertex_blocks
from stages.splitting.rates import as_rates
from stages.table.schema import TableSchema
from tests.helpers.modelling import features_params
from tests.helpers.project import Project, Workspace
from tests.helpers.serving import make_app, write_lock
from tools.check_serving import check_serving
from webapp.pin import SCORECARD

STAGES = ("ingest", "validate", "split", "features", "interactions", "train", "evaluate", "export")
TIME = {"name": "time", "type": "number", "role": "exposure", "title": "Insured time", "unit": "year"}
FIELDS: list[dict[str, Any]] = [
    {"name": "age", "type": "number", "monotone": "decreasing"},
    {"name": "zone", "type": "string"},
    {"name": "claims", "type": "number", "role": "target", "unit": "claims"},
]


def table_of(n: int, seed: int) -> pd.DataFrame:
    """Policies whose claims per year depend on age and zone."""
    rng = np.random.default_rng(seed)
    age, zone = rng.uniform(18, 80, n).round(1), rng.choice(["a", "b", "c"], n)
    time = np.exp(rng.uniform(-3, 1, n)).round(3)
    return pd.DataFrame(
        {"age": age, "zone": zone, "time": time, "claims": rng.poisson(time * (12 - age / 8 + 4 * (zone == "b")))}
    )


def results(workspace: Workspace, frame: pd.DataFrame, *fields: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Run the stages on the table; return predictions of its rows, and the metrics of the test rows."""
    workspace.use_table(frame, [*FIELDS, *fields], train__alpha="auto")
    workspace.edit("config.yaml", compute__workers=1)
    workspace.stages(*STAGES)
    metrics = json.loads((workspace.path / "metrics/test.json").read_text())
    del metrics["intervals"]["worst_group"]
    return joblib.load(workspace.path / "models/model.joblib").predict(workspace.frame("data/valid")), metrics


@pytest.mark.parametrize("survey", [False, True])
def test_the_fit_is_that_of_rates_with_sample_weight(survey: bool) -> None:
    frame = table_of(300, 0).astype({"claims": float})
    weights = np.random.default_rng(1).gamma(1, size=300) if survey else np.ones(300)
    schema = TableSchema.model_validate({"fields": [*FIELDS, TIME, {"name": "w", "type": "number", "role": "weight"}]})
    rates = as_rates(frame.assign(w=weights), schema, 0.7)
    feature_map = fit_feature_map(rates, schema, features_params())
    axes, weight = axes_of(feature_map), rates["_weight"].to_numpy()
    values, y = np.array([axis.values(rates) for axis in axes]), rates["claims"].to_numpy()
    total = term_moments(add_up(lambda some: vertex_blocks(some, axes), values, y, 4.0, weight), axes)
    fit = elasticnet.fit(elasticnet.problem_of(total, np.zeros(len(total.mean) - 1)), 0.01, 0.5, 1e-14, 100_000)

    X, weight = feature_map.transform(frame), weights * frame["time"].to_numpy()
    y = (frame["claims"] / frame["time"]).to_numpy()
    mean = np.average(y, weights=weight)
    sd = np.sqrt(np.average((y - mean) ** 2, weights=weight))
    model = make_pipeline(StandardScaler(), ElasticNet(alpha=0.01, l1_ratio=0.5, tol=1e-14, max_iter=100_000))
    model.fit(X, (y - mean) / sd, standardscaler__sample_weight=weight, elasticnet__sample_weight=weight)
    np.testing.assert_allclose(X @ fit.coef + fit.intercept, model.predict(X) * sd + mean, rtol=0, atol=1e-8)


@pytest.mark.slow
def test_an_exposure_of_1_changes_nothing_nor_does_its_unit(workspace: Workspace) -> None:
    frame = table_of(600, 1)
    ones, with_ones = results(workspace, frame.assign(time=1.0), TIME)
    without, metrics = results(workspace, frame.drop(columns="time"))
    np.testing.assert_allclose(ones, without, rtol=1e-10)
    for scores in (with_ones["model"], with_ones["total"]["model"]):
        assert scores == pytest.approx(metrics["model"], rel=1e-9)
    assert with_ones["intervals"] == pytest.approx(metrics["intervals"], rel=1e-9)

    per_year, in_years = results(workspace, frame, TIME)
    per_day, in_days = results(workspace, frame.assign(time=frame["time"] * 365), TIME)
    np.testing.assert_allclose(per_day * 365, per_year, rtol=1e-8)
    assert in_days["total"]["model"] == pytest.approx(in_years["total"]["model"], rel=1e-8)
    assert in_days["intervals"]["coverage"] == pytest.approx(in_years["intervals"]["coverage"])


@pytest.mark.parametrize("cell", ["0", "-1", ""])
def test_a_row_without_a_positive_exposure_goes_to_quarantine(workspace: Workspace, cell: str) -> None:
    frame = table_of(200, 2).astype({"time": object})
    frame.loc[7, "time"] = cell
    workspace.use_table(frame, [*FIELDS, TIME])
    workspace.stages("ingest", "validate")
    check = "positive" if cell else "required"
    violations = json.loads((workspace.path / "metrics/validation.json").read_text())["violations"]
    assert violations["time"][check]["count"] == 1
    assert len(workspace.frame("data/quarantine")) == 1
    workspace.use_table(frame.assign(time=cell), [*FIELDS, TIME])
    workspace.stage("ingest", check=True)
    done = workspace.stage("validate")
    assert done.returncode == 4
    assert "data/raw: 200 of 200 rows are invalid" in done.stderr
    assert "schema.yaml: fields.time.role (exposure needs" in done.stderr


@pytest.mark.slow
def test_every_answer_has_the_rate_and_the_total(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table itself, served, predicts what the model does; page, card and metrics show both."""
    project.use_table(table_of(600, 3), [*FIELDS, TIME], train__alpha="auto")
    project.stages(*STAGES, "explore", "report", "card")
    monkeypatch.chdir(project.path)
    content = (project.path / SCORECARD).read_bytes()
    write_lock(project.path, path=SCORECARD, hash="md5", md5=hashlib.md5(content).hexdigest(), size=len(content))
    assert "600 rows as in the pipeline, 0 of them refused" in check_serving()

    client = make_app(project.path).test_client()
    row = {"age": 40, "zone": "b", "time": 0.25}
    found, larger = client.post("/api/v1/predict", json=[row, {**row, "time": 1.0}]).json
    assert found["prediction"] == larger["prediction"]
    for total, end in (("total", "prediction"), ("total_lower", "lower"), ("total_upper", "upper")):
        assert found[total] == found[end] * 0.25
    assert found["upper"] - found["lower"] == pytest.approx(2 * (larger["upper"] - larger["lower"]))
    assert "time" not in found["contributions"]

    page = client.get("/").text
    assert "claims per year" in page
    assert "Total for Insured time" in page
    assert "only falls" in page
    assert "RMSE of the total" in client.get("/model").text
    card = (project.path / "models/MODEL_CARD.md").read_text()
    assert "Of the total, which is this rate times `time` (RMSE and MAE in claims):" in card

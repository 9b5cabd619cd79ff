"""Effects that only rise or fall, and ordered levels: the solver's optimum, the fitted curves, their price."""

import json
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.exporting.effects import effects_of
from stages.modelling import elasticnet
from stages.modelling.axes import axes_of
from stages.modelling.feature_map import blocks, fit_feature_map, signs_of
from stages.modelling.moments import Moments
from stages.table.parts import write_part
from stages.table.schema import TableSchema
from tests.helpers.modelling import features_params
from tests.helpers.project import ROOT, Workspace
from webapp.scoring.effects import on_curve
from webapp.scoring.scorecard import Curve, Levels

STAGES = ("features", "interactions", "train")
QUALITY = ["Poor", "Fair", "Good", "Excellent"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=8))
def test_bounded_weights_are_optimal(seed: int, signs: list[float]) -> None:
    """They meet the conditions of Karush, Kuhn and Tucker, those of a bounded weight included."""
    rng, bounds = np.random.default_rng(seed), np.array(signs)
    X = rng.normal(size=(60, len(bounds))) @ rng.normal(size=(len(bounds), len(bounds)))
    y = X @ rng.normal(size=len(bounds)) + rng.normal(size=60)
    problem = elasticnet.problem_of(Moments.of(np.column_stack([X, y])), bounds)
    alpha, l1_ratio = 0.05, 0.5
    coef = elasticnet.fit(problem, alpha, l1_ratio, 1e-13, 100_000).coef * problem.scale / problem.target_scale
    slope = problem.moment - problem.gram @ coef - alpha * (1 - l1_ratio) * coef
    assert (coef * bounds >= 0).all()
    used = coef != 0
    np.testing.assert_allclose(slope[used], alpha * l1_ratio * np.sign(coef[used]), atol=1e-5)
    pull = np.where(bounds == 0, np.abs(slope), slope * bounds)[~used]
    assert (pull <= alpha * l1_ratio + 1e-5).all()


def schema_of(**columns: dict[str, Any]) -> TableSchema:
    fields = [{"name": name, "type": "number", **more} for name, more in columns.items()]
    return TableSchema.model_validate({"fields": [*fields, {"name": "y", "type": "number", "role": "target"}]})


ORDERED = {"type": "string", "categories": QUALITY, "categoriesOrdered": True}


@pytest.mark.parametrize("missing", [False, True])
def test_ordered_levels_are_steps(missing: bool) -> None:
    cells = pd.Series(["Poor", "Good", "Good", "Good", *([np.nan] if missing else [])], dtype="str")
    frame = pd.DataFrame({"x": cells, "y": np.arange(len(cells), dtype=float)})
    feature_map = fit_feature_map(frame, schema_of(x=ORDERED), features_params())
    new = pd.DataFrame({"x": pd.Series([*QUALITY, "unlisted", np.nan], dtype="str")})
    terms = feature_map.transform(new)
    assert terms[:, :3].tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1], *[[1, 1, 0]] * 2]  # the median: Good
    assert terms[:, 3:].tolist() == ([[0], [0], [0], [0], [0], [1]] if missing else [[]] * 6)
    [axis] = axes_of(feature_map)
    places, weights = axis.hats(axis.values(new))
    np.testing.assert_array_equal(np.einsum("nk,nkp->np", weights, axis.terms[places]), terms)


def test_rare_ordered_levels_are_like_their_neighbours() -> None:
    """They are not merged into others, and what the data do not tell apart is drawn together."""
    rng = np.random.default_rng(0)
    place = rng.choice(4, 2000, p=[0.49, 0.005, 0.01, 0.495])
    y = np.array([0.0, 1.0, 1.0, 2.0])[place] + rng.normal(size=2000)
    frame = pd.DataFrame({"x": pd.Series(np.array(QUALITY)[place], dtype="str"), "y": y})
    tables = []
    for ordered in (True, False):
        schema = schema_of(x=ORDERED | {"categoriesOrdered": ordered})
        feature_map = fit_feature_map(frame, schema, features_params(min_frequency=30))
        terms = feature_map.transform(frame)
        problem = elasticnet.problem_of(Moments.of(np.column_stack([terms, y])), signs_of(feature_map))
        fit = elasticnet.fit(problem, 0.01, 0.5, 1e-8, 10_000)
        new = pd.DataFrame({"x": pd.Series(QUALITY, dtype="str")})
        tables.append(feature_map.transform(new) @ fit.coef + fit.intercept)
    ordered, merged = tables
    assert (np.diff(ordered) >= 0).all()
    assert ordered[0] < ordered[1] < ordered[3]
    assert merged[1] == merged[2]  # one other level


def train(workspace: Workspace, frame: pd.DataFrame, fields: dict[str, dict[str, Any]], **params: Any) -> str:
    """Run the stages on training rows; returns what they logged."""
    hashes = np.random.default_rng(9).integers(0, 2**63, len(frame)).astype("uint64")
    rows = frame.assign(_hash=hashes, _fold=(np.arange(len(frame)) % 3).astype("int16"))
    write_part(rows, workspace.path / "data/train", 0)
    fields = {**fields, "y": {"role": "target"}}
    workspace.write_schema([{"name": name, "type": "number", **more} for name, more in fields.items()])
    workspace.edit("params.yaml", **params)
    return "".join(workspace.stage(name, check=True).stderr for name in STAGES)


def wavy(n: int, seed: int) -> pd.DataFrame:
    """Numbers whose true effects turn, some missing, which act together; and ordered levels, one out of order."""
    rng = np.random.default_rng(seed)
    up, down, free = rng.gamma(2, size=n), rng.normal(size=n), rng.normal(size=n)
    place = rng.integers(0, 4, n)
    y = up + np.sin(3 * up) + free**2 - down + np.cos(2 * down) + up * free + np.array([0, 2, 1, 3])[place]
    up[rng.random(n) < 0.05] = np.nan
    quality = pd.Series(np.array(QUALITY)[place], dtype="str")
    return pd.DataFrame({"up": up, "down": down, "free": free, "q": quality, "y": y + rng.normal(size=n)})


@pytest.mark.parametrize("transform", ["none", "log1p"])
def test_monotone_effects_never_turn(workspace: Workspace, transform: str) -> None:
    frame = wavy(1500, 1)
    frame["y"] -= frame["y"].min()
    fields: dict[str, dict[str, Any]] = {
        "up": {"monotone": "increasing"},
        "down": {"monotone": "decreasing"},
        "free": {},
        "q": {**ORDERED, "monotone": "increasing"},
    }
    logged = train(workspace, frame, fields, features__target=transform)
    assert "in no pair, because a pair could make the effect turn: up, down, q (monotone)" in logged
    metrics = json.loads((workspace.path / "metrics/train.json").read_text())
    assert metrics["cv_r2_free"] > metrics["cv_r2"] + 0.01
    assert f"without the monotone constraints of schema.yaml: CV R² {metrics['cv_r2_free']:.3f}" in logged
    assert "against monotone" not in logged
    pairs = json.loads((workspace.path / "metrics/interactions.json").read_text())["pairs"]
    assert pairs == []

    model = joblib.load(workspace.path / "models/model.joblib")
    effects = effects_of(model, {"q": QUALITY}, frame, []).columns
    for name, sign in (("up", 1), ("down", -1)):
        grid = np.linspace(frame[name].min() - 1, frame[name].max() + 1, 2000)
        rows = frame.iloc[[3]].drop(columns=name).merge(pd.DataFrame({name: grid}), how="cross")
        steps = np.diff(model.predict(rows)) * sign
        assert (steps >= -1e-12 * frame["y"].std()).all()
        assert steps.max() > 0
        curve = effects[name]
        assert isinstance(curve, Curve)
        assert (np.diff([on_curve(curve, float(x)) for x in grid]) * sign >= -1e-12 * frame["y"].std()).all()
    levels = effects["q"]
    assert isinstance(levels, Levels)
    by_level = [levels.values[level] for level in QUALITY]
    assert by_level == sorted(by_level)


def test_no_constraint_no_price() -> None:
    """The default table has none."""
    assert "cv_r2_free" not in json.loads((ROOT / "metrics/train.json").read_text())


def test_data_that_go_the_other_way_get_a_warning(workspace: Workspace) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"falls": rng.normal(size=400), "rises": rng.normal(size=400)})
    frame["y"] = frame["rises"] - frame["falls"] + rng.normal(size=400)
    logged = train(workspace, frame, {name: {"monotone": "increasing"} for name in ("falls", "rises")})
    [warning] = [line for line in logged.splitlines() if "against monotone" in line]
    assert "schema.yaml: falls: the data go against monotone, so its effect is flat; without constraints" in warning
    assert "CV R² would be 0.6" in warning
    feature_map = joblib.load(workspace.path / "models/features.joblib")
    coef = joblib.load(workspace.path / "models/model.joblib")["elasticnet"].coef_
    assert not coef[list(blocks(feature_map)["falls"])].any()

"""Sample weights: as scikit-learn's sample_weight; 2 is the row twice, 0 is its absence, through all stages."""

import json
from typing import Any

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
from stages.table.parts import by_weight
from stages.table.schema import TableSchema
from tests.helpers.modelling import features_params
from tests.helpers.project import Workspace

STAGES = ("ingest", "validate", "split", "features", "interactions", "train", "evaluate", "export")
FIELDS: list[dict[str, Any]] = [
    {"name": "a", "type": "number"},
    {"name": "b", "type": "number"},
    {"name": "level", "type": "string"},
    {"name": "y", "type": "number", "role": "target"},
    {"name": "w", "type": "number", "role": "weight"},
]


def table_of(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b, level = rng.normal(size=n).round(4), rng.gamma(2, size=n).round(4), rng.choice(["u", "v", "x"], n)
    y = 3 + np.abs(a) + np.log(b + 1) * (level == "u") + 2 * a * (b > 1.5) + rng.normal(size=n) / 2
    a[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame({"a": a, "b": b, "level": level, "y": (y - y.min() + 1).round(4)})


def test_the_fit_is_that_of_sample_weight() -> None:
    frame = table_of(300, 0).assign(w=np.random.default_rng(1).gamma(1, size=300))
    schema = TableSchema.model_validate({"fields": FIELDS})
    feature_map = fit_feature_map(frame, schema, features_params())
    axes, weight = axes_of(feature_map), frame["w"].to_numpy()
    values = np.array([axis.values(frame) for axis in axes])
    y = frame["y"].to_numpy()
    total = term_moments(add_up(lambda some: vertex_blocks(some, axes), values, y, 4.0, weight), axes)
    p = len(total.mean) - 1
    fit = elasticnet.fit(elasticnet.problem_of(total, np.zeros(p)), 0.01, 0.5, 1e-14, 100_000)

    X = feature_map.transform(frame)
    mean = np.average(y, weights=weight)
    sd = np.sqrt(np.average((y - mean) ** 2, weights=weight))
    model = make_pipeline(StandardScaler(), ElasticNet(alpha=0.01, l1_ratio=0.5, tol=1e-14, max_iter=100_000))
    model.fit(X, (y - mean) / sd, standardscaler__sample_weight=weight, elasticnet__sample_weight=weight)
    np.testing.assert_allclose(X @ fit.coef + fit.intercept, model.predict(X) * sd + mean, rtol=0, atol=1e-8)


def results(workspace: Workspace, frame: pd.DataFrame, stages: tuple[str, ...] = STAGES, **params: Any) -> Any:
    """Run the stages; return all metrics, without counts of rows and of duplicates."""
    workspace.use_table(frame, FIELDS, features__sample_rows=10_000, split__folds=3, **params)
    workspace.edit("config.yaml", compute__workers=1)
    workspace.stages(*stages)
    metrics = {name: json.loads((workspace.path / f"metrics/{name}.json").read_text())
               for name in ("audit", "interactions", "train", "test")}  # fmt: skip
    return metrics | {"intervals": json.loads((workspace.path / "models/intervals.json").read_text())}


def numbers_of(content: Any, name: str = "") -> dict[str, Any]:
    """The numbers of a JSON document by their path; the random draws of the bootstrap and solver's passes left out."""
    if isinstance(content, dict):
        items = [(key, value) for key, value in content.items() if key != "black_box"]
    elif isinstance(content, list):
        items = list(enumerate(content))
    else:
        drawn = name.endswith(("_low", "_high", ".iterations"))
        return {} if drawn else {name: content}
    return {path: number for key, value in items for path, number in numbers_of(value, f"{name}.{key}").items()}


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["none", "log"])
def test_2_is_twice_and_0_is_absent(workspace: Workspace, scale: str) -> None:
    frame = table_of(700, 2)
    count = np.random.default_rng(3).integers(0, 4, len(frame))
    weighted = results(workspace, frame.assign(w=count), (*STAGES, "explore"), features__target=scale)
    repeated = results(workspace, frame.loc[frame.index.repeat(count)].assign(w=1), features__target=scale)
    found, expected = numbers_of(weighted), numbers_of(repeated)
    assert found.keys() == expected.keys()
    assert found[".interactions.pairs.0.terms"] > 0
    for name, number in expected.items():
        same = found[name] == number if isinstance(number, str | bool | None) else (
            found[name] == pytest.approx(number, rel=1e-10, abs=1e-12))  # fmt: skip
        assert same, (name, found[name], number)


def test_pictures_draw_rows_by_weight() -> None:
    schema = TableSchema.model_validate({"fields": FIELDS})
    frame = table_of(5, 0).assign(w=[0.0, 1.0, 1.0, 2.0, 1.0])
    assert by_weight(frame, schema)["b"].tolist() == frame["b"].iloc[[1, 2, 3, 3, 4]].tolist()


@pytest.mark.parametrize(
    ("weights", "said"),
    [([0.0] * 200, "data/valid: the weight w is 0 in all 200 rows"), ([-1.0] + [1.0] * 199, None)],
)
def test_weights_that_cannot_be(workspace: Workspace, weights: list[float], said: str | None) -> None:
    workspace.use_table(table_of(200, 4).assign(w=weights), FIELDS)
    workspace.stages("ingest", "validate")
    violations = json.loads((workspace.path / "metrics/validation.json").read_text())["violations"]
    done = workspace.stage("split")
    if said is None:
        assert violations["w"]["minimum"]["count"] == 1
        assert done.returncode == 0
    else:
        assert violations == {}
        assert said in done.stderr

"""The stage: odd tables, the settings, and that parts and workers change nothing."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.modelling.training_sets import load_sets
from stages.table.parts import write_part
from tests.helpers.project import Project

STAGES = ("features", "interactions", "train")


def put(project: Project, frame: pd.DataFrame, cuts: tuple[int, ...] = (), **params: Any) -> None:
    """Give the project training rows, cut into parts, whose text columns are levels; y is the target."""
    for part in (project.path / "data").glob("train/*"):
        part.unlink()
    (project.path / "data").mkdir(exist_ok=True)
    hashes = np.random.default_rng(9).integers(0, 2**63, len(frame)).astype("uint64")
    frame = frame.assign(_hash=hashes, _fold=(np.arange(len(frame)) % 3).astype("int16"))
    for number, rows in enumerate(np.split(np.arange(len(frame)), cuts)):
        write_part(frame.iloc[rows], project.path / "data/train", number)
    project.write_schema(
        [
            {"name": name, "type": "number" if frame[name].dtype.kind == "f" else "string"}
            | ({"role": "target"} if name == "y" else {})
            for name in frame.columns
            if not name.startswith("_")
        ]
    )
    project.edit("params.yaml", **params)
    project.edit("config.yaml", compute__workers=1)


def acting_together(n: int, seed: int = 0) -> pd.DataFrame:
    """A number and a level that act together, beside a constant and a copy."""
    rng = np.random.default_rng(seed)
    a, level = rng.normal(size=n), pd.Series(rng.choice(["u", "v"], n), dtype="str")
    y = a + 3 * np.sign(a) * (level == "v") + rng.normal(size=n) / 2
    return pd.DataFrame({"a": a, "level": level, "copy": a + 1e-9, "constant": 1.0, "y": y})


def found(project: Project) -> dict[str, Any]:
    """The pairs that the stages report."""
    content: dict[str, Any] = json.loads((project.path / "metrics/interactions.json").read_text())
    return content


def levels(rows: int, columns: int, count: int) -> pd.DataFrame:
    """A table of levels only, with noise as its target."""
    rng = np.random.default_rng(1)
    cells = {f"l{c}": pd.Series(rng.integers(0, count, rows).astype(str), dtype="str") for c in range(columns)}
    return pd.DataFrame({**cells, "y": rng.normal(size=rows)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frame", "most_pairs"),
    [
        pytest.param(acting_together(47), 1, id="47 rows"),
        pytest.param(acting_together(400)[["constant", "y"]], 0, id="a constant alone"),
        pytest.param(levels(300, 3, 4), 0, id="levels alone"),
        pytest.param(levels(500, 6, 40), 1, id="many columns of many levels"),
    ],
)
def test_odd_tables(project: Project, frame: pd.DataFrame, most_pairs: int) -> None:
    put(project, frame)
    project.stages(*STAGES)
    assert len(found(project)["pairs"]) <= most_pairs


@pytest.mark.slow
def test_parts_change_nothing_and_0_leaves_pairs_out(project: Project) -> None:
    frame = acting_together(900)
    put(project, frame)
    project.stages(*STAGES)
    whole = load_sets(project.path / "data/training_sets.npz")
    assert found(project)["pairs"][0]["columns"] in (["a", "level"], ["level", "copy"])
    assert found(project)["cv_r2"] > found(project)["cv_r2_additive"] + 0.1
    put(project, frame, cuts=(100, 850))
    project.stages("features", "interactions")
    for one, other in zip(whole, load_sets(project.path / "data/training_sets.npz"), strict=True):
        np.testing.assert_allclose(one.train.scatter, other.train.scatter, rtol=1e-10, atol=1e-9)
    project.edit("params.yaml", features__interactions=0)
    project.stages("interactions", "train")
    assert found(project)["pairs"] == []
    assert len(load_sets(project.path / "data/training_sets.npz")[-1].train.mean) < len(whole[-1].train.mean)


def test_a_pair_that_reproduces_the_target_is_a_leak(project: Project) -> None:
    rng = np.random.default_rng(0)
    price, on = rng.normal(size=600), pd.Series(rng.choice(["no", "yes"], 600), dtype="str")
    frame = pd.DataFrame({"price": price, "on": on, "y": np.where(on == "yes", price, -price)})
    put(project, frame, features__clip=0.0, features__interactions=1)
    project.stages("features")
    done = project.stage("interactions")
    assert done.returncode == 5, done.stderr
    assert "price and on explain 100.0000% of y: known only together with the target?" in done.stderr

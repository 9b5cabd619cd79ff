"""tools/verify: a rebuild in a clean clone, compared with dvc.lock."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.helpers.pipeline import STAGES, SURROUNDINGS, edit_stages
from tests.helpers.project import Project
from tools.verify import differing_hashes, differing_values, is_repeatable, read_lock, read_values


@pytest.mark.slow
def test_the_same_bytes(undrawn: Project, tmp_path: Path) -> None:
    """Other surroundings, and another place, do not change a byte."""
    (tmp_path / "Zürich 2").mkdir()
    surroundings = SURROUNDINGS["Zürich"] | {"TMPDIR": str(tmp_path / "Zürich 2")}
    done = undrawn.run("python", "-m", "tools.verify", env=surroundings)
    assert done.returncode == 0, done.stderr
    lock = read_lock(undrawn.path)
    outputs = sum(map(len, lock.values()))
    assert done.stdout.splitlines()[-1] == f"verify: {outputs} outputs of {len(lock)} stages have the same bytes"
    assert undrawn.git("status", "--porcelain") == "", "the checkout is left alone"


@pytest.mark.slow
def test_from_the_raw_rows_and_the_first_stage_that_differs(built: Project) -> None:
    """A source that a clone does not have: the rebuild starts from data/raw as the cache has it."""
    built.edit("config.yaml", source__uri="data/source/not-tracked.csv")
    first_stages = ("ingest", "validate", "split")
    edit_stages(built, *(STAGES.keys() - first_stages), split="0" * 32, validate="0" * 32)  # no run wrote such a lock
    lock = YAML(typ="safe").load(built.path / "dvc.lock")["stages"]
    first = lock["validate"]["outs"][0]["path"]
    done = built.run("python", "-m", "tools.verify")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"verify: stage validate is the first that differs: {first} (")
    assert "stages.ingest" not in done.stdout

    raw = next(out["md5"] for out in lock["ingest"]["outs"])
    damaged = built.path / ".dvc/cache/files/md5" / raw[:2] / raw[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes().replace(b"part", b"trap"))
    damaged.chmod(0o444)
    done = built.run("python", "-m", "tools.verify")
    assert done.returncode == 1
    fix = "verify: data/raw is missing or damaged in the cache; run `make pull TARGETS=data/raw`"
    assert done.stderr.splitlines()[-1] == fix


@pytest.mark.slow
def test_numbers_are_compared_to_a_tolerance(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.path)
    lock = read_lock(built.path)
    before = read_values(built.path, lock)
    assert sum(len(values) for files in before.values() for values in files.values()) > 1000
    assert any(place.startswith(".columns") for place in before["export"]["models/scorecard.json"])
    metrics = built.path / "metrics/test.json"
    content = json.loads(metrics.read_text())
    content["model"]["rmse"] *= 1 + 1e-9
    metrics.write_text(json.dumps(content))
    curve = built.path / "plots/cv_surface.csv"
    curve.write_text(curve.read_text().replace("rmse", "RMSE", 1))
    found = list(differing_values(before, read_values(built.path, lock), 1e-6))
    assert [stage for stage, _ in found] == ["train"], "the metric is within the tolerance, the heading is not a number"
    lock["split"]["data/test"] = "other rows"
    found = list(differing_values(before, read_values(built.path, lock), 1e-12))
    assert [stage for stage, _ in found] == ["split", "train", "evaluate"], "in the order of the stages"
    assert found[2][1].startswith("metrics/test.json.model.rmse: 5")
    (built.path / "models/scorecard.json").unlink()
    lock["export"]["models/scorecard.json"] = "0" * 32
    assert read_values(built.path, lock)["export"] == {}, "what a clone without a bucket lacks is left out"
    assert list(differing_hashes(lock, lock)) == []


@pytest.mark.parametrize(
    ("uri", "sha256", "certain"),
    [
        ("sklearn://diabetes", None, True),
        ("https://example.invalid/table.csv", None, False),
        ("https://example.invalid/table.csv", "0" * 64, True),
        ("data/source/table.csv", None, False),
    ],
)
def test_which_sources_can_be_read_again(uri: str, sha256: str | None, certain: bool, tmp_path: Path) -> None:
    (tmp_path / "data/source").mkdir(parents=True)
    (tmp_path / "data/source/.gitkeep").touch()
    with (tmp_path / "config.yaml").open("w") as file:
        YAML().dump({"source": {"uri": uri} | ({"sha256": sha256} if sha256 else {})}, file)
    assert is_repeatable(tmp_path) is certain
    if not uri.partition("://")[1]:
        (tmp_path / "data/source/table.csv").touch()
        assert is_repeatable(tmp_path), "git or DVC has brought it"

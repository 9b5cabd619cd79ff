"""DVC reruns what has changed and no more; experiments; a user's own table from the file to the scorecard."""

import json
import re
import shutil
from typing import Any

import pandas as pd
import pytest

from tests.helpers.pipeline import digests, locked
from tests.helpers.project import Project

FIELDS: list[dict[str, Any]] = [
    {"name": "flat", "type": "integer", "role": "id"},
    {"name": "area", "type": "number", "unit": "m²", "constraints": {"minimum": 0}},
    {"name": "district", "type": "string"},
    {"name": "garden", "type": "boolean"},
    {"name": "sold", "type": "date"},
    {"name": "price", "type": "number", "role": "target"},
]


TRAIN_ON = ["train", "evaluate", "export", "card"]


def flats() -> pd.DataFrame:
    """A small table of numbers, levels, booleans and dates, some of them missing."""
    rows = []
    for n in range(240):
        area = 30 + n * 37 % 90
        district, garden = ("North", "South", "Old Town")[n * 7 % 3], n * 5 % 4 == 0
        price = 2.5 * area + (40 if district == "South" else 0) + 25 * garden + n * 13 % 17
        day = pd.Timestamp("2024-01-01") + pd.Timedelta(days=n * 11 % 700)
        shown = "" if n % 40 == 0 else str(area)
        rows.append((n, shown, "" if n % 50 == 0 else district, str(garden).lower(), day.date().isoformat(), price))
    return pd.DataFrame(rows, columns=[field["name"] for field in FIELDS])


def ran(output: str) -> list[str]:
    """The stages that DVC has run, in order."""
    return re.findall(r"^Running stage '(\w+)'", output, re.MULTILINE)


def restored(output: str) -> list[str]:
    """The stages that DVC has restored from its cache of runs, in order."""
    return re.findall(r"^Stage '(\w+)' is cached - skipping run", output, re.MULTILINE)


def log_times(project: Project) -> dict[str, int]:
    """When each stage began its log: whether Python has run."""
    return {path.stem: path.stat().st_mtime_ns for path in (project.path / "logs").glob("*.log")}


def metrics(project: Project, name: str) -> Any:
    """A metrics file."""
    return json.loads((project.path / f"metrics/{name}.json").read_text())


# ---------------------------------------------------------------- what is rerun


@pytest.mark.slow
def test_alpha_reruns_training_and_is_remembered(undrawn: Project) -> None:
    start = locked(undrawn)
    undrawn.edit("params.yaml", train__alpha=0.1)
    assert ran(undrawn.dvc("repro").stdout) == TRAIN_ON
    assert metrics(undrawn, "train")["alpha"] == 0.1
    first, lock = digests(undrawn), locked(undrawn)
    assert {name for name in lock if lock[name] != start[name]} == set(TRAIN_ON)

    undrawn.edit("params.yaml", train__alpha=0.2)
    assert ran(undrawn.dvc("repro", "train").stdout) == ["train"]
    assert metrics(undrawn, "train")["alpha"] == 0.2
    assert digests(undrawn)["models/model.joblib"] != first["models/model.joblib"]

    times = log_times(undrawn)
    undrawn.edit("params.yaml", train__alpha=0.1)
    done = undrawn.dvc("repro")
    assert ran(done.stdout) == []
    assert restored(done.stdout) == ["train"], "what follows has been up to date for these inputs all along"
    assert digests(undrawn) == first
    assert locked(undrawn) == lock

    undrawn.git("restore", "params.yaml")
    done = undrawn.dvc("repro")
    assert ran(done.stdout) == ["card"], "its page is an out in git, for which DVC remembers no runs"
    assert restored(done.stdout) == ["train", "evaluate", "export"]
    assert {**log_times(undrawn), "card": times["card"]} == times, "no other stage has run"
    assert locked(undrawn) == start
    assert undrawn.git("status", "--porcelain", "metrics", "plots") == ""


@pytest.mark.slow
def test_change_without_effect_stops_where_outputs_are_equal(built: Project) -> None:
    before = digests(built)
    schema = built.path / "schema.yaml"
    text = schema.read_text()
    assert text.count("title: Body mass index") == 1
    schema.write_text(text.replace("title: Body mass index", "title: BMI"))
    done = built.dvc("repro", "export")
    assert ran(done.stdout) == [*("validate", "split", "features", "interactions", "train", "evaluate", "export")]
    after = digests(built)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"models/scorecard.json"}
    [bmi] = [c for c in json.loads((built.path / "models/scorecard.json").read_text())["columns"] if c["name"] == "bmi"]
    assert bmi["title"] == "BMI"

    with (built.path / "stages/validate.py").open("a") as script:
        script.write("# a remark\n")
    assert ran(built.dvc("repro", "export").stdout) == ["validate"]
    assert digests(built) == after


# ---------------------------------------------------------------- experiments


@pytest.mark.slow
def test_queued_experiments_are_told_apart(built: Project) -> None:
    queued = built.dvc("exp", "run", "--queue", "-S", "train.alpha=0.05,0.1", "train")
    assert queued.stdout.count("Queued experiment") == 2
    try:
        built.dvc("exp", "run", "--run-all", "--jobs", "1")
    finally:
        built.dvc("queue", "stop")
    status = built.dvc("queue", "status").stdout
    assert status.count("Success") == 2, status
    assert "Failed" not in status
    table = json.loads(built.dvc("exp", "show", "--json").stdout)
    [baseline] = [branch for branch in table if branch["rev"] != "workspace"]
    found = {}
    for experiment in baseline["experiments"]:
        data = experiment["revs"][0]["data"]
        found[data["params"]["params.yaml"]["data"]["train"]["alpha"]] = data["metrics"]["metrics/train.json"]["data"]
    assert sorted(found) == [0.05, 0.1]
    assert {alpha: result["alpha"] for alpha, result in found.items()} == {0.05: 0.05, 0.1: 0.1}
    assert found[0.05]["cv_rmse"] != found[0.1]["cv_rmse"]
    assert built.git("status", "--porcelain") == "", "the workspace is as it was"


@pytest.mark.slow
def test_experiment_apart_from_the_workspace_runs_its_own_code(built: Project) -> None:
    train = built.path / "stages/train.py"
    script = train.read_text()
    assert script.count("iterations=fit.iterations,") == 1
    train.write_text(script.replace("iterations=fit.iterations,", "iterations=-7,"))
    before = digests(built)
    done = built.dvc("exp", "run", "--temp", "-S", "train.l1_ratio=0.5", "--name", "half", "train")
    assert ran(done.stdout) == ["train"]
    assert digests(built) == before
    [ref] = [
        ref for ref in built.git("for-each-ref", "--format=%(refname)", "refs/exps").split() if ref.endswith("/half")
    ]
    metrics_there = json.loads(built.git("show", f"{ref}:metrics/train.json"))
    assert metrics_there["l1_ratio"] == 0.5
    assert metrics_there["iterations"] == -7, "an uncommitted change of the code is part of the experiment"


# ---------------------------------------------------------------- a table of one's own


@pytest.mark.slow
def test_own_table_from_file_to_scorecard(built: Project) -> None:
    built.use_table(flats(), FIELDS)
    assert ran(built.dvc("repro", "export").stdout) == [
        *("ingest", "validate", "split", "features", "interactions", "train", "evaluate", "export")
    ]
    assert built.dvc("status", "export", "--with-deps").stdout.strip() == "Data and pipelines are up to date."
    raw = built.frame("data/raw")
    assert len(raw) == 240
    assert raw["_file"].unique().tolist() == ["data/source/table.csv"]
    assert raw["_line"].tolist() == list(range(2, 242))
    assert metrics(built, "validation")["valid"] == 240
    assert metrics(built, "test")["model"]["r2"] > 0.9
    card = json.loads((built.path / "models/scorecard.json").read_text())
    kinds = {column["name"]: column["effect"]["kind"] for column in card["columns"]}
    assert kinds == {"area": "curve", "district": "levels", "garden": "curve", "sold": "calendar"}
    ignored = built.git("status", "--porcelain", "--untracked-files=all")
    assert "data/source/table.csv" not in ignored, "a table is not for git"

    source = built.path / "data/source/table.csv"
    content = source.read_bytes()
    at = content.index(b"North")
    source.write_bytes(content[:at] + b"north" + content[at + 5 :])
    done = built.dvc("repro", "split")
    assert ran(done.stdout) == ["ingest", "validate", "split"]
    assert (built.frame("data/raw")["district"] == "north").sum() == 1


@pytest.mark.slow
def test_added_table_is_watched_and_comes_back(project: Project) -> None:
    project.use_table(flats(), FIELDS)
    source = project.path / "data/source/table.csv"
    content = source.read_bytes()
    project.dvc("add", "data/source/table.csv")
    assert (project.path / "data/source/table.csv.dvc").exists()
    project.git("add", "-A")
    assert "data/source/table.csv.dvc" in project.git("diff", "--cached", "--name-only").split()
    assert "data/source/table.csv" not in project.git("ls-files").split()
    assert ran(project.dvc("repro", "split").stdout) == ["ingest", "validate", "split"]
    assert project.dvc("status", "split", "--with-deps").stdout.strip() == "Data and pipelines are up to date."

    # the pointer file has to be one that DVC sees: see .dvcignore
    source.unlink()
    done = project.dvc("checkout", "data/source/table.csv.dvc", check=False)
    assert done.returncode == 0, done.stderr
    assert source.read_bytes() == content
    assert project.dvc("status", "split", "--with-deps").stdout.strip() == "Data and pipelines are up to date."


@pytest.mark.slow
def test_added_table_reaches_a_clone(project: Project) -> None:
    remote, clone = project.path.parent / "remote", project.path.parent / "clone"
    project.use_table(flats(), FIELDS)
    project.dvc("add", "data/source/table.csv")
    project.dvc("remote", "add", "--default", "--force", "beside", str(remote))
    project.git("add", "-A")
    project.git("commit", "-qm", "own table")
    project.dvc("push", "data/source/table.csv.dvc")
    project.git("clone", "-q", str(project.path), str(clone))
    there = Project(clone)
    there.dvc("pull", "data/source/table.csv.dvc")
    assert (clone / "data/source/table.csv").read_bytes() == (project.path / "data/source/table.csv").read_bytes()
    shutil.rmtree(clone)

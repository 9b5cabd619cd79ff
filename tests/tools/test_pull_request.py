"""The pull request's report, and the workflow step that opens one, against a real bucket on loopback."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.helpers.project import ROOT, Project
from tests.helpers.servers import BUCKET, URL, client, environment, key_of, s3_server
from tools.pull_request.scorecard_diff import describe_changes
from webapp.pin import read_pin

GH = """#!/bin/sh
echo "$@" >> gh.log
"""
PYTHON = """#!/bin/sh
exec "{}" "$@"
"""


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def checkout(undrawn_template: Path, s3: str, tmp_path: Path) -> Project:
    """A built project with a bucket, a bare `origin`, a .venv that is ours, and a `gh` that takes notes."""
    project = Project(undrawn_template, environment(s3)).copy_to(tmp_path / "checkout")
    for name, text in (("python", PYTHON.format(sys.executable)), ("gh", GH), (".pipeline", "")):
        file = project.path / ".venv/bin" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    project.dvc("remote", "modify", "storage", "url", f"{URL}/{tmp_path.name}")
    project.git("commit", "-qam", "use the test's bucket")
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "origin.git"], check=True)
    project.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    project.git("push", "-q", "origin", "main")
    return project


def step(workflow: str, name: str) -> str:
    """The script of a step."""
    content = YAML(typ="safe").load(ROOT / f".github/workflows/{workflow}.yml")
    [script] = [s["run"] for job in content["jobs"].values() for s in job["steps"] if s.get("name") == name]
    return str(script)


def run_step(project: Project, workflow: str, name: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a step as GitHub does, with a summary to write to."""
    environment = {"GITHUB_STEP_SUMMARY": str(project.path / ".venv/summary.md"), **env}
    done: subprocess.CompletedProcess[str] = project.run("bash", "-e", "-c", step(workflow, name), env=environment)
    return done


@pytest.mark.slow
def test_retraining_opens_a_pull_request_only_if_a_metric_changed(checkout: Project, s3: str, tmp_path: Path) -> None:
    names = {"BRANCH": "retrain-1-1", "TARGET": "main"}
    same = run_step(checkout, "retrain", "Open a pull request if a metric changed", **names)
    assert (same.returncode, same.stdout) == (0, "No metric changed.\n")
    checkout.edit("params.yaml", train__alpha=5.0)
    checkout.git("commit", "-qam", "another alpha")
    checkout.dvc("repro")
    with (checkout.path / "plots/report/residuals.png").open("ab") as picture:
        picture.write(b"another")
    checkout.env["PATH"] = f"{checkout.path / '.venv/bin'}:/usr/bin:/bin"  # as on GitHub: without DVC
    done = run_step(checkout, "retrain", "Open a pull request if a metric changed", **names)
    assert done.returncode == 0, done.stderr
    assert (checkout.path / "gh.log").read_text().splitlines() == [
        "auth setup-git",
        "pr create --base main --head retrain-1-1 --title Retrain --body-file report.md",
        "workflow run ci.yml --ref retrain-1-1",
    ]
    pushed = checkout.git("diff", "--name-only", "main", "origin/retrain-1-1").split()
    assert {"dvc.lock", "metrics/test.json", "plots/predicted_actual.csv"} <= set(pushed)
    assert not [name for name in pushed if name.startswith(("report", "gh", ".venv", "data/"))]
    report = (checkout.path / "report.md").read_text()
    assert report == (checkout.path / ".venv/summary.md").read_text().removeprefix("No metric changed.\n")
    assert "**Gate " in report
    assert "| metrics/train.json | alpha " in report
    assert "| bmi | " in report, "the scorecard, column by column"

    # the report of the pull request in CI: parameters too, since the target branch has the old ones;
    # an object that was not pushed fails it, and is named
    md5 = str(read_pin(checkout.path / "dvc.lock")["md5"])
    client(s3).delete_object(Bucket=BUCKET, Key=f"some/path/{tmp_path.name}/{key_of(md5).removeprefix('some/path/')}")
    pictures = {"PICTURES_URL": "https://git.example/raw"}
    unpushed = checkout.run("python", "-m", "tools.pull_request", "origin/main", env=pictures)
    assert unpushed.returncode == 1
    assert "| params.yaml | train.alpha | auto " in unpushed.stdout
    assert re.search(r"!\[now\]\(https://git\.example/raw/\w+/plots/report/residuals\.png\)", unpushed.stdout)
    assert unpushed.stderr == "report: not in the bucket: models/scorecard.json; run `make push`\n"
    assert "**Not pushed**: `models/scorecard.json`." in unpushed.stdout
    offline = checkout.run(
        "python", "-m", "tools.pull_request", "origin/main", "--offline", env={"AWS_ENDPOINT_URL": "http://x"}
    )
    assert offline.returncode == 0, "asks nobody"
    assert "The bucket was not asked" in offline.stdout


def column(name: str, **effect: object) -> dict[str, object]:
    return {"name": name, "effect": effect}


def surface(first: str, second: str, values: list[list[float]]) -> dict[str, object]:
    return {"axes": [{"column": name, "part": None} for name in (first, second)], "values": values}


def test_scorecards_are_compared_where_they_say_something() -> None:
    old = {
        "intercept": 1.0,
        "columns": [
            column("size", kind="curve", knots=[0, 10], values=[0, 10], missing=0),
            column("kind", kind="levels", values={"a": 1.0, "b": 2.0}, other=0, missing=0),
            column("gone", kind="curve", knots=[0], values=[1], missing=0),
            column("same", kind="curve", knots=[0], values=[1], missing=0),
        ],
        "surfaces": [surface("size", "kind", [[1.0, 0.0], [0.0, -1.0]]), surface("size", "gone", [[0.0, 2.0]])],
    }
    new = {
        "intercept": 2.0,
        "exposure": {"name": "years"},
        "surfaces": [surface("size", "kind", [[1.0, 0.5], [0.0, -2.0]]), surface("size", "fresh", [[0.0, 3.0]])],
        "columns": [
            column("size", kind="curve", knots=[0, 5, 10], values=[0, 9, 10], missing=0),
            column("kind", kind="levels", values={"a": 1.5, "c": 7.0}, other=0, missing=0),
            column("same", kind="curve", knots=[0], values=[1], missing=0),
            column("fresh", kind="levels", values={"x": 3.0}, other=-1, missing=0),
        ],
    }
    assert describe_changes(old, new).splitlines() == [
        "Intercept 1 → 2; 1 of 4 columns as before. Exposure none → years.",
        "",
        "| column | spread before | now | largest change |",
        "|---|---|---|---|",
        "| size | 10 | 10 | +4 at 5 |",
        "| kind | 2 | 7 | +7 at c |",
        "| fresh |  | 4 | new |",
        "| gone | 1 |  | removed |",
        "| size × kind | 2 | 3 | -1 |",
        "| size × fresh |  | 3 | new |",
        "| size × gone | 2 |  | removed |",
    ]
    assert json.loads(json.dumps(old)) == old, "left as they were"
    wider = {**old, "columns": [*old["columns"][:-1], {**old["columns"][-1], "width": {"kind": "curve"}}]}  # type: ignore[misc, index]
    assert "| same | 1 | 1 | its share in the interval's width |" in describe_changes(old, wider)

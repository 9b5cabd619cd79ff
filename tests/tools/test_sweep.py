"""Sweeps: what a person writes becomes checked experiments; they are DVC's own; whatever happens, nothing is left."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.utils.errors import SettingsError
from tests.helpers.pipeline import inject
from tests.helpers.processes import family, is_alive, wait_until
from tests.helpers.project import ROOT, WITHOUT_MLFLOW, Project
from tools.sweep.__main__ import read_arguments
from tools.sweep.grid import Point, points
from tools.sweep.results import Result, best_of, nearest, surface_line, table

PATIENCE = 90  # seconds
BASELINE = "0" * 40


# ---------------------------------------------------------------- the grid


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def overrides(*grid: str, **options: Any) -> list[tuple[str, ...]]:
    return [point.overrides for point in points(BASELINE, list(grid), **options)]


@pytest.mark.usefixtures("here")
def test_all_combinations_of_what_is_listed() -> None:
    assert overrides("train.alpha=0.5,2", "train.l1_ratio=0.3") == [
        ("train.alpha=0.5", "train.l1_ratio=0.3"),
        ("train.alpha=2", "train.l1_ratio=0.3"),
    ]
    assert overrides("train.alpha=log:0.001:1:4") == [
        ("train.alpha=0.001",), ("train.alpha=0.01",), ("train.alpha=0.1",), ("train.alpha=1",),
    ]  # fmt: skip
    assert overrides("train.l1_ratio=lin:0:1:3") == [
        ("train.l1_ratio=0",),
        ("train.l1_ratio=0.5",),
        ("train.l1_ratio=1",),
    ]
    assert overrides("features.knots=4,4,auto") == [("features.knots=4",), ("features.knots=auto",)]


@pytest.mark.usefixtures("here")
def test_random_draws_are_those_of_the_seed() -> None:
    grid = ("train.alpha=log:0.01:1:15", "train.l1_ratio=0.2,0.8")
    drawn = overrides(*grid, count=8, seed=1)
    assert drawn == overrides(*grid, count=8, seed=1)
    assert drawn != overrides(*grid, count=8, seed=2)
    assert len(set(drawn)) == 8
    assert set(drawn) < set(overrides(*grid))
    assert set(overrides(*grid, count=100)) == set(overrides(*grid)), "no more than there are"


@pytest.mark.usefixtures("here")
def test_a_name_is_that_of_commit_and_values() -> None:
    [one], [other] = points("1" * 40, ["train.alpha=1"]), points("2" * 40, ["train.alpha=1"])
    assert one.name != other.name
    swapped = [
        points(BASELINE, grid)[0].name
        for grid in (["train.alpha=1", "train.tol=0.1"], ["train.tol=0.1", "train.alpha=1"])
    ]
    assert swapped[0] == swapped[1]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ([], "the grid is empty"),
        (["train.alpha"], "not a parameter and its values"),
        (["train.alpha="], "not a parameter and its values"),
        (["train.alhpa=1"], "train.alhpa: unknown key.*did you mean alpha"),
        (["train.l1_ratio=0.5,1.5"], "train.l1_ratio: found 1.5.*less than or equal to 1"),
        (["train.alpha=0.1,much"], "train.alpha: found 'much'"),
        (["train.alpha=1", "train.alpha=2"], "train.alpha: found twice"),
        (["train.alpha=log:0:1:3"], "log:0:1:3: expected log:LOW:HIGH:COUNT with LOW below HIGH, LOW above 0"),
        (["train.alpha=lin:2:1:3"], "expected lin:LOW:HIGH:COUNT with LOW below HIGH, COUNT"),
        (["train.alpha=log:0.1:1"], "expected log:LOW:HIGH:COUNT"),
        (["train.alpha=log:0.1:1:x"], "expected log:LOW:HIGH:COUNT"),
        (["train.alpha=log:0.1:1:0"], "COUNT 1 or more"),
        (["train.alpha.more=1"], "train.alpha.*found {'more': 1}"),
        (["features.target=none,log"], "scale of the error, so the errors cannot be compared"),
        (["split.folds=4,5"], "the folds"),
    ],
)  # fmt: skip
def test_a_grid_that_is_not_allowed(grid: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        points(BASELINE, grid)


@pytest.mark.parametrize("option", ["--jobs=0", "--random=0", "--jobs=-1"])
def test_counts_start_at_one(option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["sweep", "train.alpha=log:0.1:1:2", option])
    with pytest.raises(SystemExit, match="2"):
        read_arguments()
    assert "expected a whole number above 0" in capsys.readouterr().err


# ---------------------------------------------------------------- the choice


def result(name: str, cv_rmse: float, nonzero: int = 5, alpha: float = 1.0, test_rmse: float = 1.0) -> Result:
    return Result(Point(name, (f"train.alpha={alpha:g}",)), cv_rmse, nonzero, alpha, 0.5, test_rmse)


def test_the_best_is_so_by_cross_validation_not_by_test() -> None:
    best, why = best_of([result("a", 2.0, test_rmse=0.1), result("b", 1.5, test_rmse=9.0)])
    assert best.point.name == "b"
    assert why == "because its CV RMSE of 1.5 is the lowest of 2; the next has 2"


def test_ties_go_to_the_simpler_model() -> None:
    tied = [
        result("many", 1.0, 9),
        result("few", 1.0 + 1e-9, 3),
        result("larger", 1.0, 3, alpha=2.0),
        result("no", 1.1, 1),
    ]
    best, why = best_of(tied)
    assert best.point.name == "larger"
    assert "tied with 2 more, to 6 digits" in why
    assert "3 terms, alpha 2" in why
    assert [line.split()[0] for line in table(tied).splitlines()] == ["experiment", "larger", "few", "many", "no"]


def test_what_the_surface_expects() -> None:
    surface = pd.DataFrame({"alpha": [1.0, 100.0] * 2, "l1_ratio": [0.0, 0.0, 1.0, 1.0], "rmse": [2.0, 4.0, 6.0, 8.0]})
    assert nearest(surface, 9.0, 0.4) == 2
    assert nearest(surface, 11.0, 0.6) == 8
    assert nearest(surface, "auto", 1.0) == 6
    assert nearest(surface, 100.0, "auto") == 4


@pytest.mark.usefixtures("here")
def test_the_surface_is_asked_first() -> None:
    line = surface_line(points(BASELINE, ["train.alpha=0.5,2"]))
    lowest = pd.read_csv("plots/cv_surface.csv")["rmse"].min()
    assert f"its own lowest is {lowest:.4g}" in line
    far = surface_line(points(BASELINE, ["train.alpha=0.5,5000", "train.l1_ratio=0.5"]))
    assert "; 1 of its values are outside the surface" in far
    assert "says nothing about features.knots" in surface_line(points(BASELINE, ["features.knots=3,4"]))


# ---------------------------------------------------------------- real sweeps


def sweep(project: Project, *arguments: str) -> Any:
    return project.run("python", "-m", "tools.sweep", *arguments, env=WITHOUT_MLFLOW)


def shown(project: Project) -> dict[str, dict[str, Any]]:
    """Each experiment in `dvc exp show`: its params and its metrics by file."""
    [_, commit] = json.loads(project.dvc("exp", "show", "--json").stdout)
    data = [(experiment["name"], experiment["revs"][0]["data"]) for experiment in commit["experiments"] or []]
    return dict(data)


def shown_metrics(experiment: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = experiment["metrics"][f"metrics/{name}.json"]["data"]
    return found


def read_metrics(project: Project, name: str = "train") -> dict[str, Any]:
    """A metrics file of the workspace."""
    found: dict[str, Any] = json.loads((project.path / f"metrics/{name}.json").read_text())
    return found


def without_nulls(metrics: dict[str, Any]) -> dict[str, Any]:
    """Metrics as DVC shows them."""
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in metrics.items()
        if value is not None
    }


@pytest.mark.slow
def test_experiments_of_a_sweep_are_dvcs_own(swept: Project) -> None:
    assert swept.git("status", "--porcelain") == "", "the workspace is left alone"
    stdout, stderr = ((swept.path / f"logs/sweep.{end}").read_text() for end in ("out", "err"))
    found = shown(swept)
    chosen = {name: experiment["params"]["params.yaml"]["data"]["train"] for name, experiment in found.items()}
    assert sorted((train["alpha"], train["l1_ratio"]) for train in chosen.values()) == [
        (0.02, 0.1), (0.02, 0.9), (0.2, 0.1), (0.2, 0.9),
    ]  # fmt: skip
    best = min(found, key=lambda name: shown_metrics(found[name], "train")["cv_rmse"])
    now, alpha, l1_ratio = read_metrics(swept)["cv_rmse"], chosen[best]["alpha"], chosen[best]["l1_ratio"]
    assert f"best: {best} (train.alpha={alpha:g} train.l1_ratio={l1_ratio:g})" in stdout
    assert f"the current run is better than all of these: its CV RMSE is {now:.6g}" in stdout
    assert "MLflow is not installed, so runs are not tracked" in stderr  # and the sweep does not mind

    other = next(name for name in found if chosen[name]["alpha"] != alpha)
    assert "train.alpha" in swept.dvc("params", "diff", best, other).stdout
    differs = json.loads(swept.dvc("exp", "diff", best, other, "--json").stdout)
    assert differs["params"]["params.yaml"]["train.alpha"]["new"] == chosen[other]["alpha"]
    swept.dvc("exp", "branch", other, "other")
    for name in (best, other):  # the same as by hand, where DVC's memory of runs is no help
        swept.edit("params.yaml", train__alpha=chosen[name]["alpha"], train__l1_ratio=chosen[name]["l1_ratio"])
        swept.dvc("repro", "--force", "--single-item", "train", "evaluate")
        for file in ("train", "test"):
            assert shown_metrics(found[name], file) == without_nulls(read_metrics(swept, file))
        [ref] = swept.git("for-each-ref", "--format=%(refname)", f"refs/exps/**/{name}").split()
        assert swept.git("show", f"{ref}:dvc.lock") == (swept.path / "dvc.lock").read_text()
    refused = sweep(swept, "train.alpha=1")
    assert refused.returncode == 1
    assert "uncommitted changes: " in refused.stderr


@pytest.mark.slow
def test_one_failing_experiment_costs_the_others_nothing(undrawn: Project) -> None:
    failing = 'if read_params("train").alpha == 2:\n    raise SystemExit("two is too much")'
    inject(undrawn.path / "stages/train.py", "main", failing)
    undrawn.git("commit", "-qam", "Dislike two")
    done = sweep(undrawn, "train.alpha=2,3")
    assert done.returncode == 1
    assert "train.alpha=2 failed: " in done.stderr
    assert "1 of 2 experiments failed" in done.stderr
    assert [shown_metrics(experiment, "train")["alpha"] for experiment in shown(undrawn).values()] == [3]
    again = sweep(undrawn)
    assert again.returncode == 1
    assert "1 of 2 experiments ran before" in again.stdout


@pytest.mark.slow
def test_a_sweep_that_is_ended_leaves_nothing_and_goes_on(undrawn: Project) -> None:
    for end, alphas in ((signal.SIGKILL, [3, 4]), (signal.SIGINT, [0.5, 2])):
        end_sweep(undrawn, f"train.alpha={alphas[0]},{alphas[1]}", end)
        assert undrawn.git("status", "--porcelain") == ""
        assert "is already running" not in undrawn.dvc("status").stderr
    done = sweep(undrawn)
    assert done.returncode == 0, done.stderr
    found = [shown_metrics(experiment, "train")["alpha"] for experiment in shown(undrawn).values()]
    assert set(found) >= {0.5, 2}
    assert not list((undrawn.path / ".dvc/tmp/sweep").glob("worker-*/")), (
        "no checkout is left, not even of a killed sweep"
    )


def end_sweep(project: Project, grid: str, end: signal.Signals) -> None:
    """Start a sweep, end it while its experiments train, and see that all its processes end."""
    command = [sys.executable, "-m", "tools.sweep", grid, "--jobs=2"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = project.environment(WITHOUT_MLFLOW)
    process = subprocess.Popen(command, cwd=project.path, env=environment, start_new_session=True, **quiet)  # type: ignore[call-overload]
    children: set[int] = set()
    try:

        def runs() -> bool:
            children.update(family(process.pid))
            return any("stages.train" in command_line(pid) for pid in children)

        assert wait_until(runs, PATIENCE)
        children |= family(process.pid)
        process.send_signal(signal.SIGSTOP)  # what it has started goes on, and it is not done before it is ended
        busy = sweep(project, "train.alpha=7")
        assert busy.returncode == 1
        assert f"a sweep is already running (process {process.pid})" in busy.stderr
        process.send_signal(end)
        process.send_signal(signal.SIGCONT)
        process.wait(30)
        assert process.returncode == (130 if end == signal.SIGINT else -signal.SIGKILL)
        assert wait_until(lambda: not any(map(is_alive, children)), 20)
    finally:
        for pid in {process.pid, *children}:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)


@pytest.mark.slow
def test_killed_experiments_cost_the_others_nothing(undrawn: Project) -> None:
    """The stage of the first is killed, and the worker of the second."""
    command = [sys.executable, "-m", "tools.sweep", "train.alpha=0.5,2,3", "--jobs=1"]
    environment = undrawn.environment(WITHOUT_MLFLOW)
    process = subprocess.Popen(
        command, cwd=undrawn.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    children: set[int] = set()

    def running(module: str) -> set[int]:
        children.update(family(process.pid))
        lines = {pid: command_line(pid).split("\0") for pid in children}
        return {pid for pid, line in lines.items() if module in line and "-c" not in line}

    try:
        assert wait_until(lambda: bool(running("stages.train")), PATIENCE)
        [stage] = running("stages.train")
        os.kill(stage, signal.SIGKILL)
        assert wait_until(lambda: bool(running("stages.train") - {stage}), PATIENCE)
        [worker] = {pid for pid in family(process.pid) if "spawn_main" in command_line(pid)}
        os.kill(worker, signal.SIGKILL)
        _, stderr = process.communicate(timeout=PATIENCE * 2)
    finally:
        for pid in {process.pid, *children}:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)
    assert process.returncode == 1
    # 137 is how a shell that stays, such as dash, says -9
    assert re.search(r"train\.alpha=0\.5 failed: .*exited with (-9|137)", stderr)
    assert re.search(r"train\.alpha=2 failed: its worker ended with exit code -9(: .*)?; see ", stderr)
    assert [shown_metrics(experiment, "train")["alpha"] for experiment in shown(undrawn).values()] == [3]
    assert undrawn.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_a_worker_that_cannot_start_says_why(project: Project) -> None:
    project.git("config", "user.useConfigOnly", "true")
    project.git("config", "--unset", "user.email")
    project.env["GIT_CONFIG_GLOBAL"] = os.devnull
    done = sweep(project, "train.alpha=1", "--jobs=1")
    assert done.returncode == 1
    assert "train.alpha=1 failed: `git var GIT_COMMITTER_IDENT` failed with exit code 128: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_sweep_that_cannot_write_says_so(project: Project) -> None:
    (project.path / ".dvc/tmp/sweep/request.json").mkdir(parents=True)
    done = sweep(project, "train.alpha=1")
    assert done.returncode == 1
    assert done.stderr.startswith("a file of the sweep: [Errno 21] Is a directory: ")
    assert len(done.stderr.splitlines()) == 1


def command_line(pid: int) -> str:
    """The command line of a process; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""

"""Tracking: what DVC knows and MLflow lacks is published once, whole; without MLflow nothing fails but the tracking."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.processes import family, is_alive, wait_until
from tests.helpers.project import Project, Workspace
from tests.helpers.servers import free_port, relay
from tools.track import __main__ as track

EXPERIMENT = "dvc-elasticnet"
READ = """
import json, sys
import mlflow
from mlflow import MlflowClient
def predict(uri):  # the rows of the example that was logged with the model; loading five of them takes seconds
    if not sys.argv[3:]:
        return None
    return mlflow.pyfunc.load_model(uri).predict(mlflow.models.Model.load(uri).load_input_example(uri)).tolist()
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
place = client.get_experiment_by_name(sys.argv[2])
runs = client.search_runs([place.experiment_id]) if place else []
print(json.dumps([{
    "name": run.info.run_name, "status": run.info.status, "params": run.data.params, "metrics": run.data.metrics,
    "tags": run.data.tags, "files": [item.path for item in client.list_artifacts(run.info.run_id)],
    "inputs": [item.dataset.name for item in run.inputs.dataset_inputs],
    "models": [predict("models:/" + model.model_id) for model in run.outputs.model_outputs],
} for run in runs]))
"""


def tracked(project: Project, uri: str, *predict: str) -> list[dict[str, Any]]:
    """The runs in MLflow's store or server, as its own client reads them; with the models' predictions if asked to."""
    read = ("python", "-c", READ, uri, EXPERIMENT, *predict)
    found: list[dict[str, Any]] = json.loads(project.run(*read, check=True).stdout)
    return found


def publish(project: Project, uri: str | None = None) -> Any:
    return project.run("python", "-m", "tools.track", env={"MLFLOW_TRACKING_URI": uri} if uri else {})


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """MLflow's own server on loopback, with a SQLite store."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1"]
    command += [f"--backend-store-uri=sqlite:///{folder}/server.db", f"--artifacts-destination={folder}/files"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # runs need none of its half a dozen processes
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
    try:
        assert wait_until(lambda: answers(port), 90), (folder / "server.log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        for pid in [server.pid, *family(server.pid)]:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        server.wait(15)


def answers(port: int) -> bool:
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
def test_a_run_is_published_once_and_whole(built: Project) -> None:
    done = publish(built)
    assert done.returncode == 0, done.stderr
    uri = f"sqlite:///{built.path}/mlflow.db"
    assert done.stdout.strip() == "1 of 1 runs were new to MLflow at sqlite:///mlflow.db"
    assert built.git("status", "--porcelain") == ""
    [run] = tracked(built, uri, "predict")
    assert run["status"] == "FINISHED"
    metrics = json.loads((built.path / "metrics/test.json").read_text())
    assert run["metrics"]["test.model.rmse"] == metrics["model"]["rmse"]
    assert run["params"]["train.alpha"] == "auto"
    assert set(run["files"]) >= {"dvc.lock", "params.yaml", "metrics", "plots"}
    assert sorted(run["inputs"]) == ["data/raw", "data/test", "data/train"]
    assert run["tags"]["mlflow.source.git.commit"] == built.git("rev-parse", "HEAD").strip()
    lock = (built.path / "dvc.lock").read_text()
    assert run["tags"]["dvc.md5.models/model.joblib"] in lock
    [predictions] = run["models"]
    assert max(predictions) > 25  # the least target

    built.git("commit", "-q", "--allow-empty", "-m", "The same content under another commit")
    assert publish(built).stdout.strip() == "0 of 1 runs were new to MLflow at sqlite:///mlflow.db"


@pytest.mark.slow
def test_a_store_that_is_none_is_said_in_a_line(built: Project) -> None:
    (built.path / "logs/none.db").write_text("no database")
    done = publish(built, f"sqlite:///{built.path}/logs/none.db")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("not tracked: MLflow at sqlite://")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_an_outage_is_a_line(built: Project) -> None:
    port = free_port()
    start = time.monotonic()
    done = publish(built, f"http://user:secret@127.0.0.1:{port}")
    assert time.monotonic() - start < 60
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    assert line.startswith(f"not tracked: MLflow at http://127.0.0.1:{port} failed: ")
    assert line.endswith("`make track` catches up")
    assert "secret" not in line


@pytest.mark.slow
def test_a_sweep_is_published_through_an_outage_in_the_middle(swept: Project, tmp_path: Path) -> None:
    database = tmp_path / "server.db"
    with mlflow_server(tmp_path) as uri:
        with relay(uri) as address:
            environment = {**os.environ, "MLFLOW_TRACKING_URI": address}
            command = [sys.executable, "-m", "tools.track"]
            process = subprocess.Popen(command, cwd=swept.path, env=environment, stderr=subprocess.PIPE, text=True)
            assert wait_until(lambda: count_finished(database) >= 1, 120)
        try:  # the server is out of reach
            _, stderr = process.communicate(timeout=120)
        finally:
            process.kill()
        assert process.returncode == 1
        assert len(stderr.strip().splitlines()) == 1, stderr
        assert stderr.startswith(
            f"not tracked: MLflow at {address} failed"
        )  # and after how many runs, if it knows of any
        assert count_finished(database) < 5, "the outage came too late to show anything"

        assert publish(swept, uri).returncode == 0
        runs = tracked(swept, uri)
    assert {run["status"] for run in runs} == {"FINISHED"}
    experiments = [run for run in runs if "DVC_EXP_NAME" in run["tags"]]
    assert sorted(run["metrics"]["train.alpha"] for run in experiments) == [0.02, 0.02, 0.2, 0.2]
    assert len(runs) == 5, "the four experiments and the commit that they started from, once each"
    baseline = swept.git("rev-parse", "HEAD").strip()
    assert {run["tags"]["DVC_EXP_BASELINE_REV"] for run in experiments} == {baseline}
    for run in experiments:
        commit = run["tags"]["mlflow.source.git.commit"]
        metrics = json.loads(swept.git("show", f"{commit}:metrics/test.json"))
        assert run["metrics"]["test.model.rmse"] == metrics["model"]["rmse"]
        assert len(run["models"]) == 1


def count_finished(database: Path) -> int:
    """Finished runs in the server's SQLite store."""
    with closing(sqlite3.connect(database)) as connection:
        [[count]] = connection.execute("SELECT COUNT(*) FROM runs WHERE status = 'FINISHED'").fetchall()
    return int(count)


def test_without_mlflow_it_is_said_in_a_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.path)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setattr(sys, "argv", ["track"])
    with pytest.raises(SystemExit) as caught:
        track.main()
    assert caught.value.code == 1
    assert capsys.readouterr().err.strip() == (
        "MLflow is not installed, so runs are not tracked; `make track` installs it and catches up"
    )


def test_where_runs_are_tracked(
    here: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(sys, "argv", ["track", "--uri"])
    track.main()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5")
    track.main()
    assert capsys.readouterr().out.split() == ["sqlite:///mlflow.db", "http://127.0.0.1:5"]

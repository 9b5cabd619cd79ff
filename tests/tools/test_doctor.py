"""The doctor: every check says ok of a good project, and not ok with a mend that mends of a broken one."""

import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Project
from tests.helpers.servers import free_port, relay
from tools.doctor.__main__ import CHECKS, container, dvc_command, mlflow, packages, python
from tools.doctor.dvc_checks import cache, dependencies, lock
from tools.transfer.s3_errors import CODES, explain


def lines(project: Project, **env: str) -> dict[str, tuple[bool, str]]:
    """What the doctor says: check -> ok, text."""
    done = project.run("python", "-m", "tools.doctor", env=env)
    assert done.stderr == ""
    found = {}
    for line in done.stdout.splitlines():
        state, name, text = line[:8].strip(), line[8:22].strip(), line[22:]
        assert state in ("ok", "not ok")
        found[name] = (state == "ok", text)
    assert done.returncode == int(not all(ok for ok, _ in found.values()))
    return found


@pytest.mark.slow
def test_a_good_project(built: Project) -> None:
    start = time.perf_counter()
    found = lines(built)
    seconds = time.perf_counter() - start
    print(f"{seconds:.1f} s")
    assert seconds < 20
    assert len(found) == len(CHECKS)
    bad = {name: text for name, (ok, text) in found.items() if not ok and name != "container"}
    assert bad == {"s3 bucket": "no bucket yet; create one, then `dvc remote modify storage url s3://BUCKET/PATH`"}, (
        "the bucket that .dvc/config names is a placeholder, and nobody is asked for it"
    )


def test_a_fresh_clone_lacks_data_only(in_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    assert python().ok
    assert packages().ok
    assert dvc_command().ok
    assert dependencies().ok
    assert cache().text == "0 of 0 objects read, none damaged"
    found = lock()
    assert not found.ok
    assert found.text.startswith("not here: data/moments.npz, ")
    assert found.text.endswith("; run `make pull`, or make them: `make repro`")


def test_another_python(in_project: Project) -> None:
    Path(".python-version").write_text("3.99\n")
    found = python()
    assert not found.ok
    assert "the same bytes are promised for 3.99; run `make clean setup` with it" in found.text


def test_another_version_of_a_package(in_project: Project) -> None:
    file = Path("requirements/pipeline.txt")
    text = file.read_text()
    place = text.index("joblib==")
    file.write_text(
        text[:place] + "joblib==0.0.1 \\\n" + text[text.index("\n", place) + 1 :] + "\nno-such-package==1.0\n"
    )
    found = packages()
    assert not found.ok
    assert ", locked ==0.0.1; no-such-package missing, locked ==1.0: run `make clean setup`" in found.text


def test_no_dvc_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dvc_command().text == "on PATH: None; run `source .venv/bin/activate`"


def test_a_dependency_that_nothing_tracks(in_project: Project) -> None:
    Path("data/source/table.csv").write_text("a,b\n1,2\n")
    assert dependencies().text == "not tracked: data/source/table.csv; `dvc add` data, `git add` the rest"
    in_project.dvc("add", "data/source/table.csv")
    assert dependencies().text.startswith("not tracked: data/source/table.csv.dvc; ")
    in_project.git("add", "data/source")
    assert dependencies().ok
    Path("stages/train.py").unlink()
    assert dependencies().text == "missing: stages/train.py; `git checkout` them"


@pytest.mark.slow
def test_a_lock_out_of_step(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.path)
    assert lock().ok
    built.edit("params.yaml", train__alpha=1.0)
    found = lock()
    assert not found.ok
    assert found.text.startswith("changed since the last run: train: ")
    assert found.text.endswith("; run `make repro`")
    Path("dvc.lock").write_text("")  # as a full disk leaves it
    done = lines(built)
    assert done["cache"] == (False, "dvc.lock is empty; run `git checkout dvc.lock`")
    built.git("checkout", "dvc.lock", "params.yaml")
    assert lock().ok


@pytest.mark.parametrize(
    ("uri", "ok", "text"),
    [
        ("sqlite:///mlflow.db", True, "sqlite:///mlflow.db"),
        ("sqlite:///no/such/folder/mlflow.db", False, "sqlite:///no/such/folder/mlflow.db: no such folder; create it"),
    ],
)
def test_mlflow_in_a_file(in_project: Project, monkeypatch: pytest.MonkeyPatch, uri: str, ok: bool, text: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert mlflow()[1:] == (ok, text)


@pytest.mark.slow
def test_mlflow_on_a_server(in_project: Project) -> None:
    with relay(None) as address:
        assert lines_of_mlflow(in_project, address) == (True, f"{address} accepts connections")
    closed = f"http://127.0.0.1:{free_port()}"
    ok, text = lines_of_mlflow(in_project, closed)
    assert not ok
    assert text == f"{closed} does not answer; start the server, or mend MLFLOW_TRACKING_URI or config.yaml: track.uri"


def lines_of_mlflow(project: Project, uri: str) -> tuple[bool, str]:
    """What is said of MLflow's server."""
    return lines(project, MLFLOW_TRACKING_URI=uri)["mlflow"]


def test_no_container_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, code in (("docker", 1), ("podman", 0)):  # docker without its daemon
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert container().text == "podman works"
    (tmp_path / "podman").unlink()
    with pytest.raises(OSError, match="none of docker, podman, buildah works here; install one"):
        container()


@pytest.mark.parametrize("code", CODES)
def test_every_refusal_of_s3_has_cause_and_mend(code: str) -> None:
    text = explain(
        ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "ListObjects"), "AWS"
    )
    cause, separator, mend = text.partition("; ")
    assert cause
    assert separator
    assert mend
    assert "{" not in text

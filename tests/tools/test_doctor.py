"""The doctor: every check is ok in a good project, and names a fix that works in a broken one."""

import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)

from tests.helpers.fake_aws import Aws, serve
from tests.helpers.project import Project
from tests.helpers.servers import environment, free_port, relay
from tools.doctor import CHECKS, diagnose
from tools.s3_remote import FIXES, fix


def found(name: str) -> tuple[bool, str]:
    """Run one check in this process."""
    return diagnose(CHECKS[name])


@pytest.mark.slow
def test_a_good_project(built: Project) -> None:
    start = time.perf_counter()
    done = built.run("python", "-m", "tools.doctor")
    assert time.perf_counter() - start < 20
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert [line[8:20].strip() for line in lines] == list(CHECKS)
    bad = [line for line in lines if not line.startswith("ok ") and "container" not in line]
    assert bad == [
        "not ok  s3            no bucket yet; create one, then `dvc remote modify storage url s3://BUCKET/PATH`"
    ], "the bucket in .dvc/config is a placeholder, and it is not contacted"


def test_a_fresh_clone_lacks_only_data(in_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    for name in ("python", "packages", "dvc", "deps"):
        assert found(name)[0], name
    assert found("cache") == (True, "0 of 0 objects read, none damaged")
    ok, text = found("lock")
    assert not ok
    assert text.startswith(("not here: data/moments.npz, ", "changed since the last run: "))  # a lock behind the code


def test_another_python(in_project: Project) -> None:
    Path(".python-version").write_text("3.99\n")
    ok, text = found("python")
    assert ok, "other numbers in the last bits are no fault of the setup"
    assert text.endswith('; dvc.lock is of 3.99: `make verify ARGS="--tolerance 1e-9"` compares numbers, not bytes')


def test_another_version_of_a_package(in_project: Project) -> None:
    file = Path("requirements/pipeline.txt")
    before, _, after = file.read_text().partition("joblib==")
    file.write_text(f"{before}joblib==0.0.1 \\\n{after.partition(chr(10))[2]}\nno-such-package==1.0\n")
    ok, text = found("packages")
    assert not ok
    assert ", locked ==0.0.1; no-such-package missing, locked ==1.0: run `make clean setup`" in text


def test_default_vpc(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("default vpc") == (True, "not checked: no AWS region is set")
    aws = Aws(script=[])
    with serve(aws) as address:
        for name, value in environment(address).items():
            monkeypatch.setenv(name, value)
        assert found("default vpc") == (True, "us-east-1 has one")
        aws.default_vpc = False
        ok, text = found("default vpc")
        assert not ok
        assert text.startswith(
            "none in us-east-1, and a deployment on ECS Express needs one: `aws ec2 create-default-vpc`"
        )
    assert found("default vpc")[1].startswith("not checked: Could not connect to the endpoint URL")


def test_no_dvc_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found("dvc") == (False, "on PATH: None; run `source .venv/bin/activate`")


def test_a_dependency_that_nothing_tracks(in_project: Project) -> None:
    Path("data/source/table.csv").write_text("a,b\n1,2\n")
    assert found("deps") == (False, "not tracked: data/source/table.csv; `dvc add` data, `git add` the rest")
    in_project.dvc("add", "data/source/table.csv")
    assert found("deps")[1].startswith("not tracked: data/source/table.csv.dvc; ")
    in_project.git("add", "data/source")
    assert found("deps")[0]
    Path("stages/train.py").unlink()
    assert found("deps") == (False, "missing: stages/train.py; `git checkout` them")


@pytest.mark.slow
def test_a_lock_out_of_step(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.path)
    assert found("lock") == (True, "up to date")
    built.edit("params.yaml", train__alpha=1.0)
    assert found("lock") == (False, "changed since the last run: train, card; run `make repro`")
    Path("dvc.lock").write_text("")  # as a full disk leaves it
    ok, text = found("cache")
    assert not ok
    assert text.endswith("; run `git checkout dvc.lock`")
    built.git("checkout", "dvc.lock", "params.yaml")
    assert found("lock")[0]


def test_where_runs_are_tracked(in_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(uri: str) -> tuple[bool, str]:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        return found("mlflow")

    assert asked("sqlite:///mlflow.db") == (True, "sqlite:///mlflow.db")
    nowhere = "sqlite:///no/such/folder/mlflow.db"
    assert asked(nowhere) == (False, f"{nowhere}: no such folder; create it")
    with relay(None) as address:
        assert asked(address) == (True, f"{address} accepts connections")
    closed = f"http://127.0.0.1:{free_port()}"
    fix = "start the server, or correct MLFLOW_TRACKING_URI or config.yaml: track.uri"
    assert asked(closed) == (False, f"{closed} does not answer; {fix}")


def test_no_container_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, code in (("docker", 1), ("podman", 0)):  # docker without its daemon
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found("container") == (True, "podman works")
    (tmp_path / "podman").unlink()
    ok, text = found("container")
    assert not ok
    assert text.startswith("none of docker, podman, buildah works here; install one")


def test_every_error_of_s3_has_a_fix() -> None:
    def refusal(code: str) -> ClientError:
        return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "ListObjectsV2")

    assert fix(refusal("NoSuchBucket")) == FIXES["NoSuchBucket"]
    assert fix(refusal("NoSuchCode")) == "check the settings: dvc config --list"
    assert fix(NoCredentialsError()) == FIXES["NoCredentialsError"]
    assert fix(UnauthorizedSSOTokenError()) == FIXES["SSOError"], "a kind of SSOError"
    assert fix(EndpointConnectionError(endpoint_url="http://x")).startswith("check the network")
    assert fix(ReadTimeoutError(endpoint_url="http://x")).startswith("check the network")

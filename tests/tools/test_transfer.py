"""The S3 remote: a real server on loopback, real `dvc push` and `dvc pull`, and everything that goes wrong with it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from stages.utils.errors import PipelineError
from tests.helpers.processes import PATIENCE, family, is_alive, wait_until
from tests.helpers.project import ROOT, Project
from tests.helpers.servers import (
    BUCKET,
    URL,
    check_keys,
    client,
    environment,
    free_port,
    key_of,
    relay,
    s3_server,
    time_until_ready,
)
from tools.doctor import CHECKS, diagnose
from tools.s3_remote import check_remote
from tools.transfer import transfer
from webapp.pin import read_pin

SCORECARD = "models/scorecard.json"
MAKE = ("make", "-o", ".venv/bin/.pipeline")  # the tests' own Python has the packages
REPLIES = {
    "server overloaded": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "answer cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<?xml",
    "answer not from S3": b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    with s3_server() as address:
        yield address


@pytest.fixture(scope="module")
def origin(built_template: Path, s3: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A built project whose remote is that server's bucket; everything pushed. Not to be changed."""
    path = tmp_path_factory.mktemp("s3") / "origin"
    project = Project(built_template, environment(s3)).copy_to(path)
    project.dvc("remote", "modify", "storage", "url", URL)
    project.git("commit", "-qam", "use the test's bucket")
    done = project.run(*MAKE, "push")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "push: done"
    return project


@pytest.fixture
def clone(origin: Project, tmp_path: Path) -> Project:
    """A fresh clone: nothing pulled."""
    subprocess.run(["git", "clone", "-q", origin.path, tmp_path / "clone"], check=True)
    return Project(tmp_path / "clone", dict(origin.env))


@pytest.fixture
def scorecard_md5(origin: Project) -> str:
    return str(read_pin(origin.path / "dvc.lock")["md5"])


def enter(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a project, with its environment, in this process."""
    monkeypatch.chdir(project.path)
    for name, value in project.environment(None).items():
        monkeypatch.setenv(name, value)


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    """The line that says how it ended (make adds one about its target)."""
    return [line for line in done.stderr.splitlines() if not line.startswith("make: ***")][-1]


def test_config_is_committed_without_endpoint_or_credentials(project: Project) -> None:
    remote = {
        key: value
        for line in project.dvc("config", "--list").stdout.splitlines()
        for key, _, value in [line.partition("=")]
        if key.startswith("remote.")
    }
    names = {key.rpartition(".")[2]: value for key, value in remote.items()}
    assert names == {
        "url": "s3://your-bucket/dvc-elasticnet",
        "verify": "true",
        "connect_timeout": "5",
        "read_timeout": "10",
    }


@pytest.mark.slow
def test_round_trip(clone: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    done = clone.run(*MAKE, "pull", check=True)
    assert done.stdout.splitlines()[-1] == "pull: done"
    assert clone.run("dvc", "status", "-q").returncode == 0
    status = json.loads(clone.dvc("data", "status", "--not-in-remote", "--json", in_process=False).stdout)
    assert status == {}, "all is here and in the bucket"
    enter(clone, monkeypatch)
    assert check_remote() == f"{URL} can be listed, read, written"


@pytest.mark.slow
def test_from_an_empty_clone_to_a_served_prediction(clone: Project, origin: Project) -> None:
    """`dvc push` here, `dvc pull models/scorecard.json` there, start the app, with DVC and Flask alone."""
    names = ["numpy", "pandas", "sklearn", "pyarrow", "scipy", "pandera"]
    (clone.path / "sitecustomize.py").write_text(f"import sys; sys.modules.update(dict.fromkeys({names}))\n")
    origin.dvc("push", SCORECARD, in_process=False)
    clone.dvc("pull", SCORECARD, env={"PYTHONPATH": str(clone.path)}, in_process=False)
    assert time_until_ready(clone.path) < 60


ROWS = {  # how to break it -> cause and fix in the message
    "no credentials": ("Unable to locate credentials", "set AWS_PROFILE"),
    "bad credentials": ("(InvalidAccessKeyId)", "to valid credentials"),
    "bucket missing": ("The specified bucket does not exist", "create it"),
    "port closed": ('Could not connect to the endpoint URL: "http://127.0.0.1:', "check the network"),
    "server silent": ('Read timeout on endpoint URL: "http://127.0.0.1:', "check the network"),
    "server overloaded": ("(503)", "try again in a minute"),
    "answer cut short": ("(500)", "try again in a minute"),
    "answer not from S3": ("an answer without 'Name': cut short, or not from S3", "check the network"),
}


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_failure_ends_in_time_and_in_one_line(
    row: str, clone: Project, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC is not even started: push and pull ask the bucket first, and say what the doctor says."""
    with ExitStack() as stack:
        if row == "no credentials":
            clone.env |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)}
        elif row == "bad credentials":
            address = stack.enter_context(s3_server())
            check_keys(address)
            clone.env |= environment(address)
        elif row == "bucket missing":
            clone.dvc("remote", "modify", "--local", "storage", "url", "s3://no-such-bucket/path")
        elif row == "port closed":
            clone.env |= environment(f"http://127.0.0.1:{free_port()}")
        elif row == "server silent":
            clone.env |= environment(stack.enter_context(relay(None, freeze_after=0)))
        else:
            clone.env |= environment(stack.enter_context(relay(None, REPLIES[row])))
        enter(clone, monkeypatch)
        start = time.perf_counter()
        ok, line = diagnose(CHECKS["s3"])
        assert not ok
        for action in ("push", "pull"):
            with pytest.raises(PipelineError) as raised:
                transfer(action, [])
            assert str(raised.value) == line
        assert time.perf_counter() - start < 60
    assert len(line.splitlines()) == 1
    cause, fix = ROWS[row]
    assert cause in line
    assert fix in line


@pytest.mark.slow
def test_a_failure_through_make(clone: Project) -> None:
    clone.env |= environment(f"http://127.0.0.1:{free_port()}")
    for action in ("push", "pull"):
        done = clone.run(*MAKE, action)
        assert done.returncode == 2, "make's exit code"
        assert last_line(done).startswith(f"{action}: {URL}: Could not connect")
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_server_that_falls_silent_while_dvc_pushes(origin: Project, s3: str, tmp_path: Path) -> None:
    """DVC alone would try object by object, for minutes."""
    project = Project(Path(shutil.copytree(origin.path, tmp_path / "frozen", symlinks=True)), dict(origin.env))
    project.dvc("remote", "modify", "--local", "storage", "url", f"s3://{BUCKET}/frozen")
    with relay(s3, freeze_after=100_000) as address:
        project.env |= environment(address)
        start = time.perf_counter()
        done = project.run(*MAKE, "push")
        seconds = time.perf_counter() - start
    assert done.returncode == 2
    assert last_line(done).startswith(f"push: stopped: s3://{BUCKET}/frozen: ")
    assert "Read timeout on endpoint URL" in last_line(done)
    assert seconds < 60


def test_a_pull_that_fails_is_tried_again_before_the_bucket_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a full disk, DVC's first pull knows only some of the outputs; the second one is whole."""
    exit_codes = [1, 0]
    monkeypatch.setattr("tools.transfer.run_watched", lambda *_: exit_codes.pop(0))
    monkeypatch.setattr("tools.transfer.run", lambda *_, **__: "{}")
    for name in ("check_remote", "check_cache"):
        monkeypatch.setattr(f"tools.transfer.{name}", lambda **_: "")
    transfer("pull", [])
    assert exit_codes == []


def test_a_push_that_fails_with_all_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC names no output that is missing here, as when it is killed."""
    monkeypatch.setattr("tools.transfer.run_watched", lambda *_: -9)
    monkeypatch.setattr("tools.transfer.run", lambda *_, **__: "{}")
    for name in ("check_remote", "check_cache"):
        monkeypatch.setattr(f"tools.transfer.{name}", lambda **_: "")
    with pytest.raises(PipelineError, match="DVC ended with exit code -9; its lines are above"):
        transfer("push", [])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_dvc_does_not_outlive_a_killed_transfer(tmp_path: Path) -> None:
    """It would go on with nobody to watch the bucket, and block the next transfer."""
    script = "from tools.transfer import run_watched; run_watched('sleep', '300')"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path) as process:
        try:
            assert wait_until(lambda: bool(family(process.pid)), PATIENCE)
            [child] = family(process.pid)
        finally:
            process.kill()
    assert wait_until(lambda: not is_alive(child), PATIENCE)


@pytest.mark.slow
def test_object_missing_in_the_bucket(clone: Project, s3: str, scorecard_md5: str) -> None:
    store, key = client(s3), key_of(scorecard_md5)
    content = store.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    store.delete_object(Bucket=BUCKET, Key=key)
    try:
        done = clone.run(*MAKE, "pull", f"TARGETS={SCORECARD}")
    finally:
        store.put_object(Bucket=BUCKET, Key=key, Body=content)
    assert done.returncode == 2
    assert last_line(done) == (
        f"pull: not in the bucket: {SCORECARD}; ask whoever has them to run `make push`, "
        "or rebuild them with `make repro`"
    )


@pytest.mark.slow
def test_flipped_byte_in_the_bucket(clone: Project, s3: str, scorecard_md5: str) -> None:
    """Found by the pull: the damaged bytes never become models/scorecard.json, so nothing can serve them."""
    store, key = client(s3), key_of(scorecard_md5)
    content = store.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    store.put_object(Bucket=BUCKET, Key=key, Body=flipped(content))
    try:
        done = clone.run(*MAKE, "pull", f"TARGETS={SCORECARD}")
    finally:
        store.put_object(Bucket=BUCKET, Key=key, Body=content)
    assert done.returncode == 2
    assert last_line(done).startswith(f"pull: damaged or unreadable in the bucket: {SCORECARD}; delete them there")
    assert not (clone.path / SCORECARD).exists()
    clone.run(*MAKE, "pull", f"TARGETS={SCORECARD}", check=True)


@pytest.mark.slow
def test_flipped_byte_in_a_listing(clone: Project, s3: str) -> None:
    """DVC takes the damaged listing of a folder as it is, writes a file of another name, and reports success."""
    lock = (clone.path / "dvc.lock").read_text()
    [md5] = re.findall(
        r"- path: data/raw\n +hash: md5\n +md5: (\S+)\n +size: \d+\n +nfiles", lock.partition("validate:")[0]
    )
    store, key = client(s3), key_of(md5)
    content = store.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    store.put_object(Bucket=BUCKET, Key=key, Body=content.replace(b".parquet", b".parguet", 1))
    try:
        done = clone.run(*MAKE, "pull", "TARGETS=data/raw")
    finally:
        store.put_object(Bucket=BUCKET, Key=key, Body=content)
    assert last_line(done).startswith("pull: damaged or unreadable in the bucket: data/raw/; delete them there")
    clone.run(*MAKE, "pull", "TARGETS=data/raw", check=True)
    assert not list((clone.path / "data/raw").glob("*.parguet"))


@pytest.mark.slow
def test_flipped_byte_in_the_cache(clone: Project, scorecard_md5: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC hands a damaged object out and would push it; push refuses, the doctor names it, the app does not start."""
    clone.dvc("pull", SCORECARD, in_process=False)
    damaged = clone.path / ".dvc/cache/files/md5" / scorecard_md5[:2] / scorecard_md5[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(flipped(damaged.read_bytes()))
    damaged.chmod(0o444)
    (clone.path / SCORECARD).unlink()
    clone.dvc("checkout", SCORECARD)  # DVC trusts a read-only object: if it ever stops, this test says so
    enter(clone, monkeypatch)
    lines = []
    for action in ("push", "pull"):
        with pytest.raises(PipelineError) as raised:
            transfer(action, [SCORECARD])
        lines.append(str(raised.value))
    ok, line = diagnose(CHECKS["cache"])
    assert not ok
    assert lines == [line, line]
    assert line.startswith(f"damaged in the cache: {SCORECARD}; run `rm -f ")
    app = clone.run("gunicorn", "--check-config")
    assert app.returncode != 0
    assert "dvc.lock pins" in app.stderr
    command = line.split("`")[1]
    clone.run("sh", "-c", command, check=True)
    clone.run(*MAKE, "pull", f"TARGETS={SCORECARD}", check=True)
    assert clone.run("gunicorn", "--check-config").returncode == 0, "the fix works"


def flipped(content: bytes) -> bytes:
    """The same bytes but one bit."""
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]

"""The Dockerfile, built and run for real: as its own user, with a read-only root file system.

buildah builds without a daemon. Where no registry can be reached, a script beside the checkout makes a stand-in for the
base image; sizes are compared with whatever base there is.
"""

import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deploy.aws import Patience
from deploy.smoke import ask, expect, smoke_test
from tests.helpers.project import ROOT, Project
from tests.helpers.servers import crowding, free_port
from tests.helpers.skipping import needs, skip

STAND_IN = ROOT.parent / "shared/tools/stand-in-base-image"
TAG = re.search(r"^ARG BASE_TAG=(\S+)$", (ROOT / "Dockerfile").read_text(), re.M)[1]  # type: ignore[index]
BASE = f"localhost/python:{TAG}"
BUILDAH = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
MAX_MB = 45  # above the base
READY_SECONDS = 1.5
MAX_MEMORY_MB = 512 / 4


class Image(NamedTuple):
    """An image, its configuration, and the container whose root is mounted at `root`."""

    config: dict[str, Any]
    layers: list[int]  # bytes
    root: Path
    project: Project


def buildah(*arguments: str) -> str:
    """Run buildah; return what it prints."""
    environment = {**os.environ, **BUILDAH}
    done = subprocess.run(["buildah", *arguments], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def base_image() -> list[int]:
    """The sizes of the base image's layers; makes a stand-in if there is none."""
    needs("buildah")
    if os.geteuid() != 0:
        skip("mounting the image's root needs root")
    if not buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        if not STAND_IN.exists():
            skip(f"there is neither {BASE} nor {STAND_IN.name} to make a stand-in with")
        needs("debootstrap")
        command = [STAND_IN, BASE, TAG.rpartition("-")[2]]  # the release of Debian decides the Python
        subprocess.run(command, env={**os.environ, **BUILDAH}, check=True, capture_output=True, timeout=500)
    return layers(inspect(BASE))


def inspect(image: str) -> dict[str, Any]:
    """The description of an image by buildah."""
    found: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", image))
    return found


def layers(found: dict[str, Any]) -> list[int]:
    """The sizes of its layers."""
    return [layer["size"] for layer in json.loads(found["Manifest"])["layers"]]


def build(project: Project) -> "subprocess.CompletedProcess[str]":
    """Build the image of a project; buildah is the only tool that it finds."""
    (project.path / "bin").mkdir(exist_ok=True)
    for tool in ("docker", "podman"):
        stub = project.path / "bin" / tool
        stub.write_text("#!/bin/sh\nexit 1\n")
        stub.chmod(0o755)
    path = f"{project.path / 'bin'}:{os.environ['PATH']}"
    done: subprocess.CompletedProcess[str] = project.run(
        "python", "-m", "tools.image", "--pull-never", env={**BUILDAH, "PATH": path}
    )
    return done


@pytest.fixture(scope="module")
def image(base_image: list[int], built_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image of a built project, with things beside it that must not get in."""
    path = tmp_path_factory.mktemp("image") / "project"
    project = Project(built_template).copy_to(path)
    (path / ".dvc/config.local").write_text("['remote \"storage\"']\n    secret_access_key = secret\n")
    (path / "webapp/__pycache__").mkdir(exist_ok=True)
    (path / "webapp/__pycache__/old.cpython-39.pyc").touch()
    done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    name = f"localhost/dvc-elasticnet:{project.git('rev-parse', 'HEAD').strip()}"
    assert done.stdout.splitlines()[-1].startswith(f"image: {name}, built by buildah, model ")
    found, container = inspect(name), buildah("from", "--pull-never", name)
    try:
        yield Image(found["Docker"]["config"], layers(found), Path(buildah("mount", container)), project)
    finally:
        buildah("rm", container)
        buildah("rmi", name)


def command(image: Image, arguments: list[str], **env: str) -> list[str]:
    """A command in the container, as the image's user and with its environment; nothing is writable but memory."""
    root = image.root
    script = (
        f"mount --bind {root} {root} && mount -o remount,ro,bind {root} && mount -t tmpfs none {root}/tmp && "
        f"mkdir -m 1777 {root}/tmp/shm && mount --bind {root}/tmp/shm {root}/dev/shm && "
        f'exec chroot --userspec="$0" {root} sh -c \'cd "$0" && exec "$@"\' "$@"'
    )
    config = image.config
    given = [*config["Env"], *(f"{key}={value}" for key, value in env.items())]
    inside = ["env", "-i", *given, *arguments]
    return ["unshare", "--mount", "sh", "-c", script, config["User"], config["WorkingDir"], *inside]


@contextmanager
def running(image: Image) -> Iterator[tuple[str, int, float]]:
    """The container; yields its address, the id of its first process, and the seconds until it answered."""
    port = free_port()
    address, start = f"http://127.0.0.1:{port}", time.perf_counter()
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    variables = {"PORT": str(port), "HOST": "127.0.0.1", "WEB_CONCURRENCY": "1"}
    with subprocess.Popen(command(image, image.config["Cmd"], **variables), **pipes) as process:
        try:
            while process.poll() is None and time.perf_counter() < start + 30:
                with suppress(OSError):
                    ask(f"{address}/ready")
                    break
                time.sleep(0.01)
            seconds = time.perf_counter() - start
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            yield address, process.pid, seconds
        finally:
            process.terminate()


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in family(int(child)))]


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children, what they share counted once."""
    texts = [Path(f"/proc/{member}/smaps_rollup").read_text() for member in family(pid)]
    return sum(int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1]) for text in texts) / 1000  # type: ignore[index]


def test_dockerfile_is_clean(project: Project) -> None:
    done = project.run("hadolint", "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_what_is_in_the_image(image: Image, base_image: list[int]) -> None:
    added = (sum(image.layers) - sum(base_image)) / 1e6
    print(f"{added:.1f} MB above the base")
    assert added < MAX_MB
    config = image.config
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    sha, expected = image.project.git("rev-parse", "HEAD").strip(), expect(image.project.path, "")
    labels = config["Labels"]
    assert labels["org.opencontainers.image.revision"] == sha
    assert labels["dvc.scorecard.md5"] == expected.scorecard_md5
    assert "org.opencontainers.image.source" in labels
    files = {str(file.relative_to(image.root / "app")) for file in (image.root / "app").rglob("*") if file.is_file()}
    outside = {name for name in files if not name.startswith(("webapp/", "plots/"))}
    assert outside == {"dvc.lock", "gunicorn.conf.py", "models/scorecard.json"} | (outside & {"models/MODEL_CARD.md"})
    assert {Path(name).suffix for name in files if name.startswith("plots/")} == {".png"}
    assert not [name for name in files if "cpython-39" in name]
    packages = {file.name.partition("-")[0] for file in (image.root / "venv").rglob("*.dist-info")}
    assert {"flask", "gunicorn", "pydantic"} <= packages
    assert not packages & {"pip", "setuptools", "dvc", "numpy", "pandas", "scikit_learn", "botocore"}


@pytest.mark.slow
def test_it_serves_as_its_user_on_a_read_only_root(image: Image) -> None:
    sha = image.project.git("rev-parse", "HEAD").strip()
    expected = expect(image.project.path, sha)
    seconds = []
    for attempt in range(3):  # the first start reads the image from the disk
        with running(image) as (address, pid, ready):
            seconds.append(ready)
            if attempt < 2:
                continue
            smoke_test(address, expected, Patience(5, 0.1))
            uids = re.search(r"^Uid:\s+(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M)
            assert uids is not None
            assert uids[1].split() == ["10001"] * 4
            mounts = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
            [root] = [line.split() for line in mounts if line.split()[4] == "/"]
            assert "ro" in root[5].split(",")
            check = image.config["Healthcheck"]["Test"][1:]
            port = address.rpartition(":")[2]
            assert subprocess.run(command(image, check, PORT=port), capture_output=True, timeout=30).returncode == 0
            before = memory_mb(pid)
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: ask(f"{address}/api/v1/predict", expected.row), range(3000)))
            assert {answer["prediction"] for answer in answers} == {answers[0]["prediction"]}
            after = memory_mb(pid)
    assert subprocess.run(command(image, check, PORT=port), capture_output=True, timeout=30).returncode != 0, "stopped"
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{address}/health", timeout=5)
    print(f"ready after {', '.join(f'{s:.2f}' for s in seconds)} s; {before:.0f} MB idle, {after:.0f} MB after load")
    assert min(seconds) < READY_SECONDS * crowding()
    assert after < MAX_MEMORY_MB


@pytest.mark.slow
def test_image_of_a_tampered_scorecard_is_not_built(base_image: list[int], built: Project) -> None:
    """Neither by `make image`, which looks first, nor by the Dockerfile itself, whoever builds it."""
    scorecard = built.path / "models/scorecard.json"
    text = scorecard.read_text()
    scorecard.chmod(0o644)
    scorecard.write_text(text.replace("1", "2", 1))
    done = build(built)
    assert done.returncode == 1
    assert "dvc.lock pins" in done.stderr
    by_hand = built.run("buildah", "bud", "--pull-never", "--format", "docker", ".", env=BUILDAH)
    assert by_hand.returncode != 0
    assert "models/scorecard.json: md5" in by_hand.stderr + by_hand.stdout

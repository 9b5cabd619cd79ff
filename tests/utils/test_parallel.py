"""The parallel map: a lost worker or scheduler costs time, or ends in one line that says what to do."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster

from stages.utils.errors import WorkerError
from stages.utils.parallel import map_parts
from tests.helpers.project import ROOT


def configure(backend: str, scheduler: str = "") -> None:
    """Write config.yaml for two workers of a backend."""
    lines = (ROOT / "config.yaml").read_text().replace("workers: auto", "workers: 2")
    added = f"\n  scheduler: {scheduler}" if scheduler else ""
    Path("config.yaml").write_text(lines.replace("backend: loky", f"backend: {backend}{added}"))


def square(number: int, doomed: int, marks: Path, deaths: int) -> int:
    """Square a number; the worker dies at the doomed one until it has left so many marks."""
    if number == doomed and len(list(marks.iterdir())) < deaths:
        (marks / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.fixture
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


@pytest.mark.slow
def test_a_killed_process_is_told_in_one_line(marks: Path) -> None:
    configure("loky")
    with pytest.raises(WorkerError, match=r"worker process was killed.*lower compute\.part_rows"):
        list(map_parts(square, range(6), 3, marks, 1))
    assert list(map_parts(square, range(6), 3, marks, 1)) == [0, 1, 4, 9, 16, 25]


@pytest.fixture
def cluster(marks: Path) -> Iterator[LocalCluster]:
    """A Dask scheduler with two workers."""
    with LocalCluster(host="127.0.0.1", n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


@pytest.mark.slow
def test_dask_starts_a_killed_worker_again(marks: Path, cluster: LocalCluster) -> None:
    configure("dask", cluster.scheduler_address)
    assert list(map_parts(square, range(6), 3, marks, 1)) == [0, 1, 4, 9, 16, 25]
    cluster.wait_for_workers(2, timeout=60)  # with one, joblib works in this process
    with pytest.raises(WorkerError, match=r"worker process was killed"):
        list(map_parts(square, range(6), 3, marks, 99))


def test_no_scheduler_is_told_in_one_line(marks: Path) -> None:
    configure("dask", "tcp://127.0.0.1:9")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(WorkerError, match=r"no Dask scheduler with a worker answers at tcp://127\.0\.0\.1:9"),
    ):
        list(map_parts(square, range(6), 3, marks, 0))

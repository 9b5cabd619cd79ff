"""The parallel map: a lost worker or scheduler costs time, or ends in one line that says what to do."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from subprocess import DEVNULL, PIPE

import dask
import numpy as np
import pandas as pd
import pytest
from distributed import LocalCluster

from stages.table.parts import list_parts, read_part, write_part
from stages.utils import parallel
from stages.utils.errors import WorkerError
from stages.utils.parallel import map_parts
from stages.utils.stage import stage
from tests.helpers.in_process import own_logging
from tests.helpers.project import ROOT


def configure(backend: str, scheduler: str = "") -> None:
    """Write config.yaml for two workers of a backend."""
    lines = (ROOT / "config.yaml").read_text().replace("workers: auto", "workers: 2")
    added = f"\n  scheduler: {scheduler}" if scheduler else ""
    Path("config.yaml").write_text(lines.replace("backend: threads", f"backend: {backend}{added}"))


def square(number: int, doomed: int, marks: Path, deaths: int) -> int:
    """Square a number; the worker dies at the doomed one until it has left so many marks."""
    if number == doomed and len(list(marks.iterdir())) < deaths:
        (marks / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def swell(number: int, doomed: int, marks: Path, deaths: int) -> int:
    """Square a number; the worker takes too much memory at the doomed one until it has left so many marks."""
    if number == doomed and len(list(marks.iterdir())) < deaths:
        (marks / str(os.getpid())).touch()
        taken = bytearray(900_000_000)
        time.sleep(60)  # the nanny looks ten times a second
        del taken
    return number * number


@pytest.fixture
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


@pytest.mark.slow
def test_a_killed_process_is_told_in_one_line(marks: Path) -> None:
    configure("processes")
    with pytest.raises(WorkerError, match=r"worker process was killed.*lower compute\.part_rows"):
        list(map_parts(square, range(6), 3, marks, 1))
    assert list(map_parts(square, range(6), 3, marks, 1)) == [0, 1, 4, 9, 16, 25]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A Dask scheduler with two workers, whose nannies end them above 600 MB."""
    with LocalCluster(
        host="127.0.0.1", n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit="600MB"
    ) as cluster:
        yield cluster


@pytest.mark.slow
@pytest.mark.parametrize("doom", [square, swell])
def test_dask_starts_a_lost_worker_again(
    marks: Path, cluster: LocalCluster, doom: Callable[[int, int, Path, int], int]
) -> None:
    configure("dask", cluster.scheduler_address)
    assert list(map_parts(doom, range(6), 3, marks, 1)) == [0, 1, 4, 9, 16, 25]
    with pytest.raises(WorkerError, match=r"worker process was killed.*memory ran out.*lower compute\.part_rows"):
        list(map_parts(doom, range(6), 3, marks, 99))
    assert list(map_parts(doom, range(6), 3, marks, 0)) == [0, 1, 4, 9, 16, 25]


def copy_part(part: Path, target: Path, times: int, limits: dict[int, int]) -> str:
    """Repeat the rows of a part and write them to a folder, in a worker with limits (as `ulimit` sets them)."""
    kept = {kind: resource.getrlimit(kind) for kind in limits}
    try:
        for kind, most in limits.items():
            resource.setrlimit(kind, (most, kept[kind][1]))
        frame = read_part(part)
        write_part(frame.loc[frame.index.repeat(times)], target, part.name)
    finally:
        for kind, limit in kept.items():
            resource.setrlimit(kind, limit)
    return part.name


def break_after_first(results: Iterator[str], fault: Callable[[], object]) -> Iterator[str]:
    """Yield the results; the fault comes after the first."""
    yield next(results)
    fault()
    yield from results


PARTS = [f"part-{number:05d}.parquet" for number in range(4)]
LAST = PARTS[-1]
FAULTS: dict[str, tuple[Callable[[], object], int, dict[int, int], str]] = {  # a fault, its limits, the line
    "part deleted": (
        lambda: Path("in", LAST).unlink(),
        1,
        {},
        "*/part-00003.parquet: not readable * (no such file); *",
    ),
    "part cut short": (lambda: os.truncate(f"in/{LAST}", 99), 1, {}, "*/in/part-00003.parquet: not readable as *"),
    "disk full": (lambda: Path("out", LAST).symlink_to("/dev/full"), 1, {}, "the disk is full: *; free some space*"),
    "file too large": (list, 9999, {resource.RLIMIT_FSIZE: 2**10}, "a file reached the size limit: *; raise the *"),
    "no memory": (list, 10**9, {resource.RLIMIT_AS: 2**32}, "memory ran out: *; lower compute.part_rows or *"),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /dev/full, or do not limit memory")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_on_the_cluster_is_a_line(
    fault: str, marks: Path, cluster: LocalCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """What meets one part while others are under way ends the stage; then the cluster does the rest of its work."""
    configure("dask", cluster.scheduler_address)
    begin, times, limits, line = FAULTS[fault]
    for name in PARTS:
        write_part(pd.DataFrame({"a": np.random.default_rng(0).normal(size=100)}), marks.parent / "in", name)
    results = map_parts(copy_part, list_parts(marks.parent / "in"), marks.parent / "out", times, limits)
    with own_logging("split", "stages"), pytest.raises(SystemExit), stage("split"):
        list(break_after_first(results, begin))
    said = capsys.readouterr().err  # also the log of the scheduler, which is in this process
    assert any(fnmatch(one, f"split     {line}") for one in said.splitlines()), said
    assert list(map_parts(square, range(6), 3, marks, 0)) == [0, 1, 4, 9, 16, 25]


def nap(number: int) -> int:
    """Take a second."""
    time.sleep(1)
    return number


@pytest.mark.slow
def test_a_scheduler_killed_under_way_is_told_in_one_line(marks: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "benchmarks.faults.dask_cluster"]
    with subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True) as scheduler:
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().strip()
        configure("dask", address)
        results = map(str, map_parts(nap, range(20)))
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
            pytest.raises(WorkerError, match=f"no Dask scheduler with a worker answers at {address}"),
        ):
            list(break_after_first(results, scheduler.kill))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.slow
def test_a_cluster_that_loses_all_workers_is_told_in_one_line(marks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PATIENCE", 2)
    with LocalCluster(
        protocol="tcp://",
        host="127.0.0.1",
        n_workers=1,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        processes=False,
    ) as cluster:
        configure("dask", cluster.scheduler_address)
        results = map(str, map_parts(nap, range(6)))
        with pytest.raises(WorkerError, match="no Dask scheduler with a worker answers"):
            list(break_after_first(results, lambda: cluster.scale(0)))


def test_no_scheduler_is_told_in_one_line(marks: Path) -> None:
    configure("dask", "tcp://127.0.0.1:9")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(WorkerError, match=r"no Dask scheduler with a worker answers at tcp://127\.0\.0\.1:9"),
    ):
        list(map_parts(square, range(6), 3, marks, 0))

"""The worker processes of a sweep: start them, hand out experiments, replace what dies, leave none behind."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tools.sweep.grid import Point

Worker = subprocess.Popen[str]


def run_experiments(
    baseline: str, points: list[Point], jobs: int, place: Path
) -> Iterator[tuple[Point, dict[str, Any]]]:
    """Run experiments, at most `jobs` at a time; yields each with the worker's answer as it comes.

    An answer has the commit and the seconds, or an error. A worker that dies costs its experiment only. However this
    ends, no worker, none of its stages and no checkout is left.
    """
    for log in place.glob("worker-*.log"):  # of the sweep before
        log.unlink()
    waiting = list(reversed(points))
    workers: dict[int, Worker] = {}
    busy: dict[int, Point] = {}
    try:
        while waiting or busy:
            for slot in range(min(jobs, len(points))):
                if waiting and slot not in busy:
                    if slot not in workers:
                        workers[slot] = start(place / f"worker-{slot}", baseline)
                    busy[slot] = waiting.pop()
                    send(workers[slot], busy[slot])
            ready, _, _ = select.select([workers[slot].stdout for slot in busy], [], [])  # type: ignore[type-var]
            for slot in [slot for slot in busy if workers[slot].stdout in ready]:
                answer = workers[slot].stdout.readline()  # type: ignore[union-attr]
                point = busy.pop(slot)
                if answer:
                    yield point, json.loads(answer)
                else:
                    code = end(workers.pop(slot))
                    log = place / f"worker-{slot}.log"
                    yield point, {"error": f"its worker ended (exit code {code}); see {log}"}
    finally:
        for worker in workers.values():
            end(worker)
        for checkout in place.glob("worker-*/"):  # those of a sweep that was killed, too
            shutil.rmtree(checkout, ignore_errors=True)


def start(checkout: Path, baseline: str) -> Worker:
    """Start a worker in a session of its own: a Ctrl-C in the terminal is for the sweep, which then ends the worker."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.Popen(
        [sys.executable, "-m", "tools.sweep.worker", Path.cwd(), checkout.resolve(), baseline],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def send(worker: Worker, point: Point) -> None:
    """Hand an experiment to a worker; one that has died shows when its answer is read."""
    with suppress(BrokenPipeError):
        print(json.dumps({"name": point.name, "overrides": point.overrides}), file=worker.stdin, flush=True)


def end(worker: Worker) -> int:
    """Kill a worker with all that it has started (they have its process group); returns its exit code."""
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    for pipe in (worker.stdin, worker.stdout):
        if pipe:
            pipe.close()
    return worker.wait()

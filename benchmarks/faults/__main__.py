"""Faults by the hundred: kills, flipped bytes, full disks, pauses, a wrong clock, a bad bucket.

Run     python -m benchmarks.faults --minutes 60 [--seed 0] [--only KIND ...]
        python -m benchmarks.faults --only KIND --number NUMBER                (repeats one round)

Each round breaks a fresh copy of a small built project at random and runs the next command, which must end in the bytes
of an undisturbed run, or in one line that names the cause and whose fix leads to those bytes. No process, lock or
temporary file may be left. A round is drawn from seed, kind and number. The log has a line for each: the campaign goes
on where it stopped, and the table counts all of them.
"""

import argparse
import itertools
import json
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.faults import clocks, disks, flips, kills, servers, sources, transfers
from benchmarks.faults.ground import LINE, SAME, WRONG, Found, Ground, TooLate

KINDS: dict[str, tuple[int, Callable[[Ground, random.Random], Found]]] = {  # the number of rounds, and one round
    "kill -9 of `dvc repro --force`": (100, kills.kill_repro),
    "kill -9 of a sweep": (50, kills.kill_sweep),
    "kill -9 of `make push` or `make pull`": (16, transfers.kill_transfer),
    "kill -9 of ingest from HTTP, S3 or PostgreSQL": (14, sources.kill_ingest),
    "kill -9 of a gunicorn worker under load": (12, servers.kill_gunicorn_worker),
    "kill -9 of the MLflow server": (10, servers.kill_mlflow),
    "Dask: worker or scheduler killed, no memory, a part lost": (20, servers.break_dask),
    "flipped byte in DVC's cache": (80, flips.flip_cache),
    "flipped byte in the bucket": (20, flips.flip_bucket),
    "flipped byte in the scorecard": (60, flips.flip_scorecard),
    "flipped byte in a part, the moments or a model": (40, flips.flip_output),
    "full disk": (50, disks.fill_disk),
    "SIGSTOP and SIGCONT": (12, clocks.pause),
    "clock set back": (12, clocks.set_back),
    "bucket that answers 503, slowly or half": (16, transfers.bad_bucket),
}
HEADERS = ("fault", "rounds", "same bytes", "one line", "wrong", "something left")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="no round begins after this time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="KIND", help="the start of a name in the table; repeatable")
    parser.add_argument("--number", type=int, help="run this one round, and print what came of it")
    parser.add_argument("--pause", type=float, default=5, metavar="SECONDS", help="length of a SIGSTOP")
    parser.add_argument("--log", type=Path, default=Path("logs/faults.jsonl"))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what rounds that went wrong leave")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that servers are stopped
    kinds = [kind for kind in KINDS if not options.only or kind.startswith(tuple(options.only))]
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, ExitStack() as shared:
        ground = Ground(Path(folder), shared, options.pause)
        if options.number is None:
            campaign(ground, kinds, options)
        else:
            for kind in kinds:
                print(run_round(ground, kind, options.seed, options.number), flush=True)
                ground.clear()
    table = count(read_log(options.log))
    print(tabulate(table, HEADERS, tablefmt="github", colalign=["left", *["right"] * 5]))


def campaign(ground: Ground, kinds: list[str], options: argparse.Namespace) -> None:
    """Run rounds, always of the kind that is furthest behind, until all are done or time is up."""
    deadline = time.monotonic() + 60 * options.minutes
    options.log.parent.mkdir(exist_ok=True)
    while time.monotonic() < deadline:
        done = [line for line in read_log(options.log) if line["seed"] == options.seed]
        ran = {kind: sum(line["kind"] == kind and line["end"] != "too late" for line in done) for kind in kinds}
        kind = min(kinds, key=lambda kind: ran[kind] / KINDS[kind][0])
        if ran[kind] >= KINDS[kind][0]:
            break
        ran_before = {line["number"] for line in done if line["kind"] == kind}
        line = run_round(ground, kind, options.seed, next(n for n in itertools.count() if n not in ran_before))
        with options.log.open("a") as log:
            print(json.dumps(line, ensure_ascii=False), file=log)
        if line["end"] == WRONG or line.get("left"):
            print(line, flush=True)
            if options.keep:
                shutil.copytree(ground.place, options.keep / f"{kind} {line['number']}", symlinks=True)
        ground.clear()


def run_round(ground: Ground, kind: str, seed: int, number: int) -> dict[str, Any]:
    """Run one round; return its line of the log."""
    start = time.monotonic()
    try:
        found = KINDS[kind][1](ground, random.Random(f"{seed} {kind} {number}"))._asdict()
    except TooLate:
        found = {"end": "too late"}
    return {"kind": kind, "seed": seed, "number": number, "seconds": round(time.monotonic() - start, 1), **found}


def read_log(log: Path) -> list[dict[str, Any]]:
    """Read the rounds that have run."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def count(lines: list[dict[str, Any]]) -> list[list[str | int]]:
    """Count the ends of the rounds of each kind."""
    table: list[list[str | int]] = []
    for kind in KINDS:
        found = [line for line in lines if line["kind"] == kind and line["end"] != "too late"]
        ends = [sum(line["end"] == end for line in found) for end in (SAME, LINE, WRONG)]
        table.append([kind, len(found), *ends, sum(bool(line["left"]) for line in found)])
    return table


if __name__ == "__main__":
    main()

"""Run the experiments of a sweep in parallel, in worker processes that each have a checkout of their own.

An experiment is what `dvc exp run` makes of it: params.yaml changed by DVC, `dvc repro` in the checkout, and everything
that git tracks committed on top of the baseline under refs/exps/. `dvc exp run --temp` makes a checkout for every
experiment, which takes as long again as the stages of a small table; a worker makes one for all its experiments.
"""

import itertools
import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import NamedTuple

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.utils.hydra import apply_overrides

from stages.utils.errors import PipelineError
from stages.utils.parent_death import die_with_parent
from tools.commands import git
from tools.sweep.grid import Point

TARGETS = ["evaluate"]  # the remaining stages run for the one experiment that is applied


class Outcome(NamedTuple):
    """The end of an experiment: the commit that holds it, or (with no commit) why it failed."""

    point: Point
    commit: str
    error: str


class Worker(NamedTuple):
    """A worker process, the end of the pipe to it, and its checkout; the log beside that has its output."""

    process: SpawnProcess
    pipe: Connection
    checkout: Path


def experiment_ref(baseline: str, name: str = "") -> str:
    """Name the git ref where DVC keeps an experiment (without a name: all of them) of the commit `baseline`."""
    return f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}"


def run_experiments(baseline: str, points: list[Point], jobs: int, folder: Path) -> Iterator[Outcome]:
    """Run experiments, at most `jobs` at a time; yield each outcome as it comes.

    A worker that dies costs its own experiment only. However this ends, it leaves no worker, stage or checkout.
    """
    for log in folder.glob("worker-*.log"):  # of the previous sweep
        log.unlink()
    waiting, numbers = list(reversed(points)), itertools.count()
    idle: list[Worker] = []
    busy: dict[Connection, tuple[Worker, Point]] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < jobs:
                worker = idle.pop() if idle else start(folder / f"worker-{next(numbers)}", baseline)
                busy[worker.pipe] = worker, waiting.pop()
                with suppress(BrokenPipeError):  # a dead worker shows when its answer is read
                    worker.pipe.send(busy[worker.pipe][1])
            for pipe in wait(list(busy)):
                worker, point = busy.pop(pipe)  # type: ignore[call-overload]
                try:
                    outcome = Outcome(point, *worker.pipe.recv())
                    idle.append(worker)
                except (EOFError, ConnectionError):
                    log = worker.checkout.with_suffix(".log")
                    last = next(iter(reversed(log.read_text(encoding="utf-8").splitlines())), "no message")
                    outcome = Outcome(point, "", f"its worker ended with exit code {end(worker)}: {last}; see {log}")
                yield outcome
    finally:
        for worker in [*idle, *(worker for worker, _ in busy.values())]:
            end(worker)
        for checkout in folder.glob("worker-*/"):  # those of a killed sweep, too
            shutil.rmtree(checkout, ignore_errors=True)


def start(checkout: Path, baseline: str) -> Worker:
    """Start a worker."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=work, args=(theirs, Path.cwd(), checkout.resolve(), baseline), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours, checkout)


def end(worker: Worker) -> int | None:
    """Kill a worker and all that it has started (they have its process group); return its exit code."""
    worker.process.kill()
    with suppress(ProcessLookupError):
        os.killpg(worker.process.pid or 0, signal.SIGKILL)
    worker.pipe.close()
    worker.process.join()
    return worker.process.exitcode


def work(pipe: Connection, repository: Path, checkout: Path, baseline: str) -> None:
    """Run the experiments that come through the pipe; answer each with a commit and an error, one of them empty."""
    os.setsid()  # Ctrl-C in the terminal goes to the sweep, which then ends its workers
    die_with_parent()
    repo = None
    while True:
        point: Point = pipe.recv()
        try:
            if repo is None:
                repo, params = prepare(repository, checkout, baseline), Path("params.yaml").read_bytes()
            Path("params.yaml").write_bytes(params)
            apply_overrides("params.yaml", list(point.overrides))
            repo.reproduce(TARGETS, run_env={"DVC_EXP_NAME": point.name, "DVC_EXP_BASELINE_REV": baseline})
            pipe.send((commit(baseline, point.name), ""))
        except (DvcException, PipelineError, OSError, sqlite3.Error) as error:  # DVC keeps state in SQLite
            pipe.send(("", reason(error)))
            if repo is not None:
                git("reset", "--quiet", "--hard")


def prepare(repository: Path, checkout: Path, baseline: str) -> Repo:
    """Check out the baseline with its data and make it the working directory; it shares DVC's cache and settings.

    From here on, all that the worker prints goes to its log.
    """
    with checkout.with_suffix(".log").open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.chdir(repository)
    shutil.rmtree(checkout, ignore_errors=True)
    git("clone", "--quiet", "--shared", "--no-checkout", repository, checkout)
    git("checkout", "--quiet", "--detach", baseline, cwd=checkout)
    name, email = re.match("(.*) <(.*)> ", git("var", "GIT_COMMITTER_IDENT", cwd=repository)).groups()  # type: ignore[union-attr]
    git("config", "user.name", name, cwd=checkout)  # a repository may have an identity of its own
    git("config", "user.email", email, cwd=checkout)
    with suppress(FileNotFoundError):
        shutil.copy2(repository / ".dvc/config.local", checkout / ".dvc")
    with Repo(str(repository)) as original:
        cache = original.cache.local_cache_dir
    os.chdir(checkout)
    with Repo() as repo, repo.config.edit("local") as settings:
        settings.setdefault("cache", {})["dir"] = cache
        settings.setdefault("core", {})["site_cache_dir"] = str(checkout / ".dvc/tmp/site")  # goes with the checkout
    repo = Repo()
    repo.checkout(TARGETS, with_deps=True, force=True, allow_missing=True)
    for source in (repository / "data/source").rglob("*"):  # tables that neither git nor DVC tracks
        here = checkout / source.relative_to(repository)
        if source.is_file() and not here.exists():
            here.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, here)
    return repo


def commit(baseline: str, name: str) -> str:
    """Commit what git tracks here, and push it to the repository where DVC keeps an experiment; return the commit."""
    git("add", "--all")
    made = git("commit-tree", git("write-tree"), "-p", baseline, "-m", f"dvc: commit experiment {name}")
    git("push", "--quiet", "origin", f"{made}:{experiment_ref(baseline, name)}")
    return made


def reason(error: BaseException) -> str:
    """Explain a failure: the last cause that DVC names, and the first error in the log of the stage."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split())
    stage = re.search(r"python -m stages\.(\w+)", text)
    log = Path("logs", f"{stage[1]}.log") if stage else None
    said = re.search(r" ERROR \s*(.*)", log.read_text(encoding="utf-8")) if log and log.exists() else None
    return f"{text}: {said[1]}" if said else text

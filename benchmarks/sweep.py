"""Twenty experiments of a sweep beside the same stages' scripts alone, at the same parallelism.

Both run train and evaluate for the same twenty settings of alpha and l1_ratio on the table of this checkout, two at a
time, each side in checkouts of its own, scripts and sweep in turns. Run: python -m benchmarks.sweep [ROUNDS]
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dvc.utils.hydra import apply_overrides

from tools.git import git
from tools.sweep_grid import Point, points
from tools.sweep_pool import run_experiments

GRID = ["train.alpha=log:0.1:10:5", "train.l1_ratio=0.2,0.5,0.8,1"]
STAGES = ("train", "evaluate")
JOBS = 2


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as folder:
        repository = prepare(Path(folder, "repository"))
        os.chdir(repository)
        baseline = git("rev-parse", "HEAD")
        wanted = points(baseline, GRID)
        ratios = []
        for number in range(rounds):
            alone = run_scripts(wanted, Path(folder, f"scripts-{number}"))
            seconds = run_sweep(baseline, wanted, Path(folder, f"sweep-{number}"))
            ratios.append(seconds / alone)
            print(f"{len(wanted)} experiments: scripts {alone:.1f} s, sweep {seconds:.1f} s, ratio {ratios[-1]:.2f}")
        print(f"median ratio {statistics.median(ratios):.2f}")


def prepare(target: Path) -> Path:
    """A clone of this checkout's commit with its data and a cache of its own, which keeps the experiments out of it."""
    cache = subprocess.run(["dvc", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    git("clone", "--quiet", Path.cwd(), target)
    shutil.copytree(Path(cache, "files"), target / ".dvc/cache/files")
    subprocess.run(["dvc", "checkout", "--quiet"], cwd=target, check=True)
    return target


def run_scripts(wanted: list[Point], place: Path) -> float:
    """Seconds of the stages' scripts alone, JOBS experiments at a time, each job in a copy of the repository."""
    copies = [Path(shutil.copytree(Path.cwd(), place / str(job), symlinks=True)) for job in range(JOBS)]

    def work(job: int) -> None:
        for point in wanted[job::JOBS]:
            apply_overrides(copies[job] / "params.yaml", list(point.overrides))
            for stage in STAGES:
                command = [sys.executable, "-m", f"stages.{stage}"]
                subprocess.run(command, cwd=copies[job], check=True, stderr=subprocess.DEVNULL)

    start = time.monotonic()
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(work, range(JOBS)))
    return time.monotonic() - start


def run_sweep(baseline: str, wanted: list[Point], place: Path) -> float:
    """Seconds of the sweep's experiments, from the start of its workers to the last commit; all must succeed."""
    place.mkdir()
    shutil.rmtree(".dvc/cache/runs", ignore_errors=True)  # or DVC would restore what the round before has run
    start = time.monotonic()
    answers = [answer for _, answer in run_experiments(baseline, wanted, JOBS, place)]
    seconds = time.monotonic() - start
    commits = {answer.get("commit") for answer in answers}
    if None in commits or len(commits) < len(wanted):
        raise SystemExit(f"an experiment failed: {answers}")
    return seconds


if __name__ == "__main__":
    main()

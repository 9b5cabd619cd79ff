"""Twenty experiments of a sweep beside the same stages' scripts alone, at the same parallelism; and two hundred.

Both run train and evaluate for the same twenty settings of alpha and l1_ratio on the table of this checkout, two at a
time, each side in checkouts of its own, scripts and sweep in turns. Then the marginal cost of one experiment, stage by
stage, and what tracking the twenty costs. With --many: two hundred experiments whose stages do next to nothing, for
what the sweep itself takes, in time and in memory, at the first twenty and at the last.
Run: python -m benchmarks.sweep [ROUNDS | --many]
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

import psutil
from dvc.utils.hydra import apply_overrides

from tools.git import git
from tools.sweep_grid import Point, points
from tools.sweep_pool import run_experiments

GRID = ["train.alpha=log:0.1:10:5", "train.l1_ratio=0.2,0.5,0.8,1"]
MANY = ["train.alpha=log:0.1:10:50", "train.l1_ratio=0.2,0.5,0.8,1"]
STAGES = ("train", "evaluate")
JOBS = 2
NOTHING = """
import json
from pathlib import Path
from ruamel.yaml import YAML
stage = YAML(typ="safe").load(Path("dvc.yaml"))["stages"]["{stage}"]
train = YAML(typ="safe").load(Path("params.yaml"))["train"]
for kind in ("outs", "metrics", "plots"):
    for item in stage.get(kind, []):
        path = Path(item if isinstance(item, str) else next(iter(item)))
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({{"alpha": train["alpha"], "l1_ratio": train["l1_ratio"]}}))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(prepare(Path(folder, "repository")))
        if "--many" in sys.argv[1:]:
            many(Path(folder))
        else:
            beside_scripts(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 3)


def beside_scripts(folder: Path, rounds: int) -> None:
    """Time both sides in turns, and print the ratio, the marginal cost and that of tracking."""
    baseline = git("rev-parse", "HEAD")
    wanted = points(baseline, GRID)
    ratios, marginal = [], []
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for number in range(rounds):
        alone = run_scripts(wanted, folder / f"scripts-{number}", stages)
        total, seconds = run_sweep(baseline, wanted, folder / f"sweep-{number}")
        ratios.append(total / alone)
        marginal += seconds
        print(f"{len(wanted)} experiments: scripts {alone:.1f} s, sweep {total:.1f} s, ratio {ratios[-1]:.2f}")
    costs = {stage: statistics.median(times) for stage, times in stages.items()}
    rest = statistics.median(marginal) - sum(costs.values())
    each = ", ".join(f"{stage} {cost:.2f} s" for stage, cost in costs.items())
    print(f"median ratio {statistics.median(ratios):.2f}; one experiment: {each}, DVC and git {rest:.2f} s")
    first = time_tracking(folder / "first.db")
    none = time_tracking(folder / "first.db")
    print(
        f"tracking {first[0]} runs: {first[1]:.1f} s; none: {none[1]:.1f} s; so {(first[1] - none[1]) / first[0]:.2f} s a run"
    )


def time_tracking(database: Path) -> tuple[int, float]:
    """How many runs were new to a store, and the seconds of publishing them."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{database}"}
    command = [sys.executable, "-m", "tools.track"]
    start = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0]), time.monotonic() - start


def many(folder: Path) -> None:
    """Run two hundred experiments whose stages do next to nothing; print time and memory of the first and the last."""
    for stage in STAGES:
        Path(f"stages/{stage}.py").write_text(NOTHING.format(stage=stage), encoding="utf-8")
    git("commit", "--quiet", "--all", "--message", "Do nothing")
    baseline = git("rev-parse", "HEAD")
    seconds, memory = [], []
    for _, answer in run_experiments(baseline, points(baseline, MANY), JOBS, folder):
        seconds.append(answer["seconds"])
        memory.append(sum(process.memory_info().rss for process in tools()))
    for name, part in (("first", slice(10, 30)), ("last", slice(-20, None))):
        resident = statistics.median(memory[part]) / 1e6
        print(f"{name} 20 of {len(seconds)}: {statistics.median(seconds[part]):.2f} s each, {resident:.0f} MB")


def tools() -> list[psutil.Process]:
    """The sweep and its workers, without the stages that they run."""
    sweep = psutil.Process()
    return [sweep, *(worker for worker in sweep.children() if worker.is_running())]


def prepare(target: Path) -> Path:
    """A clone of this checkout's commit with its data and a cache of its own, which keeps the experiments out of it."""
    cache = subprocess.run(["dvc", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    git("clone", "--quiet", Path.cwd(), target)
    shutil.copytree(Path(cache, "files"), target / ".dvc/cache/files")
    subprocess.run(["dvc", "checkout", "--quiet"], cwd=target, check=True)
    return target


def run_scripts(wanted: list[Point], place: Path, stages: dict[str, list[float]]) -> float:
    """Seconds of the stages' scripts alone, JOBS experiments at a time, each job in a copy of the repository.

    The seconds of each stage are added to `stages`.
    """
    copies = [Path(shutil.copytree(Path.cwd(), place / str(job), symlinks=True)) for job in range(JOBS)]
    params = copies[0] / "params.yaml"
    original, texts = params.read_bytes(), {}
    for point in wanted:
        apply_overrides(params, list(point.overrides))
        texts[point.name] = params.read_bytes()
        params.write_bytes(original)

    def work(job: int) -> None:
        for point in wanted[job::JOBS]:
            (copies[job] / "params.yaml").write_bytes(texts[point.name])
            for stage in STAGES:
                began = time.monotonic()
                command = [sys.executable, "-m", f"stages.{stage}"]
                subprocess.run(command, cwd=copies[job], check=True, stderr=subprocess.DEVNULL)
                stages[stage].append(time.monotonic() - began)

    start = time.monotonic()
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(work, range(JOBS)))
    return time.monotonic() - start


def run_sweep(baseline: str, wanted: list[Point], place: Path) -> tuple[float, list[float]]:
    """Seconds from the start of the sweep's workers to the last commit, and of each experiment; all must succeed."""
    place.mkdir()
    shutil.rmtree(".dvc/cache/runs", ignore_errors=True)  # or DVC would restore what the round before has run
    start = time.monotonic()
    answers = [answer for _, answer in run_experiments(baseline, wanted, JOBS, place)]
    seconds = time.monotonic() - start
    commits = {answer.get("commit") for answer in answers}
    if None in commits or len(commits) < len(wanted):
        raise SystemExit(f"an experiment failed: {answers}")
    return seconds, [answer["seconds"] for answer in answers]


if __name__ == "__main__":
    main()

"""Twenty experiments of a sweep beside the same stages' scripts alone, at the same parallelism; and two hundred.

Both run train and evaluate for the same twenty settings of alpha and l1_ratio on the table of this checkout, two at a
time, each side in checkouts of its own, scripts and sweep in turns. Then the marginal cost of one experiment, stage by
stage, and what tracking the twenty costs. With --many: two hundred experiments whose stages do next to nothing, for
what the sweep itself takes, in time and in memory, at the first twenty and at the last.
Run: python -m benchmarks.sweep [ROUNDS | --many]
"""

import os
import resource
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

from tools.commands import git
from tools.sweep.grid import Point, points
from tools.sweep.workers import run_experiments

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
    time_tracking(folder / "mlflow.db")  # the commits, so that the experiments alone are new afterwards
    ratios, cpu_ratios, added = [], [], []
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for number in range(rounds):
        before = cpu_seconds()
        alone = run_scripts(wanted, folder / f"scripts-{number}", stages)
        between = cpu_seconds()
        total = run_sweep(baseline, wanted, folder / f"sweep-{number}")
        scripts_cpu, sweep_cpu = between - before, cpu_seconds() - between
        ratios.append(total / alone)
        cpu_ratios.append(sweep_cpu / scripts_cpu)
        added.append((sweep_cpu - scripts_cpu) / len(wanted))
        print(
            f"{len(wanted)} experiments: scripts {alone:.1f} s, sweep {total:.1f} s, ratio {ratios[-1]:.2f};", end=" "
        )
        print(f"CPU time {scripts_cpu:.1f} s and {sweep_cpu:.1f} s, ratio {cpu_ratios[-1]:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f}, of CPU time {statistics.median(cpu_ratios):.2f}")
    costs = ", ".join(f"{stage} {statistics.median(times):.2f} s" for stage, times in stages.items())
    print(f"one experiment: {costs}; added by DVC and git {statistics.median(added):.2f} s of CPU")
    runs, first = time_tracking(folder / "mlflow.db")
    _, none = time_tracking(folder / "mlflow.db")
    print(f"tracking these {runs} runs: {first:.1f} s; none: {none:.1f} s; so {(first - none) / runs:.2f} s a run")


def cpu_seconds() -> float:
    """CPU time of this process and of all that it has started and waited for: what a busy machine does not change."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
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
    memory, cpu = [], []
    for _ in run_experiments(baseline, points(baseline, MANY), JOBS, folder):
        sweep = psutil.Process()
        workers = [(worker.memory_info().rss, sum(worker.cpu_times()[:4])) for worker in sweep.children()]
        memory.append(sweep.memory_info().rss + sum(resident for resident, _ in workers))
        cpu.append(sum(sweep.cpu_times()[:2]) + sum(used for _, used in workers))
    for name, begin, end in (("first", 10, 30), ("last", len(cpu) - 21, len(cpu) - 1)):  # the first ten warm up
        each, resident = (cpu[end] - cpu[begin]) / (end - begin), statistics.median(memory[begin:end]) / 1e6
        print(f"{name} {end - begin} of {len(cpu)}: {each:.2f} s of CPU each, {resident:.0f} MB")


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


def run_sweep(baseline: str, wanted: list[Point], place: Path) -> float:
    """Seconds from the start of the sweep's workers to the last commit; every experiment must succeed."""
    place.mkdir()
    shutil.rmtree(".dvc/cache/runs", ignore_errors=True)  # or DVC would restore what the round before has run
    start = time.monotonic()
    outcomes = list(run_experiments(baseline, wanted, JOBS, place))
    seconds = time.monotonic() - start
    if errors := [outcome.error for outcome in outcomes if outcome.error]:
        raise SystemExit(f"an experiment failed: {errors[0]}")
    return seconds


if __name__ == "__main__":
    main()

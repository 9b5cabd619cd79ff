"""Time twenty experiments of a sweep against the scripts of their stages alone, two at a time on both sides.

Both sides run train and evaluate for the same settings of alpha and l1_ratio on the table of this checkout, in turns,
each in checkouts of its own. Then come the cost of one experiment by stage, and the cost of tracking the twenty. With
--many, two hundred experiments whose stages do next to nothing show the time and memory of the sweep itself, for the
first twenty and for the last.
Run: python -m benchmarks.sweep [ROUNDS | --many]
"""

import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from dvc.utils.hydra import apply_overrides

from tools.commands import git, run
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
    """Return the CPU time of this process and of its ended children: a busy machine does not change it much."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def time_tracking(database: Path) -> tuple[int, float]:
    """Publish what is new to a store; return how many runs that were, and the seconds."""
    start = time.monotonic()
    printed = run(sys.executable, "-m", "tools.track", env={"MLFLOW_TRACKING_URI": f"sqlite:///{database}"})
    return int(printed.split()[0]), time.monotonic() - start


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
    """Clone this checkout's commit, with its data and a cache of its own that keeps the experiments out of ours."""
    cache = run("dvc", "cache", "dir")
    git("clone", "--quiet", Path.cwd(), target)
    shutil.copytree(Path(cache, "files"), target / ".dvc/cache/files")
    run("dvc", "checkout", "--quiet", cwd=target)
    return target


def run_scripts(wanted: list[Point], place: Path, stages: dict[str, list[float]]) -> float:
    """Time the scripts of the stages alone, JOBS experiments at a time, each job in a copy of the repository.

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
                run(sys.executable, "-m", f"stages.{stage}", cwd=copies[job])
                stages[stage].append(time.monotonic() - began)

    start = time.monotonic()
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(work, range(JOBS)))
    return time.monotonic() - start


def run_sweep(baseline: str, wanted: list[Point], place: Path) -> float:
    """Time the sweep from the start of its workers to the last commit; every experiment must succeed."""
    place.mkdir()
    shutil.rmtree(".dvc/cache/runs", ignore_errors=True)  # or DVC would restore the results of the previous round
    start = time.monotonic()
    outcomes = list(run_experiments(baseline, wanted, JOBS, place))
    seconds = time.monotonic() - start
    if errors := [outcome.error for outcome in outcomes if outcome.error]:
        raise SystemExit(f"an experiment failed: {errors[0]}")
    return seconds


if __name__ == "__main__":
    main()

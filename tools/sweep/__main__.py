"""Run a grid of experiments in parallel, say which is best by cross-validation, and track them.

Run     python -m tools.sweep train.alpha=log:0.1:10:5 train.l1_ratio=0.2,0.8 [--jobs 2] [--apply]
        python -m tools.sweep                  (what is missing of the last sweep)

The experiments are DVC's own (`dvc exp show`, `diff`, `apply`, `branch`); the workspace is left alone. What has been
run from the same commit is not run again. The exit code is 1 if any experiment failed.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages.utils.errors import PipelineError, SettingsError
from stages.utils.files import read_json, write_json
from stages.utils.stage import EXIT_INTERRUPTED
from tools.git import experiments, git
from tools.sweep.choice import Result, best_of, read_result, surface_line, table
from tools.sweep.grid import Point, points
from tools.sweep.pool import run_experiments

PLACE = Path(".dvc/tmp/sweep")  # lock, manifest, checkouts and logs of the workers
MANIFEST = PLACE / "manifest.json"
METRICS = Path("metrics/train.json")


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with only_sweep():
            sys.exit(sweep(arguments()))
    except PipelineError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted; `python -m tools.sweep` runs what is missing", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


def arguments() -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(prog="python -m tools.sweep", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("grid", nargs="*", help="train.alpha=0.1,1 or =log:0.1:10:5 or =lin:0:1:5; nothing: go on")
    parser.add_argument("--random", type=at_least_one, metavar="N", help="N random draws instead of all combinations")
    parser.add_argument("--seed", type=int, default=0, help="of the random draws")
    parser.add_argument("--jobs", type=at_least_one, default=os.cpu_count() or 1, help="experiments at a time")
    parser.add_argument("--apply", action="store_true", help="apply the best one to the workspace and complete it")
    return parser.parse_args()


def at_least_one(text: str) -> int:
    """A whole number above 0, for argparse."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"found {text}; expected a whole number above 0")
    return int(text)


@contextmanager
def only_sweep() -> Iterator[None]:
    """Hold the lock that lets one sweep run at a time; the system frees it when this process ends, however it ends.

    Raises:
        PipelineError: another sweep is running.
    """
    if not Path(".dvc").is_dir():
        raise PipelineError(".dvc: not found; run from the repository's root")
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise PipelineError(f"a sweep is already running (process {lock.read().strip()}); wait for it") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def sweep(options: argparse.Namespace) -> int:
    """Run what is missing, report, track and apply; returns the exit code.

    Raises:
        PipelineError: the workspace is dirty, or git or DVC fail.
        SettingsError: the grid is not allowed.
    """
    baseline = clean_commit()
    request = {"baseline": baseline, "grid": options.grid, "random": options.random, "seed": options.seed}
    if not options.grid:
        request = last_request(baseline)
    wanted = points(baseline, request["grid"], request["random"], request["seed"])
    known = experiments(baseline)
    missing = [point for point in wanted if point.name not in known]
    write_json(MANIFEST, request)
    print(surface_line(wanted))
    if len(missing) < len(wanted):
        print(f"{len(wanted) - len(missing)} of {len(wanted)} experiments have been run before")

    commits = {point.name: known[point.name] for point in wanted if point.name in known}
    results = [read_result(point, commits[point.name]) for point in wanted if point.name in commits]
    failed: dict[str, str] = {}
    with tqdm(total=len(wanted), initial=len(results), unit="exp", disable=None) as bar:
        for point, answer in run_experiments(baseline, missing, options.jobs, PLACE):
            if "commit" in answer:
                results.append(read_result(point, answer["commit"]))
                bar.set_postfix_str(f"best CV RMSE {best_of(results)[0].cv_rmse:.5g}")
            else:
                failed[point.name] = answer["error"]
                bar.write(f"{' '.join(point.overrides)} failed: {answer['error']}", file=sys.stderr)
            bar.update()
    write_json(MANIFEST, {**request, "done": sorted(r.point.name for r in results), "failed": failed})
    return finish(wanted, results, failed, options.apply)


def clean_commit() -> str:
    """The commit that the experiments start from.

    Raises:
        PipelineError: something that git tracks has been changed since.
    """
    changed = git("status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        names = ", ".join(line[3:] for line in changed[:3])
        raise PipelineError(
            f"uncommitted changes: {names}{more}; a sweep starts from a commit, which tells what each experiment "
            "changed: git commit them, or git stash"
        )
    return git("rev-parse", "HEAD")


def last_request(baseline: str) -> dict[str, Any]:
    """The grid of the last sweep.

    Raises:
        SettingsError: there is none, or it started from another commit.
    """
    if not MANIFEST.exists():
        raise SettingsError("the grid is empty, and there is no sweep to go on with; see --help")
    request: dict[str, Any] = read_json(MANIFEST)
    if request["baseline"] != baseline:
        raise SettingsError(
            f"the last sweep started from commit {request['baseline'][:7]}, this is {baseline[:7]}: "
            "git checkout that commit to go on with it, or name a grid"
        )
    return request


def finish(wanted: list[Point], results: list[Result], failed: dict[str, str], apply: bool) -> int:
    """Print the table, track what is new, apply the best if asked; returns the exit code."""
    if results:
        best, why = best_of(results)
        print(f"\n{table(results)}\n\nbest: {best.point.name} ({' '.join(best.point.overrides)})\n{why}")
        if METRICS.exists() and (now := read_json(METRICS)["cv_rmse"]) < best.cv_rmse:
            print(f"the current run is better than all of these: its CV RMSE is {now:.6g}")
    if failed:
        print(f"{len(failed)} of {len(wanted)} experiments failed; the same command runs them again", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "tools.track"], check=False)
    if results and apply:
        for command in (["exp", "apply", best.point.name], ["repro"]):
            if subprocess.run([sys.executable, "-m", "dvc", *command]).returncode:
                raise PipelineError(f"dvc {' '.join(command)} failed; its message is above")
    elif results:
        print(f"to take it: dvc exp apply {best.point.name} && dvc repro")
    return 1 if failed else 0


if __name__ == "__main__":
    main()

"""Run a grid of experiments in parallel, choose the best by cross-validation, and track them in MLflow.

Run     python -m tools.sweep train.alpha=log:0.1:10:5 train.l1_ratio=0.2,0.8 [--jobs 2] [--apply]
        python -m tools.sweep                  (the experiments that are missing from the last sweep)

The experiments are DVC's own (`dvc exp show`, `diff`, `apply`, `branch`), and the workspace does not change. An
experiment that has run from the same commit is not run again. The exit code is 1 if any experiment failed.
"""

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel
from tqdm import tqdm

from stages.utils.errors import PipelineError, SettingsError
from stages.utils.metrics_files import TrainMetrics, read_metrics
from stages.utils.stage import EXIT_DISK_FULL, EXIT_INTERRUPTED, NO_SPACE
from tools.commands import git, run
from tools.dvc_cache import SECONDS, check_cache
from tools.sweep.grid import Point, points
from tools.sweep.results import Result, best_of, read_result, surface_line, table
from tools.sweep.workers import experiment_ref, run_experiments

FOLDER = Path(".dvc/tmp/sweep")  # lock, last request, checkouts and logs of the workers
REQUEST = FOLDER / "request.json"


class Request(BaseModel):
    """The commit to start from, and the grid as the command line gave it."""

    baseline: str
    grid: list[str]
    random: int | None
    seed: int


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with only_sweep():
            sys.exit(sweep(read_arguments()))
    except PipelineError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"a file of the sweep: {error}; `python -m tools.sweep` runs the missing experiments", file=sys.stderr)
        sys.exit(EXIT_DISK_FULL if error.errno in NO_SPACE else 1)
    except KeyboardInterrupt:
        print("interrupted; `python -m tools.sweep` runs the missing experiments", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.sweep", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("grid", nargs="*", help="train.alpha=0.1,1 or =log:0.1:10:5 or =lin:0:1:5; nothing: continue")
    parser.add_argument("--random", type=at_least_one, metavar="N", help="draw N of the combinations at random")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random draws")
    parser.add_argument("--jobs", type=at_least_one, default=os.cpu_count() or 1, help="experiments at a time")
    parser.add_argument("--apply", action="store_true", help="apply the best one to the workspace and complete it")
    return parser.parse_args()


def at_least_one(text: str) -> int:
    """Parse a whole number above 0, for argparse."""
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
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise PipelineError(f"a sweep is already running (process {lock.read().strip()}); wait for it") from None
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        yield


def sweep(options: argparse.Namespace) -> int:
    """Run what is missing, report, track and apply; return the exit code.

    Raises:
        PipelineError: the workspace has uncommitted changes, the cache is damaged, or git or DVC failed.
        SettingsError: the grid is not allowed.
    """
    request = read_request(options)
    check_cache(SECONDS)  # its objects become the workers' inputs, unread
    wanted = points(request.baseline, request.grid, request.random, request.seed)
    REQUEST.write_text(request.model_dump_json(), encoding="utf-8")
    print(surface_line(wanted))
    place = experiment_ref(request.baseline)
    lines = git("for-each-ref", "--format=%(refname) %(objectname)", place).splitlines()
    known = dict(line.removeprefix(place).split() for line in lines)
    missing = [point for point in wanted if point.name not in known]
    results = [read_result(point, known[point.name]) for point in wanted if point.name in known]
    if results:
        print(f"{len(results)} of {len(wanted)} experiments ran before")
    with tqdm(total=len(wanted), initial=len(results), unit="exp", disable=None) as bar:
        for outcome in run_experiments(request.baseline, missing, options.jobs, FOLDER):
            if outcome.commit:
                results.append(read_result(outcome.point, outcome.commit))
                bar.set_postfix_str(f"best CV RMSE {best_of(results)[0].cv_rmse:.5g}")
            else:
                bar.write(f"{' '.join(outcome.point.overrides)} failed: {outcome.error}", file=sys.stderr)
            bar.update()
    return finish(wanted, results, options.apply)


def read_request(options: argparse.Namespace) -> Request:
    """Take the grid from the command line, or from the last sweep.

    Raises:
        PipelineError: a file that git tracks has uncommitted changes.
        SettingsError: there is no last sweep, or it started from another commit.
    """
    changed = [line[3:] for line in git("status", "--porcelain", "--untracked-files=no").splitlines()]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise PipelineError(
            f"uncommitted changes: {', '.join(changed[:3])}{more}; a sweep starts from a commit, so that each "
            "experiment differs by its parameters alone: git commit them, or git stash"
        )
    baseline = git("rev-parse", "HEAD")
    if options.grid:
        return Request(baseline=baseline, grid=options.grid, random=options.random, seed=options.seed)
    if not REQUEST.exists():
        raise SettingsError("the grid is empty, and there is no last sweep to continue; see --help")
    request = Request.model_validate_json(REQUEST.read_bytes())
    if request.baseline != baseline:
        raise SettingsError(
            f"the last sweep started from commit {request.baseline[:7]}, this is {baseline[:7]}: "
            "git checkout that commit to continue it, or name a grid"
        )
    return request


def finish(wanted: list[Point], results: list[Result], apply: bool) -> int:
    """Print the table, track the new experiments, apply the best one if asked; return the exit code."""
    if results:
        best, why = best_of(results)
        print(f"\n{table(results)}\n\nbest: {best.point.name} ({' '.join(best.point.overrides)})\n{why}")
        if TrainMetrics.path.exists() and (now := read_metrics(TrainMetrics).cv_rmse) < best.cv_rmse:
            print(f"the current run is better than all of these: its CV RMSE is {now:.6g}", flush=True)
    failed = len(wanted) - len(results)
    if failed:
        print(f"{failed} of {len(wanted)} experiments failed; the same command runs them again", file=sys.stderr)
    with suppress(PipelineError):  # it has said why, and the next sweep catches up
        run(sys.executable, "-m", "tools.track", shown=True)
    if results and apply:
        run("dvc", "exp", "apply", best.point.name, shown=True)
        run("dvc", "repro", shown=True)
    elif results:
        print(f"to take it: dvc exp apply {best.point.name} && dvc repro")
    return 1 if failed else 0


if __name__ == "__main__":
    main()

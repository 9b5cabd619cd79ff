"""The parallel map over parts: in threads, in processes of this machine, or on a Dask cluster."""

import logging
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from typing import Any, TypeVar

import joblib

from stages.utils.config import Compute, read_config
from stages.utils.errors import WorkerError
from stages.utils.parent_death import die_with_parent
from stages.utils.progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")
# submit work, which returns a future; wait for a future's result; how many futures there may be at a time
Executor = tuple[Callable[..., Any], Callable[[Any], Any], int]

PATIENCE = 60  # seconds without a result after which a cluster must have a worker, or get one


def map_parts(
    function: Callable[..., Result],
    parts: Sequence[Item],
    *shared: Any,
    small: bool = False,
    local: bool = False,
    rows: Sequence[int] | None = None,
    unit: str = "parts",
) -> Iterator[Result]:
    """Yield `function(part, *shared)` for every part, in part order.

    `config.yaml: compute` decides where the work is done. It cannot change a result, because results are yielded, and
    so added up, in part order. A long pass shows its progress.

    Args:
        function: a function at the top level of a module: other processes import it by name.
        parts: one item per part, such as its path.
        shared: more arguments, the same for every part.
        small: use no workers: the work takes less time than starting them.
        local: use threads, whatever the backend: the results are rows, which do not travel.
        rows: the rows of each part, by which progress is shown; without them, by parts.
        unit: what a part is called where progress is shown.

    Raises:
        WorkerError: a worker process died, or Dask's scheduler cannot be reached.
    """
    compute = read_config().compute
    backend = "threads" if local else compute.backend
    workers = joblib.cpu_count() if compute.workers == "auto" else compute.workers
    alone = small or len(parts) == 1 or (workers == 1 and backend != "dask")
    with progress(*((sum(rows), "rows") if rows else (len(parts), unit))) as bar, explained_losses(compute):
        results = (
            (function(part, *shared) for part in parts)
            if alone
            else results_of_workers(function, parts, shared, WORKERS[backend](compute, workers))
        )
        for done, result in enumerate(results, start=1):
            if rows:
                bar.set_postfix_str(f"{done} of {len(parts)} {unit}", refresh=False)
            bar.update(rows[done - 1] if rows else 1)
            yield result


def results_of_workers(
    function: Callable[..., Result],
    parts: Sequence[Item],
    shared: tuple[Any, ...],
    pool: AbstractContextManager[Executor],
) -> Iterator[Result]:
    """Yield the results in part order, with at most two parts per worker under way."""
    with pool as (submit, result, limit):
        under_way: deque[Any] = deque()
        try:
            for part in parts:
                under_way.append(submit(function, part, *shared))
                if len(under_way) == limit:
                    yield result(under_way.popleft())
            while under_way:
                yield result(under_way.popleft())
        finally:
            for future in under_way:  # after an error
                future.cancel()


@contextmanager
def threads(compute: Compute, workers: int) -> Iterator[Executor]:
    """Submit work to threads; wait for those that are still at work after an error."""
    with ThreadPoolExecutor(workers) as pool:
        yield pool.submit, Future.result, 2 * workers


@contextmanager
def processes(compute: Compute, workers: int) -> Iterator[Executor]:
    """Submit work to processes of this machine."""
    yield process_pool(workers).submit, Future.result, 2 * workers


@cache
def process_pool(workers: int) -> ProcessPoolExecutor:
    """Start processes that stay for the whole stage, because each loads the libraries first."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=start_worker)


def start_worker() -> None:
    """Have a worker process die with the stage, and at Ctrl-C without a traceback."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def cluster(compute: Compute, workers: int) -> Iterator[Executor]:
    """Submit work to a Dask cluster, and wait for a result for as long as the cluster has workers."""
    from distributed import Client  # slow to import, and only installed with requirements/cluster.txt

    for name in ("distributed", "distributed.client"):  # tracebacks, of errors that are raised here, too
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with Client(compute.scheduler, set_as_default=False) as client:  # type: ignore[no-untyped-call]

        def result(future: Any) -> Any:
            while True:
                try:
                    return future.result(timeout=PATIENCE)
                except TimeoutError:
                    if future.done():  # the work itself timed out
                        raise
                    client.wait_for_workers(1, timeout=PATIENCE)

        client.wait_for_workers(1, timeout=PATIENCE)
        limit = 2 * sum(client.nthreads().values()) if compute.workers == "auto" else workers
        yield partial(client.submit, pure=False), result, limit


WORKERS = {"threads": threads, "processes": processes, "dask": cluster}


@contextmanager
def explained_losses(compute: Compute) -> Iterator[None]:
    """Name the cause where a worker process or the scheduler is lost."""
    try:
        yield
    except Exception as error:
        if isinstance(error, BrokenProcessPool) or type(error).__name__ == "KilledWorker":  # the latter is Dask's
            process_pool.cache_clear()
            raise WorkerError(
                "a worker process was killed, perhaps because memory ran out; if so, lower compute.part_rows or "
                "compute.workers in config.yaml, and run `dvc repro` again"
            ) from error
        is_lost = type(error).__name__ in ("FutureCancelledError", "WorkerStartTimeoutError")
        is_lost |= isinstance(error, OSError) and error.errno is None  # an error of a file has a number
        if compute.backend == "dask" and is_lost:
            raise WorkerError(
                f"config.yaml: compute.scheduler: no Dask scheduler with a worker answers at {compute.scheduler}; "
                "start them (docs/large-data.md) or set compute.backend: threads, and run `dvc repro` again"
            ) from error
        raise

"""The parallel map over parts: in threads, in processes of this machine, or on a Dask cluster."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import joblib

from stages.utils.config import Compute, read_config
from stages.utils.errors import WorkerError
from stages.utils.parent_death import die_with_parent
from stages.utils.progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_parts(
    function: Callable[..., Result],
    parts: Sequence[Item],
    *shared: Any,
    small: bool = False,
    rows: Sequence[int] | None = None,
    unit: str = "parts",
) -> Iterator[Result]:
    """Yield `function(part, *shared)` for every part, in part order.

    `config.yaml: compute` decides where the work is done. It cannot change a result, because results are yielded, and
    so added up, in part order. A long pass shows its progress.

    Args:
        function: a function at the top level of a module: worker processes import it by name.
        parts: one item per part, such as its path.
        shared: more arguments, the same for every part.
        small: use no workers: the work takes less time than starting them.
        rows: the rows of each part, by which progress is shown; without them, by parts.
        unit: what a part is called where progress is shown.

    Raises:
        WorkerError: a worker process died, or Dask's scheduler cannot be reached.
    """
    compute = read_config().compute
    workers = joblib.cpu_count() if compute.workers == "auto" else compute.workers
    with progress(*((sum(rows), "rows") if rows else (len(parts), unit))) as bar, explained_losses(compute):
        if compute.backend == "dask" and not small and len(parts) > 1:
            results: Iterator[Result] = on_cluster(function, parts, shared, compute)
        elif small or len(parts) == 1 or workers == 1:
            results = (function(part, *shared) for part in parts)
        else:
            work = joblib.delayed(run_in_worker)
            with joblib.parallel_config(backend=compute.backend):
                parallel = joblib.Parallel(n_jobs=workers, return_as="generator")
                results = parallel(work(function, part, *shared) for part in parts)
        for done, result in enumerate(results, start=1):
            if rows:
                bar.set_postfix_str(f"{done} of {len(parts)} {unit}", refresh=False)
            bar.update(rows[done - 1] if rows else 1)
            yield result


@contextmanager
def explained_losses(compute: Compute) -> Iterator[None]:
    """Clean up after an error of the block, and name the cause where a worker or the scheduler is lost."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if compute.backend == "loky":
            join_feeder_threads()
        if type(error).__name__ in ("TerminatedWorkerError", "KilledWorker"):  # joblib's and Dask's
            raise WorkerError(
                "a worker process was killed, perhaps because memory ran out; if so, lower compute.part_rows or "
                "compute.workers in config.yaml, and run `dvc repro` again"
            ) from error
        is_lost = type(error).__name__ == "FutureCancelledError" or (isinstance(error, OSError) and error.errno is None)
        if compute.backend == "dask" and is_lost:  # an error of a file has a number
            raise WorkerError(
                f"config.yaml: compute.scheduler: no Dask scheduler with a worker answers at {compute.scheduler}; "
                "start them (docs/large-data.md) or set compute.backend: threading, and run `dvc repro` again"
            ) from error
        raise


def on_cluster(
    function: Callable[..., Result], parts: Sequence[Item], shared: tuple[Any, ...], compute: Compute
) -> Iterator[Result]:
    """Yield the results of workers on a Dask cluster, with at most two parts per thread under way.

    Joblib has a backend for Dask, but it waits forever when Dask gives a part up because it has killed its workers.
    """
    from distributed import Client  # slow to import, and only installed with requirements/cluster.txt

    for name in ("distributed", "distributed.client"):  # tracebacks, of errors that are raised here, too
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with Client(compute.scheduler, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        client.wait_for_workers(1, timeout=60)
        limit = 2 * sum(client.nthreads().values()) if compute.workers == "auto" else compute.workers
        under_way: deque[Any] = deque()
        for part in parts:
            under_way.append(client.submit(function, part, *shared, pure=False))
            if len(under_way) == limit:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def join_feeder_threads() -> None:
    """Wait for the threads that feed workers: if one is cut off at exit, Python warns of a leaked semaphore."""
    for thread in threading.enumerate():
        if thread.name == "QueueFeederThread":
            thread.join(timeout=5)


def run_in_worker(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call the function in a worker process of joblib that dies with the stage."""
    die_with_parent()
    return function(*arguments)

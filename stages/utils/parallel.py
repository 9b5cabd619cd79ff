"""The parallel map over parts: in this process, in worker processes, or on a Dask cluster."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import joblib

from stages.utils.config import Compute, read_config
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
) -> Iterator[Result]:
    """Yield `function(part, *shared)` for every part, in part order.

    `config.yaml: compute` decides where the work is done. It cannot change a result, because results are yielded, and
    so added up, in part order. A long pass shows its progress.

    Args:
        function: a function at the top level of a module: worker processes import it by name.
        parts: one item per part, such as its path.
        shared: more arguments, the same for every part.
        small: stay in this process; the work takes less time than starting others.
        rows: the rows of each part, by which progress is shown; without them, by parts.
    """
    compute = read_config().compute
    workers = joblib.cpu_count() if compute.workers == "auto" else compute.workers
    with progress(*((sum(rows), "rows") if rows else (len(parts), "parts"))) as bar:
        if small or len(parts) == 1 or (workers == 1 and compute.backend != "dask"):
            results: Iterator[Result] = (function(part, *shared) for part in parts)
        else:
            work = joblib.delayed(run_in_worker)
            with joblib_backend(compute):
                parallel = joblib.Parallel(n_jobs=workers, return_as="generator")
                results = parallel(work(function, part, *shared) for part in parts)
        try:
            for done, result in enumerate(results, start=1):
                if rows:
                    bar.set_postfix_str(f"{done} of {len(parts)} parts", refresh=False)
                bar.update(rows[done - 1] if rows else 1)
                yield result
        except (Exception, KeyboardInterrupt):
            join_feeder_threads()
            raise


def joblib_backend(compute: Compute) -> AbstractContextManager[Any]:
    """Select the joblib backend of config.yaml."""
    address = {"scheduler_host": compute.scheduler} if compute.backend == "dask" else {}
    backend: AbstractContextManager[Any] = joblib.parallel_config(backend=compute.backend, **address)
    return backend


def join_feeder_threads() -> None:
    """Wait for the threads that feed workers: if one is cut off at exit, Python warns of a leaked semaphore."""
    for thread in threading.enumerate():
        if thread.name == "QueueFeederThread":
            thread.join(timeout=5)


def run_in_worker(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call the function in a worker process that dies with the stage."""
    die_with_parent()
    return function(*arguments)

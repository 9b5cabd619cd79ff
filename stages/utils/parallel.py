"""One way to do the same work on every part: in this process, in worker processes, or on a Dask cluster."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import joblib
from tqdm import tqdm

from stages.utils.config import Compute, read_config
from stages.utils.parent_death import die_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_parts(function: Callable[..., Result], parts: Sequence[Item], *shared: Any) -> Iterator[Result]:
    """Yield `function(part, *shared)` for every part, in the order of the parts.

    `config.yaml:compute` says where the work is done. It cannot change a result: what is yielded, and so whatever is
    added up from it, comes in part order. A progress bar shows in a terminal.

    Args:
        function: a function of a module (it is sent to worker processes by name).
        parts: one item a part, say its path.
        shared: further arguments, the same for every part.
    """
    compute = read_config().compute
    workers = joblib.cpu_count() if compute.workers == "auto" else compute.workers
    with tqdm(total=len(parts), unit="part", leave=False, disable=None if len(parts) > 1 else True) as bar:
        if len(parts) == 1 or (workers == 1 and compute.backend != "dask"):
            results: Iterator[Result] = (function(part, *shared) for part in parts)
        else:
            work = joblib.delayed(run_in_worker)
            with joblib_backend(compute):
                parallel = joblib.Parallel(n_jobs=workers, return_as="generator")
                results = parallel(work(function, part, *shared) for part in parts)
        try:
            for result in results:
                bar.update()
                yield result
        except (Exception, KeyboardInterrupt):
            await_feeders()
            raise


def joblib_backend(compute: Compute) -> AbstractContextManager[Any]:
    """The joblib backend that config.yaml names."""
    address = {"scheduler_host": compute.scheduler} if compute.backend == "dask" else {}
    backend: AbstractContextManager[Any] = joblib.parallel_config(backend=compute.backend, **address)
    return backend


def await_feeders() -> None:
    """Let the threads that have fed workers end: cut off at exit, one leaves a semaphore and a complaint about it."""
    for thread in threading.enumerate():
        if thread.name == "QueueFeederThread":
            thread.join(timeout=5)


def run_in_worker(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call the function in a worker, which must not outlive the stage."""
    die_with_parent()
    return function(*arguments)

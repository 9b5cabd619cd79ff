"""Steady good requests during a rollout, so that a few bad ones of a stranger cannot undo it.

ECS Express rolls back when more than 1% of the answers are 4xx or 5xx: on a quiet service, one scanner is enough.
"""

import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPException

from deploy.smoke import authorization

WORKERS = 8


def visit(address: str) -> None:
    """Get the first page, which scores the default row but is not logged; without a token it leads to the login.

    Raises:
        OSError, HTTPException: there is no answer, or one of 4xx or 5xx.
    """
    urllib.request.urlopen(urllib.request.Request(address, headers=authorization()), timeout=10).close()


@contextmanager
def steady_requests(address: str | None, per_second: float) -> Iterator[None]:
    """Ask for the first page until the block ends, if the app that runs now answers well.

    A new version that does not is seen by the service's own alarm, which counts these requests too.
    """
    stop = threading.Event()

    def keep_asking(address: str) -> None:
        due = time.monotonic()
        while not stop.wait(max(due - time.monotonic(), 0)):
            with suppress(OSError, HTTPException):
                visit(address)
            due = max(due + WORKERS / per_second, time.monotonic())  # a slow answer is not made up for by a burst

    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            if address and per_second:
                with suppress(OSError, HTTPException):  # an app that is down: our requests would count against the next
                    visit(address)
                    for _ in range(WORKERS):
                        pool.submit(keep_asking, address)
            yield
        finally:
            stop.set()

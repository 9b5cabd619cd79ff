"""Downloads: retries, stalls, the time limit and the progress bar.

A download that fails, stalls or delivers next to nothing starts over after a growing pause; a refusal by the server is
final. `source.timeout` limits the download of one file, all attempts and pauses together.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from stages.utils.errors import SourceError

ATTEMPTS = 3
CONNECT, STALL = 10.0, 30.0  # seconds to connect, and without a byte
SLOWEST, WINDOW = 1000.0, 60.0  # fewer bytes per second than this, over so many seconds, count as a stall
PAUSE = 1.0  # seconds before the second attempt; doubled before the third

Result = TypeVar("Result")


class Fetched(NamedTuple):
    """A file that was downloaded."""

    path: Path
    shown: str  # its address, without secrets
    etag: str | None  # the server's name for this version


class TransientError(SourceError):
    """An error that another attempt may not meet."""


def with_retries(attempt: Callable[[float], Result], shown: str, timeout: float) -> Result:
    """Call `attempt` with the seconds that are left, until it succeeds or has failed ATTEMPTS times.

    Raises:
        SourceError: the last attempt failed, a failure is final, or `timeout` seconds have passed.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    deadline = time.monotonic() + timeout

    def attempt_in_time() -> Result:
        left = deadline - time.monotonic()
        if left <= 0:
            raise timeout_error(shown, timeout)
        return attempt(left)

    return Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=PAUSE, min=0, max=30),
        reraise=True,
    )(attempt_in_time)


def progress_bar(shown: str) -> Any:
    """Return an fsspec callback that shows a progress bar in a terminal and raises a TransientError on a slow stall."""
    from fsspec import Callback
    from tqdm import tqdm

    bar = tqdm(desc=Path(shown).name, unit="B", unit_scale=True, leave=False, disable=None)
    window_start, bytes_before = time.monotonic(), 0

    def update(size: int | None, value: int, **_: Any) -> None:
        nonlocal window_start, bytes_before
        bar.total = size
        bar.update(value - bar.n)
        now = time.monotonic()
        if now - window_start >= WINDOW:
            if value - bytes_before < SLOWEST * (now - window_start):
                raise TransientError(
                    f"{shown}: the server sent less than {SLOWEST:g} bytes per second in all {ATTEMPTS} attempts; "
                    f"try again later"
                )
            window_start, bytes_before = now, value

    return Callback(hooks={"show and check": update})


def timeout_error(shown: str, timeout: float) -> SourceError:
    """Return the error of a download that took longer than `timeout` seconds."""
    return SourceError(
        f"{shown}: the download took longer than {timeout:g} s; raise config.yaml: source.timeout, or try again later"
    )

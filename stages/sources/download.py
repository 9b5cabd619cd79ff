"""What every download has in common: how long it may take, when it is tried again, its progress bar.

A connection that fails, stalls or drips is tried again from the start, with growing pauses; what the server refuses is
not. The whole of a download is bounded by `source.timeout`.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from stages.utils.errors import SourceError

ATTEMPTS = 3
CONNECT, STALL = 10.0, 30.0  # seconds to connect, and without a byte
PACE, WINDOW = 1000.0, 60.0  # fewer bytes a second than this, over so many seconds, are a stall too
PAUSE = 1.0  # seconds before the second attempt; then twice that

Fetched = tuple[Path, str, dict[str, Any]]  # where a file lies now, how it is called, what the server says of it
Result = TypeVar("Result")


class TransientError(SourceError):
    """What another attempt may mend."""


def patiently(work: Callable[[], Result]) -> Result:
    """Call `work` until it succeeds, a few times at the most."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    return Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=PAUSE, min=0, max=30),
        reraise=True,
    )(work)


def progress(shown: str) -> Any:
    """An fsspec callback: a progress bar, in a terminal, that raises a TransientError when the bytes only drip."""
    from fsspec import Callback
    from tqdm import tqdm

    bar = tqdm(desc=Path(shown).name, unit="B", unit_scale=True, leave=False, disable=None)
    since, had = time.monotonic(), 0

    def update(size: int | None, value: int, **_: Any) -> None:
        nonlocal since, had
        bar.total = size
        bar.update(value - bar.n)
        now = time.monotonic()
        if now - since >= WINDOW:
            if value - had < PACE * (now - since):
                raise TransientError(
                    f"{shown}: the server sends less than {PACE:g} bytes a second, {ATTEMPTS} times; try again later"
                )
            since, had = now, value

    return Callback(hooks={"show and check": update})


def too_slow(shown: str, timeout: float) -> SourceError:
    """A download that took longer than it may."""
    return SourceError(f"{shown}: not here after {timeout:g} s; raise config.yaml: source.timeout, or try again later")

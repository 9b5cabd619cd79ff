"""AWS clients, and polling with a time limit."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from botocore.config import Config
from botocore.session import Session

from stages.utils.errors import PipelineError

Found = TypeVar("Found")
QUICK = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 5, "mode": "standard"})


class Patience(NamedTuple):
    """The longest wait, and the pause between two polls, both in seconds."""

    seconds: float
    pause: float


@functools.cache  # making one reads megabytes of API descriptions
def client(service: str) -> Any:
    """Make a client with the credentials, the region and the endpoints of the environment."""
    return Session().create_client(service, config=QUICK)


def wait_for(what: str, poll: Callable[[], Found | None], patience: Patience) -> Found:
    """Poll until the answer is not None, and return it.

    Raises:
        PipelineError: there is no answer when the time is up.
    """
    end = time.monotonic() + patience.seconds
    while (found := poll()) is None:
        if time.monotonic() > end:
            raise PipelineError(f"{what} took more than {patience.seconds:g} s")
        time.sleep(patience.pause)
    return found

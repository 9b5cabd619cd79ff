"""Clients of AWS, and waiting with an end."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from botocore.config import Config
from botocore.session import Session

Found = TypeVar("Found")
QUICK = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 5, "mode": "standard"})


class DeployError(Exception):
    """What went wrong, in one line."""


class Patience(NamedTuple):
    """How long to wait for a thing, and how long between two looks (both in seconds)."""

    seconds: float
    pause: float


@functools.cache  # making one reads megabytes of API descriptions
def client(service: str) -> Any:
    """A client with the credentials, the region and the endpoints of the environment."""
    return Session().create_client(service, config=QUICK)


def wait_for(what: str, look: Callable[[], Found | None], patience: Patience) -> Found:
    """Look until there is something.

    Raises:
        DeployError: there is still nothing when the time is up.
    """
    end = time.monotonic() + patience.seconds
    while (found := look()) is None:
        if time.monotonic() > end:
            raise DeployError(f"{what} took more than {patience.seconds:g} s")
        time.sleep(patience.pause)
    return found

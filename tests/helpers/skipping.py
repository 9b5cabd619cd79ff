"""Skip a test for what this machine lacks, in one place, so that no skip hides where everything must be there."""

import os
import shutil
from typing import NoReturn

import pytest


def needs(tool: str) -> None:
    """Skip the test if a command-line tool is missing."""
    if shutil.which(tool) is None:
        skip(f"{tool} is not installed")


def skip(message: str) -> NoReturn:
    """Skip the test, or fail it if the environment sets REQUIRE_ALL."""
    if os.environ.get("REQUIRE_ALL"):
        pytest.fail(message)
    pytest.skip(message)

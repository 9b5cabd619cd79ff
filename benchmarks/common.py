"""Commands measured from outside, and made-up rows for a scorecard."""

import os
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from webapp.scoring.scorecard import Scorecard


class Measured(NamedTuple):
    """The cost of a command, and its exit code."""

    seconds: float
    megabytes: float  # the largest resident memory of its process
    code: int


def measured(command: list[str], cwd: Path, codes: Collection[int] = (0,)) -> Measured:
    """Run a command; its exit code must be one of these. Packages that `cwd` lacks are those of this checkout."""
    start = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}")
    megabytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    return Measured(time.monotonic() - start, megabytes, process.returncode)


def pools_of(card: Scorecard) -> dict[str, list[Any]]:
    """List usual cells of each column, to draw rows from."""
    return {column.name: [*column.quantiles] or [*column.shares] or [column.default] for column in card.columns}

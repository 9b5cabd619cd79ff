"""Processes that tests start, watch and end."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 60  # seconds until a process must have got somewhere


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; return False if it did not come true in time."""
    end = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return true


def is_alive(pid: int) -> bool:
    """Tell a process that runs from one that has ended, even if nobody has waited for it yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def end(process: "subprocess.Popen[str]", others: set[int]) -> None:
    """Kill a process that a test has started, and others, if they still run."""
    for pid in {process.pid, *others}:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)


def family(pid: int) -> set[int]:
    """Every descendant of a process."""
    parents: dict[int, int] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {pid}


def is_listening(port: int) -> bool:
    """Tell if something on this machine accepts connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0

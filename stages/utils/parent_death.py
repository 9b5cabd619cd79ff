"""A stage must not outlive DVC, nor a worker its stage: an orphan's writes would mix into the next run's outputs.

On Linux the kernel kills a process when its parent dies, if the process asks for it (prctl(2), PR_SET_PDEATHSIG).
Elsewhere nothing is done.
"""

import ctypes
import os
import select
import signal
import sys
import threading
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent() -> None:
    """Be killed when the parent process dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def die_with_dvc() -> None:
    """Be killed when the DVC that runs this stage dies, or at once if it is dead already.

    DVC runs `SHELL -c "python -m stages.NAME"`. Some shells become the stage; others (dash) stay between the two and
    outlive DVC, so DVC is then watched itself (pidfd_open(2)).
    """
    if sys.platform != "linux" or "DVC_ROOT" not in os.environ:  # DVC sets it for what it runs
        return
    die_with_parent()
    parent = os.getppid()
    if "-c" in command_of(parent)[1:2]:
        parent = parent_of(parent)
        watch(parent)
    if parent <= 1 and not any("dvc" in word for word in command_of(1)):  # adopted by init: DVC is gone
        os.kill(os.getpid(), signal.SIGKILL)


def command_of(pid: int) -> list[str]:
    """The words of a process's command line; none if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def parent_of(pid: int) -> int:
    """The parent of a process; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def watch(pid: int) -> None:
    """Be killed when this process, of which one is no child, dies."""

    def wait_and_die() -> None:
        select.select([handle], [], [])
        os.kill(os.getpid(), signal.SIGKILL)

    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Thread(target=wait_and_die, daemon=True).start()

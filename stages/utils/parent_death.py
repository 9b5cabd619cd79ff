"""Tie a stage's life to DVC's, and a worker's to its stage's: an orphan would write into the outputs of the next run.

On Linux the kernel kills a process when its parent dies, if the process asks for it (prctl(2), PR_SET_PDEATHSIG).
Elsewhere nothing is done.
"""

import ctypes
import os
import signal
import sys
import threading
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def die_with_dvc() -> None:
    """Kill this stage when the DVC that runs it dies, or at once if DVC is dead already.

    DVC runs `SHELL -c "python -m stages.NAME"`. Some shells become the stage; others (dash) stay between the two and
    outlive DVC, so a thread then waits for the end of DVC itself.
    """
    if sys.platform != "linux" or "DVC_ROOT" not in os.environ:  # DVC sets it for what it runs
        return
    import psutil  # DVC depends on it

    die_with_parent()
    try:
        parent = psutil.Process().parent()
        stays = parent is not None and "-c" in parent.cmdline()[1:2]
        dvc = parent.parent() if stays else parent
        orphaned = dvc is None or (dvc.pid == 1 and not any("dvc" in word for word in dvc.cmdline()))
    except psutil.NoSuchProcess:
        orphaned = True
    if orphaned:
        os.kill(os.getpid(), signal.SIGKILL)
    if stays:
        threading.Thread(target=wait_and_die, args=(dvc,), daemon=True).start()


def wait_and_die(process: Any) -> None:
    """Kill this process when a `psutil.Process`, which need not be its parent, has ended."""
    process.wait()
    os.kill(os.getpid(), signal.SIGKILL)

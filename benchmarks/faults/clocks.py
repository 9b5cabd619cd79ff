"""Time: processes that are stopped for a while, and a clock that is set back."""

import os
import random
import shutil
import signal
import time
from contextlib import suppress

from benchmarks.faults.ground import WRONG, Found, Ground, TooLate, Victim, run
from tests.helpers.pipeline import STAGES

LATE = list(STAGES)[3:]  # runs from one of these stages on: those from the first take longest


def pause(ground: Ground, chance: random.Random) -> Found:
    """Stop DVC, the stage or both for a while; the run must end in the same bytes."""
    project = ground.copy()
    stage = chance.choice(LATE)
    victim = Victim(project, "dvc", "repro", "--force", "--downstream", stage)
    victim.pause(chance.uniform(0, 6))
    running = list(victim.running())
    whom, pids = chance.choice([("DVC", [victim.process.pid]), ("all", [victim.process.pid, *running])])
    if running and chance.random() < 0.5:
        whom, pids = "the stage", running
    for signum in (signal.SIGSTOP, signal.SIGCONT):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signum)
        if signum == signal.SIGSTOP:
            if victim.process.poll() is not None:
                raise TooLate
            time.sleep(ground.pause)
    ended = victim.end()
    if ended.code:
        return Found(whom, WRONG, str(ended))
    what = f"{whom} stopped for {ground.pause:g} s in a run from {stage} on (exit {ended.code})"
    return ground.judge(project, what, "dvc", "repro", before=ended)


def set_back(ground: Ground, chance: random.Random) -> Found:
    """Run with the clock hours to years back; that run and the next, in the right time, must give the same bytes."""
    if shutil.which("faketime") is None:
        raise SystemExit("faketime is not installed: apt-get install faketime")
    project = ground.copy()
    offset, stage = chance.choice(["-1h", "-1d", "-400d", "-3000d"]), chance.choice(LATE)
    ended = run(project, "faketime", "-f", offset, "dvc", "repro", "--force", "--downstream", stage)
    what = f"clock set back by {offset} in a run from {stage} on (exit {ended.code})"
    if ended.code or (different := ground.differences(project)):
        return Found(what, WRONG, str(ended if ended.code else different))
    return ground.judge(project, what, "dvc", "repro", before=ended)

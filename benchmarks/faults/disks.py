"""Full disks: a small file system with some kilobytes free, in the middle of runs, pulls and sweeps."""

import random
import subprocess

from benchmarks.faults.ground import SAME, WRONG, Ended, Found, Ground, Victim
from benchmarks.faults.kills import SWEEP, forget, sweep_trees, trees
from tests.helpers.pipeline import STAGES

REPRO = ("dvc", "repro", "--force", "--single-item")


def fill_disk(ground: Ground, chance: random.Random) -> Found:
    """Run on a disk that gets full; with space again, the next command must end in the same bytes."""
    action = chance.choice([*["repro"] * 7, *["pull"] * 2, "sweep"])
    if action == "sweep":
        sweep_trees(ground)
        ground.clear()
    ground.place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(ground.place)]
    if subprocess.run(mount, check=False).returncode:
        raise SystemExit("a small file system cannot be mounted here: that takes root")
    try:
        return run_on_full_disk(ground, chance, action)
    finally:
        ground.clear_processes()
        subprocess.run(["umount", "--lazy", str(ground.place)], check=True)


def run_on_full_disk(ground: Ground, chance: random.Random, action: str) -> Found:
    """Leave some free space on the disk, run the action, and again with all the space."""
    if action == "pull":
        ground.pushed  # noqa: B018  # fills the bucket
        project, command = ground.clone(ground.built), ["python", "-m", "tools.transfer", "pull"]
    else:
        project = ground.copy()
        stage = chance.choice(list(STAGES))
        forget(project, stage, alone=True)
        command = [*SWEEP] if action == "sweep" else [*REPRO, stage]
    if action == "sweep":
        project.git("checkout", "dvc.lock")
        project.dvc("repro")
    free = int(4096 * 2 ** chance.uniform(0, {"repro": 8, "pull": 7, "sweep": 12}[action]))
    fill = ground.place / "fill"
    with fill.open("wb", buffering=0) as stream:
        size = 0
        try:
            while True:
                size += stream.write(bytes(65536))
        except OSError:
            stream.truncate(max(0, size - free))
    ended = Victim(project, *command).failure()
    fill.unlink()
    what = f"{' '.join(command)} with {free // 1024} kB free (exit {ended.code}: {cause(ended)})"
    again = command if action != "repro" else ["dvc", "repro"]
    found = ground.judge(project, what, *again, before=ended)
    if action == "sweep" and found.end == SAME and trees(project) != sweep_trees(ground):
        return found._replace(end=WRONG, why=f"experiments: {trees(project)}")
    if not cause(ended):
        return found._replace(end=WRONG, why=f"no line names the cause: {ended.text[-2000:]}")
    return found


def cause(ended: Ended) -> str:
    """Return the line that says that the disk is full."""
    words = (
        "disk is full",
        "No space left on device",
        "disk I/O error",
        "database or disk is full",
        "Out of diskspace",
    )  # ours, SQLite's, git's
    return next((line for line in ended.text.splitlines() if any(word in line for word in words)), "")

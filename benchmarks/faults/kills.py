"""Kill -9 of `dvc repro` in every stage and in every phase of DVC itself, and of sweeps."""

import json
import random
import re
import shutil
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.faults.ground import WRONG, Found, Ground, Victim, listing, read_lock, run
from tests.helpers.pipeline import STAGES
from tests.helpers.project import Project

LOCKS = "Updating lock file"
SWEEP = ("python", "-m", "tools.sweep", "train.alpha=0.5,2")


def kill_repro(ground: Ground, chance: random.Random) -> Found:
    """Kill DVC, the stage, or both; `dvc repro` must give the same bytes."""
    project = ground.copy()
    stage, is_new = chance.choice(list(STAGES)), chance.random() < 0.3
    if is_new:
        forget(project, stage)
    phase = chance.choice(["start", "stage", "stage", "commit", *["lock"] * is_new])
    victim = Victim(project, "dvc", "repro", "--force", "--downstream", stage)
    reached = {
        "start": lambda: True,
        "stage": lambda: f"Running stage '{stage}'" in victim.text,
        "commit": lambda: f"Running stage '{stage}'" in victim.text and not stage_of(victim),
        "lock": lambda: LOCKS in victim.text,
    }
    if phase == "commit":
        victim.wait_for(lambda: bool(stage_of(victim)), 0.1)
    victim.wait_for(reached[phase], 0.02 if phase == "commit" else 0.002)
    victim.pause(chance.uniform(0, {"start": 2, "stage": 2.5, "commit": 0.2, "lock": 0.1}[phase]))
    running = victim.running()
    during = stage_of(victim) or last_stage(victim.text)
    whom = chance.choice(["DVC", "DVC", "all", "the stage"]) if running else "DVC"
    pids = {"DVC": [victim.process.pid], "all": [victim.process.pid, *running], "the stage": list(running)}[whom]
    victim.kill(*pids)
    ended = victim.failure()
    at = f"{'in' if running else 'before or after'} {during}" if during else "at DVC's start"
    what = f"kill -9 of {whom}, {at} ({phase}{', all new' * is_new}, exit {ended.code})"
    return ground.judge(project, what, "dvc", "repro", *["--force"] * (chance.random() < 0.1), before=ended)


def forget(project: Project, stage: str, alone: bool = False) -> None:
    """Remove a stage, and those after it unless it alone, from dvc.lock and DVC's cache, as if they had never run."""
    forgotten = {stage}
    for name, declared in STAGES.items():  # in dvc.yaml a stage comes after those that it needs
        if not alone and any(STAGES[one].outs & declared.deps for one in forgotten):
            forgotten.add(name)
    lock = read_lock(project)
    for name in forgotten:
        for out in lock["stages"].pop(name)["outs"]:
            if object_of(project, out["md5"]).exists() and out["md5"].endswith(".dir"):
                for entry in json.loads(object_of(project, out["md5"]).read_text()):
                    object_of(project, entry["md5"]).unlink(missing_ok=True)
            object_of(project, out["md5"]).unlink(missing_ok=True)
    with (project.path / "dvc.lock").open("w") as stream:
        YAML().dump(lock, stream)
    shutil.rmtree(project.path / ".dvc/cache/runs")


def object_of(project: Project, md5: str) -> Path:
    """Return the path of an object in DVC's cache."""
    return project.path / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def stage_of(victim: Victim) -> str:
    """Name the stage that runs."""
    found = [re.search(r"python\S* -m stages\.(\w+)", line) for line in victim.running().values()]
    return next((name[1] for name in found if name), "")


def last_stage(text: str) -> str:
    """Name the last stage that DVC began."""
    return next(iter(reversed(re.findall(r"Running stage '(\w+)'", text))), "")


def kill_sweep(ground: Ground, chance: random.Random) -> Found:
    """Kill a sweep, a worker, a stage or all; the next sweep must end with the experiments of an undisturbed one."""
    expected = sweep_trees(ground)
    project, command = ground.copy(), [*SWEEP, chance.choice(["--jobs=1", "--jobs=2"])]
    project.env |= ground.without_mlflow
    victim = Victim(project, *command)
    phase = chance.choice(["start", "experiment", "experiment", "end"])
    ready = {"start": lambda: True, "experiment": lambda: bool(stage_of(victim)), "end": lambda: bool(trees(project))}
    victim.wait_for(ready[phase], 0.2)
    victim.pause(chance.uniform(0, {"start": 6, "experiment": 8, "end": 2}[phase]))
    running = victim.running()
    whom = chance.choice(["the sweep", "the sweep", "all", "one of its processes"]) if running else "the sweep"
    pids = {"the sweep": [victim.process.pid], "all": [victim.process.pid, *running]}
    victim.kill(*pids.get(whom, [chance.choice(list(running) or [victim.process.pid])]))
    ended = victim.failure()
    what = f"kill -9 of {whom} ({phase}, {len(trees(project))} of {len(expected)} done, exit {ended.code})"
    found = ground.judge(project, what, *command, before=ended)
    if found.end != WRONG and trees(project) != expected:
        return found._replace(end=WRONG, why=f"experiments: {trees(project)}, expected {expected}")
    return found


def trees(project: Project) -> dict[str, str]:
    """Return the git tree of each experiment: all its tracked bytes in one hash."""
    listed = project.git("for-each-ref", "--format=%(refname:lstrip=4) %(tree)", "refs/exps").splitlines()
    return dict(line.split() for line in listed)


def sweep_trees(ground: Ground) -> dict[str, str]:
    """Run the sweep undisturbed, once."""
    if not ground.experiments:
        project = ground.copy("undisturbed")
        run(project, *SWEEP, env=ground.without_mlflow)
        ground.experiments = trees(project)
        ground.files |= listing(project)
    return ground.experiments

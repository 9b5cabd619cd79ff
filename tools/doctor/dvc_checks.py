"""The doctor's checks of what DVC knows: dependencies, dvc.lock, cache."""

import json
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tools.doctor.cache import check_objects
from tools.transfer.probe import Step

DVC_SECONDS = 60  # a first `dvc status` reads all the data
CACHE_SECONDS = 10  # of reading the cache


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command, at most DVC_SECONDS."""
    return subprocess.run(command, capture_output=True, text=True, timeout=DVC_SECONDS, stdin=subprocess.DEVNULL)


def dependencies() -> Step:
    """Every dep of a stage comes from a stage, git or `dvc add`: nothing else reaches a clone."""
    stages = YAML(typ="safe").load(Path("dvc.yaml"))["stages"].values()
    outs = {name(out) for stage in stages for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])}
    deps = sorted({dep for stage in stages for dep in stage["deps"]} - outs)
    absent = [dep for dep in deps if not Path(dep).exists() and not Path(f"{dep}.dvc").exists()]
    untracked = [
        file
        for file in run("git", "ls-files", "--others", "--", *deps).stdout.splitlines()
        if "__pycache__" not in file and not Path(f"{file}.dvc").exists()
    ]
    if absent:
        return Step("deps", False, f"missing: {', '.join(absent)}; `git checkout` them")
    if untracked:
        return Step("deps", False, f"not tracked: {', '.join(untracked)}; `dvc add` data, `git add` the rest")
    return Step("deps", True, f"all {len(deps)} are tracked")


def name(out: str | dict[str, Any]) -> str:
    """The path of an output in dvc.yaml."""
    return out if isinstance(out, str) else next(iter(out))


def lock() -> Step:
    """dvc.lock says what dvc.yaml, the parameters and the files say."""
    done = run("dvc", "status", "--json")
    if done.returncode != 0:
        return Step(
            "lock", False, f"{(done.stderr.strip().splitlines() or ['?'])[0]}; mend that, or `git checkout dvc.lock`"
        )
    status: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    changed, absent = [], set()
    for stage, entries in status.items():
        for entry in (entry for entry in entries if isinstance(entry, dict)):
            for kind, paths in entry.items():
                states = paths if isinstance(paths, dict) else {kind: "changed"}
                absent |= {path for path, state in states.items() if state in ("deleted", "not in cache")}
                changed += [
                    f"{stage}: {path}" for path, state in states.items() if state not in ("deleted", "not in cache")
                ]
    if changed:
        return Step("lock", False, f"changed since the last run: {', '.join(changed[:4])}; run `make repro`")
    if absent:
        return Step(
            "lock", False, f"not here: {', '.join(sorted(absent))}; run `make pull`, or make them: `make repro`"
        )
    return Step("lock", True, "in step")


def cache() -> Step:
    """The cached objects are what their names say."""
    checked = check_objects(CACHE_SECONDS)
    if checked.damaged:
        return Step("cache", False, f"damaged: {checked.mend}")
    return Step("cache", True, f"{checked.read} of {checked.all} objects read, none damaged")

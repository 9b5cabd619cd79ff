"""The declarations of dvc.yaml, the bytes that stages write, and ways to change the pipeline and a stage's code."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.helpers.project import ROOT, Project

OUTPUTS = ("data", "models", "metrics", "plots")
DRAWING = ("explore", "report")  # the stages that draw: they take half the time of a run


@dataclass
class Declared:
    """A stage in dvc.yaml; directories and files as paths without a slash at the end."""

    deps: set[str]
    outs: set[str]
    params: set[str]  # FILE:KEY

    @property
    def param_files(self) -> set[str]:
        return {param.partition(":")[0] for param in self.params}


def declared(path: Path) -> dict[str, Declared]:
    """Read the dvc.yaml in `path`, by stage, in its order."""
    stages = YAML(typ="safe", pure=True).load(path / "dvc.yaml")["stages"]
    return {
        name: Declared(
            deps={path_of(entry) for entry in content.get("deps", [])},
            outs={path_of(entry) for kind in ("outs", "metrics", "plots") for entry in content.get(kind, [])},
            params={key for entry in content.get("params", []) for key in keys_of(entry)},
        )
        for name, content in stages.items()
    }


def path_of(entry: str | dict[str, Any]) -> str:
    """The path of a dep, an out, a metric or a plot in dvc.yaml."""
    return entry if isinstance(entry, str) else next(iter(entry))


def keys_of(entry: str | dict[str, Any]) -> set[str]:
    """The settings that an entry under `params:` declares, as FILE:KEY; the file is params.yaml if none is named."""
    if isinstance(entry, str):
        return {f"params.yaml:{entry}"}
    return {f"{file}:{key}" for file, keys in entry.items() for key in keys}


STAGES = declared(ROOT)
TO_EXPORT = tuple(stage for stage in STAGES if stage not in (*DRAWING, "card"))

# Each sets from outside all that is known to move the last bits; the package has to overrule it.
SURROUNDINGS = {
    "Kathmandu": {
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "MKL_NUM_THREADS": "2",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "123",
        "LOKY_MAX_CPU_COUNT": "1",
        "MPLBACKEND": "svg",
    },
    "Zürich": {
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "OPENBLAS_CORETYPE": "SkylakeX",
        "NPY_DISABLE_CPU_FEATURES": "",
        "TZ": "Europe/Zurich",
        "LC_ALL": "de_DE.UTF-8",  # where the system has none, as C
        "PYTHONHASHSEED": "1",
        "LOKY_MAX_CPU_COUNT": "2",
    },
}


def digests(project: Project, *directories: str) -> dict[str, str]:
    """The md5 of every file under the directories (by default, all that stages write) that DVC looks at."""
    return {
        str(path.relative_to(project.path)): hashlib.md5(path.read_bytes()).hexdigest()
        for directory in directories or OUTPUTS
        for path in sorted((project.path / directory).rglob("*"))
        if path.is_file() and path.name not in (".gitkeep", ".gitignore")
    }


def locked(project: Project) -> dict[str, dict[str, str]]:
    """For each stage the md5 of each output in dvc.lock."""
    stages = YAML(typ="safe", pure=True).load(project.path / "dvc.lock")["stages"]
    return {name: {out["path"]: out["md5"] for out in stage["outs"]} for name, stage in stages.items()}


def pin(path: Path) -> str:
    """The md5 that dvc.lock has for a file, or for a folder: of the JSON list of its files, as DVC's cache keeps it."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = [{"md5": pin(file), "relpath": str(file.relative_to(path))} for file in files]
    return hashlib.md5(json.dumps(listed).encode()).hexdigest() + ".dir"


def edit_stages(project: Project, *left_out: str, **md5: str) -> None:
    """Commit a pipeline and a lock without some stages, and with another md5 of the first output of others."""
    yaml = YAML()
    pipeline, lock = (yaml.load(project.path / name) for name in ("dvc.yaml", "dvc.lock"))
    for stage in left_out:
        del pipeline["stages"][stage], lock["stages"][stage]
    for stage, value in md5.items():
        lock["stages"][stage]["outs"][0]["md5"] = value
    for name, content in (("dvc.yaml", pipeline), ("dvc.lock", lock)):
        with (project.path / name).open("w") as file:
            yaml.dump(content, file)
    project.git("commit", "-qam", "another pipeline")


def inject(path: Path, function: str, code: str) -> None:
    """Put lines of code at the start of a function's body."""
    text = path.read_text()
    body = re.search(rf'^def {function}\(.*?\).*?:\n(?:    """.*?"""\n)?', text, re.DOTALL | re.MULTILINE)
    assert body, f"{path}: no function {function}"
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    path.write_text(text[: body.end()] + lines + text[body.end() :])

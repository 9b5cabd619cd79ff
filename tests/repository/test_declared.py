"""Each stage opens, writes and takes from the settings what dvc.yaml declares for it, and imports what it uses."""

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.helpers.imports import imported_modules, is_docstring
from tests.helpers.pipeline import DRAWING, STAGES, Declared, inject
from tests.helpers.project import ROOT, Project
from tests.helpers.skipping import needs

CALLS = "openat,open,creat,rename,renameat,renameat2"
OPEN = re.compile(
    r'\b(?:openat|open|creat)\((?:[^<"]*<(?P<dir>[^>]*)>, )?"(?P<name>[^"]*)"(?P<flags>[^=]*)= (?P<rc>-?\d+)'
)
RENAME = re.compile(
    r'\brename(?:at2?)?\((?:[^<"]*<[^>]*>, )?"(?P<old>[^"]*)", (?:[^<"]*<[^>]*>, )?"(?P<new>[^"]*)".*= 0'
)
PACKAGE = re.compile(r"/site-packages/(\w+)/.*\.(?:py|pyc|so)$")
PICTURES, CHECKS, MODELS = {"matplotlib", "seaborn", "PIL"}, {"pandera"}, {"sklearn", "scipy"}
NEVER = {"flask", "gunicorn", "mlflow", "dvc", "distributed", "pytest"}
IMPORTS = {"validate": {"pandera", "pyarrow"}, "explore": {"matplotlib", "seaborn"}, "train": {"sklearn", "numpy"}}

FIELDS: list[dict[str, Any]] = [
    {"name": "size", "type": "number"},
    {"name": "colour", "type": "string"},
    {"name": "y", "type": "number", "role": "target"},
]


@dataclass
class Traced:
    """The files of the project that a stage opened, partial names and byte code mapped to what they stand for.

    And the packages whose code it has read: those that it imports.
    """

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)


def meant(path: str) -> str:
    """Name the file that a file stands for: an output for what is written beside it, a script for its byte code."""
    parts = []
    for part in Path(path).parts:
        while part.startswith(".partial."):
            part = part.removeprefix(".partial.").removeprefix("old.")
        parts.append(part)
    if "__pycache__" in parts:
        parts.remove("__pycache__")
        parts[-1] = parts[-1].partition(".")[0] + ".py"
    return "/".join(parts)


def trace(project: Project, name: str) -> Traced:
    """Run a stage under strace; files outside the project and directories are left out."""
    logs = Path(tempfile.mkdtemp(dir=project.path.parent))  # a file a process, so that no two mix in one line
    command = ("strace", "-ff", "-y", "--seccomp-bpf", "-s", "4096", "-e", f"trace={CALLS}", "-o", logs / name)
    project.run(*command, "python", "-m", f"stages.{name}", check=True)
    root = project.path.resolve()
    traced = Traced()

    def note(into: set[str], folder: str, path: str) -> None:
        whole = Path(folder, path)  # an absolute path stands for itself
        if whole.is_relative_to(root) and not whole.is_dir():
            into.add(meant(str(whole.relative_to(root))))

    for line in (line for log in sorted(logs.iterdir()) for line in log.read_text().splitlines()):
        if (found := OPEN.search(line)) and "O_DIRECTORY" not in found["flags"]:
            writes = "O_WRONLY" in found["flags"] or "O_RDWR" in found["flags"] or "creat(" in line
            if package := PACKAGE.search(found["name"]):
                traced.packages.add(package[1])
            if int(found["rc"]) >= 0:
                note(traced.written if writes else traced.read, found["dir"] or str(root), found["name"])
        elif found := RENAME.search(line):
            note(traced.written, str(root), found["new"])
    return traced


def is_in(path: str, places: set[str]) -> bool:
    """Tell if a path is one of these or inside one of them."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def undeclared(traced: Traced, stage: Declared, name: str) -> list[str]:
    """List what a stage read or wrote and dvc.yaml does not list; config.yaml:compute cannot change a byte."""
    readable = stage.deps | stage.param_files | stage.outs | {f"logs/{name}.log"}
    if Path("stages/utils/parallel.py") in imported_modules(ROOT / f"stages/{name}.py"):
        readable.add("config.yaml")
    writable = stage.outs | {f"logs/{name}.log"}
    scripts = {path for path in traced.written if path.endswith(".py") and is_in(path, stage.deps)}  # their byte code
    empty = {path for path in traced.read if Path(path).name == "__init__.py" and is_docstring(ROOT / path)}
    return [f"reads {path}" for path in sorted(traced.read - empty) if not is_in(path, readable)] + [
        f"writes {path}" for path in sorted(traced.written - scripts - empty) if not is_in(path, writable)
    ]


def superfluous(traced: Traced, stage: Declared) -> list[str]:
    """List what dvc.yaml lists and the stage neither opened nor wrote."""
    return [
        f"dep {dep}"
        for dep in sorted(stage.deps | stage.param_files)
        if not any(is_in(path, {dep}) for path in traced.read)
    ] + [f"out {out}" for out in sorted(stage.outs) if not any(is_in(path, {out}) for path in traced.written)]


def use_small_table(project: Project) -> None:
    """Make a CSV file the source."""
    rows = [(n % 7, "red" if n % 3 else "blue", n % 7 * 2.0 + n % 5) for n in range(60)]
    project.use_table(pd.DataFrame(rows, columns=["size", "colour", "y"]), FIELDS)


# ---------------------------------------------------------------- files


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STAGES if name != "ingest"])
def test_files_are_declared(built: Project, name: str) -> None:
    needs("strace")
    traced = trace(built, name)
    assert undeclared(traced, STAGES[name], name) == []
    rows = ["dep data/train", "dep schema.yaml"] if name == "train" else []  # only a transformed target needs them
    assert superfluous(traced, STAGES[name]) == rows
    assert traced.packages >= IMPORTS.get(name, set())
    unused = NEVER | (set() if name in DRAWING else PICTURES) | (set() if name == "validate" else CHECKS)
    assert traced.packages & unused == set()


@pytest.mark.slow
def test_files_of_ingest_are_declared(project: Project) -> None:
    needs("strace")
    traced = trace(project, "ingest")
    assert undeclared(traced, STAGES["ingest"], "ingest") == []
    assert superfluous(traced, STAGES["ingest"]) == ["dep data/source"]  # the embedded table is no file of the project
    use_small_table(project)
    traced = trace(project, "ingest")
    assert "data/source/table.csv" in traced.read
    assert undeclared(traced, STAGES["ingest"], "ingest") == []
    assert superfluous(traced, STAGES["ingest"]) == []
    assert "pyarrow" in traced.packages
    assert traced.packages & (MODELS | PICTURES | CHECKS | NEVER) == set()


@pytest.mark.slow
def test_files_of_worker_processes_are_declared(built: Project) -> None:
    needs("strace")
    built.edit("config.yaml", compute__part_rows=150, compute__workers=2, compute__backend="processes")
    built.stages("ingest")
    traced = trace(built, "validate")
    assert {f"data/valid/part-0000{n}.parquet" for n in range(3)} <= traced.written
    assert undeclared(traced, STAGES["validate"], "validate") == []
    assert superfluous(traced, STAGES["validate"]) == []


@pytest.mark.slow
def test_the_check_can_fail(built: Project) -> None:
    needs("strace")
    code = """\
Path("data/test/part-00000.parquet").read_bytes()  # the very rows that the stage must not read
Path("metrics/split.json").open().close()
Path("models/extra.txt").write_text("more")
Path("models/.partial.other").write_text("more")
Path("models/.partial.other").rename("models/other")"""
    inject(built.path / "stages/train.py", "regularization_path", code)
    traced = trace(built, "train")
    assert undeclared(traced, STAGES["train"], "train") == [
        "reads data/test/part-00000.parquet",
        "reads metrics/split.json",
        "writes models/extra.txt",
        "writes models/other",
    ]
    more = Declared({*STAGES["train"].deps, "stages/plotting/style.py", "data/tests"}, {"models/none"}, {"none.yaml:x"})
    assert superfluous(traced, more) == [
        "dep data/tests",
        "dep data/train",
        "dep none.yaml",
        "dep schema.yaml",
        "dep stages/plotting/style.py",
        "out models/none",
    ]


@pytest.mark.parametrize(
    ("path", "stands_for"),
    [
        ("data/.partial.valid/part-00000.parquet", "data/valid/part-00000.parquet"),
        ("data/.partial.old.valid/part-00000.parquet", "data/valid/part-00000.parquet"),
        ("models/.partial..partial.scorecard.json", "models/scorecard.json"),
        ("stages/utils/__pycache__/files.cpython-311.pyc", "stages/utils/files.py"),
        ("stages/__pycache__/__init__.cpython-311.pyc.140", "stages/__init__.py"),
        ("metrics/test.json", "metrics/test.json"),
    ],
)
def test_names_beside_an_output_stand_for_it(path: str, stands_for: str) -> None:
    assert meant(path) == stands_for


# ---------------------------------------------------------------- settings


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_settings_are_declared(built: Project, name: str) -> None:
    log = (built.path / f"logs/{name}.log").read_text()
    taken = {key for line in log.splitlines() if ": takes " in line for key in line.partition(": takes ")[2].split()}
    assert taken == STAGES[name].params
    assert taken, "a stage without settings has nothing to declare here"

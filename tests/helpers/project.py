"""Projects to try things in: copies of this checkout as git repositories of their own."""

import filecmp
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from tests.helpers.in_process import run_dvc, run_stage
from tools.commands import run

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
SHARED_TABLES = {  # and their targets, and the l1_ratio of params.yaml's list that `auto` chooses
    "wine": ("winequality-red.csv", "quality", 1.0),
    "bike": ("hour.csv", "cnt", 0.5),
    "california": ("housing.csv", "median_house_value", 1.0),
}
TIMEOUT = 300  # seconds that any one command may take
WITHOUT_MLFLOW = {"PYTHONPATH": str(ROOT / "tests/helpers/without_mlflow")}  # for what has nothing to do with tracking
RESULTS = "with results that the checkout has not committed"  # message of the one commit of such a built project


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

    def stage(
        self, name: str, check: bool = False, env: dict[str, str] | None = None, in_process: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run one stage; returns its exit code and what it printed.

        It runs in this process, by the code of the checkout, unless the project's code was changed or the test needs
        a process of its own: for what must be set before numpy is imported, say, or for workers that are killed.
        """
        if in_process and self.has_code_of_checkout():
            done = run_stage(name, self.path, self.environment(env))
        else:
            done = self.run("python", "-m", f"stages.{name}", env=env)
        assert not check or done.returncode == 0, f"{name}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def has_code_of_checkout(self) -> bool:
        """Compare the modules that stages import with those of the checkout, which this process has imported."""
        here, there = (
            {path.relative_to(root): path for room in ("stages", "webapp") for path in (root / room).rglob("*.py")}
            for root in (self.path, ROOT)
        )
        return here.keys() == there.keys() and all(filecmp.cmp(path, there[name]) for name, path in here.items())

    def stages(self, *names: str) -> None:
        """Run stages one after the other; each must succeed."""
        for name in names:
            self.stage(name, check=True)

    def dvc(
        self, *arguments: str, check: bool = True, env: dict[str, str] | None = None, in_process: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run DVC in this process, and the stages that it runs as `stage` does; or the command in one of its own."""
        if in_process:
            done = run_dvc(arguments, self.path, self.environment(env), run_for_dvc)
        else:
            done = self.run("dvc", *arguments, env=env)
        assert not check or done.returncode == 0, f"{done.args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

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

    def copy_to(self, target: Path) -> "Project":
        """Copy the whole project; `cp` does in a tenth of the time what shutil does."""
        subprocess.run(["cp", "-a", str(self.path), str(target)], check=True)
        return Project(target, dict(self.env))

    def frame(self, directory: str) -> pd.DataFrame:
        """A whole table of the project."""
        parts = sorted((self.path / directory).glob("part-*.parquet"))
        return pd.concat(map(pd.read_parquet, parts), ignore_index=True)


def run_for_dvc(name: str, folder: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a stage for DVC, whose experiments may have folders of their own."""
    return Project(folder, environment).stage(name)


def run_here(*command: str, cwd: Path, **options: Any) -> None:
    """Run a command as tools.commands.run does, but DVC and its stages in this process."""
    if command[0] == "dvc":
        Project(cwd).dvc(*command[1:])
    else:
        run(*command, cwd=cwd, **options)


def copy_checkout(target: Path) -> None:
    """Copy what git tracks here or would (not what it ignores) and commit it there."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True)
    target.mkdir(parents=True, exist_ok=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for command in (
        ["init", "-q", "-b", "main", "--template="],  # without the samples of hooks
        ["config", "user.name", "Test"],
        ["config", "user.email", "test@example.invalid"],
        ["add", "-A"],
        ["commit", "-qm", "start"],
        ["repack", "-adq"],  # one file to copy, not hundreds
    ):
        subprocess.run(["git", *command], cwd=target, check=True)


class Workspace(Project):
    """The checkout's settings in an empty folder: made in no time, for stages that run in this process."""

    def has_code_of_checkout(self) -> bool:
        """Run every stage in this process, by the code of the checkout."""
        return True


def new_workspace(path: Path) -> Workspace:
    """Make a workspace in an empty folder."""
    for name in ("config.yaml", "params.yaml", "schema.yaml"):
        shutil.copy2(ROOT / name, path / name)
    (path / "data/source").mkdir(parents=True)
    return Workspace(path)


MakeOnce = Callable[[str, Callable[[Project], object]], Project]  # see the fixture of this name

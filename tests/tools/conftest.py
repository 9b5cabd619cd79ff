"""Fixtures that several tests of tools/ share."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import MakeOnce
from tests.helpers.project import Project, Workspace

NO_MLFLOW = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
GRID = ("train.alpha=0.5,2", "train.l1_ratio=0.9")


@pytest.fixture(scope="session")
def swept_template(make_once: MakeOnce, undrawn_template: Path) -> Path:
    """An undrawn project after a sweep of GRID; logs/sweep.out and .err have what it printed. Not to be changed."""

    def build(project: Project) -> None:
        shutil.rmtree(project.path)
        Project(undrawn_template).copy_to(project.path)
        done = project.run("python", "-m", "tools.sweep", *GRID, env=NO_MLFLOW, check=True)
        (project.path / "logs/sweep.out").write_text(done.stdout)
        (project.path / "logs/sweep.err").write_text(done.stderr)

    return make_once("swept", build).path


@pytest.fixture
def swept(swept_template: Path, tmp_path: Path) -> Project:
    """An undrawn project after a sweep of GRID."""
    return Project(swept_template).copy_to(tmp_path / "swept")


@pytest.fixture
def here(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The settings in an empty folder, which is this process's working directory."""
    monkeypatch.chdir(workspace.path)
    return workspace

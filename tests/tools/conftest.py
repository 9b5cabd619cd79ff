"""Fixtures that several tests of tools/ share."""

from pathlib import Path

import pytest

from tests.helpers.project import Project, Workspace


@pytest.fixture
def swept(swept_template: Path, tmp_path: Path) -> Project:
    """An undrawn project after a sweep of GRID."""
    return Project(swept_template).copy_to(tmp_path / "swept")


@pytest.fixture
def here(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The settings in an empty folder, which is this process's working directory."""
    monkeypatch.chdir(workspace.path)
    return workspace

"""Fixtures that several tests of tools/ share."""

import pytest

from tests.helpers.project import Workspace


@pytest.fixture
def here(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The settings in an empty folder, which is this process's working directory."""
    monkeypatch.chdir(workspace.path)
    return workspace

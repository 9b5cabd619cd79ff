"""The cluster demo: a Dask cluster does not change a byte, and the checkout is as it was."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.project import Project


@pytest.mark.slow
def test_dask_does_not_change_a_byte(project: Project, in_parts: Project, tmp_path: Path) -> None:
    """What the demo runs without the cluster, DVC remembers from `in_parts`."""
    shutil.copytree(in_parts.path / ".dvc/cache", tmp_path / "cache")
    with (project.path / ".dvc/config").open("a") as config:
        config.write(f"[cache]\n    dir = {tmp_path / 'cache'}\n")
    project.git("commit", "-qam", "Use a cache elsewhere")
    done = project.run("python", "-m", "tools.cluster_demo", check=True)
    assert "dashboard at http://127.0.0.1:" in done.stdout
    assert done.stdout.splitlines()[-1] == "every output has the same bytes as without the cluster"
    assert project.git("status", "--porcelain", "--ignored", "--", ":!*__pycache__*") == ""

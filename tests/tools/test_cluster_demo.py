"""The cluster demo: a Dask cluster does not change a byte, and the checkout is as it was."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.project import Project, run_here
from tools import cluster_demo
from tools.example import play


@pytest.mark.slow
def test_dask_does_not_change_a_byte(
    in_project: Project,
    in_parts: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the demo runs without the cluster, DVC remembers from `in_parts`."""
    shutil.copytree(in_parts.path / ".dvc/cache", tmp_path / "cache")
    with (in_project.path / ".dvc/config").open("a") as config:
        config.write(f"[cache]\n    dir = {tmp_path / 'cache'}\n")
    in_project.git("commit", "-qam", "Use a cache elsewhere")
    monkeypatch.setattr(cluster_demo, "run", run_here)
    play("cluster-demo", cluster_demo.compare)
    printed = capsys.readouterr().out
    assert "dashboard at http://127.0.0.1:" in printed
    assert printed.splitlines()[-1] == "every output has the same bytes as without the cluster"
    assert in_project.git("status", "--porcelain", "--ignored", "--", ":!*__pycache__*") == ""

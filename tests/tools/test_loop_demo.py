"""The loop demo: a changed world is noticed, the model is retrained and better, and the checkout is as it was."""

import re
from pathlib import Path

import pytest

from tests.helpers.project import Project
from tools import commands, loop_demo


def run_here(*command: str, cwd: Path) -> None:
    """Run a command as the demo does, but DVC and its stages in this process."""
    if command[0] == "dvc":
        Project(cwd).dvc(*command[1:])
    else:
        commands.run(*command, cwd=cwd)


@pytest.mark.slow
def test_the_loop_closes(
    in_project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop_demo, "run", run_here)
    loop_demo.main()
    printed = capsys.readouterr().out
    assert re.findall(r"^verdict: (\w+)", printed, re.M) == ["ok", "retrain", "ok"]
    before, after = map(float, re.findall(r"([\d.]+) \(", printed.splitlines()[-2]))
    assert after < before
    assert in_project.git("status", "--porcelain", "--ignored", "--", ":!*__pycache__*") == ""

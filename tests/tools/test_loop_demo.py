"""The loop demo: a changed world is noticed, the model is retrained and better, and the checkout is as it was."""

import re

import pytest

from tests.helpers.project import Project, run_here
from tools import loop_demo
from tools.example import play


@pytest.mark.slow
def test_the_loop_closes(
    in_project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop_demo, "run", run_here)
    play("loop-demo", loop_demo.close_the_loop)
    printed = capsys.readouterr().out
    assert re.findall(r"^verdict: (\w+)", printed, re.M) == ["ok", "retrain", "ok"]
    before, after = map(float, re.findall(r"([\d.]+) \(", printed.splitlines()[-1]))
    assert after < before
    assert in_project.git("status", "--porcelain", "--ignored", "--", ":!*__pycache__*") == ""

"""The loop demo: a changed world is noticed, the model is retrained and better, and the checkout is as it was."""

import re

import pytest

from tests.helpers.project import Project, run_here
from tools import loop_demo


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

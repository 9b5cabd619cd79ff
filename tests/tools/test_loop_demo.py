"""The loop demo: a changed world is noticed, the model is retrained and better, and the checkout is as it was."""

import re

import pytest

from tests.helpers.project import Project


@pytest.mark.slow
def test_the_loop_closes(project: Project) -> None:
    done = project.run("python", "-m", "tools.loop_demo", check=True)
    assert re.findall(r"^verdict: (\w+)", done.stdout, re.M) == ["ok", "retrain", "ok"]
    before, after = map(float, re.findall(r"([\d.]+) \(", done.stdout.splitlines()[-2]))
    assert after < before
    assert project.git("status", "--porcelain", "--ignored", "--", ":!*__pycache__*") == ""

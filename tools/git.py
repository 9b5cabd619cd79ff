"""The few questions that tools ask git."""

import os
import subprocess
from pathlib import Path

from stages.utils.errors import PipelineError


def git(*arguments: str | Path, text: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run git; returns what it printed, without the last newline.

    Raises:
        PipelineError: git said no; the message is its own first line.
    """
    done = subprocess.run(
        ["git", *map(str, arguments)], input=text, capture_output=True, text=True, env={**os.environ, **(env or {})}
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[0]
        raise PipelineError(f"git {arguments[0]}: {reason}")
    return done.stdout.removesuffix("\n")


def experiment_ref(baseline: str, name: str = "") -> str:
    """Where DVC keeps an experiment (without a name: all of them) that started from the commit `baseline`."""
    return f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}"


def experiments(baseline: str) -> dict[str, str]:
    """The commits of the experiments that started from the commit `baseline`, by name."""
    place = experiment_ref(baseline)
    lines = git("for-each-ref", "--format=%(objectname) %(refname)", place).splitlines()
    return {ref.removeprefix(place): commit for commit, _, ref in (line.partition(" ") for line in lines)}

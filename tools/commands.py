"""Run git, DVC and other commands: one helper, a failure in one line."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.utils.errors import PipelineError


def run(
    *command: str | Path,
    cwd: str | Path = ".",
    env: dict[str, str] | None = None,
    text: str = "",
    shown: bool = False,
    seconds: float | None = None,
) -> str:
    """Run a command to its end; return what it printed on standard output, without the last newline.

    Args:
        command: the program and its arguments.
        cwd: the folder to run it in.
        env: variables added to `environment`.
        text: its standard input.
        shown: let its output through; "" is returned.
        seconds: how long it may take.

    Raises:
        PipelineError: it was not found, took too long or failed; the message has its first line on standard error.
    """
    words = [str(word) for word in command]
    line = shlex.join(words)
    pipe = None if shown else subprocess.PIPE
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=environment(env),
            input=text,
            stdout=pipe,
            stderr=pipe,
            encoding="utf-8",
            timeout=seconds,
        )
    except FileNotFoundError as error:
        raise PipelineError(f"{error.filename}: not found; `{line}` needs it") from None
    except subprocess.TimeoutExpired:
        raise PipelineError(f"`{line}` took more than {seconds:g} s and was stopped; try it by hand") from None
    if done.returncode:
        reason = "its own lines are above" if shown else next(iter(done.stderr.strip().splitlines()), "no message")
        raise PipelineError(f"`{line}` failed with exit code {done.returncode}: {reason}")
    return "" if shown else done.stdout.removesuffix("\n")


@contextmanager
def failure_in_one_line(name: str, kinds: tuple[type[Exception], ...] = (PipelineError,)) -> Iterator[None]:
    """End this process with one line and exit code 1 where the block raises an error of these kinds."""
    try:
        yield
    except kinds as error:
        raise SystemExit(f"{name}: {' '.join(str(error).split())}") from None


def environment(variables: dict[str, str] | None = None) -> dict[str, str]:
    """Return this process's variables and others; programs beside this Python (dvc, uv, …) are first on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, **(variables or {})}


def git(*arguments: str | Path, cwd: str | Path = ".") -> str:
    """Run git; return what it printed (see `run`)."""
    return run("git", *arguments, cwd=cwd)

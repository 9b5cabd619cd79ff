"""Stages and DVC run inside the tests' process: importing their libraries takes longer than most of what they do."""

import contextlib
import gc
import importlib
import io
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from unittest import mock

from stages.utils.parallel import process_pool

Runner = Callable[[str, Path, dict[str, str]], CompletedProcess[str]]  # of a stage's name, a folder and an environment


def run_stage(name: str, folder: Path, environment: dict[str, str]) -> CompletedProcess[str]:
    """Do what `python -m stages.NAME` does in the folder, and leave this process as it was."""
    main = importlib.import_module(f"stages.{name}").main
    exit_code = 0
    with surroundings(folder, environment, name, "stages") as (output, errors):
        try:
            main()
        except SystemExit as end:
            exit_code = int(end.code or 0)
        finally:
            process_pool.cache_clear()  # its workers have this folder as their working directory
    return CompletedProcess(name, exit_code, output.getvalue(), errors.getvalue())


def run_dvc(arguments: Sequence[str], folder: Path, environment: dict[str, str], run: Runner) -> CompletedProcess[str]:
    """Do what `dvc ARGUMENTS` does in the folder, but let `run` run the stages; leave this process as it was."""
    import dvc.logger
    from dvc.cli import main
    from dvc.stage.exceptions import StageCmdFailedError

    def run_command(_: str, command: str, cwd: str, env: dict[str, str], **options: Any) -> None:
        done = run(command.removeprefix("python -m stages."), Path(cwd), env)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        if done.returncode:
            raise StageCmdFailedError(command, done.returncode)

    loggers = ("dvc", "dvc_objects", "dvc_data")
    with (
        surroundings(folder, environment, *loggers) as (output, errors),
        mock.patch("dvc.stage.run._run", run_command),
        nothing_left_open(),
    ):
        for name in loggers:
            logging.getLogger(name).handlers.clear()  # they write to what was standard output before
        dvc.logger.setup()
        exit_code = main(arguments)
        dvc.logger.colorama.deinit()  # DVC has wrapped standard output
    return CompletedProcess(["dvc", *arguments], exit_code, output.getvalue(), errors.getvalue())


@contextlib.contextmanager
def surroundings(folder: Path, environment: dict[str, str], *loggers: str) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Give this process the surroundings of one of its own; yield its standard output and error."""
    output, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        environment_of(environment),
        default_warnings(),
        own_logging(*loggers),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        yield output, errors


@contextlib.contextmanager
def nothing_left_open() -> Iterator[None]:
    """Collect at the end what was made meanwhile, such as git's packs that DVC does not close."""
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()


@contextlib.contextmanager
def environment_of(environment: dict[str, str]) -> Iterator[None]:
    """Replace the environment, the time zone with it."""
    with mock.patch.dict(os.environ, environment, clear=True):
        time.tzset()
        yield
    time.tzset()


@contextlib.contextmanager
def default_warnings() -> Iterator[None]:
    """Treat warnings as Python does by default, not as pytest is told to."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        warnings.filterwarnings("ignore", "Objective did not converge")  # as stages/modelling/elasticnet.py does
        yield


@contextlib.contextmanager
def own_logging(*names: str) -> Iterator[None]:
    """Give the root logger no handlers; then close those it was given, and restore its own and the levels."""
    root, loggers = logging.getLogger(), [logging.getLogger(name) for name in ("", *names)]
    handlers, levels, raise_exceptions = root.handlers, [logger.level for logger in loggers], logging.raiseExceptions
    root.handlers = []
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers, logging.raiseExceptions = handlers, raise_exceptions
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        logging.captureWarnings(False)

"""Stages run inside the tests' process: importing their libraries takes longer than most of them do."""

import contextlib
import importlib
import io
import logging
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from stages.utils.parallel import process_pool


def run_stage(name: str, folder: Path, environment: dict[str, str]) -> CompletedProcess[str]:
    """Do what `python -m stages.NAME` does in the folder, and leave this process as it was."""
    main = importlib.import_module(f"stages.{name}").main
    output, errors, exit_code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(folder),
        environment_of(environment),
        default_warnings(),
        own_logging(name, "stages"),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            exit_code = int(end.code or 0)
        finally:
            process_pool.cache_clear()  # its workers have this folder as their working directory
    return CompletedProcess(name, exit_code, output.getvalue(), errors.getvalue())


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

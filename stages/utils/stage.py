"""The frame of every stage script, `with stage("train") as log:`: logging, error lines and exit codes."""

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.utils.errors import PipelineError, SettingsError

LOG_DIR = Path("logs")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

EXIT_UNEXPECTED = 70  # sysexits.h: EX_SOFTWARE
EXIT_NO_MEMORY = 71  # sysexits.h: EX_OSERR
EXIT_DISK_FULL = 74  # sysexits.h: EX_IOERR
EXIT_INTERRUPTED = 130  # 128 + SIGINT

NO_SPACE = {  # what a write may meet, and the fix
    errno.ENOSPC: "the disk is full: {}; free some space and run again",
    errno.EDQUOT: "the disk quota is used up: {}; free some space or raise the quota, and run again",
    errno.EFBIG: "a file reached the size limit: {}; raise the limit (`ulimit -f`) and run again",
}


@contextmanager
def stage(name: str) -> Iterator[logging.Logger]:
    """Start the log of a stage and yield its logger; turn an error into one line and an exit code.

    The console shows short lines, from the level LOG_LEVEL up; logs/NAME.log gets everything, and the traceback of an
    unexpected error only goes there.
    """
    log = logging.getLogger(name)
    try:
        start_logging(name)
        yield log
    except PipelineError as error:
        fail(log, str(error), error.exit_code)
    except KeyboardInterrupt:
        fail(log, "interrupted", EXIT_INTERRUPTED)
    except Exception as error:  # the one catch-all: a line for the user, the rest in the log
        log.debug("unexpected", exc_info=True)
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            fail(log, NO_SPACE[error.errno].format(error), EXIT_DISK_FULL)
        first_line = next(iter(str(error).splitlines()), "no message")
        if isinstance(error, MemoryError):
            fix = "lower compute.part_rows or compute.workers in config.yaml, and run again"
            fail(log, f"memory ran out: {first_line}; {fix}", EXIT_NO_MEMORY)
        what = f"unexpected {type(error).__name__}: {first_line}"
        fail(log, f"{what} (traceback: {LOG_DIR / name}.log)", EXIT_UNEXPECTED)


def fail(log: logging.Logger, message: str, exit_code: int) -> None:
    """Log the error in one line, and in another how to restore the last good outputs; then exit."""
    log.error(" ".join(message.split()))
    if log.name != "ingest":  # its outputs persist; DVC removes those of other stages before it runs them
        log.error(
            "to get its last good outputs back: dvc checkout --force %s && git restore metrics models plots", log.name
        )
    sys.exit(exit_code)


def start_logging(name: str) -> None:
    """Send the root logger to the console and to logs/NAME.log, which is overwritten.

    Raises:
        SettingsError: LOG_LEVEL is not a level.
    """
    level = os.environ.get("LOG_LEVEL", "INFO").upper()
    if level not in LEVELS:
        raise SettingsError(f"LOG_LEVEL: found {level!r}; allowed: {', '.join(LEVELS)}")
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(level)
    console.setFormatter(logging.Formatter(f"{name:<8}  %(message)s"))
    LOG_DIR.mkdir(exist_ok=True)
    file = logging.FileHandler(LOG_DIR / f"{name}.log", mode="w", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[console, file], force=True)
    for logger in (name, "stages"):
        logging.getLogger(logger).setLevel(logging.DEBUG)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # errors of the log file (a full disk) must not drown the line on the console

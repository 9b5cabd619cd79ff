"""A stage ends in one line and an exit code, whatever went wrong."""

import errno
from pathlib import Path

import pytest

from stages.utils.errors import DataError
from stages.utils.stage import stage
from tests.helpers.in_process import own_logging


@pytest.mark.parametrize(
    ("error", "line", "exit_code"),
    [
        (DataError("data/raw: too\nshort"), "data/raw: too short", 4),
        (KeyboardInterrupt(), "interrupted", 130),
        (OSError(errno.ENOSPC, "x"), f"the disk is full: [Errno {errno.ENOSPC}] x; free some space and run again", 74),
        (
            OSError(errno.EDQUOT, "x"),
            f"the disk quota is used up: [Errno {errno.EDQUOT}] x; free some space or raise the quota, and run again",
            74,
        ),
        (
            OSError(errno.EFBIG, "x"),
            f"a file reached the size limit: [Errno {errno.EFBIG}] x; raise the limit (`ulimit -f`) and run again",
            74,
        ),
        (
            MemoryError("malloc of size 9 failed"),
            "memory ran out: malloc of size 9 failed; "
            "lower compute.part_rows or compute.workers in config.yaml, and run again",
            71,
        ),
        (RuntimeError("first\nsecond"), "unexpected RuntimeError: first (traceback: logs/split.log)", 70),
        (StopIteration(), "unexpected StopIteration: no message (traceback: logs/split.log)", 70),
    ],
)
def test_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    line: str,
    exit_code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    with own_logging("split", "stages"), pytest.raises(SystemExit) as ended, stage("split"):
        raise error
    assert ended.value.code == exit_code
    said, hint = capsys.readouterr().err.splitlines()
    assert said == f"split     {line}"
    assert "dvc checkout --force split" in hint
    assert ("Traceback" in Path("logs/split.log").read_text()) == (exit_code in (70, 71, 74))

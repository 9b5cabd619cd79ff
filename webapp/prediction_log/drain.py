"""Move the finished files of the spool to the store of the prediction log, and end.

    python -m webapp.prediction_log.drain

The workers start it once a minute and gunicorn when it stops; by hand it moves what a server left behind. The settings
are those of the server: PREDICTION_LOG, PREDICTION_LOG_SPOOL. Files are first put in a folder of their own, whose name
the batch keeps in the store: after a crash the same batch is written again and replaces the first attempt.
"""

import fcntl
import os
import shutil
import signal
import sys
from pathlib import Path

import pyarrow as pa
from pydantic_core import from_json, to_json

from webapp.prediction_log.store import SCHEMA, StoreError, new_batch, write_rows
from webapp.settings import read_log_settings

MOST_BYTES = 64_000_000  # of spool files in one batch
LONGEST = 300  # seconds; a store that hangs is tried again later


def main() -> None:
    """Move everything that is finished; exit with one line if the store does not take it."""
    signal.alarm(LONGEST)
    settings = read_log_settings(os.environ)
    if settings is None:
        sys.exit("PREDICTION_LOG is not set")
    settings.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.spool / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            while batch := next_batch(settings.spool):
                write_rows(settings.address, read_batch(batch), batch.name)
                shutil.rmtree(batch)
        except StoreError as error:
            sys.exit(f"{error}; the rows stay in {settings.spool}")


def next_batch(spool: Path) -> Path | None:
    """Give the folder of the next batch: one that an earlier run left, or a new one of finished files."""
    for left in sorted(path for path in spool.iterdir() if path.is_dir()):
        return left
    chosen, size = [], 0
    for file in sorted(spool.glob("*.jsonl"), key=lambda path: (path.stat().st_mtime_ns, path.name)):
        if is_finished(file) and size < MOST_BYTES:
            chosen.append(file)
            size += file.stat().st_size
    if not chosen:
        return None
    batch = spool / new_batch()
    batch.mkdir()
    for file in chosen:
        file.rename(batch / file.name)
    return batch


def is_finished(file: Path) -> bool:
    """Tell whether no living worker appends to a file."""
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def read_batch(batch: Path) -> pa.Table:
    """Read the rows of a batch; a line that a kill cut short is left out."""
    rows = []
    for file in sorted(batch.glob("*.jsonl")):
        with file.open("rb") as lines:
            header = from_json(next(lines, b"[null, null]"))
            for line in lines:
                if line.endswith(b"\n"):
                    name, time, source, inputs, *results = from_json(line)
                    rows.append((name, time, source, to_json(inputs).decode(), *results, *header))
    columns = zip(*rows, strict=True) if rows else [()] * len(SCHEMA)
    return pa.table([pa.array(cells, field.type) for cells, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


if __name__ == "__main__":
    main()

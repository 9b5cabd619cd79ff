"""The worker's side of the prediction log: a request leaves its lines in memory, a thread moves them to a spool file.

A line is in the spool half a second after the answer at the latest, so that is all that a killed worker loses. Another
process, webapp/prediction_log/drain.py, moves what is in the spool to the store: workers import neither pyarrow nor
SQLAlchemy, and a store that is slow or dead holds up nobody.
"""

import atexit
import fcntl
import logging
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter
from pydantic_core import to_json

from webapp.settings import LogSettings

log = logging.getLogger("webapp.prediction_log")

FLUSH_SECONDS = 0.5
MOST_WAITING = 8_000_000  # bytes of lines in memory, per worker
LONGEST_SEGMENT = 16_000_000  # bytes of a spool file
MOST_SPOOLED = 1_000_000_000  # bytes of all spool files; a dead store must not fill the disk
QUIET_SECONDS = 60.0  # between two warnings
PATIENCE = 5.0  # seconds that a chunk of a batch waits for room in memory


class PredictionLog:
    """The log of one worker. The thread starts with the first line: threads do not survive gunicorn's fork."""

    def __init__(self, settings: LogSettings, columns: Sequence[str], header: bytes, registry: CollectorRegistry):
        self.settings, self.header = settings, header
        self.names, self.columns = columns, settings.columns or tuple(columns)
        rows = Counter(
            "webapp_prediction_log_rows", "Rows of the prediction log by outcome", ["outcome"], registry=registry
        )
        self.spooled, self.dropped = (rows.labels(outcome) for outcome in ("spooled", "dropped"))
        self.failures = Counter(
            "webapp_prediction_log_store_failures", "Failed attempts to write to the store", registry=registry
        )
        self.guard = threading.Lock()  # of the lines
        self.writing = threading.Lock()  # of the file
        self.wake = threading.Event()
        self.thread: threading.Thread | None = None
        self.lines: list[bytes] = []
        self.size = self.refused = 0
        self.segment: Segment | None = None
        self.drain: subprocess.Popen[str] | None = None
        self.is_stuck = False
        self.warned: float | None = None

    def keep(
        self,
        source: str,
        ids: Sequence[str | None],
        rows: Sequence[Mapping[str, Any]],
        results: Sequence[tuple[float, float, float]],
        patient: bool = False,
    ) -> list[str]:
        """Log some rows, and return their ids: the client's, or new ones.

        Args:
            source: `api` or `batch`.
            ids: the client's ids.
            rows: the cells as they were received, by column.
            results: prediction, lower and upper end of each row.
            patient: wait for room in memory, as long as the spool takes lines.
        """
        now, named = time.time_ns() // 1000, [given or new_id() for given in ids]
        lines = []
        for name, row, result in zip(named, rows, results, strict=True):
            inputs = {column: row[column] for column in self.columns if column in row}
            lines.append(to_json((name, now, source, inputs, *result), inf_nan_mode="null") + b"\n")
        self.add(lines, patient)
        return named

    def add(self, lines: list[bytes], patient: bool = False) -> None:
        """Take lines if there is room for them, or count them as dropped."""
        size, deadline = sum(map(len, lines)), time.monotonic() + PATIENCE
        while patient and self.size + size > MOST_WAITING and not self.is_stuck and time.monotonic() < deadline:
            self.wake.set()
            time.sleep(0.01)
        with self.guard:
            if self.thread is None:
                self.thread = threading.Thread(target=self.run, name="prediction log", daemon=True)
                self.thread.start()
                atexit.register(self.close)
            if self.size + size > MOST_WAITING:
                self.refused += len(lines)
            else:
                self.lines += lines
                self.size += size

    def of_table(
        self, header: Sequence[str]
    ) -> tuple[Callable[[list[str], tuple[float, float, float]], None], Callable[[], None]]:
        """Make two functions for a CSV file with this header: one takes a scored row, the other logs what was taken."""
        ids: list[str | None] = []
        rows: list[dict[str, str]] = []
        results: list[tuple[float, float, float]] = []
        place = header.index("id") if "id" in header and "id" not in self.names else None

        def take(cells: list[str], result: tuple[float, float, float]) -> None:
            ids.append(None if place is None else cells[place].strip())
            rows.append(dict(zip(header, cells, strict=True)))
            results.append(result)

        def flush() -> None:
            self.keep("batch", ids, rows, results, patient=True)
            for each in (ids, rows, results):
                each.clear()

        return take, flush

    def run(self) -> None:
        """Move lines to the spool, and have the spool drained, until the process ends."""
        while True:
            self.wake.wait(FLUSH_SECONDS)
            self.wake.clear()
            self.flush()
            self.drain_if_due()

    def flush(self) -> None:
        """Append the waiting lines to the spool; what cannot be written goes on waiting."""
        with self.writing:
            with self.guard:
                lines, refused, self.refused = self.lines[:], self.refused, 0
            if refused:
                self.dropped.inc(refused)
                self.warn(f"dropped {refused:,} rows: more than {MOST_WAITING:,} bytes wait to be written")
            try:
                if self.segment is None and lines:
                    self.segment = Segment(self.settings.spool, self.header)
                if self.segment is not None:
                    self.segment.append(lines)
                    if self.segment.is_due(self.settings.seconds):
                        self.segment.close()
                        self.segment = None
            except OSError as error:
                self.is_stuck = True
                self.warn(f"{self.settings.spool}: {error.strerror}; rows wait in memory")
                return
            self.is_stuck = False
            self.spooled.inc(len(lines))
            with self.guard:
                del self.lines[: len(lines)]
                self.size -= sum(map(len, lines))

    def drain_if_due(self) -> None:
        """Start the process that moves the spool to the store, once in a while for all workers; report its failure."""
        if self.drain is not None:
            if self.drain.poll() is None:
                return
            said = self.drain.communicate()[1].strip()
            if self.drain.returncode:
                self.failures.inc()
                self.warn(said or f"the process that writes it ended with {self.drain.returncode}")
            self.drain = None
        mark = self.settings.spool / "drained"
        with suppress(OSError):
            if not mark.exists():  # a new spool has nothing to move yet
                mark.touch()
            elif time.time() - mark.stat().st_mtime >= self.settings.seconds:
                mark.touch()
                self.drain = start_drain(self.settings.spool)

    def warn(self, message: str) -> None:
        """Log a warning, at most one a minute."""
        if self.warned is None or time.monotonic() - self.warned > QUIET_SECONDS:
            self.warned = time.monotonic()
            log.warning("prediction log: %s", message)

    def close(self) -> None:
        """Write what waits, when the process ends."""
        self.flush()
        if self.segment is not None:
            self.segment.close()


def new_id() -> str:
    """Make an id of 128 random bits, in a tenth of the time of uuid4; Python seeds each forked worker again."""
    return f"{random.getrandbits(128):032x}"


class Segment:
    """A spool file that this worker appends to. Its lock tells the drain that it is not finished.

    Raises:
        OSError: the spool cannot be written to, or is full.
    """

    def __init__(self, spool: Path, header: bytes) -> None:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = uuid.uuid4()
        new = spool / f"{name}.new"
        self.file = new.open("xb", buffering=0)
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self.spool, self.size, self.opened = spool, 0, time.monotonic()
        try:
            self.append([header])
            new.rename(spool / f"{name}.jsonl")  # locked before the drain can see it
        except OSError:
            self.file.close()
            new.unlink()
            raise

    def append(self, lines: Sequence[bytes]) -> None:
        """Write lines, all of them or none."""
        content = memoryview(b"".join(lines))
        if not content:
            return
        size = len(content)
        if sum(file.stat().st_size for file in self.spool.rglob("*.jsonl")) + size > MOST_SPOOLED:
            raise OSError(None, f"holds {MOST_SPOOLED:,} bytes that the store has not taken")
        try:
            while content:
                content = content[self.file.write(content) :]
            os.fsync(self.file.fileno())
        except OSError:
            self.file.truncate(self.size)
            self.file.seek(self.size)
            raise
        self.size += size

    def is_due(self, seconds: float) -> bool:
        """Tell whether the file is old or long enough for the store."""
        return time.monotonic() - self.opened >= seconds or self.size >= LONGEST_SEGMENT

    def close(self) -> None:
        """Hand the file over to the drain."""
        self.file.close()


def start_drain(spool: Path) -> "subprocess.Popen[str]":
    """Start `python -m webapp.prediction_log.drain`; its settings are in the environment."""
    root = Path(__file__).parent.parent.parent
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, "PREDICTION_LOG_SPOOL": str(spool)}
    command = [sys.executable, "-m", "webapp.prediction_log.drain"]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

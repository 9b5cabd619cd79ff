"""What every reader yields: frames with the table's columns and where each row came from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from stages.table.schema import INTERNAL
from stages.utils.errors import SourceError

BATCH_ROWS = 50_000  # rows that are read at a time

Frames = Iterator[pd.DataFrame]


@dataclass(frozen=True)
class File:
    """A file that is on this machine and unpacked."""

    path: Path
    shown: str  # how the table, a message and a metric name it: never a secret
    format: str
    facts: dict[str, Any] = field(default_factory=dict)  # what was read: bytes, sha256, etag


def checked_names(names: list[str], shown: str | Path) -> list[str]:
    """The column names; one without a name is called column_N.

    Raises:
        SourceError: a name stands twice, or is one that the pipeline uses itself.
    """
    names = [name or f"column_{number}" for number, name in enumerate(names, start=1)]
    for name in names:
        if names.count(name) > 1:
            places = [str(number) for number, other in enumerate(names, start=1) if other == name]
            raise SourceError(
                f"{shown}: columns {' and '.join(places)} are both named {name!r}; rename one in the file or the query"
            )
        if name in INTERNAL:
            raise SourceError(f"{shown}: the pipeline uses the column name {name!r} itself; rename it in the file")
    return names


def with_origin(
    frame: pd.DataFrame, file: str | Path, lines: Any, problems: list[str | None] | None = None
) -> pd.DataFrame:
    """The frame with `_file`, `_line` and `_problem`."""
    origin = {"_file": pd.Series([str(file)] * len(frame), dtype="str"), "_line": pd.Series(lines, dtype="int64")}
    problem = pd.Series(problems or [None] * len(frame), dtype="str")
    return pd.concat([frame.reset_index(drop=True), pd.DataFrame({**origin, "_problem": problem})], axis=1)

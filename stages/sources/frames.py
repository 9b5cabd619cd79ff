"""Frames: the pieces of a table that every reader yields, with the file and the line that each row came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.table.schema import INTERNAL
from stages.utils.errors import SourceError
from stages.utils.metrics_files import SourceFile

BATCH_ROWS = 50_000  # rows that are read at a time

Frames = Iterator[pd.DataFrame]


@dataclass
class File:
    """A file on this machine, unpacked."""

    path: Path
    format: str  # csv, tsv, parquet, …
    facts: SourceFile
    original: Path  # as found, perhaps packed
    state: str  # of `original` before it was unpacked and read
    done: int = 0  # bytes of `path` that have been read, where the format can tell

    @property
    def shown(self) -> str:
        """The name of the file in the table, in messages and in metrics: never a secret."""
        return self.facts.name


def checked_names(names: list[str], shown: str | Path) -> list[str]:
    """Return the column names, with column_N for an empty one.

    Raises:
        SourceError: a name occurs twice, or is one that the pipeline uses itself.
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
    frame: pd.DataFrame,
    file: str | Path,
    lines: list[int] | range | npt.NDArray[np.int64],
    problems: list[str | None] | None = None,
) -> pd.DataFrame:
    """Return the frame with the columns `_file`, `_line` and `_problem` (missing where a row has none)."""
    rows = range(len(frame))
    origin = {
        "_file": pd.Series(str(file), rows, dtype="str"),
        "_line": pd.Series(lines, rows, dtype="int64"),
        "_problem": pd.Series(problems, rows, dtype="str"),
    }
    return pd.concat([frame.reset_index(drop=True), pd.DataFrame(origin)], axis=1)

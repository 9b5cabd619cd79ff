"""Row ids: find the features that number the rows, from a summary of each part."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from stages.table.hashing import count_repeats, hash_rows, save_hashes
from stages.table.schema import TableSchema
from stages.utils.errors import LeakageError

FEWEST_ROWS = 20  # below this a column may well be sorted by chance


@dataclass
class Numbering:
    """The columns of one part that may number the rows."""

    rows: int
    # integer columns in strict order: first value, last value, direction (1 up, -1 down, 0 a single row)
    ends: dict[str, tuple[float, float, int]]
    distinct: dict[str, Path]  # text columns without repeats: where hashes of the values are


def numbering_of(frame: pd.DataFrame, schema: TableSchema, part: Path, hashes: Path) -> Numbering:
    """Find the integer features of one part that strictly rise or fall, and its text features that never repeat."""
    ends, distinct = {}, {}
    for position, column in enumerate(schema.fields):
        values = frame[column.name]
        if column.role != "feature" or len(values) == 0 or values.isna().any():
            continue
        if column.type == "string" and values.is_unique:
            distinct[column.name] = hashes / f"column-{position}"
            save_hashes(hash_rows(frame, [column.name]), distinct[column.name], part)
        elif column.type == "integer" and column.kind == "number":
            steps = set(np.sign(np.diff(values)).astype(int).tolist())
            if steps in (set(), {1}, {-1}):
                ends[column.name] = (float(values.iloc[0]), float(values.iloc[-1]), sum(steps))
    return Numbering(len(frame), ends, distinct)


def find_row_ids(parts: list[Numbering], schema: TableSchema) -> list[str]:
    """Return the features that number the rows of the whole table, in the schema's order."""
    parts = [part for part in parts if part.rows]
    rows = sum(part.rows for part in parts)
    found = []
    for name in schema.names("feature") if rows >= FEWEST_ROWS else []:
        if all(name in part.ends for part in parts):
            ends = [part.ends[name] for part in parts]
            between = {int(np.sign(after[0] - before[1])) for before, after in pairwise(ends)}
            numbers_rows = between | {step for _, _, step in ends if step} in ({1}, {-1})
        elif all(name in part.distinct for part in parts):
            numbers_rows = count_repeats(parts[0].distinct[name]) == 0
        else:
            numbers_rows = False
        if numbers_rows:
            found.append(name)
    return found


def check_row_ids(names: list[str], schema: TableSchema) -> None:
    """Raise a LeakageError for a feature that numbers the rows, unless the schema acknowledges it."""
    named = [name for name in names if not schema.column(name).leak]
    if named:
        raise LeakageError(
            f"schema.yaml: {', '.join(named)}: role is feature, but the values differ in every row, like those of a "
            f"row number or an id; set role: id (or ignore), or leak: acknowledged if it is a measurement"
        )

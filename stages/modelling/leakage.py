"""The leakage audit: features that number the rows, and columns (alone or a few together) that reproduce the target."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from stages.utils.errors import LeakageError
from stages.utils.moments import Moments, explained
from stages.utils.settings import FeaturesParams
from stages.utils.table_schema import TableSchema
from stages.utils.tables import Hashes, hash_rows

FEWEST_ROWS = 20  # below this a column may well be sorted by chance
LARGEST_SET = 3


@dataclass
class Numbering:
    """What one part says of columns that may number the rows."""

    rows: int
    ends: dict[
        str, tuple[float, float, int]
    ]  # of an integer column in strict order: first, last, 1 up, -1 down, 0 either
    distinct: dict[str, Hashes]  # of a text column without repeats: hashes of its values


def numbering_of(frame: pd.DataFrame, schema: TableSchema) -> Numbering:
    """Look at one part for integer features that strictly rise or fall, and for text features that never repeat."""
    ends, distinct = {}, {}
    for column in schema.fields:
        values = frame[column.name]
        if column.role != "feature" or len(values) == 0 or values.isna().any():
            continue
        if column.type == "string" and values.is_unique:
            distinct[column.name] = hash_rows(frame, [column.name])
        elif column.type == "integer" and column.kind == "number":
            steps = set(np.sign(np.diff(values)).astype(int).tolist())
            if steps in (set(), {1}, {-1}):
                ends[column.name] = (float(values.iloc[0]), float(values.iloc[-1]), sum(steps))
    return Numbering(len(frame), ends, distinct)


def find_row_ids(parts: list[Numbering], schema: TableSchema) -> list[str]:
    """The features that number the rows of the whole table, in the schema's order."""
    parts = [part for part in parts if part.rows]
    rows = sum(part.rows for part in parts)
    found = []
    for name in schema.names("feature") if rows >= FEWEST_ROWS else []:
        if all(name in part.ends for part in parts):
            ends = [part.ends[name] for part in parts]
            between = {int(np.sign(after[0] - before[1])) for before, after in pairwise(ends)}
            numbers_rows = between | {step for _, _, step in ends if step} in ({1}, {-1})
        elif all(name in part.distinct for part in parts):
            numbers_rows = len(np.unique(np.concatenate([part.distinct[name] for part in parts]))) == rows
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
            f"schema.yaml: {', '.join(named)}: role is feature, but every row has its own value, in order or as text, "
            f"as a row number or an id has; give role: id (or ignore), or leak: acknowledged if it is a measurement"
        )


def find_leaks(
    terms: Moments, blocks: dict[str, range], raw: Moments, numbers: list[str], params: FeaturesParams
) -> dict[str, Any]:
    """Columns that reproduce the target, from the moments of the training rows.

    Args:
        terms: moments of the feature map's terms and the target.
        blocks: for each column the positions of its terms.
        raw: moments of the numeric columns as they are and the target.
        numbers: names of the numeric columns, in the order of `raw`.

    Returns:
        `r2`: for each column the share of the target's variance that its curve explains alone; `columns`: those at or
        above `leak_r2`; `sets`: sets of up to three numeric columns whose weighted sum reaches `leak_set_r2`, found by
        adding the column that explains most (forward selection), and none of which does so without the others.
    """
    target = len(terms.mean) - 1
    r2 = {name: explained(terms.select([*block, target])) for name, block in blocks.items()}
    columns = [name for name, share in r2.items() if share >= params.leak_r2]
    sets = []
    free = [position for position, name in enumerate(numbers) if name not in columns]
    while found := reproducing_set(raw, free, params.leak_set_r2):
        sets.append(
            {"columns": [numbers[position] for position in found], "r2": explained(raw.select([*found, len(numbers)]))}
        )
        free = [position for position in free if position not in found]
    return {"r2": r2, "columns": columns, "sets": sets}


def reproducing_set(raw: Moments, free: list[int], enough: float) -> list[int] | None:
    """Up to three of the columns in `free` whose weighted sum explains `enough` of the last column, or None."""
    target = len(raw.mean) - 1
    chosen: list[int] = []
    while len(chosen) < min(LARGEST_SET, len(free)):
        shares = {column: explained(raw.select([*chosen, column, target])) for column in free if column not in chosen}
        chosen.append(max(shares, key=lambda column: shares[column]))
        if shares[chosen[-1]] >= enough:
            for column in list(chosen):
                rest = [other for other in chosen if other != column]
                if rest and explained(raw.select([*rest, target])) >= enough:
                    chosen = rest
            return sorted(chosen)
    return None


def check_leaks(audit: dict[str, Any], schema: TableSchema) -> None:
    """Raise a LeakageError for what `find_leaks` found, unless the schema acknowledges one column of each finding."""
    findings = [([name], audit["r2"][name]) for name in audit["columns"]]
    findings += [(found["columns"], found["r2"]) for found in audit["sets"]]
    unexplained = [
        f"{' and '.join(names)} explain{'s' * (len(names) == 1)} {share:.4%} of {schema.target.name}"
        for names, share in findings
        if not any(schema.column(name).leak for name in names)
    ]
    if unexplained:
        raise LeakageError(
            f"schema.yaml: {'; '.join(unexplained)}: known only together with the target? "
            f"give role: ignore, or leak: acknowledged if it is known beforehand"
        )

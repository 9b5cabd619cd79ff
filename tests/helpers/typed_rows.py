"""Typed rows of every kind, as they are in data/valid: edge cases for property tests, and many different ones."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from stages.table.parts import cut_into_parts, list_parts, write_part

PROPERTY = settings(max_examples=12, deadline=None)  # each example writes and reads several tables

FIELDS: list[dict[str, Any]] = [
    {"name": "row", "type": "integer", "role": "id"},
    {"name": "x", "type": "number"},
    {"name": "level", "type": "string"},
    {"name": "when", "type": "datetime"},
    {"name": "note", "type": "string", "role": "ignore"},
    {"name": "y", "type": "number", "role": "target"},
]
HASHED = ["x", "level", "when", "note"]

cells = st.tuples(
    st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1e300, float("nan")]),
    st.sampled_from(["a", "b", "", "ä 😀", None]),
    st.sampled_from([np.datetime64("2020-02-29T23:59:59"), np.datetime64("1969-12-31"), np.datetime64("NaT", "s")]),
    st.sampled_from(["", "n", None]),
)
tables = st.lists(cells, min_size=1, max_size=60)


def table(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Typed rows with FIELDS; `row` numbers them, the target differs from row to row."""
    x, level, when, note = zip(*rows, strict=True)
    columns = {
        "row": pd.Series(range(len(rows)), dtype="float64"),
        "x": pd.Series(x, dtype="float64"),
        "level": pd.Series(level, dtype="str"),
        "when": pd.Series(when).astype("datetime64[us]"),
        "note": pd.Series(note, dtype="str"),
        "y": pd.Series(range(len(rows)), dtype="float64") * 0.7,
    }
    return pd.DataFrame(columns)


def in_parts(frame: pd.DataFrame, parts: int) -> Iterator[pd.DataFrame]:
    """The rows cut into at most this many parts of equally many rows."""
    return cut_into_parts([frame], -(-len(frame) // parts))


def rng_table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Many different rows."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=rows)
    frame = table([(0.0, "a", np.datetime64("2020-01-01"), "")] * rows)
    return frame.assign(x=numbers, when=frame["when"] + pd.to_timedelta(rng.integers(0, 500, rows), unit="D"))


def written(frames: Iterator[pd.DataFrame] | Sequence[pd.DataFrame], folder: Path) -> list[Path]:
    """Write the frames as the parts of a table."""
    for number, part in enumerate(frames):
        write_part(part, folder, number)
    return list_parts(folder)

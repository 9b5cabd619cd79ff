"""Tables as directories of Parquet parts, in source order: reading and writing a part, sampling rows.

A part is a pandas DataFrame. Once typed (from data/valid on) a column is float64 for numbers, integers and booleans,
`str` for levels, datetime64[us] for dates. Columns whose name starts with an underscore are ours:
`_file`, `_line` (where a row came from), `_problem`, `_reasons`, `_hash`, `_fold`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.table.hashing import draw
from stages.utils.errors import DataError


def list_parts(directory: str | Path) -> list[Path]:
    """The parts of a table, in source order.

    Raises:
        DataError: there are none.
    """
    parts = sorted(Path(directory).glob("part-*.parquet"))
    if not parts:
        raise DataError(f"{directory}: no parts found; run the stage that writes them with `dvc repro`")
    return parts


def read_part(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read one part (or some of its columns)."""
    frame: pd.DataFrame = pq.read_table(path, columns=columns).to_pandas()
    return frame


def write_part(frame: pd.DataFrame, directory: Path, name: str | int) -> None:
    """Write one part; `name` is its number or the name of the part that it was made from."""
    directory.mkdir(exist_ok=True)
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(
        table, directory / (f"part-{name:05d}.parquet" if isinstance(name, int) else name), compression="zstd"
    )


def cut_into_parts(frames: Iterable[pd.DataFrame], rows: int) -> Iterator[pd.DataFrame]:
    """Cut a stream of frames of any length into frames of `rows` rows (the last one shorter)."""
    held: list[pd.DataFrame] = []
    for frame in frames:
        held.append(frame)
        while sum(map(len, held)) >= rows:
            whole = pd.concat(held, ignore_index=True)
            yield whole.iloc[:rows].reset_index(drop=True)
            held = [whole.iloc[rows:]]
    if sum(map(len, held)):
        yield pd.concat(held, ignore_index=True)


def sample_rows(parts: list[Path], rows: int, columns: list[str]) -> pd.DataFrame:
    """Draw `rows` rows without replacement (all, if there are fewer), in table order.

    They are those whose hash draws the smallest numbers, however the parts are cut (a bottom-k sample: Cohen & Kaplan
    2007, "Summarizing data using bottom-k sketches").
    """
    draws = [draw(read_part(part, ["_hash"])["_hash"].to_numpy(), "sample") for part in parts]
    chosen = np.zeros(sum(map(len, draws)), bool)
    chosen[np.argsort(np.concatenate(draws), kind="stable")[:rows]] = True
    frames, start = [], 0
    for part, drawn in zip(parts, draws, strict=True):
        mask = chosen[start : start + len(drawn)]
        start += len(drawn)
        if mask.any():
            frames.append(read_part(part, columns)[mask])
    if not frames:
        raise DataError(f"{parts[0].parent}: the table has no rows")
    return pd.concat(frames, ignore_index=True)

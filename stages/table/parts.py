"""Tables as directories of Parquet parts, in source order: read and write a part, sample rows.

A part is read as a pandas DataFrame, whole or some thousand rows at a time. In data/valid and after it, a column is
float64 for numbers, integers and booleans, `str` for levels, datetime64[us] for dates. The pipeline adds the columns of
`stages.table.schema.INTERNAL`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.table.hashing import Hashes, draw, mix
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats, Mask, Places
from stages.utils.errors import DataError
from stages.utils.parallel import map_parts

CHUNK_ROWS = 65_536  # in memory at a time, where a part is read in chunks


def list_parts(directory: str | Path) -> list[Path]:
    """Return the parts of a table, in source order.

    Raises:
        DataError: the table has no parts, or one before the last is gone.
    """
    parts = sorted(Path(directory).glob("part-*.parquet"))
    if not parts:
        raise DataError(f"{directory}: no parts found; run the stage that writes them with `dvc repro`")
    for number, part in enumerate(parts):
        if part.name != name_of(number):
            raise DataError(f"{part.with_name(name_of(number))}: no such file; remove {directory} and run `dvc repro`")
    return parts


def name_of(number: int) -> str:
    """Return the file name of a part."""
    return f"part-{number:05d}.parquet"


def row_counts(parts: list[Path]) -> list[int]:
    """Return how many rows each part has."""
    return [len(read_part(part, [])) for part in parts]


def read_part(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read one part, or some of its columns.

    Raises:
        DataError: the file is damaged or gone.
    """
    with explained_errors(path), pq.ParquetFile(path) as file:
        frame: pd.DataFrame = file.read(columns, use_threads=False).to_pandas(use_threads=False)
    return frame


def read_chunks(path: Path, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Read one part, or some of its columns, CHUNK_ROWS rows at a time; a part without rows has no chunk.

    Raises:
        DataError: the file is damaged or gone.
    """
    with explained_errors(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(CHUNK_ROWS, columns=columns, use_threads=False):
            yield batch.to_pandas(use_threads=False)


def read_column(path: Path, name: str) -> "pd.Series[Any]":
    """Read one column of one part."""
    return read_part(path, [name])[name]


def read_rows(path: Path, chosen: Mask) -> pd.DataFrame:
    """Read some rows of one part, a column at a time."""
    columns = without_rows(path)
    return (
        pd.DataFrame({name: read_column(path, name)[chosen] for name in map(str, columns)}) if chosen.any() else columns
    )


def without_rows(path: Path) -> pd.DataFrame:
    """Return the columns of one part, of which nothing else is read."""
    with explained_errors(path):
        frame: pd.DataFrame = pq.read_schema(path).empty_table().to_pandas()
    return frame


@contextmanager
def explained_errors(path: Path) -> Iterator[None]:
    """Turn the errors of a part that cannot be read into a DataError."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        cause = "no such file" if isinstance(error, FileNotFoundError) else error  # whose text is the path again
        raise DataError(
            f"{path}: not readable as Parquet ({cause}); remove {path.parent} and run `dvc repro`"
        ) from None


def row_weights(frame: pd.DataFrame, schema: TableSchema) -> Floats | None:
    """Return how much each of n rows counts (n,); None if the schema has no weight column, or every exposure is 1."""
    if schema.weight is None:
        return None
    weight: Floats = frame[schema.weight].to_numpy()
    return None if schema.exposure is not None and (weight == 1).all() else weight


def by_weight(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """Repeat and leave out rows so that each is there about as often as its weight says, in as many rows as before.

    Rows are drawn systematically, in table order. The frame itself is returned if the schema has no weight column.
    """
    weight = row_weights(frame, schema)
    if weight is None:
        return frame
    ends = np.floor(np.cumsum(weight) / weight.sum() * len(frame) + 0.5).astype(np.intp)
    return frame.iloc[np.repeat(np.arange(len(frame)), np.diff(ends, prepend=0))].reset_index(drop=True)


def write_part(frame: pd.DataFrame, directory: Path, name: str | int) -> None:
    """Write one part; `name` is its number, or the file name of the part that it was made from.

    A part is one row group, so that a value that repeats in it is in the dictionary once.
    """
    directory.mkdir(exist_ok=True)
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    table = table.combine_chunks()  # pages, too, end where the rows say, not where a block of the source ended
    integers = [field.name for field in table.schema if field.type == pa.int64()]  # such as line numbers, which rise
    pq.write_table(
        table,
        directory / (name_of(name) if isinstance(name, int) else name),
        compression="zstd",
        use_dictionary=[name for name in table.column_names if name not in ("_hash", *integers)],
        column_encoding=dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
    )


def cut_into_parts(frames: Iterable[pd.DataFrame], rows: int) -> Iterator[pd.DataFrame]:
    """Cut a stream of frames of any length into frames of `rows` rows; the last one may be shorter."""
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

    Each row draws a random number from its hash and its position in the table, and the smallest numbers win (a bottom-k
    sample: Cohen & Kaplan 2007, "Summarizing data using bottom-k sketches"). The position tells equal rows apart, so
    that a level or a combination keeps its share; the size of the parts does not matter.

    Raises:
        DataError: the table has no rows.
    """
    draws, places = np.empty(0, np.uint64), np.empty(0, np.intp)
    counts = row_counts(parts)
    ends = np.cumsum([0, *counts])
    by_part = map_parts(draw_rows, list(zip(parts, ends, strict=False)), local=True, rows=counts)
    for start, of_part in zip(ends, by_part, strict=False):
        low = np.flatnonzero(of_part < draws.max()) if len(draws) == rows else np.arange(len(of_part))
        draws, places = np.append(draws, of_part[low]), np.append(places, start + low)
        smallest = np.sort(np.argsort(draws, kind="stable")[:rows])  # of two that are equal the earlier row wins
        draws, places = draws[smallest], places[smallest]
    work = [
        (part, places[(start <= places) & (places < end)] - start)
        for part, start, end in zip(parts, ends, ends[1:], strict=False)
    ]
    samples = list(map_parts(take_rows, work, columns, local=True, rows=counts))
    if not len(places):
        raise DataError(f"{parts[0].parent}: the table has no rows")
    frame: pd.DataFrame = pa.concat_tables(samples).to_pandas()
    return frame


def draw_rows(item: tuple[Path, int]) -> Hashes:
    """Return the random numbers of the n rows of one part (n,); its first row has the given place in the table."""
    part, start = item
    hashes = read_part(part, ["_hash"])["_hash"].to_numpy(np.uint64)
    return draw(hashes ^ mix(np.arange(start, start + len(hashes), dtype=np.uint64)), "sample")


def take_rows(item: tuple[Path, Places], columns: list[str]) -> pa.Table:
    """Read the rows of one part at the given places, in ascending order; decode the levels of these rows only."""
    path, places = item
    with explained_errors(path):
        whole = pq.read_schema(path)
        schema = pa.schema([whole.field(name) for name in columns])
        levels = [field.name for field in schema if pa.types.is_large_string(field.type)]
        taken, start = [schema.empty_table()], 0
        with pq.ParquetFile(path, read_dictionary=levels) as file:
            for batch in file.iter_batches(CHUNK_ROWS, columns=columns, use_threads=False):
                end = start + len(batch)
                here = places[np.searchsorted(places, start) : np.searchsorted(places, end)] - start
                taken.append(pa.table(batch).take(here).select(columns).cast(schema))
                start = end
        return pa.concat_tables(taken)

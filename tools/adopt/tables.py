"""One pass over a whole table, a batch at a time: a profile of each column, and a sample of the rows."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from stages.sources import read_source
from stages.sources.frames import File
from stages.table.schema import INTERNAL
from stages.utils.arrays import Floats
from stages.utils.config import Source
from stages.utils.errors import SourceError
from tools.adopt.columns import update
from tools.adopt.dialect import Dialect
from tools.adopt.encoding import BLOCK
from tools.adopt.profile import Profile

SAMPLE = 25_000  # rows at the most
AT_ONCE = 20_000  # rows that a profile takes in at a time


def profile_text(files: list[File], dialect: Dialect) -> tuple[list[Profile], pd.DataFrame, list[str]]:
    """Profile CSV files by Arrow, which reads all cells as text; with remarks."""
    ragged: list[str] = []

    def note_ragged(row: Any) -> str:
        ragged.append("x")
        return "skip"

    def batches() -> Iterator[pa.RecordBatch]:
        names = dialect.raw_names if dialect.header else [f"f{n}" for n in range(len(dialect.names))]
        for file in files:
            reading = pa.csv.ReadOptions(
                block_size=BLOCK, encoding="utf8" if dialect.encoding == "utf-8" else dialect.encoding,
                autogenerate_column_names=not dialect.header,
            )  # fmt: skip
            parsing = pa.csv.ParseOptions(
                delimiter=dialect.delimiter, newlines_in_values=dialect.quoted, invalid_row_handler=note_ragged
            )
            converting = pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""],
                quoted_strings_can_be_null=True,
            )  # fmt: skip
            try:
                # a stream of Python's: Arrow's own would read far ahead, and hold all of that
                with file.path.open("rb") as stream, pa.csv.open_csv(stream, reading, parsing, converting) as reader:
                    for batch in reader:
                        yield batch.rename_columns(dialect.names)
            except pa.ArrowInvalid as error:
                raise SourceError(f"{file.shown}: not readable as CSV: {error}") from None

    profiles, sample = profile_table(dialect.names, batches())
    notes = [f"?{len(ragged)} rows have too many or too few cells: they go to quarantine"] if ragged else []
    if not profiles or profiles[0].rows == 0:
        raise SourceError(f"{files[0].shown}: a header and no rows; expected at least one row")
    return profiles, sample, notes


def profile_frames(source: Source) -> tuple[list[Profile], pd.DataFrame]:
    """Profile a table that comes as frames: Parquet, JSON Lines, databases."""
    names: list[str] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for frame in read_source(source):
            columns = [name for name in frame.columns if name not in INTERNAL]
            names[:] = columns
            arrays = [pa.array(as_column(frame[name]), from_pandas=True) for name in columns]
            arrays = [a.cast(pa.string()) if pa.types.is_large_string(a.type) else a for a in arrays]
            yield pa.RecordBatch.from_arrays(arrays, names=columns)

    stream = batches()
    first = next(stream, None)
    if first is None or len(first) == 0:
        raise SourceError(f"{source.uri}: no rows; expected at least one")

    def all_batches() -> Iterator[pa.RecordBatch]:
        yield first
        for batch in stream:
            yield batch if batch.schema == first.schema else batch.cast(first.schema, safe=False)

    return profile_table(first.schema.names, all_batches())


def as_column(values: pd.Series) -> pd.Series:
    """Integers with gaps may come as float64 in another batch: all numbers are float64 here."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    return values.astype("float64") if values.dtype.kind in "iuf" else values


def gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches joined to at least AT_ONCE rows, as far as there are rows."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= AT_ONCE:
            yield pa.concat_batches(waiting)
            waiting = []
    if waiting:
        yield pa.concat_batches(waiting)


def profile_table(names: list[str], batches: Iterable[pa.RecordBatch]) -> tuple[list[Profile], pd.DataFrame]:
    """Profiles of all the columns, and a sample of at most SAMPLE rows from the whole table as they were read."""
    profiles = [Profile(name) for name in names]
    kept: list[pa.RecordBatch] = []
    drawn: list[Floats] = []
    random, share = np.random.default_rng(0), 1.0  # not every n-th row: rows may come in periods, hour after hour
    updating: list[Future[None]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch in gathered(batches):
            for column in updating:  # in the background, while the next rows are read
                column.result()
            updating = [pool.submit(update, *both) for both in zip(profiles, batch.columns, strict=True)]
            draws = random.random(len(batch))
            kept.append(batch.filter(pa.array(draws < share)))
            drawn.append(draws[draws < share])
            while sum(map(len, kept)) > SAMPLE:
                share /= 2
                kept = [part.filter(pa.array(draws < share)) for part, draws in zip(kept, drawn, strict=True)]
                drawn = [draws[draws < share] for draws in drawn]
        for column in updating:
            column.result()
    sample = pa.Table.from_batches(kept).rename_columns(names).to_pandas() if kept else pd.DataFrame(columns=names)
    return profiles, sample

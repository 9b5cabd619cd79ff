"""One pass over a whole table, a batch at a time: a profile of each column, and a sample of the rows."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from stages.sources import read_source
from stages.sources.frames import File
from stages.table.schema import INTERNAL
from stages.utils.config import Source
from stages.utils.errors import SourceError
from tools.adopt.dialect import BLOCK, Dialect
from tools.adopt.profile import Profile, update

SAMPLE = 25_000  # rows at most
AT_ONCE = 20_000  # rows that a profile takes in at a time


def profile_text(files: list[File], dialect: Dialect) -> tuple[list[Profile], pd.DataFrame, int]:
    """Profile CSV files, which Arrow reads with all cells as text; counts rows with too many or too few cells."""
    ragged: list[Any] = []

    def note_ragged(row: Any) -> str:
        ragged.append(row.number)
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

    profiles, sample = profile_table(batches())
    if not profiles or profiles[0].rows == 0:
        raise SourceError(f"{files[0].shown}: a header and no rows; expected at least one row")
    return profiles, sample, len(ragged)


def profile_frames(source: Source) -> tuple[list[Profile], pd.DataFrame]:
    """Profile a table that comes as frames: Parquet, JSON Lines, databases."""

    def batches() -> Iterator[pa.RecordBatch]:
        for frame in read_source(source):
            columns = {name: as_column(frame[name]) for name in frame.columns if name not in INTERNAL}
            table = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
            texts = [pa.string() if pa.types.is_large_string(kind) else kind for kind in table.schema.types]
            yield from table.cast(pa.schema(zip(table.column_names, texts, strict=True))).to_batches()

    profiles, sample = profile_table(batches())
    if not profiles:
        raise SourceError(f"{source.uri}: no rows; expected at least one")
    return profiles, sample


def as_column(values: pd.Series) -> pd.Series:
    """Numbers as float64 (integers with gaps may come as such in another batch), categories as what they are."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    return values.astype("float64") if values.dtype.kind in "iuf" else values


def gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches joined to at least AT_ONCE rows, as far as there are rows; a column of nulls takes the others' type."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= AT_ONCE:
            yield joined(waiting)
            waiting = []
    if waiting:
        yield joined(waiting)


def joined(batches: list[Any]) -> pa.Table:
    """Batches or tables as one table."""
    tables = [pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch for batch in batches]
    return pa.concat_tables(tables, promote_options="permissive").combine_chunks()


def profile_table(batches: Iterable[pa.RecordBatch]) -> tuple[list[Profile], pd.DataFrame]:
    """Profiles of all the columns, and a random sample of at most SAMPLE rows as they were read.

    Rows are not taken at fixed steps: tables have periods, such as hour after hour.
    """
    profiles: list[Profile] = []
    kept: list[tuple[pa.Table, np.ndarray]] = []
    random, share = np.random.default_rng(0), 1.0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        updating: Iterator[None] = iter(())
        for table in gathered(batches):
            profiles = profiles or [Profile(name) for name in table.column_names]
            list(updating)  # in the background, while the next rows are read
            columns = [column.combine_chunks() for column in table.columns]
            updating = pool.map(update, profiles, columns)
            draws = random.random(len(table))
            kept.append(thinned(table, draws, share))
            while sum(len(part) for part, _ in kept) > SAMPLE:
                share /= 2
                kept = [thinned(part, drawn, share) for part, drawn in kept]
        list(updating)
    return profiles, joined([part for part, _ in kept]).to_pandas() if kept else pd.DataFrame()


def thinned(table: pa.Table, draws: np.ndarray, share: float) -> tuple[pa.Table, np.ndarray]:
    """The rows whose draw, uniform in [0, 1), is below a share."""
    return table.filter(pa.array(draws < share)), draws[draws < share]

"""One pass over a whole table, a frame at a time: a profile of each column, and a sample of the rows."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from stages.sources.frames import Frames
from stages.table.schema import INTERNAL
from stages.utils.errors import SourceError
from tools.adopt.profile import Profile, update

SAMPLE = 25_000  # rows at most


def profile_table(frames: Frames, shown: str) -> tuple[list[Profile], pd.DataFrame, int]:
    """Profiles of all the columns, a random sample of at most SAMPLE rows as they were read, and how many are ragged.

    Rows with too many or too few cells are only counted. Others are not taken at fixed steps: tables have periods, such
    as hour after hour.

    Raises:
        SourceError: there are no rows.
    """
    profiles: list[Profile] = []
    kept: list[tuple[pa.Table, np.ndarray]] = []
    ragged, random, share = 0, np.random.default_rng(0), 1.0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        updating: Iterator[None] = iter(())
        for frame in frames:
            is_ragged = frame["_problem"].notna()
            ragged += int(is_ragged.sum())
            table = as_table(frame[~is_ragged] if is_ragged.any() else frame)
            profiles = profiles or [Profile(name) for name in table.column_names]
            list(updating)  # in the background, while the next rows are read
            updating = pool.map(update, profiles, [column.combine_chunks() for column in table.columns])
            draws = random.random(len(table))
            kept.append(thinned(table, draws, share))
            while sum(len(part) for part, _ in kept) > SAMPLE:
                share /= 2
                kept = [thinned(part, drawn, share) for part, drawn in kept]
        list(updating)
    if not profiles or profiles[0].rows == 0:
        raise SourceError(f"{shown}: no rows; expected at least one")
    return profiles, pa.concat_tables([part for part, _ in kept], promote_options="permissive").to_pandas(), ragged


def as_table(frame: pd.DataFrame) -> pa.Table:
    """The table's own columns: text without empty cells, numbers as float64, categories as what they are."""
    columns = {name: as_column(frame[name]) for name in frame.columns if name not in INTERNAL}
    table = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
    for place, field in enumerate(table.schema):
        if pa.types.is_large_string(field.type):
            cells = table.column(place).cast(pa.string())
            table = table.set_column(place, field.name, pc.if_else(pc.equal(cells, ""), None, cells))
    return table


def as_column(values: pd.Series) -> pd.Series:
    """Numbers as float64 (integers with gaps may come as such in another frame), categories as what they are."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    return values.astype("float64") if values.dtype.kind in "iuf" else values


def thinned(table: pa.Table, draws: np.ndarray, share: float) -> tuple[pa.Table, np.ndarray]:
    """The rows whose draw, uniform in [0, 1), is below a share."""
    return table.filter(pa.array(draws < share)), draws[draws < share]

"""One pass over the whole table, a batch at a time: what is in each column, and a sample of the rows.

Memory is bounded: a column keeps its extremes, its levels while there are few of them, and how many cells each way of
reading it can read; of the rows every 2^k-th is kept.
"""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tools.adopt.readings import MARKS, WORDS, Reading, candidates, readable, unit_of

MOST_LEVELS = 1000
MOST_SPAN = 10_000  # of whole numbers whose levels are counted
SAMPLE = 50_000  # rows at the most
HEAD_TEXTS = 2000  # distinct texts that the ways of reading are chosen on
KEPT = 50  # distinct odd cells kept of each way of reading
SENTINELS = (-99.0, -100.0, -200.0, -999.0, -9999.0, -99999.0, -32768.0, 9999.0, 99999.0, 999999.0)
BLANK = pa.array(["", *MARKS, *WORDS], pa.string())


@dataclass
class Profile:
    """What one column holds."""

    name: str
    rows: int = 0
    blank: int = 0
    marks: Counter[str] = field(default_factory=Counter)  # missing marks, and how often
    numbers: int = 0  # cells that are plain numbers
    low: float = np.inf
    high: float = -np.inf
    second_low: float = np.inf  # the extremes without the sentinels
    second_high: float = -np.inf
    sentinels: Counter[str] = field(default_factory=Counter)  # as written
    whole: bool = True  # every plain number is an integer
    dotted: bool = False  # and yet written with a decimal mark
    leading_zero: bool = False
    steps: set[int] = field(default_factory=set)  # signs of the differences of neighbours
    last: float | None = None
    levels: Counter[str] | None = field(default_factory=Counter)  # None: too many
    readings: dict[Reading, int] | None = None  # cells that each can read, plain numbers left out
    odd: dict[Reading, Counter[str]] = field(default_factory=dict)  # cells that it cannot
    units: Counter[tuple[str, str]] = field(default_factory=Counter)
    typed: str = ""  # the type of a column that is no text: datetime or boolean

    @property
    def known(self) -> int:
        """Cells that hold something."""
        return self.rows - self.blank - sum(self.marks.values())


def update(profile: Profile, cells: pa.Array) -> None:
    """Add the cells of one batch."""
    profile.rows += len(cells)
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        update_typed(profile, cells)
        return
    profile.blank += cells.null_count
    settled_text = profile.readings == {} and profile.levels is None and profile.numbers == 0
    if settled_text or cells.null_count == len(cells):
        return
    if profile.readings is None:
        values = as_numbers(cells)
        if values is not None:
            update_numbers(profile, values, cells)
            return
    update_texts(profile, cells)


def as_numbers(cells: pa.Array) -> np.ndarray | None:
    """Plain finite numbers as float64, without the missing; None where a cell is none."""
    try:
        values = cells.cast(pa.float64()).drop_null().to_numpy()
    except pa.ArrowInvalid:
        return None
    return values if np.isfinite(values).all() else None


def update_numbers(profile: Profile, values: np.ndarray, cells: pa.Array | None) -> None:
    """Add plain numbers (and the cells that they were, where they were text)."""
    if len(values) == 0:
        return
    profile.numbers += len(values)
    low, high = float(values.min()), float(values.max())
    for extreme in {low, high} & set(SENTINELS):
        there = values == extreme
        texts = [f"{extreme:g}"] * int(there.sum())
        if cells is not None:  # the text as written: -200, -200.0
            texts = [str(text).strip() for text in cells.drop_null().filter(pa.array(there)).to_pylist()]
        profile.sentinels.update(texts)
    rest = values[~np.isin(values, SENTINELS)] if low in SENTINELS or high in SENTINELS else values
    if len(rest):
        profile.second_low = min(profile.second_low, float(rest.min()))
        profile.second_high = max(profile.second_high, float(rest.max()))
    profile.low, profile.high = min(profile.low, low), max(profile.high, high)
    if len(profile.steps) < 2 and 0 not in profile.steps:
        ordered = values if profile.last is None else np.concatenate([[profile.last], values])
        profile.steps |= set(np.unique(np.sign(np.diff(ordered))).astype(int).tolist())
        profile.last = float(values[-1])
    if profile.whole:
        profile.whole = bool((values == np.floor(values)).all())
    if profile.whole and cells is not None:
        profile.dotted = profile.dotted or bool(pc.any(pc.match_substring_regex(cells, "[.eE]")).as_py())
        profile.leading_zero = profile.leading_zero or bool(pc.any(pc.match_substring_regex(cells, r"^0\d")).as_py())
    count_levels(profile, values)


def count_levels(profile: Profile, values: np.ndarray) -> None:
    """Count the levels of whole numbers, while they are few."""
    if profile.levels is None:
        return
    if not profile.whole or profile.high - profile.low > MOST_SPAN:
        profile.levels = None
        return
    start = int(values.min())
    counts = np.bincount((values - start).astype(np.int64))
    places = np.flatnonzero(counts)
    profile.levels.update({str(start + place): int(counts[place]) for place in places.tolist()})
    if len(profile.levels) > MOST_LEVELS:
        profile.levels = None


def update_texts(profile: Profile, cells: pa.Array) -> None:
    """Add text cells: distinct ones are looked at once."""
    counted = pc.value_counts(pc.utf8_trim_whitespace(cells.drop_null()))
    texts, counts = counted.field("values").cast(pa.string()), np.asarray(counted.field("counts"))
    blank = np.asarray(pc.equal(texts, ""), dtype=bool)
    profile.blank += int(counts[blank].sum())
    is_mark = np.asarray(pc.is_in(texts, BLANK), dtype=bool)
    for text, count in zip(texts.filter(pa.array(is_mark & ~blank)).to_pylist(), counts[is_mark & ~blank], strict=True):
        profile.marks[text] += int(count)
    texts, counts = texts.filter(pa.array(~is_mark)), counts[~is_mark]
    if len(texts) == 0:
        return
    if profile.readings is None:
        values = as_numbers(texts)
        if values is not None:
            trimmed = pc.utf8_trim_whitespace(cells.drop_null())
            trimmed = trimmed.filter(pc.invert(pc.is_in(trimmed, BLANK)))
            update_numbers(profile, trimmed.cast(pa.float64()).to_numpy(), trimmed)
            return
        if profile.numbers and profile.levels:  # numbers came before, counted as numbers
            profile.levels = profile.levels if not profile.dotted else None
        profile.readings = dict.fromkeys(candidates(texts.slice(0, HEAD_TEXTS)), 0)
    if profile.levels is not None:
        for text, count in zip(texts.to_pylist()[: MOST_LEVELS + 1], counts.tolist(), strict=False):
            profile.levels[text] += int(count)
        if len(profile.levels) > MOST_LEVELS:
            profile.levels = None
    for reading in list(profile.readings):
        read = readable(texts, reading)
        profile.readings[reading] += int(counts[read].sum())
        odd = profile.odd.setdefault(reading, Counter())
        for text, count in zip(texts.filter(pa.array(~read)).slice(0, KEPT).to_pylist(), counts[~read], strict=False):
            if text in odd or len(odd) < KEPT:
                odd[text] += int(count)
        if profile.readings[reading] < 0.5 * (profile.known - profile.numbers):
            del profile.readings[reading], profile.odd[reading]
    if any(not reading.properties.get("bareNumber", True) for reading in profile.readings):
        profile.units.update(unit_of(text) for text in texts.slice(0, 5000).to_pylist() if any(map(str.isdigit, text)))


def update_typed(profile: Profile, cells: pa.Array) -> None:
    """Add cells of a column that has a type already (Parquet, SQL)."""
    if pa.types.is_boolean(cells.type):
        profile.typed = "boolean"
        profile.blank += cells.null_count
    elif pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
        profile.typed = "date" if pa.types.is_date(cells.type) else "datetime"
        profile.blank += cells.null_count
    elif pa.types.is_null(cells.type):
        profile.blank += len(cells)
    elif pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type) or pa.types.is_decimal(cells.type):
        values = cells.cast(pa.float64(), safe=False).drop_null().to_numpy()
        values = values[np.isfinite(values)]
        profile.blank += len(cells) - len(values)
        update_numbers(profile, values, None)
    else:
        profile.rows -= len(cells)
        update(profile, pa.array(cells.to_pandas().astype("str"), pa.string(), from_pandas=True))


def profile_table(names: list[str], batches: Iterable[pa.RecordBatch]) -> tuple[list[Profile], pd.DataFrame]:
    """Profiles of all the columns, and a sample of at most SAMPLE rows from the whole table as they were read."""
    profiles = [Profile(name) for name in names]
    kept: list[pa.RecordBatch] = []
    stride, start = 1, 0
    with ThreadPoolExecutor() as pool:
        for batch in batches:
            list(pool.map(update, profiles, batch.columns))
            kept.append(batch.take(pa.array(np.arange(-start % stride, len(batch), stride))))
            start += len(batch)
            while sum(map(len, kept)) > SAMPLE:
                table = pa.Table.from_batches(kept).combine_chunks()
                stride *= 2
                kept = table.take(pa.array(np.arange(0, len(table), 2))).to_batches()
    sample = pa.Table.from_batches(kept).rename_columns(names).to_pandas() if kept else pd.DataFrame(columns=names)
    return profiles, sample

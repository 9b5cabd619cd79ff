"""The profile of a column: what one pass over its cells keeps of them, in bounded memory."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stages.utils.arrays import Floats
from tools.adopt.readings import MARKS, WORDS, Reading, candidates, readable, units_of

MOST_LEVELS = 1000
MOST_SPAN = 10_000  # range of whole numbers whose levels are counted
HEAD_TEXTS = 2000  # distinct texts that the candidate readings are chosen on
KEPT = 50  # distinct unreadable cells kept for each reading
ENDS = 3  # cells kept at each end of a column of numbers
NO_VALUE = pa.array(["", *MARKS, *WORDS], pa.string())

Counts = npt.NDArray[np.int64]


@dataclass
class Profile:
    """Summary of the cells of one column."""

    name: str
    typed: str = ""  # type of a column that the source has typed, unless it holds numbers or text
    rows: int = 0
    blank: int = 0
    marks: Counter[str] = field(default_factory=Counter)  # missing marks, and how often
    numbers: int = 0  # cells that are plain numbers
    ends: Floats = field(default_factory=lambda: np.empty(0))  # the smallest and the largest of them, sorted
    whole: bool = True  # every plain number is an integer
    dotted: bool = False  # integers, but written with a decimal mark
    leading_zero: bool = False
    steps: set[int] = field(default_factory=set)  # signs of the differences of neighbours
    restarts: int | None = 0  # how often a count by ones goes back to its first number; None: it does not count so
    first: float | None = None
    last: float | None = None
    levels: Counter[str] | None = field(default_factory=Counter)  # None: too many
    readings: dict[Reading, int] | None = None  # cells that each can read, those of all-number batches left out
    odd: dict[Reading, Counter[str]] = field(default_factory=dict)  # cells that it cannot read
    units: Counter[tuple[str, str]] = field(default_factory=Counter)  # text before and after the number

    @property
    def known(self) -> int:
        """Number of cells that hold something."""
        return self.rows - self.blank - sum(self.marks.values())


def update(profile: Profile, cells: Any) -> None:
    """Add the cells of one batch, an Arrow array."""
    profile.rows += len(cells)
    kind = cells.type
    if pa.types.is_boolean(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        profile.typed = "boolean" if pa.types.is_boolean(kind) else "date" if pa.types.is_date(kind) else "datetime"
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = cells.cast(pa.float64(), safe=False).drop_null().to_numpy()
        finite = values[np.isfinite(values)]
        profile.blank += len(values) - len(finite)
        update_numbers(profile, finite, None)
    elif not pa.types.is_null(kind) and not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        cells = pa.array(cells.to_pandas().astype("str"), pa.string(), from_pandas=True)
    profile.blank += cells.null_count
    settled_text = profile.readings == {} and profile.levels is None and profile.numbers == 0
    if settled_text or cells.null_count == len(cells) or not pa.types.is_string(cells.type):
        return
    values = as_numbers(cells) if profile.readings is None else None
    if values is not None:
        update_numbers(profile, values, cells)
    else:
        update_texts(profile, cells)


def as_numbers(cells: pa.Array) -> Floats | None:
    """Finite float64 numbers of the cells that are not null; None if a cell is not a plain number."""
    try:
        values: Floats = cells.cast(pa.float64()).drop_null().to_numpy()
    except pa.ArrowInvalid:
        return None
    return values if np.isfinite(values).all() else None


def update_numbers(profile: Profile, values: Floats, cells: pa.Array | None) -> None:
    """Add plain numbers (and the cells that they were read from, if those were text)."""
    if len(values) == 0:
        return
    profile.numbers += len(values)
    if len(profile.ends) < 2 * ENDS or values.min() < profile.ends[ENDS - 1] or values.max() > profile.ends[ENDS]:
        profile.ends = ends_of(np.concatenate([profile.ends, values]))
    update_order(profile, values)
    if profile.whole:
        profile.whole = bool((values == np.floor(values)).all())
    if profile.whole and cells is not None:
        profile.dotted = profile.dotted or has_decimal_mark(cells)
        profile.leading_zero = profile.leading_zero or bool(
            pc.any(pc.starts_with(cells, "0")).as_py() and pc.any(pc.match_substring_regex(cells, r"^0\d")).as_py()
        )
    if profile.levels is None or not profile.whole or profile.ends[-1] - profile.ends[0] > MOST_SPAN:
        profile.levels = None
        return
    start = int(values.min())
    counts = np.bincount((values - start).astype(np.int64))
    found = np.flatnonzero(counts).tolist()
    profile.levels.update({str(start + position): int(counts[position]) for position in found})
    if len(profile.levels) > MOST_LEVELS:
        profile.levels = None


def ends_of(values: Floats) -> Floats:
    """The smallest and the largest ENDS values, sorted."""
    if len(values) <= 2 * ENDS:
        return np.sort(values)
    parted = np.partition(values, [ENDS - 1, len(values) - ENDS])
    return np.sort(np.concatenate([parted[:ENDS], parted[-ENDS:]]))


def update_order(profile: Profile, values: Floats) -> None:
    """Follow how the numbers go on from one row to the next, as long as they may be in order or a count."""
    if profile.first is None:
        profile.first = float(values[0])
    if len(profile.steps - {0}) == 2 and profile.restarts is None:
        return
    ordered = values if profile.last is None else np.concatenate([[profile.last], values])
    steps = np.diff(ordered)
    profile.steps |= {int(sign) for sign, there in ((1, steps > 0), (0, steps == 0), (-1, steps < 0)) if there.any()}
    if profile.restarts is not None:
        jumps = steps != 1
        counts = bool((ordered[1:][jumps] == profile.first).all())
        profile.restarts = profile.restarts + int(jumps.sum()) if counts else None
    profile.last = float(values[-1])


def has_decimal_mark(cells: pa.Array) -> bool:
    """Tell if any of the whole numbers is written with a decimal point or an exponent."""
    try:
        cells.cast(pa.int64())
    except pa.ArrowInvalid:
        return bool(pc.any(pc.match_substring_regex(cells, "[.eE]")).as_py())
    return False


def update_texts(profile: Profile, cells: pa.Array) -> None:
    """Add text cells: missing marks, then numbers if all the others are plain numbers, else text."""
    encoded = cells.drop_null().dictionary_encode()
    texts = pc.utf8_trim_whitespace(encoded.dictionary)
    positions = np.asarray(encoded.indices)
    counts = np.bincount(positions, minlength=len(texts))
    is_mark = np.asarray(pc.is_in(texts, NO_VALUE), dtype=bool)
    for text, count in zip(texts.filter(pa.array(is_mark)).to_pylist(), counts[is_mark].tolist(), strict=True):
        if text:
            profile.marks[text] += count
        else:
            profile.blank += count
    known = texts.filter(pa.array(~is_mark))
    if len(known) == 0:
        return
    if profile.readings is None:
        values = as_numbers(known)
        if values is not None:
            there = np.cumsum(~is_mark)[positions[~is_mark[positions]]] - 1
            update_numbers(profile, values[there], known.take(pa.array(there)))
            return
        if profile.dotted:  # numbers came before, and their levels were counted as numbers
            profile.levels = None
        profile.readings = dict.fromkeys(candidates(known.slice(0, HEAD_TEXTS)), 0)
    count_texts(profile, known, counts[~is_mark])


def count_texts(profile: Profile, texts: pa.Array, counts: Counts) -> None:
    """Count levels, the cells that each reading can and cannot read, and units, from distinct texts."""
    if profile.levels is not None:
        for text, count in zip(texts.slice(0, MOST_LEVELS + 1).to_pylist(), counts.tolist(), strict=False):
            profile.levels[text] += count
        if len(profile.levels) > MOST_LEVELS:
            profile.levels = None
    readings = profile.readings or {}
    for reading in list(readings):
        read = readable(texts, reading)
        readings[reading] += int(counts[read].sum())
        odd = profile.odd.setdefault(reading, Counter())
        for text, count in zip(texts.filter(pa.array(~read)).slice(0, KEPT).to_pylist(), counts[~read], strict=False):
            if text in odd or len(odd) < KEPT:
                odd[text] += int(count)
        if readings[reading] < 0.5 * (profile.known - profile.numbers):
            del readings[reading], profile.odd[reading]
    if any(not reading.properties.get("bareNumber", True) for reading in readings):
        profile.units.update(units_of(texts, counts))

"""Adding plain numbers to the profile of a column."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tools.adopt.profile import MOST_LEVELS, Profile

MOST_SPAN = 10_000  # of whole numbers whose levels are counted
SENTINELS = (-99.0, -100.0, -200.0, -999.0, -9999.0, -99999.0, -32768.0, 9999.0, 99999.0, 999999.0)


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
        profile.dotted = profile.dotted or has_mark(cells)
        profile.leading_zero = profile.leading_zero or bool(
            pc.any(pc.starts_with(cells, "0")).as_py() and pc.any(pc.match_substring_regex(cells, r"^0\d")).as_py()
        )
    count_levels(profile, values)


def has_mark(cells: pa.Array) -> bool:
    """Whether any of the whole numbers is written with a decimal point or an exponent."""
    try:
        cells.cast(pa.int64())
    except pa.ArrowInvalid:
        return bool(pc.any(pc.match_substring_regex(cells, "[.eE]")).as_py())
    return False


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

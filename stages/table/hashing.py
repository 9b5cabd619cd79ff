"""Row hashes, and random numbers from them: rows are split, sampled and compared without regard to their order.

The hashes of a whole table are kept in files, a sorted array per part, and counted a range of values at a time, so that
memory does not grow with the table.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Hashes = npt.NDArray[np.uint64]

# the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators")
GAMMA, MIX_1, MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SALTS = {"side": 1, "fold": 2, "sample": 3, "bootstrap": 4}  # independent uses of one hash
RANGE_ROWS = 2_000_000  # hashes of a table that are in memory at a time, about


def hash_rows(frame: pd.DataFrame, columns: Iterable[str]) -> Hashes:
    """Return a 64-bit hash of each row's values in `columns` (n,); the order of the columns does not matter.

    Numbers are hashed as float64, so that 1 equals 1.0 and 0.0 equals -0.0. All missing cells are equal.
    """
    return hash_groups(frame, [list(columns)])[0]


def hash_groups(frame: pd.DataFrame, groups: Sequence[Sequence[str]]) -> list[Hashes]:
    """Return the hashes of each row's values in several groups of columns (see `hash_rows`); each column is read once.

    Groups of the same columns share one array.
    """
    found = {frozenset(group): np.zeros(len(frame), np.uint64) for group in groups}
    for name in sorted(frozenset().union(*found)):
        values = frame[name] + 0.0 if frame[name].dtype.kind == "f" else frame[name]
        hashes = np.asarray(pd.util.hash_pandas_object(values, index=False), np.uint64)
        for group in found:
            if name in group:
                found[group] = mix(found[group] ^ hashes)
    return [found[frozenset(group)] for group in groups]


def mix(hashes: Hashes) -> Hashes:
    """Map 64-bit numbers one to one to numbers that look random."""
    hashes = hashes + GAMMA
    hashes = (hashes ^ (hashes >> np.uint64(30))) * MIX_1
    hashes = (hashes ^ (hashes >> np.uint64(27))) * MIX_2
    mixed: Hashes = hashes ^ (hashes >> np.uint64(31))
    return mixed


def draw(hashes: Hashes, use: str, seed: int = 0) -> Hashes:
    """Turn row hashes into random numbers for one use (a key of SALTS), independent of those for other uses."""
    salt = mix(np.full(1, seed * len(SALTS) + SALTS[use], np.uint64))
    return mix(hashes ^ salt)


def save_hashes(hashes: Hashes, directory: Path, part: Path) -> None:
    """Save n hashes (n,) of the rows of one part."""
    directory.mkdir(parents=True, exist_ok=True)
    np.save(directory / part.with_suffix(".npy").name, np.sort(hashes))


def count_repeats(directory: Path) -> int:
    """Return how many rows repeat the hash of another one."""
    return sum(int((hashes[1:] == hashes[:-1]).sum()) for [hashes] in in_ranges(directory))


def count_members(directory: Path, among: Path) -> int:
    """Return how many rows have the hash of one of the rows in `among`."""
    return sum(
        int((np.searchsorted(others, hashes, "right") > np.searchsorted(others, hashes, "left")).sum())
        for hashes, others in in_ranges(directory, among)
    )


def in_ranges(*directories: Path) -> Iterator[list[Hashes]]:
    """Yield all hashes, a range of values at a time: for each directory a sorted array."""
    files = [list(directory.glob("*.npy")) for directory in directories]
    rows = max(sum(file.stat().st_size for file in those) // 8 for those in files)
    ranges = 1 + rows // RANGE_ROWS
    for first, end in pairwise((number << 64) // ranges for number in range(ranges + 1)):
        yield [
            np.sort(np.concatenate([between(file, first, end - 1) for file in those]), kind="stable")  # merges runs
            for those in files
        ]


def between(file: Path, first: int, last: int) -> Hashes:
    """Return the hashes of one file from `first` to `last`, both included."""
    hashes = np.load(file, mmap_mode="r")
    start, end = np.searchsorted(hashes, np.uint64(first)), np.searchsorted(hashes, np.uint64(last), "right")
    return np.array(hashes[start:end])  # a copy: pages of the file that stay mapped count as memory

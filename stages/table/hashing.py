"""Row hashes, and random numbers from them: rows are split, sampled and compared without regard to their order."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Hashes = npt.NDArray[np.uint64]

# the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators")
GAMMA, MIX_1, MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SALTS = {"side": 1, "fold": 2, "sample": 3, "bootstrap": 4}  # independent uses of one hash


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


def count_repeats(hashes: Hashes) -> int:
    """Sort n hashes (n,) in place, and return how many repeat another one (in a fiftieth of np.unique's time)."""
    hashes.sort()
    return int((hashes[1:] == hashes[:-1]).sum())


def count_members(hashes: Hashes, among: Hashes) -> int:
    """Return how many of n hashes (n,) are among those of a sorted array."""
    return int((np.searchsorted(among, hashes, "right") > np.searchsorted(among, hashes, "left")).sum())


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

"""Adding cells of text to the profile of a column; distinct ones are looked at once."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tools.adopt.numbers import as_numbers, update_numbers
from tools.adopt.profile import MOST_LEVELS, Profile
from tools.adopt.readings import MARKS, WORDS, candidates, readable, units_of

HEAD_TEXTS = 2000  # distinct texts that the ways of reading are chosen on
KEPT = 50  # distinct odd cells kept of each way of reading
BLANK = pa.array(["", *MARKS, *WORDS], pa.string())

Counts = npt.NDArray[np.int64]


def update_texts(profile: Profile, cells: pa.Array) -> None:
    """Add text cells: missing marks, then numbers as far as all the others are plain numbers, else text."""
    encoded = cells.drop_null().dictionary_encode()
    texts = pc.utf8_trim_whitespace(encoded.dictionary)
    places = np.asarray(encoded.indices)
    counts = np.bincount(places, minlength=len(texts))
    is_mark = np.asarray(pc.is_in(texts, BLANK), dtype=bool)
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
            there = np.cumsum(~is_mark)[places[~is_mark[places]]] - 1
            update_numbers(profile, values[there], known.take(pa.array(there)))
            return
        if profile.dotted:  # numbers came before, and their levels were counted as numbers
            profile.levels = None
        profile.readings = dict.fromkeys(candidates(known.slice(0, HEAD_TEXTS)), 0)
    count_texts(profile, known, counts[~is_mark])


def count_texts(profile: Profile, texts: pa.Array, counts: Counts) -> None:
    """Count levels, the cells that each way reads and does not, and units, of distinct texts."""
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

"""Row hashes: equal for equal rows, whatever the order, random enough to split by, counted however many there are."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.table import hashing
from stages.table.hashing import Hashes, count_members, count_repeats, draw, hash_rows, save_hashes
from tests.helpers.typed_rows import HASHED, PROPERTY, rng_table, table, tables


@PROPERTY
@given(tables)
def test_hash_of_a_row(rows: list[tuple[Any, ...]]) -> None:
    frame = table(rows)
    hashes = hash_rows(frame, HASHED)
    assert (hashes == hash_rows(frame[frame.columns[::-1]], HASHED[::-1])).all()
    assert (hashes == hash_rows(frame.assign(x=frame["x"].replace(0.0, -0.0)), HASHED)).all()
    assert (hashes == np.concatenate([hash_rows(frame.iloc[[row]], HASHED) for row in range(len(frame))])).all()
    distinct = frame.assign(x=frame["x"] + 0.0).drop_duplicates(HASHED)
    assert len(np.unique(hashes)) == len(distinct)


def test_hash_tells_columns_apart() -> None:
    one = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 1.0]})
    assert len(np.unique(hash_rows(one, ["a", "b"]))) == 2
    assert len(np.unique(hash_rows(one, ["a"]))) == 2
    assert hash_rows(one, ["a"])[0] == hash_rows(one, ["b"])[1]


def test_side_and_fold_are_independent() -> None:
    hashes = hash_rows(rng_table(20_000), HASHED)
    folds, sides = draw(hashes, "fold") % np.uint64(5), draw(hashes, "side") < np.uint64(2**63)
    counts = pd.crosstab(folds, sides).to_numpy()
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    assert ((counts - expected) ** 2 / expected).sum() < 18.5  # chi squared of 4 degrees of freedom, 0.1 %


LARGEST = 2**64 - 1
tables_of_hashes = st.lists(  # of parts; some values are frequent, and the ends of the ranges among them
    st.lists(st.sampled_from([0, 1, 2**62, 2**63 - 1, 2**63, LARGEST]) | st.integers(0, LARGEST), max_size=12),
    min_size=1,
    max_size=5,
)


def saved(table: list[list[int]], directory: Path) -> Hashes:
    """Save a table's hashes; return them all."""
    parts = [np.array(part, np.uint64) for part in table]
    for number, part in enumerate(parts):
        save_hashes(part, directory, Path(f"part-{number}.parquet"))
    return np.concatenate(parts)


@pytest.mark.parametrize("range_rows", [1, 7, 10_000])
def test_counts_do_not_depend_on_the_ranges(range_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "RANGE_ROWS", range_rows)

    @PROPERTY
    @given(tables_of_hashes, tables_of_hashes)
    def check(one: list[list[int]], other: list[list[int]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            hashes, others = saved(one, Path(folder, "one")), saved(other, Path(folder, "other"))
            assert count_repeats(Path(folder, "one")) == len(hashes) - len(np.unique(hashes))
            assert count_members(Path(folder, "one"), Path(folder, "other")) == np.isin(hashes, others).sum()

    check()

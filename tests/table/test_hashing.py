"""Row hashes: equal for equal rows, whatever the order, and random enough to split by."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given

from stages.table.hashing import draw, hash_rows
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

"""Parts: any cut holds the same rows, and a sample of rows does not depend on it."""

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.sources.csv_rows import csv_frame
from stages.table.hashing import draw, hash_rows
from stages.table.parts import cut_into_parts, list_parts, read_part, row_counts, sample_rows, write_part
from stages.utils.errors import DataError
from stages.utils.parallel import map_parts
from tests.helpers.typed_rows import HASHED, PROPERTY, in_parts, rng_table, table, tables, written


@pytest.mark.parametrize("lengths", [[10], [3, 0, 5, 1, 1], [1] * 10, [0, 10, 0]])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 10, 11])
def test_parts_of_any_size_hold_the_same_rows(lengths: list[int], rows: int) -> None:
    whole = pd.DataFrame({"n": np.arange(10), "s": pd.Series(list("abcdefghij"), dtype="str")})
    ends = np.cumsum([0, *lengths])
    frames = [whole.iloc[start:end] for start, end in itertools.pairwise(ends)]
    parts = list(cut_into_parts(frames, rows))
    assert [len(part) for part in parts] == [rows] * (10 // rows) + [10 % rows] * (10 % rows > 0)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_no_rows_are_no_parts() -> None:
    assert list(cut_into_parts([], 5)) == []
    assert list(cut_into_parts([pd.DataFrame({"n": []})], 5)) == []


def test_a_part_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [(2, ["1", "é\n"]), (4, ["", "x"]), (5, ["3"])]
    part = csv_frame(rows, ["a", "b"], "table.csv")  # the last row is too short
    write_part(part, tmp_path, 12)
    pd.testing.assert_frame_equal(read_part(tmp_path / "part-00012.parquet"), part)


@PROPERTY
@given(tables, st.integers(2, 5), st.integers(1, 80))
def test_sample_does_not_depend_on_the_parts(rows: list[tuple[Any, ...]], cuts: int, size: int) -> None:
    frame = table(rows).assign(_hash=hash_rows(table(rows), HASHED))
    samples = []
    for count in (cuts, 1):
        with tempfile.TemporaryDirectory() as directory:
            samples.append(sample_rows(written(in_parts(frame, count), Path(directory)), size, ["row", "x"]))
    pd.testing.assert_frame_equal(*samples)
    assert len(samples[0]) == min(size, len(rows))
    assert samples[0]["row"].is_monotonic_increasing
    assert samples[0]["row"].is_unique
    assert samples[0].columns.tolist() == ["row", "x"]


def test_sample_is_uniform(tmp_path: Path) -> None:
    frame = rng_table(20_000)
    frame = frame.assign(_hash=hash_rows(frame, HASHED))
    sample = sample_rows(written(cut_into_parts([frame], 7000), tmp_path), 4000, ["row", "x", "_hash"])
    assert len(sample) == 4000
    for column in ("row", "x"):
        deciles = np.searchsorted(np.quantile(frame[column], np.linspace(0.1, 0.9, 9)), sample[column])
        counts = np.bincount(deciles, minlength=10)
        assert ((counts - 400.0) ** 2 / 400).sum() < 27.9  # chi squared of 9 degrees of freedom, 0.1 %
    share_held = (draw(sample["_hash"].to_numpy(np.uint64), "side") < np.uint64(2**62)).mean()
    assert share_held == pytest.approx(0.25, abs=0.03)  # which rows are sampled says nothing of their side


@pytest.mark.parametrize("part_rows", [700, 20_000])
def test_sample_of_equal_rows(tmp_path: Path, part_rows: int) -> None:
    """Rows are drawn, not distinct hashes: each of 100 values keeps its share of the sample."""
    frame = pd.DataFrame({"x": np.arange(20_000) % 100.0})
    parts = written(cut_into_parts([frame.assign(_hash=hash_rows(frame, ["x"]))], part_rows), tmp_path)
    counts = sample_rows(parts, 5000, ["x"])["x"].value_counts()
    assert len(counts) == 100
    assert ((counts - 50.0) ** 2 / 50).sum() < 149  # chi squared of 99 degrees of freedom, 0.1 %


DAMAGE = {
    "damaged": lambda path: path.write_bytes(path.read_bytes()[:4] + bytes(16) + path.read_bytes()[20:]),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "deleted": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_part_that_goes_under_way_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, workers: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(f"source: {{uri: sklearn://diabetes}}\ncompute: {{workers: {workers}}}\n")
    parts = written([rng_table(10), rng_table(10)], Path("parts"))
    assert row_counts(parts) == [10, 10]
    DAMAGE[damage](parts[1])
    with pytest.raises(DataError, match=r"(?s)part-00001.parquet: not readable as Parquet .*; remove parts and run"):
        list(map_parts(read_part, parts))


def test_a_part_that_is_gone_is_missed(tmp_path: Path) -> None:
    parts = written([rng_table(10)] * 3, tmp_path / "parts")
    parts[1].unlink()
    with pytest.raises(DataError, match=r"part-00001.parquet: no such file; remove .*parts and run `dvc repro`"):
        list_parts(tmp_path / "parts")


def test_sample_of_parts_without_rows(tmp_path: Path) -> None:
    frame = rng_table(10).assign(_hash=hash_rows(rng_table(10), HASHED))
    parts = written([frame.head(0), frame, frame.head(0)], tmp_path / "parts")
    assert sample_rows(parts, 20, ["row"])["row"].tolist() == list(range(10))
    with pytest.raises(DataError, match="no rows"):
        sample_rows(written([frame.head(0)], tmp_path / "empty"), 20, ["row"])

"""Outputs are written as a whole or not at all, and as the same bytes whatever the process did before."""

import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest

from stages.utils.files import md5_of, replacing, write_arrays, write_pickle


def table_at(path: Path, content: str) -> Path:
    """A directory with one file in it."""
    path.mkdir(parents=True)
    (path / "part").write_text(content)
    return path


@pytest.mark.parametrize("killed_before", [False, True], ids=["clean", "killed between the two moves"])
@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_a_directory_is_replaced_only_by_a_complete_one(tmp_path: Path, killed_before: bool, fails: bool) -> None:
    table = tmp_path / "raw"
    if killed_before:
        table_at(tmp_path / ".partial.old.raw", "last good")
        table_at(tmp_path / ".partial.raw", "half")
    else:
        table_at(table, "last good")
    try:
        with replacing(table) as partial:
            table_at(partial, "new")
            if fails:
                raise ValueError("cut off")
    except ValueError:
        assert fails
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
    assert (table / "part").read_text() == ("last good" if fails else "new")


def test_pickle_does_not_depend_on_what_is_one_object(tmp_path: Path) -> None:
    """What comes from another process is a copy: its strings, tuples and types of arrays are objects of their own."""
    places, numbers = (3, 16), np.arange(3.0)
    found = [places, ("age", places, 0.5), "age", numbers, numbers * 2, np.arange(2), places]
    copies = [pickle.loads(pickle.dumps(each)) for each in found]
    assert copies[3].dtype is not numbers.dtype
    for file, content in (("one", found), ("two", copies)):
        write_pickle(tmp_path / file, content)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert joblib.load(tmp_path / "one")[4].tolist() == [0.0, 2.0, 4.0]


def test_arrays_have_the_same_bytes_by_every_release_of_python(tmp_path: Path) -> None:
    write_arrays(tmp_path / "arrays.npz", {"n": [1, 2], "x": np.arange(12.0).reshape(3, 4)})
    assert md5_of(tmp_path / "arrays.npz") == "593ec884b26e63269ce64e5bb37430e8"
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["n"].tolist() == [1, 2]
        assert (arrays["x"] == np.arange(12.0).reshape(3, 4)).all()

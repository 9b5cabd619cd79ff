"""Output files: written as a whole or not at all, and with the same bytes every time."""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 12  # significant digits of a float in a metric or plot: more than anybody needs, fewer than may differ
ALL_DIGITS = 17  # significant digits that restore a float64 exactly: for the scorecard


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or a directory to; move it to `path` when the block succeeds.

    The old content of `path` stays until then, and after a failure. The name is fixed, so that the next run removes
    the leftovers of a killed one.
    """
    path = Path(path)
    partial = path.with_name(f".partial.{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    old = path.with_name(f".partial.old.{path.name}")
    if old.exists() and not path.exists():  # an earlier run was killed between the two moves below
        old.rename(path)
    remove(old)
    remove(partial)
    try:
        yield partial
        if path.is_dir():  # a directory cannot be replaced in one step
            path.rename(old)
            try:
                partial.rename(path)
            except BaseException:  # Ctrl-C, too
                old.rename(path)
                raise
            remove(old)
        else:
            os.replace(partial, path)
    except BaseException:  # Ctrl-C, too: nothing half-written stays
        remove(partial)
        raise


def remove(path: Path) -> None:
    """Remove a file or a directory tree if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Return `value` with floats rounded to so many significant digits and numpy scalars turned into Python's."""
    if isinstance(value, dict):
        return {str(key): rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    return value


def write_json(path: str | Path, content: Any, digits: int = DIGITS) -> None:
    """Write JSON with sorted keys and floats rounded to so many significant digits.

    Raises:
        ValueError: a float is NaN or infinite.
    """
    text = json.dumps(rounded(content, digits), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    with replacing(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def write_pickle(path: str | Path, content: Any) -> None:
    """Write a fitted scikit-learn object as joblib does, always in the same pickle protocol.

    Equal strings, tuples of them or of numbers, and types of arrays are written as one object: whether they are one
    depends on what the process has done before, and on what came from another process.
    """
    import numpy as np
    from joblib.numpy_pickle import NumpyPickler

    known: dict[str, Any] = {}

    class Pickler(NumpyPickler):  # type: ignore[misc]
        def save(self, value: Any) -> None:
            is_tuple = type(value) is tuple and all(type(item) in (int, float, str) for item in value)
            is_dtype = isinstance(value, np.dtype) and value.kind in "biufmM"
            if type(value) is str or is_tuple or is_dtype:
                value = known.setdefault(repr(value), value)
            super().save(value)

    with replacing(path) as partial, partial.open("wb") as file:
        Pickler(file, protocol=5).dump(content)


def write_arrays(path: str | Path, arrays: dict[str, Any]) -> None:
    """Write arrays as `np.savez` does, but with the same bytes by every release of Python.

    np.savez asks for ZIP64 fields that hold nothing, and releases of Python 3.11 fill them in differently.
    """
    import numpy as np

    with replacing(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, content in arrays.items():
            array = np.asarray(content)
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.file_size = array.nbytes  # an entry above 2 GB does need ZIP64
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def md5_of(path: str | Path) -> str:
    """Return the md5 of a file, as in dvc.lock."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def md5_of_directory(path: str | Path) -> tuple[str, int]:
    """Return the md5 of a directory, as in dvc.lock (of the JSON list of its files), and its size in bytes."""
    files = sorted(file for file in Path(path).rglob("*") if file.is_file())
    listing = [{"md5": md5_of(file), "relpath": file.relative_to(path).as_posix()} for file in files]
    text = json.dumps(listing, sort_keys=True)
    md5 = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return f"{md5}.dir", sum(file.stat().st_size for file in files)


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_csv(path: str | Path, frame: "pd.DataFrame") -> None:
    """Write the data points of a plot, floats with 12 significant digits."""
    with replacing(path) as partial:
        frame.to_csv(partial, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n", encoding="utf-8")

"""Where a table comes from: one resolver from `config.yaml:source` to a stream of frames, cells as read.

To add a source, write a function that takes the `Source` and yields frames, and enter it in SCHEMES; to add a file
format, one that takes a path, and enter it in FORMATS. Every frame has the table's columns (text from text files, typed
from the rest), `_file` and `_line` (the line in a text file, else the number of the row, from 1), and `_problem`
(missing, or why the row cannot be used: validate quarantines it).
"""

import csv
import itertools
from collections.abc import Callable, Iterator
from glob import glob
from pathlib import Path
from typing import Any

import pandas as pd

from stages.utils.errors import SettingsError, SourceError
from stages.utils.settings import Source, nearest
from stages.utils.table_schema import INTERNAL

SOURCE_DIR = Path("data/source")
BATCH_ROWS = 50_000  # rows that are read at a time


def read_source(source: Source) -> Iterator[pd.DataFrame]:
    """Stream the table that `source.uri` names.

    Raises:
        SettingsError: nothing can read this URI.
        SourceError: it cannot be found or read.
    """
    scheme = source.uri.partition("://")[0] if "://" in source.uri else "file"
    if scheme not in SCHEMES:
        raise SettingsError(
            f"config.yaml: source.uri: found {source.uri!r}; nothing reads {scheme}://; "
            f"allowed: {SOURCE_DIR}/FILE, {', '.join(f'{name}://' for name in SCHEMES if name != 'file')}"
            f"{nearest(scheme, list(SCHEMES))}"
        )
    return SCHEMES[scheme](source)


def read_files(source: Source) -> Iterator[pd.DataFrame]:
    """Every file that matches the path or glob, in the order of their names; all have the same columns."""
    pattern = source.uri.removeprefix("file://")
    if SOURCE_DIR.resolve() not in Path(pattern).resolve().parents:
        raise SettingsError(
            f"config.yaml: source.uri: found {pattern!r}; expected a file under {SOURCE_DIR}/, "
            f"which DVC watches for changes: copy it there"
        )
    names = [pattern] if Path(pattern).is_file() else glob(pattern, recursive=True)
    paths = sorted(shown_path(name) for name in names if Path(name).is_file())
    if not paths:
        there = sorted(str(path) for path in SOURCE_DIR.rglob("*") if path.is_file() and not path.name.startswith("."))
        raise SourceError(
            f"{pattern}: no such file{nearest(pattern, there)}; put it there or mend config.yaml: source.uri"
        )
    columns: list[str] = []
    for path in paths:
        suffix = path.suffix.lower()
        if suffix not in FORMATS:
            raise SourceError(
                f"{path}: nothing reads files of type {suffix or '(none)'}; allowed: {', '.join(FORMATS)}"
            )
        for frame in FORMATS[suffix](path, source):
            found = [name for name in frame.columns if name not in INTERNAL]
            columns = columns or found
            if found != columns:
                odd = sorted(set(found) ^ set(columns)) or found
                raise SourceError(f"{path}: its columns differ from those of {paths[0]}: {', '.join(odd)}")
            yield frame


def shown_path(name: str) -> Path:
    """A path relative to the repository's root, as it is written into the table: the same on every machine."""
    path = Path(name)
    return path.resolve().relative_to(Path.cwd()) if path.is_absolute() else path


def read_csv_file(path: Path, source: Source) -> Iterator[pd.DataFrame]:
    """A CSV file, every cell as text, as Python's csv module reads it (RFC 4180; quoted cells may hold line breaks)."""
    encoding = "utf-8-sig" if source.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else source.encoding
    delimiter = "\t" if path.suffix.lower() == ".tsv" else source.delimiter
    reader = None
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = next((row for row in reader if row), None)
            if header is None:
                raise SourceError(f"{path}: the file is empty; expected a header and rows")
            columns = checked_names([name.strip() for name in header], path)
            while batch := list(itertools.islice(numbered(reader), BATCH_ROWS)):
                yield csv_frame(batch, columns, path)
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path}: byte 0x{error.object[error.start]:02x} after line {reader.line_num if reader else 0} is not "
            f"{source.encoding}; set config.yaml: source.encoding (say latin-1 or cp1252)"
        ) from None
    except UnicodeError as error:
        raise SourceError(f"{path}: not {source.encoding}: {error}; set config.yaml: source.encoding") from None
    except LookupError:
        raise SettingsError(f"config.yaml: source.encoding: unknown encoding {source.encoding!r}; say utf-8") from None
    except csv.Error as error:
        line = reader.line_num if reader else 0
        raise SourceError(f"{path}: line {line}: {error}; is a quote left open, or is it no CSV file?") from None


def numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank with the number of the line that it starts on."""
    line = reader.line_num + 1
    for row in reader:
        if row:
            yield line, row
        line = reader.line_num + 1


def csv_frame(batch: list[tuple[int, list[str]]], columns: list[str], path: Path) -> pd.DataFrame:
    """A frame of text cells; a row with too many or too few cells is kept and says so in `_problem`."""
    width = len(columns)
    problems = [None if len(row) == width else f"{len(row)} cells, the header has {width}" for _, row in batch]
    cells = zip(*((row + [""] * width)[:width] for _, row in batch), strict=True)
    frame = pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in zip(columns, cells, strict=True)})
    return with_origin(frame, path, [line for line, _ in batch], problems)


def read_parquet_file(path: Path, source: Source) -> Iterator[pd.DataFrame]:
    """A Parquet file, cells as typed."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    try:
        file = pq.ParquetFile(path)
        names = checked_names(file.schema_arrow.names, path)
        row = 1
        for batch in file.iter_batches(BATCH_ROWS):
            yield with_origin(
                batch.to_pandas(ignore_metadata=True).set_axis(names, axis=1), path, range(row, row + len(batch))
            )
            row += len(batch)
    except ArrowException as error:
        raise SourceError(f"{path}: not readable as Parquet: {error}") from None


def read_sklearn(source: Source) -> Iterator[pd.DataFrame]:
    """A data set that ships inside scikit-learn, in natural units: its features and then its target."""
    from sklearn import datasets

    name = source.uri.removeprefix("sklearn://")
    known = [item.removeprefix("load_") for item in datasets.__all__ if item.startswith("load_")]
    embedded = sorted(
        set(known) - {"files", "sample_image", "sample_images", "svmlight_file", "svmlight_files", "linnerud"}
    )
    if name not in embedded:
        raise SettingsError(
            f"config.yaml: source.uri: scikit-learn has no data set {name!r}; allowed: {', '.join(embedded)}"
            f"{nearest(name, embedded)}"
        )
    natural = {"scaled": False} if name == "diabetes" else {}
    frame = getattr(datasets, f"load_{name}")(as_frame=True, **natural).frame
    yield with_origin(frame, source.uri, range(1, len(frame) + 1))


def checked_names(names: list[str], path: Path) -> list[str]:
    """The column names; one without a name is called column_N.

    Raises:
        SourceError: a name stands twice, or is one that the pipeline uses itself.
    """
    names = [name or f"column_{number}" for number, name in enumerate(names, start=1)]
    for name in names:
        if names.count(name) > 1:
            places = [str(number) for number, other in enumerate(names, start=1) if other == name]
            raise SourceError(f"{path}: columns {' and '.join(places)} are both named {name!r}; rename one in the file")
        if name in INTERNAL:
            raise SourceError(f"{path}: the pipeline uses the column name {name!r} itself; rename it in the file")
    return names


def with_origin(
    frame: pd.DataFrame, file: str | Path, lines: Any, problems: list[str | None] | None = None
) -> pd.DataFrame:
    """The frame with `_file`, `_line` and `_problem`."""
    origin = {"_file": pd.Series([str(file)] * len(frame), dtype="str"), "_line": pd.Series(lines, dtype="int64")}
    problem = pd.Series(problems or [None] * len(frame), dtype="str")
    return pd.concat([frame.reset_index(drop=True), pd.DataFrame({**origin, "_problem": problem})], axis=1)


SCHEMES: dict[str, Callable[[Source], Iterator[pd.DataFrame]]] = {"file": read_files, "sklearn": read_sklearn}
FORMATS: dict[str, Callable[[Path, Source], Iterator[pd.DataFrame]]] = {
    ".csv": read_csv_file,
    ".tsv": read_csv_file,
    ".parquet": read_parquet_file,
}

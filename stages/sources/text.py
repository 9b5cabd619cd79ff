"""CSV, TSV and JSON Lines, read as text cells; blank rows are left out and counted."""

import csv
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from stages.sources import frames
from stages.sources.frames import File, Frames, checked_names, with_origin
from stages.utils.config import Source
from stages.utils.errors import SettingsError, SourceError
from stages.utils.metrics_files import SourceMetrics


def read_csv_file(file: File, source: Source, metrics: SourceMetrics) -> Frames:
    """Stream a CSV file as Python's csv module reads it (RFC 4180; quoted cells may hold line breaks)."""
    encoding = "utf-8-sig" if source.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else source.encoding
    delimiter = "\t" if file.format == "tsv" else source.delimiter
    reader = None
    try:
        with file.path.open(encoding=encoding, newline="") as stream:
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            rows = numbered_rows(reader, metrics)
            first = next(rows, None)
            if first is None:
                raise SourceError(f"{file.shown}: the file is empty; expected a header and rows")
            header = [cell.strip() for cell in first[1]] if source.header else [""] * len(first[1])
            if source.columns is not None and (source.header or len(source.columns) != len(header)):
                raise SettingsError(
                    f"config.yaml: source.columns: found {len(source.columns)} names; they go with header: false and a "
                    f"file of as many columns, and {file.shown} has {len(header)}"
                )
            columns = checked_names(source.columns or header, file.shown)
            rows = rows if source.header else itertools.chain([first], rows)
            while batch := list(itertools.islice(rows, frames.BATCH_ROWS)):
                yield csv_frame(batch, columns, file.shown)
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{file.shown}: byte 0x{error.object[error.start]:02x} after line {reader.line_num if reader else 0} is "
            f"not {source.encoding}; set config.yaml: source.encoding (latin-1 or cp1252, for example)"
        ) from None
    except UnicodeError as error:
        raise SourceError(f"{file.shown}: not {source.encoding}: {error}; set config.yaml: source.encoding") from None
    except LookupError:
        raise SettingsError(
            f"config.yaml: source.encoding: unknown encoding {source.encoding!r}; expected utf-8, latin-1, cp1252, …"
        ) from None
    except csv.Error as error:
        line = reader.line_num if reader else 0
        raise SourceError(
            f"{file.shown}: line {line}: {error}; is a quote not closed, or is this not a CSV file?"
        ) from None


def numbered_rows(reader: Any, metrics: SourceMetrics) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line that it starts on; skip and count rows of nothing but separators."""
    line = reader.line_num + 1
    for row in reader:
        if any(map(str.strip, row)) or len(row) == 1:
            yield line, row
        else:
            metrics.blank_rows += 1
        line = reader.line_num + 1


def csv_frame(batch: list[tuple[int, list[str]]], columns: list[str], shown: str) -> pd.DataFrame:
    """Return a frame of text cells; `_problem` marks a row with too many or too few cells."""
    width = len(columns)
    problems = [None if len(row) == width else f"{len(row)} cells, the header has {width}" for _, row in batch]
    whole = (row if len(row) == width else (row + [""] * width)[:width] for _, row in batch)
    cells = zip(*whole, strict=True)
    frame = pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in zip(columns, cells, strict=True)})
    return with_origin(frame, shown, [line for line, _ in batch], problems)


def read_jsonl_file(file: File, source: Source, metrics: SourceMetrics) -> Frames:
    """Stream JSON Lines: one object per line; the columns are all the keys, in the order of their first appearance."""
    keys = dict.fromkeys(key for _, row, _ in json_rows(file, metrics) for key in row)
    columns = checked_names(list(keys), file.shown)
    if not columns:
        raise SourceError(f"{file.shown}: no line holds a JSON object; is this a JSON Lines file?")
    rows = json_rows(file, metrics.model_copy())  # blank lines were counted by the first reading
    while batch := list(itertools.islice(rows, frames.BATCH_ROWS)):
        cells = {name: pd.Series([row.get(key) for _, row, _ in batch], dtype="str")
                 for key, name in zip(keys, columns, strict=True)}  # fmt: skip
        yield with_origin(
            pd.DataFrame(cells), file.shown, [line for line, _, _ in batch], [problem for _, _, problem in batch]
        )


def json_rows(file: File, metrics: SourceMetrics) -> Iterator[tuple[int, dict[str, str | None], str | None]]:
    """Yield line number, cells as text, and the problem of the line (None: it has none)."""
    try:
        with file.path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    metrics.blank_rows += 1
                    continue
                try:
                    # numbers keep their spelling
                    row = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
                except ValueError as error:
                    yield number, {}, f"not JSON: {error}"
                    continue
                if not isinstance(row, dict):
                    yield number, {}, "not a JSON object"
                else:
                    yield number, {str(key): as_text(value) for key, value in row.items()}, None
    except UnicodeDecodeError as error:
        raise SourceError(f"{file.shown}: not UTF-8, which JSON Lines must be: {error}") from None


def as_text(value: Any) -> str | None:
    """Return a cell as text; null is missing."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)

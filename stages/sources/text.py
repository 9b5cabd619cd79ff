"""CSV, TSV and JSON Lines, read as text cells; blank rows are left out and counted."""

import csv
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from stages.sources import frames
from stages.sources.csv_rows import Row, Text, arrow_frame, csv_frame, rows_of, utf8_chunks, without_blank
from stages.sources.frames import File, Frames, checked_names, with_origin
from stages.utils.config import Source
from stages.utils.errors import SettingsError, SourceError
from stages.utils.metrics_files import SourceMetrics


def read_csv_file(file: File, source: Source, metrics: SourceMetrics) -> Frames:
    """Stream a CSV file as Python's csv module reads it (RFC 4180; quoted cells may hold line breaks)."""
    text = Text(utf8_chunks(file, source.encoding), "\t" if file.format == "tsv" else source.delimiter)
    try:
        columns = read_header(text, file, source, metrics)
        while text.take_more():
            frame = arrow_frame(text, columns, file.shown, metrics)
            if frame is None and (rows := without_blank(rows_of(text), metrics)):
                frame = csv_frame(rows, columns, file.shown)
            if frame is not None:
                yield frame
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{file.shown}: byte 0x{error.object[error.start]:02x} in line {text.line} is not {source.encoding}; "
            f"set config.yaml: source.encoding (latin-1 or cp1252, for example)"
        ) from None
    except UnicodeError as error:
        raise SourceError(f"{file.shown}: not {source.encoding}: {error}; set config.yaml: source.encoding") from None
    except csv.Error as error:
        raise SourceError(
            f"{file.shown}: line {text.line}: {error}; is a quote not closed, or is this not a CSV file?"
        ) from None


def read_header(text: Text, file: File, source: Source, metrics: SourceMetrics) -> list[str]:
    """Read the names of the columns; without a header, the first row stays to be read.

    Raises:
        SourceError: the file is empty, or its names cannot be used.
        SettingsError: `source.columns` does not go with the file.
    """
    rows: list[Row] = []
    while not rows:
        unread, line = text.unread, text.line
        found = rows_of(text, most=1)
        rows = without_blank(found, metrics)
        if not found and not text.take_more():
            break
    if not rows:
        raise SourceError(f"{file.shown}: the file is empty; expected a header and rows")
    cells = rows[0][1]
    header = [cell.strip() for cell in cells] if source.header else [""] * len(cells)
    if not source.header:
        text.unread, text.line = unread, line
    if source.columns is not None and (source.header or len(source.columns) != len(header)):
        raise SettingsError(
            f"config.yaml: source.columns: found {len(source.columns)} names; they go with header: false and a "
            f"file of as many columns, and {file.shown} has {len(header)}"
        )
    return checked_names(source.columns or header, file.shown)


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

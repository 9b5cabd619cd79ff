"""Outcomes: the true target of logged predictions, from any source that config.yaml can name, by id."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.sources import read_source
from stages.sources.files import FORMATS
from stages.sources.frames import File, Frames
from stages.table.schema import TableSchema
from stages.utils.config import Source
from stages.utils.errors import DataError, SettingsError, SourceError
from stages.utils.metrics_files import SourceFile, SourceMetrics
from stages.utils.yaml_files import read_settings
from stages.validation.cells import type_column


@dataclass
class Outcomes:
    """The usable outcomes, and counts of the others."""

    truth: pd.Series  # (n,) float64 by id (text), no id twice
    unreadable: int  # rows without an id or without a number
    contradictions: list[str]  # ids that occur with different truths; they are left out


def frames_of(given: str) -> Frames:
    """Stream the rows of a URI, or of the source that a YAML file describes by the keys of config.yaml: source.

    Unlike config.yaml's table, a file may be anywhere on this machine.
    """
    source = read_settings(Path(given), Source) if given.endswith((".yaml", ".yml")) else Source(uri=given)
    if "://" in source.uri.removeprefix("file://"):
        return read_source(source)
    path = Path(source.uri.removeprefix("file://"))
    suffix = f".{source.format}" if source.format else path.suffix.lower()
    if not path.is_file():
        raise SourceError(f"{path}: no such file; name a file, a URL, or a YAML file with the keys of a source")
    if suffix not in FORMATS:
        raise SourceError(f"{path}: found a file of type {suffix or '(none)'}; allowed: {', '.join(FORMATS)}")
    file = File(path, suffix[1:], SourceFile(name=str(path), bytes=path.stat().st_size, sha256=""), path, "")
    return FORMATS[suffix](file, source, SourceMetrics(uri=source.uri, rows=0, blank_rows=0))


def read_outcomes(given: str, id_column: str, schema: TableSchema) -> Outcomes:
    """Read the outcomes.

    Raises:
        SettingsError: a column is missing.
        DataError: no row can be used.
    """
    target = schema.target
    marks = schema.missingValues if target.missingValues is None else target.missingValues
    parts, rows = [], 0
    for frame in frames_of(given):
        for name in (id_column, target.name):
            if name not in frame:
                found = ", ".join(str(column) for column in frame.columns if not str(column).startswith("_"))
                raise SettingsError(f"{given}: no column {name!r}; found {found}; --id names the column of the ids")
        values, _ = type_column(frame[target.name], target, marks)
        ids = frame[id_column].astype("str").str.strip()
        known = (frame["_problem"].isna() & ids.notna() & (ids != "") & values.notna()).to_numpy()
        parts.append(pd.DataFrame({"id": ids[known], "truth": values[known].astype("float64")}))
        rows += len(frame)
    if not any(len(part) for part in parts):
        raise DataError(f"{given}: none of its {rows} rows has an id and a number in column {target.name}")
    together = pd.concat(parts).drop_duplicates()
    twice = together["id"].duplicated(keep=False)
    unreadable = rows - sum(map(len, parts))
    return Outcomes(together[~twice].set_index("id")["truth"], unreadable, sorted(together["id"][twice].unique()))

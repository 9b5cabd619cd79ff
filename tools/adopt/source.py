"""The source as config.yaml will have it: where the file is, its format and how it is written."""

import re
import shutil
import zipfile
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from stages.sources import read_source
from stages.sources.files import SOURCE_DIR, found_files, split_member
from stages.sources.frames import File
from stages.sources.text import read_csv_file
from stages.utils.config import Source
from stages.utils.errors import SettingsError, SourceError
from stages.utils.files import replacing
from stages.utils.metrics_files import SourceMetrics
from tools.adopt.dialect import Dialect, find_dialect
from tools.adopt.profile import Profile
from tools.adopt.tables import profile_table

FILES = ("file", "http", "https", "github", "s3", "zip")  # schemes of files
MAGIC_FORMATS = {b"PAR1": "parquet", b"{": "jsonl"}


def copied(uri: str) -> str:
    """A local file, glob or archive as a URI under data/source/, copied there if it is elsewhere.

    Raises:
        SourceError: there is no such file, or the archive holds several.
    """
    place, member = split_member(uri)
    if "://" in place.removeprefix("file://"):
        return uri
    path = Path(place.removeprefix("file://")).expanduser()
    found = [path] if path.is_file() else sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    found = [file for file in found if file.is_file()]
    if not found:
        raise SourceError(f"{uri}: no such file; is the name right?")
    if member is None and zipfile.is_zipfile(found[0]):
        refuse_several_members(found[0])
    if path.resolve().is_relative_to(SOURCE_DIR.resolve()):
        kept = path.resolve().relative_to(Path.cwd())
    else:
        folder = SOURCE_DIR if path.is_file() else SOURCE_DIR / (path.parent.name.strip("*") or "files")
        for file in found:
            with replacing(folder / file.name) as partial:
                shutil.copyfile(file, partial)
        kept = folder / path.name
    return f"zip://{member}::{kept}" if member else str(kept)


def refuse_several_members(path: Path) -> None:
    """Raise a SourceError that names the files in an archive, unless there is only one."""
    names = [name for name in zipfile.ZipFile(path).namelist() if not name.endswith("/") and "__MACOSX" not in name]
    if len(names) > 1:
        more = ", …" if len(names) > 10 else ""
        raise SourceError(
            f"{path}: the archive holds {len(names)} files: {', '.join(names[:10])}{more}; "
            f"name one of them: 'zip://{names[0]}::{path}'"
        )


def look(
    source: dict[str, Any], target: str, columns: list[str] | None = None
) -> tuple[dict[str, Any], list[str], list[Profile], pd.DataFrame]:
    """Read all of a table: the source for config.yaml, remarks, a profile of each column and a sample of the rows."""
    first = Source(**source)
    scheme = first.uri.partition("://")[0].partition("+")[0] if "://" in first.uri else "file"
    source |= {"encoding": None, "delimiter": None, "header": None, "columns": None, "format": None}
    name = split_member(first.uri)[1] or first.uri
    known = re.search(r"\.(csv|tsv|parquet|jsonl|ndjson)(\.(gz|xz|bz2))?$", name, re.IGNORECASE)
    if scheme in FILES:
        with found_files(first if known else as_source({**source, "format": "csv"}), hashed=False) as files:
            source["format"] = None if known else format_of(files[0].path)
            kind = source["format"] or files[0].format
            if kind in ("csv", "tsv"):
                dialect = dialect_of(files, target, columns)
                source["encoding"] = dialect.encoding
                source["delimiter"] = None if kind == "tsv" else dialect.delimiter
                source |= {} if dialect.header else {"header": False, "columns": columns}
                read, metrics = as_source(source), SourceMetrics(uri=first.uri, rows=0, blank_rows=0)
                frames = chain.from_iterable(read_csv_file(file, read, metrics) for file in files)
                profiles, sample, ragged = profile_table(frames, files[0].shown)
                return source, remarks(dialect, bool(columns), ragged), profiles, sample
    if columns:
        raise SettingsError("--columns goes with a CSV file without a header; this table has names")
    profiles, sample, _ = profile_table(read_source(as_source(source)), first.uri)
    return source, [], profiles, sample


def as_source(source: dict[str, Any]) -> Source:
    """The source as the pipeline will read it; None is a key that is left out."""
    return Source(**{key: value for key, value in source.items() if value is not None})


def format_of(path: Path) -> str:
    """The format of a file whose name does not tell it, from its first bytes."""
    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    return next((found for magic, found in MAGIC_FORMATS.items() if start.startswith(magic)), "csv")


def dialect_of(files: list[File], target: str, columns: list[str] | None) -> Dialect:
    """The dialect that all the files share.

    Raises:
        SourceError: they differ.
    """
    found = [find_dialect(file.path, target, file.format == "tsv", columns) for file in files]
    dialect = found[0]
    for file, other in zip(files, found, strict=True):
        if other.names != dialect.names:
            odd = sorted(set(other.names) ^ set(dialect.names)) or other.names
            raise SourceError(f"{file.shown}: its columns differ from those of {files[0].shown}: {', '.join(odd)}")
    encodings = {other.encoding for other in found} - {"utf-8"}
    if len(encodings) > 1:
        raise SourceError(f"the files have several encodings: {', '.join(sorted(encodings))}; convert them to one")
    return replace(dialect, encoding=next(iter(encodings), "utf-8"))


def remarks(dialect: Dialect, named: bool, ragged: int) -> list[str]:
    """Lines on how the file is written; doubtful ones start with a question mark."""
    marks = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
    header = "with a header" if dialect.header else "without a header"
    lines = [f"encoding {dialect.encoding}, separated by {marks[dialect.delimiter]}, {header}"]
    if dialect.encoding not in ("utf-8", "utf-16"):
        lines.append(f"? encoding {dialect.encoding}: look at a cell with an accent; config.yaml: source.encoding")
    if dialect.unsure:
        lines.append("? is the first line a header? If it was misread: config.yaml: source.header, then adopt again")
    if not dialect.header and not named:
        lines.append("? the columns have no names: adopt again with --columns a,b,c or a file of names, one per line")
    if ragged:
        lines.append(f"? {ragged:,} rows have too many or too few cells: they go to quarantine")
    return lines

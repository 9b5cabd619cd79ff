"""The source as config.yaml will have it: where the file lies, its format and how it is written."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from stages.sources.files import SOURCE_DIR, found_files
from stages.sources.frames import File
from stages.utils.config import Source
from stages.utils.errors import SourceError
from stages.utils.files import replacing
from tools.adopt.dialect import Dialect, find_dialect
from tools.adopt.profile import Profile
from tools.adopt.tables import profile_frames, profile_text

MAGIC_FORMATS = {b"PAR1": "parquet", b"{": "jsonl"}


def copied(uri: str) -> str:
    """A local file or glob as a URI under data/source/, copied there if it lies elsewhere."""
    if "://" in uri.removeprefix("file://"):
        return uri
    path = Path(uri.removeprefix("file://")).expanduser()
    if (not path.is_absolute() and SOURCE_DIR in path.parents) or path.resolve().is_relative_to(SOURCE_DIR.resolve()):
        return str(path) if not path.is_absolute() else str(path.resolve().relative_to(Path.cwd()))
    paths = (
        [path]
        if path.is_file()
        else sorted(
            found for found in Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))) if found.is_file()
        )
    )
    if not paths:
        raise SourceError(f"{uri}: no such file; is the name right?")
    place = SOURCE_DIR if path.is_file() else SOURCE_DIR / (path.parent.name.strip("*") or "files")
    for found in paths:
        with replacing(place / found.name) as partial:
            shutil.copyfile(found, partial)
    return str(place / path.name)


def look(source: dict[str, Any], target: str) -> tuple[dict[str, Any], list[str], list[Profile], pd.DataFrame]:
    """What to write of the source, remarks, a profile of each column and a sample of the rows."""
    first = Source(**source)
    scheme = first.uri.partition("://")[0].partition("+")[0] if "://" in first.uri else "file"
    if scheme not in ("file", "http", "https", "github", "s3", "zip"):
        return source, [], *profile_frames(first)
    known = re.search(r"\.(csv|tsv|parquet|jsonl|ndjson)(\.(gz|xz|bz2))?$", first.uri, re.IGNORECASE)
    with found_files(first if known else Source(**source, format="csv")) as files:
        if not known:
            source["format"] = format_of(files[0].path)
        if source.get("format", files[0].format) in ("csv", "tsv"):
            dialect = dialect_of(files, target)
            tsv = files[0].format == "tsv"
            source |= {"encoding": dialect.encoding, "delimiter": None if tsv else dialect.delimiter}
            source |= {"header": None if dialect.header else False}
            profiles, sample, notes = profile_text(files, dialect)
            return source, [describe(dialect), *notes], profiles, sample
    return {"encoding": None, "delimiter": None, **source}, [], *profile_frames(Source(**source))


def format_of(path: Path) -> str:
    """The format of a file whose name does not tell it, from its first bytes."""
    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    return next((found for magic, found in MAGIC_FORMATS.items() if start.startswith(magic)), "csv")


def dialect_of(files: list[File], target: str) -> Dialect:
    """The dialect that all the files share.

    Raises:
        SourceError: they differ.
    """
    found = [find_dialect(file.path, target, file.format == "tsv") for file in files]
    dialect = found[0]
    for file, other in zip(files, found, strict=True):
        if other.names != dialect.names:
            odd = sorted(set(other.names) ^ set(dialect.names)) or other.names
            raise SourceError(f"{file.shown}: its columns differ from those of {files[0].shown}: {', '.join(odd)}")
    encodings = {other.encoding for other in found} - {"utf-8"}
    if len(encodings) > 1:
        raise SourceError(f"the files have several encodings: {', '.join(sorted(encodings))}; make them one")
    quoted = any(other.quoted for other in found)
    return replace(dialect, encoding=next(iter(encodings), "utf-8"), quoted=quoted)


def describe(dialect: Dialect) -> str:
    """One line on how the file is written."""
    doubt = "?" if dialect.unsure or dialect.encoding not in ("utf-8", "utf-16") else ""
    header = "with a header" if dialect.header else "without a header"
    return f"{doubt}encoding {dialect.encoding}, separator {dialect.delimiter!r}, {header}"

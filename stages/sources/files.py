"""Tables in files: found here or fetched, checked against the pin, unpacked, and read in the order of their names."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Any

from stages.sources.archives import unpack
from stages.sources.frames import File, Frames
from stages.sources.parquet import read_parquet_file
from stages.sources.remote import fetch
from stages.sources.secrets import expand
from stages.sources.text import read_csv_file, read_jsonl_file
from stages.table.schema import INTERNAL
from stages.utils.config import Source
from stages.utils.errors import SettingsError, SourceError, did_you_mean
from stages.utils.metrics_files import SourceFile, SourceMetrics

SOURCE_DIR = Path("data/source")
SCRATCH = Path("data/.partial.source")  # what is fetched and unpacked, while it is read

FORMATS = {
    ".csv": read_csv_file,
    ".tsv": read_csv_file,
    ".parquet": read_parquet_file,
    ".jsonl": read_jsonl_file,
    ".ndjson": read_jsonl_file,
}


def read_files(source: Source, metrics: SourceMetrics) -> Frames:
    """Every file that the URI names, one after the other; all have the same columns. `metrics` notes what was read."""
    with found_files(source) as files:
        metrics.files = [SourceFile(name=file.shown, **file.facts) for file in files]
        columns: list[str] = []
        for file in files:
            for frame in FORMATS[f".{file.format}"](file, source, metrics):
                found = [name for name in frame.columns if name not in INTERNAL]
                columns = columns or found
                if found != columns:
                    odd = sorted(set(found) ^ set(columns)) or found
                    raise SourceError(
                        f"{file.shown}: its columns differ from those of {files[0].shown}: {', '.join(odd)}"
                    )
                yield frame


@contextmanager
def found_files(source: Source) -> Iterator[list[File]]:
    """The files on this machine and unpacked, for as long as the block lasts."""
    if source.query or source.table:
        raise SettingsError("config.yaml: source.query and source.table go with a database, not with a file")
    shown, member = split_member(source.uri)
    uri = split_member(expand(source.uri))[0]
    is_local = "://" not in uri.removeprefix("file://")
    try:
        shutil.rmtree(SCRATCH, ignore_errors=True)
        places: list[tuple[Path, str, dict[str, Any]]]
        if is_local:
            places = [(path, str(path), {}) for path in local_paths(uri.removeprefix("file://"))]
        else:
            SCRATCH.mkdir(parents=True, exist_ok=True)
            places = fetch(uri, shown, SCRATCH, source.timeout)
        yield [ready(path, name, facts, source, member) for path, name, facts in places]
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)


def split_member(uri: str) -> tuple[str, str | None]:
    """`zip://MEMBER::URI` as URI and MEMBER."""
    if uri.startswith("zip://"):
        member, chain, rest = uri.removeprefix("zip://").partition("::")
        if not chain or not member:
            raise SettingsError(f"config.yaml: source.uri: found {uri!r}; expected zip://MEMBER::URI of the archive")
        return rest, member
    return uri, None


def ready(path: Path, shown: str, facts: dict[str, Any], source: Source, member: str | None) -> File:
    """One file, unpacked and checked against the pin (of the member that the URI names, else of the file as found)."""
    unpacked, name = unpack(path, shown, member, SCRATCH)
    read = unpacked if member else path  # an archive may be packed anew around the same member
    with read.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if source.sha256 is not None and digest != source.sha256:
        raise SourceError(
            f"{f'{member} in ' if member else ''}{shown}: its sha256 is {digest}, "
            f"config.yaml: source.sha256 pins {source.sha256}; "
            f"it changed: get the pinned one, or look at the new one and pin that"
        )
    facts = {**facts, "bytes": read.stat().st_size, "sha256": digest}
    suffix = f".{source.format}" if source.format else Path(name).suffix.lower()
    if suffix not in FORMATS:
        raise SourceError(
            f"{shown}: nothing reads files of type {suffix or '(none)'}; allowed: {', '.join(FORMATS)}; "
            f"if it is one of them, say so in config.yaml: source.format"
        )
    return File(unpacked, shown, suffix.removeprefix("."), facts)


def local_paths(pattern: str) -> list[Path]:
    """The files that match a path or a glob, in the order of their names."""
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
            f"{pattern}: no such file{did_you_mean(pattern, there)}; put it there or mend config.yaml: source.uri"
        )
    return paths


def shown_path(name: str) -> Path:
    """A path relative to the repository's root, as it is written into the table: the same on every machine."""
    path = Path(name)
    return path.resolve().relative_to(Path.cwd()) if path.is_absolute() else path

"""Files: found on this machine or downloaded, unpacked, checked against the pinned hash, and read in order of name."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path

from stages.sources.archives import unpack
from stages.sources.download import Fetched
from stages.sources.frames import File, Frames
from stages.sources.parquet import read_parquet_file
from stages.sources.remote import fetch
from stages.sources.secrets import fill_in
from stages.sources.text import read_csv_file, read_jsonl_file
from stages.table.schema import INTERNAL
from stages.utils.config import Source
from stages.utils.errors import SettingsError, SourceError, did_you_mean
from stages.utils.metrics_files import SourceFile, SourceMetrics

SOURCE_DIR = Path("data/source")
SCRATCH = Path("data/.partial.source")  # downloaded and unpacked files, while they are read

FORMATS = {
    ".csv": read_csv_file,
    ".tsv": read_csv_file,
    ".parquet": read_parquet_file,
    ".jsonl": read_jsonl_file,
    ".ndjson": read_jsonl_file,
}


def read_files(source: Source, metrics: SourceMetrics) -> Frames:
    """Stream every file that the URI names, one after the other, and note the files in `metrics`.

    Raises:
        SourceError: the files differ in their columns, or one changed while it was read.
    """
    with found_files(source) as files:
        metrics.files = [file.facts for file in files]
        columns: list[str] = []
        size = sum(file.path.stat().st_size for file in files)
        for file in files:
            for frame in FORMATS[f".{file.format}"](file, source, metrics):
                found = [name for name in frame.columns if name not in INTERNAL]
                columns = columns or found
                if found != columns:
                    odd = sorted(set(found) ^ set(columns)) or found
                    raise SourceError(
                        f"{file.shown}: its columns differ from those of {files[0].shown}: {', '.join(odd)}"
                    )
                metrics.share = sum(each.done for each in files) / size
                yield frame
            if state_of(file.original) != file.state:
                raise SourceError(
                    f"{file.shown}: the file changed while it was read; run again when nothing writes to it any more"
                )


@contextmanager
def found_files(source: Source, hashed: bool = True) -> Iterator[list[File]]:
    """Yield the files, on this machine and unpacked, for the length of the block; their hashes take a whole reading."""
    if source.query or source.table:
        raise SettingsError("config.yaml: source.query and source.table go with a database, not with a file")
    shown, member = split_member(source.uri)
    uri = split_member(fill_in(source.uri))[0]
    try:
        shutil.rmtree(SCRATCH, ignore_errors=True)
        if "://" in uri.removeprefix("file://"):
            SCRATCH.mkdir(parents=True, exist_ok=True)
            found = fetch(uri, shown, SCRATCH, source.timeout)
        else:
            found = [Fetched(path, str(path), None) for path in local_paths(uri.removeprefix("file://"))]
        yield [unpack_and_check(file, source, member, hashed) for file in found]
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)


def split_member(uri: str) -> tuple[str, str | None]:
    """Split `zip://MEMBER::URI` into URI and MEMBER."""
    if uri.startswith("zip://"):
        member, chain, rest = uri.removeprefix("zip://").partition("::")
        if not chain or not member:
            raise SettingsError(f"config.yaml: source.uri: found {uri!r}; expected zip://MEMBER::URI of the archive")
        return rest, member
    return uri, None


def unpack_and_check(file: Fetched, source: Source, member: str | None, hashed: bool) -> File:
    """Unpack one file and compare its hash with the pinned one.

    The hash is that of the file as found, or of the member that the URI names: an archive may be packed again around
    the same member.
    """
    state = state_of(file.path)
    unpacked, name = unpack(file.path, file.shown, member, SCRATCH)
    read = unpacked if member else file.path
    with read.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest() if hashed else ""
    if source.sha256 is not None and digest != source.sha256:
        raise SourceError(
            f"{f'{member} in ' if member else ''}{file.shown}: its sha256 is {digest}, "
            f"config.yaml: source.sha256 is {source.sha256}; "
            f"the file has changed: get the pinned version, or look at the new one and pin its hash"
        )
    suffix = f".{source.format}" if source.format else Path(name).suffix.lower()
    if suffix not in FORMATS:
        raise SourceError(
            f"{file.shown}: found a file of type {suffix or '(none)'}; allowed: {', '.join(FORMATS)}; "
            f"if it is one of them, name the type in config.yaml: source.format"
        )
    facts = SourceFile(name=file.shown, bytes=read.stat().st_size, sha256=digest)
    if file.etag:
        facts.etag = file.etag
    return File(unpacked, suffix.removeprefix("."), facts, file.path, state)


def state_of(path: Path) -> str:
    """Return what changes when a file is written to, replaced or deleted."""
    if not path.exists():
        return "deleted"
    found = path.stat()
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"


def local_paths(pattern: str) -> list[Path]:
    """Return the files that match a path or a glob, in order of name."""
    if SOURCE_DIR.resolve() not in Path(pattern).resolve().parents:
        raise SettingsError(
            f"config.yaml: source.uri: found {pattern!r}; expected a file under {SOURCE_DIR}/, "
            f"which DVC watches for changes: copy the file there"
        )
    names = [pattern] if Path(pattern).is_file() else glob(pattern, recursive=True)
    paths = sorted(relative_path(name) for name in names if Path(name).is_file())
    if not paths:
        there = sorted(str(path) for path in SOURCE_DIR.rglob("*") if path.is_file() and not path.name.startswith("."))
        raise SourceError(
            f"{pattern}: no such file{did_you_mean(pattern, there)}; put it there or correct config.yaml: source.uri"
        )
    return paths


def relative_path(name: str) -> Path:
    """Return a path relative to the working directory: the table must hold the same text on every machine."""
    path = Path(name)
    return path.resolve().relative_to(Path.cwd()) if path.is_absolute() else path

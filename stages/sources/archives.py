"""Compressed files (gz, xz, bz2) and zip archives; a damaged one is refused before it is read."""

import bz2
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from stages.utils.errors import SourceError, did_you_mean

MAGIC: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open}
OFFICE = (".xlsx", ".ods", ".docx")  # zip archives too, but not of tables that the pipeline reads


def unpack(path: Path, shown: str, member: str | None, scratch: Path) -> tuple[Path, str]:
    """Return the unpacked file (the file itself if it is not packed) and its name.

    Raises:
        SourceError: the file is damaged, or it is unclear which member of the archive to read.
    """
    with path.open("rb") as file:
        start = file.read(6)
    name = PurePosixPath(urlsplit(shown).path if "://" in shown else shown).name
    if start.startswith(b"PK\x03\x04") and not name.lower().endswith(OFFICE):
        return unzip(path, shown, member, scratch)
    if member is not None:
        raise SourceError(f"{shown}: not a zip archive; leave out zip://{member}:: in config.yaml: source.uri")
    for magic, opened in MAGIC.items():
        if start.startswith(magic):
            target = scratch / f"unpacked-{path.name}"
            try:
                with opened(path) as packed:
                    write_stream(packed, target)
            except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
                raise SourceError(f"{shown}: the file is damaged or incomplete ({error}); get it again") from None
            return target, name.rpartition(".")[0] if name.endswith((".gz", ".xz", ".bz2")) else name
    return path, name


def unzip(path: Path, shown: str, member: str | None, scratch: Path) -> tuple[Path, str]:
    """Unpack one member of a zip archive: the one named, or the only one. An archive inside it stays packed."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [item.filename for item in archive.infolist() if not item.is_dir()]
            names = [name for name in names if not name.startswith("__MACOSX/")]
            climbing = [name for name in names if ".." in PurePosixPath(name).parts or name.startswith("/")]
            if climbing:
                raise SourceError(
                    f"{shown}: the archive wants to write {climbing[0]!r}, outside its folder; do not trust it"
                )
            if member is None and len(names) != 1:
                raise SourceError(
                    f"{shown}: the archive holds {len(names)} files: {', '.join(names[:5])}; "
                    f"name one in config.yaml: source.uri, as zip://{names[0] if names else 'FILE'}::{shown}"
                )
            chosen = member or names[0]
            if chosen not in names:
                raise SourceError(
                    f"{shown}: the archive has no {chosen!r}{did_you_mean(chosen, names)}; "
                    f"it holds {', '.join(names[:5])}"
                )
            target = scratch / f"unpacked-{path.name}"
            with archive.open(chosen) as packed:
                write_stream(packed, target)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{shown}: the archive is damaged or encrypted ({error}); get it again") from None
    return target, PurePosixPath(chosen).name


def write_stream(packed: IO[bytes], target: Path) -> None:
    """Write a stream to a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)

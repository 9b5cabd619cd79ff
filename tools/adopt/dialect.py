"""The dialect of a text file: its encoding from all of it, separator and header from its head."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from stages.sources.frames import checked_names
from stages.utils.errors import SettingsError, SourceError
from tools.adopt.readings import number_readings, readable

HEAD = 100_000  # bytes that separator and header are told from
BLOCK = 1 << 19  # bytes that are read at a time
ODD = 65_536  # bytes of lines beyond ASCII that the encoding is told from
BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
DELIMITERS = [",", ";", "\t", "|"]


@dataclass(frozen=True)
class Dialect:
    """The way in which a text file is written."""

    encoding: str
    delimiter: str
    header: bool
    names: list[str]  # of the columns, as ingest will call them
    unsure: bool = False  # of the header


def find_dialect(path: Path, target: str, tsv: bool = False, columns: list[str] | None = None) -> Dialect:
    """The dialect of a file; `columns` are the names for one without a header.

    Raises:
        SourceError: it is empty, or two columns have one name.
        SettingsError: `columns` do not go with it.
    """
    encoding = find_encoding(path)
    with path.open("rb") as file:
        raw = file.read(HEAD)
    text = raw.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="ignore")
    if len(raw) == HEAD:
        text = text[: text.rfind("\n") + 1] or text
    delimiter = "\t" if tsv else find_delimiter(text)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(map(str.strip, row))]
    if not rows:
        raise SourceError(f"{path}: the file is empty; expected a header and rows")
    header, unsure = (False, False) if columns else has_header(rows, target)
    raw_names = rows[0] if header else columns or [""] * len(rows[0])
    if len(raw_names) != len(rows[0]):
        raise SettingsError(f"--columns: found {len(raw_names)} names; {path} has {len(rows[0])} columns")
    if columns and target in map(str.strip, rows[0]):
        raise SettingsError(f"--columns: the first line of {path} is a header, with {target!r} in it; leave them out")
    names = checked_names([name.strip() for name in raw_names], path)
    return Dialect(encoding, delimiter, header, names, unsure)


def find_encoding(path: Path) -> str:
    """The encoding: by a byte-order mark, UTF-8 if all of the file is, or guessed from the lines that are not."""
    odd = b""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        for mark, encoding in BOMS.items():
            if start.startswith(mark):
                return encoding
        while len(odd) < ODD and (block := file.read(BLOCK) + file.readline()):  # whole lines: no character is cut
            if not is_utf8(block):
                odd += b"".join(line for line in block.splitlines(keepends=True) if not line.isascii())[:ODD]
    return guess_encoding(odd) if odd else "utf-8"


def is_utf8(block: bytes) -> bool:
    """Tell if bytes can be read as UTF-8."""
    try:
        return block.isascii() or bool(block.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def guess_encoding(odd: bytes) -> str:
    """The encoding of lines that are not UTF-8: by charset-normalizer, or Western European for a few bytes."""
    from charset_normalizer import from_bytes

    western = "cp1252" if re.search(rb"[\x80-\x9f]", odd) else "latin-1"
    runs = re.findall(rb"[\x80-\xff]+", odd)
    if len(runs) < 20 or sum(len(run) == 1 for run in runs) > 0.7 * len(runs):
        return western  # accents among plain letters; other scripts have words of odd bytes
    best = from_bytes(odd, cp_isolation=["latin_1", "cp1252", "cp1251", "gb18030", "shift_jis", "euc_kr"]).best()
    return western if best is None or best.encoding in ("latin_1", "cp1252") else best.encoding


def find_delimiter(text: str) -> str:
    """The separator, by how regular rows and cells are (van den Burg et al. 2019, CleverCSV)."""
    import clevercsv

    sample = "".join(text.splitlines(keepends=True)[:100])[:20_000]
    try:
        found = clevercsv.Sniffer().sniff(sample, delimiters=DELIMITERS)
    except clevercsv.Error:
        found = None
    if found is not None and found.delimiter in DELIMITERS:
        return str(found.delimiter)
    return max(DELIMITERS, key=sample.count)


def has_header(rows: list[list[str]], target: str) -> tuple[bool, bool]:
    """Tell if the first row names the columns, and if that is unsure."""
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    if target in first:
        return True, False
    numeric = are_numbers(first)
    below = [are_numbers([row[place].strip() for row in rest if place < len(row)]) for place in range(len(first))]
    columns = [place for place, found in enumerate(below) if found and sum(found) >= 0.8 * len(found)]
    in_first = [place for place in columns if numeric[place]]
    if columns:
        return len(in_first) <= len(columns) / 2, len(in_first) not in (0, len(columns))
    return not any(numeric), True


def are_numbers(texts: list[str]) -> list[bool]:
    """Tell which texts are numbers, however they are written."""
    array = pa.array(texts, pa.string())
    found = [readable(array, reading) for reading in number_readings()] if texts else []
    return [any(masks) for masks in zip(*found, strict=True)]

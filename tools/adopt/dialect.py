"""How a text file is written: encoding, separator, header or none. The encoding is checked on the whole file."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from stages.utils.errors import SourceError
from stages.utils.sources.frames import checked_names
from tools.adopt.readings import number_readings, readable

HEAD = 100_000  # bytes that separator and header are told from
ODD = 65_536  # bytes of lines beyond ASCII that the encoding is told from
DELIMITERS = [",", ";", "\t", "|"]
BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Dialect:
    """What config.yaml:source says of a text file."""

    encoding: str
    delimiter: str
    header: bool
    names: list[str]  # of the columns, as ingest will call them
    raw_names: list[str]  # as the file has them
    unsure: str = ""


def find_encoding(path: Path) -> tuple[str, bool]:
    """The encoding of a whole file that may be UTF-8, and whether there is a doubt."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in BOMS.items():
        if start.startswith(mark):
            return encoding, False
    odd = b"".join(odd_lines(path))
    try:
        odd.decode("utf-8")
    except UnicodeDecodeError:
        return guess_encoding(odd)
    return "utf-8", False


def odd_lines(path: Path) -> Iterator[bytes]:
    """Lines with bytes beyond ASCII; from the whole file, up to ODD bytes (all that are no UTF-8 count first)."""
    taken = 0
    with path.open("rb") as file:
        for line in file:
            if not line.isascii() and (taken < ODD or not is_utf8(line)):
                yield line
                taken += len(line)
                if taken >= 2 * ODD:
                    return


def is_utf8(line: bytes) -> bool:
    """Whether a line can be read as UTF-8."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def guess_encoding(odd: bytes) -> tuple[str, bool]:
    """The encoding of lines that are not UTF-8: what charset-normalizer says, or Western European for a few bytes."""
    from charset_normalizer import from_bytes

    western = "cp1252" if re.search(rb"[\x80-\x9f]", odd) else "latin-1"
    runs = re.findall(rb"[\x80-\xff]+", odd)
    if len(runs) < 20 or sum(len(run) == 1 for run in runs) > 0.7 * len(runs):
        return western, True  # accents among plain letters; other scripts have words of odd bytes
    best = from_bytes(odd, cp_isolation=["latin_1", "cp1252", "cp1251", "gb18030", "shift_jis", "euc_kr"]).best()
    if best is None or best.encoding in ("latin_1", "cp1252"):
        return western, True
    return best.encoding, True


def find_dialect(path: Path, target: str, encoding: str, tsv: bool = False) -> Dialect:
    """Separator and header from the head of a file.

    Raises:
        SourceError: it is empty, or two columns have one name.
    """
    with path.open("rb") as file:
        raw = file.read(HEAD)
    text = raw.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="ignore")
    if len(raw) == HEAD:
        text = text[: text.rfind("\n") + 1] or text
    delimiter = "\t" if tsv else find_delimiter(text)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(map(str.strip, row))]
    if not rows:
        raise SourceError(f"{path}: the file is empty; expected a header and rows")
    header, unsure = has_header(rows, target)
    raw_names = rows[0] if header else [""] * len(rows[0])
    return Dialect(encoding, delimiter, header, checked_names([n.strip() for n in raw_names], path), raw_names, unsure)


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


def has_header(rows: list[list[str]], target: str) -> tuple[bool, str]:
    """Whether the first row names the columns, and what speaks against being sure."""
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    if target in first:
        return True, ""
    numeric = are_numbers(first)
    below = [are_numbers([row[place].strip() for row in rest if place < len(row)]) for place in range(len(first))]
    columns = [place for place, found in enumerate(below) if found and sum(found) >= 0.8 * len(found)]
    in_first = [place for place in columns if numeric[place]]
    if columns:
        return len(in_first) <= len(columns) / 2, "" if len(in_first) in (0, len(columns)) else "header or not"
    return not any(numeric), "header or not"


def are_numbers(texts: list[str]) -> list[bool]:
    """Which texts are numbers, however written."""
    array = pa.array(texts, pa.string())
    found = [readable(array, reading) for reading in number_readings()] if texts else []
    return [any(masks) for masks in zip(*found, strict=True)]

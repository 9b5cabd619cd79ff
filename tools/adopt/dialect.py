"""How a text file is written: encoding, separator, header or none."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from stages.sources.frames import checked_names
from stages.utils.errors import SourceError
from tools.adopt.encoding import scan
from tools.adopt.readings import number_readings, readable

HEAD = 100_000  # bytes that separator and header are told from
DELIMITERS = [",", ";", "\t", "|"]


@dataclass(frozen=True)
class Dialect:
    """What config.yaml:source says of a text file."""

    encoding: str
    quoted: bool  # whether a quote stands anywhere
    delimiter: str
    header: bool
    names: list[str]  # of the columns, as ingest will call them
    raw_names: list[str]  # as the file has them
    unsure: str = ""


def find_dialect(path: Path, target: str, tsv: bool = False) -> Dialect:
    """Encoding from the whole of a file, separator and header from its head.

    Raises:
        SourceError: it is empty, or two columns have one name.
    """
    encoding, quoted = scan(path)
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
    return Dialect(
        encoding, quoted, delimiter, header, checked_names([n.strip() for n in raw_names], path), raw_names, unsure
    )


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

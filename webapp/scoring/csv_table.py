"""Scoring a CSV file line by line: the file comes back with prediction, interval and reason beside each row.

The text is UTF-8 or, line by line, Windows-1252; the separator is the comma, semicolon, tab or bar that finds the most
columns in the header. Cells are read as the pipeline reads them. One line is in memory at a time.
"""

import csv
import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

from webapp.scoring.cells import make_reader
from webapp.scoring.messages import InputError, Mistake
from webapp.scoring.rows import Row, read_row
from webapp.scoring.scorecard import Curve, Scorecard
from webapp.scoring.scorer import TOTALS, make_scorer, make_totaller

LONGEST_LINE = 1_000_000  # bytes
SEPARATORS = ",;\t|"
FORMULA = tuple("=+-@\t\r\n")  # a spreadsheet may run a cell that starts so (OWASP, "CSV Injection")
RESULTS = ("prediction", "lower", "upper", "reason")  # TOTALS come before the reason
CHUNK = 500  # rows that are written at once
BLANK = "is blank"


class Table(NamedTuple):
    """A CSV file whose header has been read."""

    header: list[str]
    separator: str
    bom: str  # the byte order mark that it began with, or nothing
    lines: Iterator[str]  # the others


def read_line(stream: BinaryIO) -> str:
    """Read the next line as text, empty at the end.

    Raises:
        csv.Error: the line is longer than LONGEST_LINE; the next call reads the one after it.
    """
    line = stream.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
        while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
            pass
        raise csv.Error(f"longer than {LONGEST_LINE:,} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


def open_table(stream: BinaryIO, card: Scorecard) -> Table:
    """Read the header.

    Raises:
        InputError: there is none, or a column that the model needs is missing from it or occurs twice.
    """
    try:
        first = read_line(stream)
    except csv.Error as error:
        raise InputError([Mistake(None, None, f"line 1 is {error}")]) from None
    if first.startswith(("ÿþ", "þÿ")) or "\0" in first:
        raise InputError([Mistake(None, None, "the file is UTF-16 or not text: save it as CSV in UTF-8")])
    text = first.removeprefix("\ufeff")
    names = {column.name for column in card.inputs}
    headers = {mark: cells_of(text, mark) for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: len(names.intersection(headers[mark])))
    header = headers[separator]
    if not names.intersection(header):
        known = ", ".join(column.name for column in card.inputs[:20])
        raise InputError([Mistake(None, None, f"line 1 names no column of the model; expected a header with {known}")])
    check_header(header, card)
    return Table(header, separator, first[: len(first) - len(text)], iter(partial(read_line, stream), ""))


def cells_of(line: str, separator: str) -> list[str]:
    """Split a header into its cells: none if it is not CSV with this separator."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def check_header(header: list[str], card: Scorecard) -> None:
    """Check that each column of the model is in the header, once.

    Raises:
        InputError: one occurs twice, or is required and missing.
    """
    mistakes = []
    for column in card.inputs:
        if header.count(column.name) > 1:
            mistakes.append(Mistake(None, column.name, "occurs twice in the header"))
        elif column.required and column.name not in header:
            mistakes.append(Mistake(None, column.name, "is not in the header"))
    if mistakes:
        raise InputError(mistakes)


def score_table(
    table: Table,
    card: Scorecard,
    report: Callable[[list[Row], int], None],
    keep: Callable[[list[str], tuple[float, float, float]], None] | None = None,
) -> Iterator[bytes]:
    """Score a table: yield it with its results, as chunks of CSV in UTF-8 (RFC 4180) with the separator it came with.

    Args:
        table: the file to score.
        card: the model.
        report: called for each chunk with the rows that were scored, and the number of those that were not.
        keep: called for each scored row with its cells as they were received, prediction and interval.
    """
    columns = [column for column in card.inputs if column.name in table.header]
    readers = [(column.name, table.header.index(column.name), make_reader(column)) for column in columns]
    numbers = {column.name for column in columns if isinstance(column.effect, Curve) and column.reading.bare_number}
    texts = [place for place, name in enumerate(table.header) if name not in numbers]  # a number is not a formula
    score, total, width = make_scorer(card), make_totaller(card), len(table.header)
    names = free_names(table.header, card)
    nothing = [""] * (len(names) - 1)
    text = io.StringIO(table.bom)
    writer = csv.writer(text, delimiter=table.separator, lineterminator="\r\n")
    text.seek(0, io.SEEK_END)
    writer.writerow(map(harmless, [*table.header, *names]))
    rows: list[Row] = []
    refused = 0
    for cells, problem in records(table):
        try:
            if problem:
                raise ValueError(problem)
            row = read_row(readers, cells)
        except ValueError as error:
            refused += 1
            shown = [*map(harmless, cells[:width]), *[""] * (width - len(cells))]
            writer.writerow([*shown, *nothing, error])
        else:
            rows.append(row)
            found = score(row)
            prediction, lower, upper, *_ = found
            totals = () if total is None else total(row, found)
            if keep is not None:
                keep(cells, (prediction, lower, upper))
            for place in texts:
                cells[place] = harmless(cells[place])
            writer.writerow([*cells, prediction, lower, upper, *totals, ""])
        if len(rows) + refused >= CHUNK:
            yield text.getvalue().encode()
            report(rows, refused)
            rows, refused = [], 0
            text.seek(0)
            text.truncate()
    report(rows, refused)
    yield text.getvalue().encode()


def records(table: Table) -> Iterator[tuple[list[str], str | None]]:
    """Yield the cells of each line, and what is wrong with it; lines without a cell are left out."""
    reader = csv.reader(table.lines, delimiter=table.separator)
    width = len(table.header)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield [], f"is not CSV: {error}"
            continue
        if len(cells) == width and (width == 1 or any(map(str.strip, cells))):
            yield cells, None
        elif any(map(str.strip, cells)):
            yield cells, f"has {len(cells)} cells, the header {width}"
        elif cells:
            yield cells, BLANK


def harmless(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would take for a formula."""
    if not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def free_names(header: list[str], card: Scorecard) -> list[str]:
    """Name the result columns as the header does not name its own."""
    results = RESULTS if card.exposure is None else (*RESULTS[:-1], *TOTALS, RESULTS[-1])
    mark = ""
    while any(name + mark in header for name in results):
        mark += "_"
    return [name + mark for name in results]

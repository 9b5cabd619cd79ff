"""Scoring a CSV file line by line: what comes back is the file with prediction, interval and reason beside each row.

UTF-8 or, line by line, Windows-1252; separated by comma, semicolon (then a comma in a number is its decimal point), tab
or bar, whichever finds the most columns in the header. A line in memory at a time, however long the file.
"""

import csv
import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

from pydantic import TypeAdapter, ValidationError

from webapp.scoring.messages import Mistake, explain
from webapp.scoring.scorecard import Curve, Scorecard
from webapp.scoring.scorer import Cell, make_scorer
from webapp.views.problems import InputError

LONGEST_LINE = 1_000_000  # bytes
SEPARATORS = ",;\t|"
FORMULA = tuple("=+-@\t\r\n")  # a spreadsheet may run a cell that starts so (OWASP, "CSV Injection")
RESULTS = ("prediction", "lower", "upper", "reason")
CHUNK = 500  # rows that are written at once
Row = dict[str, Cell]


class Table(NamedTuple):
    """A CSV file whose header has been read."""

    header: list[str]
    separator: str
    bom: str  # the byte order mark that it began with, or nothing
    lines: Iterator[str]  # the others


def read_line(stream: BinaryIO) -> str:
    """The next line as text, empty at the end.

    Raises:
        csv.Error: it is longer than LONGEST_LINE; the next call reads the line after it.
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
        InputError: there is none, or a column that the model needs is missing from it or stands in it twice.
    """
    try:
        first = read_line(stream)
    except csv.Error as error:
        raise InputError([Mistake(None, None, f"line 1 is {error}")]) from None
    if first.startswith(("ÿþ", "þÿ")) or "\0" in first:
        raise InputError([Mistake(None, None, "is UTF-16 or no text: save the file as CSV in UTF-8")])
    text = first.removeprefix("\ufeff")
    names = {column.name for column in card.columns}
    headers = {mark: cells_of(text, mark) for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: len(names.intersection(headers[mark])))
    header = headers[separator]
    if not names.intersection(header):
        known = ", ".join(column.name for column in card.columns[:20])
        raise InputError([Mistake(None, None, f"line 1 names no column of the model; expected a header with {known}")])
    check_header(header, card)
    return Table(header, separator, first[: len(first) - len(text)], iter(partial(read_line, stream), ""))


def cells_of(line: str, separator: str) -> list[str]:
    """The cells of a header, or none if it is no CSV with this separator."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def check_header(header: list[str], card: Scorecard) -> None:
    """Check that each column of the model stands in the header, once.

    Raises:
        InputError: one stands there twice, or is required and missing.
    """
    mistakes = []
    for column in card.columns:
        if header.count(column.name) > 1:
            mistakes.append(Mistake(None, column.name, "stands twice in the header"))
        elif column.required and column.name not in header:
            mistakes.append(Mistake(None, column.name, "is not in the header"))
    if mistakes:
        raise InputError(mistakes)


def score_table(
    table: Table, card: Scorecard, adapter: TypeAdapter[Row], report: Callable[[list[Row], int], None]
) -> Iterator[bytes]:
    """The table with its results, as chunks of CSV in UTF-8 (RFC 4180) with the separator it came with.

    Args:
        table: what to score.
        card: the model.
        adapter: validates a row.
        report: is told of each chunk the rows that were scored, and how many were not.
    """
    read = make_reader(table, card, adapter)
    score, width = make_scorer(card), len(table.header)
    numbers = {column.name for column in card.columns if isinstance(column.effect, Curve)}
    texts = [place for place, name in enumerate(table.header) if name not in numbers]  # a number is no formula
    text = io.StringIO(table.bom)
    writer = csv.writer(text, delimiter=table.separator, lineterminator="\r\n")
    text.seek(0, io.SEEK_END)
    writer.writerow(map(harmless, [*table.header, *free_names(table.header)]))
    rows: list[Row] = []
    refused = 0
    for record in records(table):
        found = record if isinstance(record, str) else read(record)
        cells = [] if isinstance(record, str) else record
        if isinstance(found, str):
            refused += 1
            shown = [*map(harmless, cells[:width]), *[""] * (width - len(cells))]
            writer.writerow([*shown, "", "", "", found])
        else:
            rows.append(found)
            for place in texts:
                cells[place] = harmless(cells[place])
            prediction, lower, upper, _ = score(found)
            writer.writerow([*cells, prediction, lower, upper, ""])
        if len(rows) + refused >= CHUNK:
            yield text.getvalue().encode()
            report(rows, refused)
            rows, refused = [], 0
            text.seek(0)
            text.truncate()
    report(rows, refused)
    yield text.getvalue().encode()


def make_reader(table: Table, card: Scorecard, adapter: TypeAdapter[Row]) -> Callable[[list[str]], Row | str]:
    """A function that turns the cells of a line into a valid row, or into the reason why they are none."""
    places = [(column.name, table.header.index(column.name)) for column in card.columns if column.name in table.header]
    numbers = {column.name for column in card.columns if isinstance(column.effect, Curve)}
    width, commas = len(table.header), table.separator == ";"
    missing = {"", *card.missing_values}
    validate = adapter.validate_strings

    def read(cells: list[str]) -> Row | str:
        if len(cells) != width:
            return f"has {len(cells)} cells, the header {width}"
        texts = {name: cells[place] for name, place in places if cells[place].strip() not in missing}
        if commas:
            texts.update({name: text.replace(",", ".") for name, text in texts.items() if name in numbers})
        try:
            return validate(texts)
        except ValidationError as error:
            return "; ".join(f"{mistake.column} {mistake.message}" for mistake in explain(error, card))

    return read


def records(table: Table) -> Iterator[list[str] | str]:
    """The cells of each line that is not blank, or what is wrong with the line."""
    reader = csv.reader(table.lines, delimiter=table.separator)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield f"is not CSV: {error}"
        else:
            if cells:
                yield cells


def harmless(cell: str) -> str:
    """The cell, with an apostrophe before what a spreadsheet would take for a formula."""
    if not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def free_names(header: list[str]) -> list[str]:
    """Names of the result columns that the header does not have yet."""
    mark = ""
    while any(name + mark in header for name in RESULTS):
        mark += "_"
    return [name + mark for name in RESULTS]

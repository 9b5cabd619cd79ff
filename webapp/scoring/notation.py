"""The notation of a column: numbers and dates from text and back to it, and in words what a cell must be."""

import datetime
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from webapp.formatting import exact, plain
from webapp.scoring.effects import as_datetime
from webapp.scoring.grammar import AROUND_NUMBER, ISO_DATE, LONG_FRACTION, grouped_number
from webapp.scoring.scorecard import Calendar, Column, Reading

LARGEST = sys.float_info.max
SMALLEST = sys.float_info.min  # minimum of a column that takes positive numbers only
EXAMPLE = datetime.datetime(2026, 11, 24, 17, 5)  # of a date, in messages
is_iso_date = re.compile(ISO_DATE).fullmatch
SHOWN = 50  # values that a message lists


def to_number(text: str) -> float:
    """Read a NUMBER of webapp/scoring/grammar.py; `float` alone would also take `1_0` and digits of other scripts.

    Raises:
        ValueError: the text is not a number.
    """
    if "_" in text or not text.isascii():
        raise ValueError
    return float(text)


def number_rewriter(reading: Reading) -> Callable[[str], str] | None:
    """Make a function that rewrites a number of this notation for Python, or None if Python reads it as it is."""
    around, group, decimal = re.compile(AROUND_NUMBER), reading.group_char, reading.decimal_char
    if reading.bare_number and group is None and decimal == ".":
        return None
    is_grouped = re.compile(grouped_number(group or ",")).fullmatch

    def rewrite(text: str) -> str:
        if not reading.bare_number:
            text = around.sub("", text)
        if group is not None and group in text:
            text = text.replace(group, "") if is_grouped(text) else "?"
        return text if decimal == "." else text.replace(".", "?").replace(decimal, ".")

    return rewrite


def numbers_in(reading: Reading) -> list[float]:
    """List the missing marks that are numbers: `-200` also stands for -200.0, in text and in typed cells."""
    rewrite, found = number_rewriter(reading), []
    for mark in reading.missing_values:
        with suppress(ValueError):
            value = to_number(mark if rewrite is None else rewrite(mark))
            found += [value] if -LARGEST <= value <= LARGEST else []
    return found


def to_datetime(cell: Any, pattern: str) -> datetime.datetime:
    """Read text of this format, or a date, as a datetime in UTC without a zone.

    Raises:
        ValueError: it is not a date of the years 1 to 9999.
    """
    if isinstance(cell, str):
        if pattern != "default":
            text = re.sub(LONG_FRACTION, r"\1", cell)
            if any(mark.isdigit() and not mark.isascii() for mark in text):
                raise ValueError
            cell = datetime.datetime.strptime(text, pattern)
        elif is_iso_date(cell):
            cell = datetime.datetime.fromisoformat(cell + {4: "-01-01", 7: "-01"}.get(len(cell), ""))
    try:
        when = as_datetime(cell) if isinstance(cell, datetime.date) else None
    except OverflowError:
        raise ValueError from None
    if when is None:
        raise ValueError
    return when


def dates_in(reading: Reading) -> list[datetime.datetime]:
    """List the missing marks that are dates, so that they also count in typed cells."""
    found = []
    for mark in reading.missing_values:
        with suppress(ValueError):
            found.append(to_datetime(mark, reading.format))
    return found


def in_json(column: Column) -> Column:
    """Give the column with its cells in the notation of JSON."""
    marks = [*map(plain, numbers_in(column.reading)), *(mark.isoformat() for mark in dates_in(column.reading))]
    reading = Reading(missing_values=[*column.reading.missing_values, *marks])
    return column.model_copy(update={"reading": reading})


def expected(column: Column) -> str:
    """Describe the cells that a column takes: the words after `must be`."""
    if column.allowed:
        values = [value if isinstance(value, str) else exact(value) for value in column.allowed]
        names = [f"{value} ({column.labels[value]})" if value in column.labels else value for value in values[:SHOWN]]
        return f"one of {', '.join(names)}" + (f" and {len(values) - SHOWN} more" if len(values) > SHOWN else "")
    if column.type in ("number", "integer"):
        example = "" if column.reading.decimal_char == "." else f" (written 1{column.reading.decimal_char}5)"
        if column.type == "integer":
            return "a whole number"
        return f"a{' positive' if column.minimum == SMALLEST else ''} number{example}"
    if column.type == "boolean":
        return f"{column.reading.true_values[0]} or {column.reading.false_values[0]}"
    return f"a {column.type} like {write_date(EXAMPLE, column)}" if column.type != "string" else "text"


def write_date(when: datetime.datetime, column: Column) -> str:
    """Write a date in the notation of its column."""
    if column.reading.format != "default":
        return when.strftime(column.reading.format)
    return when.date().isoformat() if column.type == "date" else when.isoformat(timespec="minutes")


def write_value(value: float | str | None, column: Column) -> str:
    """Write a value of the scorecard (a default, an allowed value) in the notation of its column; None is empty."""
    reading = column.reading
    if value is None:
        return ""
    if column.type == "boolean":
        return (reading.true_values if value else reading.false_values)[0]
    if isinstance(value, float):
        return plain(value).replace(".", reading.decimal_char)
    if isinstance(column.effect, Calendar):
        return write_date(datetime.datetime.fromisoformat(value), column)
    return value

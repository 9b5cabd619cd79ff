"""Readers of cells by the scorecard: a function for each column, for text in its notation and for typed cells.

The form, the JSON API, CSV files and tools/predict all read with them. A cell means here what it means to
stages/validation/cells.py, which reads whole columns: tests/webapp/test_cells.py holds the two equal.
"""

import datetime
import math
import re
import sys
from collections.abc import Callable, Collection
from decimal import Decimal
from functools import partial
from typing import Any

from webapp.formatting import exact
from webapp.scoring.effects import Cell, as_datetime
from webapp.scoring.grammar import LARGEST_INTEGER, as_level
from webapp.scoring.notation import (
    LARGEST,
    SMALLEST,
    dates_in,
    expected,
    in_json,
    number_rewriter,
    numbers_in,
    to_datetime,
    to_number,
)
from webapp.scoring.scorecard import Calendar, Column, Levels

USUAL = (str, int)  # types of the cells of levels
Reader = Callable[[Any], Cell]  # None for a missing cell; raises a ValueError that says what the cell must be


def make_reader(column: Column) -> Reader:
    """Make the reader of a column's cells, text or typed; what does not depend on the cell is prepared here, once."""
    if isinstance(column.effect, Levels):
        return level_reader(column)
    if isinstance(column.effect, Calendar):
        return date_reader(column)
    return boolean_reader(column) if column.type == "boolean" else number_reader(column)


def reader_of(column: Column, value_of: Reader, marks: Collection[Any], check: Callable[[Any], None]) -> Reader:
    """Make a reader of the steps that cells of all kinds are read by.

    Args:
        value_of: gives the value of a cell, whose text has no white space around it; None if it is missing. It raises
            a ValueError if the cell has no value.
        marks: values that stand for a missing cell.
        check: raises a ValueError that says which constraint a value breaks.
    """
    absent, required = frozenset(column.reading.missing_values), column.required
    refusal = f"must be {expected(column)}"

    def read(cell: Any) -> Cell:
        is_text = isinstance(cell, str)
        if is_text:
            cell = cell.strip()
        if cell is None or cell != cell or (is_text and cell in absent):  # NaN and NaT are not themselves
            value = None
        else:
            try:
                value = value_of(cell)
            except ValueError:
                raise ValueError(refusal) from None
        if value is None or value in marks:
            if required:
                raise ValueError("is required")
            return None
        check(value)
        return value

    return read


def make_json_reader(column: Column) -> Reader:
    """Make the reader of a column in JSON: text is not a number, 1 is not true, and dates are text in ISO 8601."""
    column = in_json(column)
    read, refusal = make_reader(column), f"must be {expected(column)}"
    types: dict[str, list[type]] = {"number": [int, float], "integer": [int, float], "boolean": [bool]}
    accepted = {type(None), *types.get(column.type, [str]), *([str] if isinstance(column.effect, Levels) else [])}

    def read_strictly(cell: Any) -> Cell:
        if type(cell) not in accepted:
            raise ValueError(refusal)
        return read(cell)

    return read_strictly


def make_form_reader(column: Column) -> Reader:
    """Make the reader of a form field: as in a table, but dates are in ISO 8601 and an empty field is missing."""
    reading = (in_json(column) if isinstance(column.effect, Calendar) else column).reading
    reading = reading.model_copy(update={"missing_values": [*reading.missing_values, ""]})
    return make_reader(column.model_copy(update={"reading": reading}))


def number_reader(column: Column) -> Reader:
    """Make the reader of a finite number, whole in an integer column."""
    rewrite, marks = number_rewriter(column.reading), frozenset(numbers_in(column.reading))

    def number_of(cell: Any) -> float:
        if isinstance(cell, str):
            return to_number(cell if rewrite is None else rewrite(cell))
        if not isinstance(cell, int | float | Decimal):
            raise ValueError
        try:
            return float(cell)
        except OverflowError:
            return math.inf  # refused by the check

    read = reader_of(column, number_of, marks, number_check(column))
    return read if rewrite or column.allowed or column.type == "integer" else with_fast_path(read, column, marks)


def with_fast_path(read: Reader, column: Column, marks: Collection[float]) -> Reader:
    """Make a reader that takes the usual cell, a plain number within its limits, and hands all others to `read`."""
    low, high = number_limits(column)

    def read_fast(cell: Any) -> Cell:
        try:
            value = float(cell)
        except (ValueError, TypeError, OverflowError):
            return read(cell)
        is_odd = cell.__class__ is str and ("_" in cell or not cell.isascii())  # 1_0, and digits of other scripts
        return read(cell) if is_odd or not low <= value <= high or (marks and value in marks) else value

    return read_fast


def number_limits(column: Column) -> tuple[float, float]:
    """Give the smallest and the largest number that a column takes."""
    largest = LARGEST_INTEGER if column.type == "integer" else LARGEST
    low = column.minimum if isinstance(column.minimum, float) else -largest
    high = column.maximum if isinstance(column.maximum, float) else largest
    return max(low, -largest), min(high, largest)


def number_check(column: Column) -> Callable[[float], None]:
    """Make a function that raises a ValueError if a number breaks a constraint."""
    lowest, highest = number_limits(column)
    is_whole, allowed = column.type == "integer", frozenset(column.allowed)
    refusal, unit = f"must be {expected(column)}", f" {column.unit}" if column.unit else ""

    def check(value: float) -> None:
        if not lowest <= value <= highest:
            if not -LARGEST <= value <= LARGEST:
                raise ValueError("must be a finite number")
            if lowest == SMALLEST and value < lowest:
                raise ValueError(refusal)
            side, limit = ("least", lowest) if value < lowest else ("most", highest)
            raise ValueError(f"must be at {side} {exact(limit)}{unit}")
        if is_whole and value % 1:
            raise ValueError("must be a whole number")
        if allowed and value not in allowed:
            raise ValueError(refusal)

    return check


def boolean_reader(column: Column) -> Reader:
    """Make the reader of true and false."""
    texts: dict[Any, bool] = dict.fromkeys(column.reading.true_values, True) | dict.fromkeys(
        column.reading.false_values, False
    )
    typed: dict[Any, bool] = {0: False, 1: True}

    def boolean_of(cell: Any) -> bool:
        values = texts if isinstance(cell, str) else typed
        if not isinstance(cell, str | int | float | Decimal) or cell not in values:
            raise ValueError
        return values[cell]

    return reader_of(column, boolean_of, (), number_check(column))


def level_reader(column: Column) -> Reader:
    """Make the reader of a level; an integer one is read as a number, so that `3`, `03` and `3.0` are one level."""
    absent, allowed = frozenset(column.reading.missing_values), column.allowed
    free = column.model_copy(update={"required": False, "minimum": None, "maximum": None, "allowed": []})
    read_number = number_reader(free) if column.type == "integer" else None
    matches = None if column.pattern is None else re.compile(column.pattern).fullmatch
    shortest, longest = column.min_length or 0, sys.maxsize if column.max_length is None else column.max_length
    known = {level for level in allowed if isinstance(level, str) and level not in absent}
    refusal = f"must be {expected(column)}"

    def level_of(cell: Any) -> str | None:
        if read_number is None:
            return as_level(cell).strip()
        value = read_number(cell)
        return None if value is None else as_level(value)

    def check(level: str) -> None:
        if allowed and level not in known:
            raise ValueError(refusal)
        if matches is not None and not matches(level):
            raise ValueError(f"must match the pattern {column.pattern}")
        if not shortest <= len(level) <= longest:
            limit = f"at least {shortest}" if len(level) < shortest else f"at most {longest}"
            raise ValueError(f"must be {limit} characters long")

    read = reader_of(column, level_of, absent, check)
    plain: dict[Any, Cell] = {level: level for level in known if accepts(read, level)}  # most cells are one of these
    if read_number is not None:
        plain |= {int(level): level for level in plain}
    return lambda cell: plain[cell] if cell.__class__ in USUAL and cell in plain else read(cell)


def accepts(read: Reader, level: str) -> bool:
    """Tell whether a level is read as it stands."""
    try:
        return read(level) == level
    except ValueError:
        return False


def date_reader(column: Column) -> Reader:
    """Make the reader of a date or a datetime; both give a datetime in UTC, without a zone."""
    low, high = (None if limit is None else as_datetime(str(limit)) for limit in (column.minimum, column.maximum))
    allowed, refusal = {as_datetime(str(value)) for value in column.allowed}, f"must be {expected(column)}"

    def check(when: datetime.datetime) -> None:
        if low is not None and when < low:
            raise ValueError(f"must be at least {column.minimum}")
        if high is not None and when > high:
            raise ValueError(f"must be at most {column.maximum}")
        if allowed and when not in allowed:
            raise ValueError(refusal)

    read_date = partial(to_datetime, pattern=column.reading.format)
    return reader_of(column, read_date, frozenset(dates_in(column.reading)), check)

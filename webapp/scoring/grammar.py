"""The grammar of cells in text, by which the pipeline reads whole columns and the web app reads single cells."""

import re
from typing import Any

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
LARGEST_INTEGER = 2.0**53 - 1  # beyond it, two integers may be the same float64
AROUND_NUMBER = r"^[^0-9+\-.,]+|[^0-9]+$"  # text around a number, where `bareNumber` is false

# ISO 8601: a year, a month, a day, or a day and a time to the hour, minute or second, with or without an offset
ISO_DATE = (
    r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}(?:[T ][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
    r"(?: ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?))?)?)?)?|[0-9]{8}(?:T[0-9]{6}Z?)?"
)
LONG_FRACTION = r"(\.[0-9]{6})[0-9]+"  # of a second: digits beyond the microseconds are dropped


def grouped_number(mark: str) -> str:
    """Give the pattern of a number with marks between its groups of digits: `1,234` and `1,00,000`, but not `1,5`."""
    mark = re.escape(mark)
    return rf"[^0-9{mark}]*[0-9]{{1,3}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}(?:[^0-9{mark}][^{mark}]*)?"


def as_level(cell: Any) -> str:
    """Write a cell as the text of a level; 3, 3.0 and "3" are one level."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)

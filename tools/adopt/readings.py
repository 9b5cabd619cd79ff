"""Readings of a column's text, in the terms of the Table Schema, and the cells that each can read."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from stages.table.schema import Column
from stages.validation.cells import to_dates
from tools.date_formats import DIRECTIVES

Mask = npt.NDArray[np.bool_]

# What people write where there is nothing; in a column of text the words among them may be levels of their own.
MARKS = ("?", "-", "--", "–", "—", ".", "..", "...", "#N/A", "#NA", "#VALUE!", "NaN", "nan", "-nan", "NULL", "null")
WORDS = ("NA", "N/A", "n/a", "na", "None", "none", "NONE", "missing", "unknown", "Unknown", "nil", "\\N")
BOOLEANS = (("yes", "no"), ("true", "false"), ("t", "f"), ("y", "n"), ("on", "off"))

DATES = [
    *("%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y", "%m-%d-%Y", "%d-%m-%y"),
    *("%m-%d-%y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y"),
    *("%d/%b/%Y", "%b %Y", "%B %Y", "%b-%y", "%m/%Y"),
]
CLOCKS = ["%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p", "%H.%M.%S"]
AFFIX = 12  # letters of a unit at most
AROUND = r"(?s)^(\D*)\d(?:.*\d)?(\D*)$"  # the text around a number
FEW = 100  # texts that tell which ways of reading are worth a closer look
ISO = r"^\d{4}-\d{2}(?:-\d{2}(?:[T ]\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+\-]\d{2}:?\d{2})?)?)?$"


@dataclass(frozen=True)
class Reading:
    """A type and the properties of a field that go with it."""

    type: str
    properties: dict[str, Any] = field(hash=False, default_factory=dict)
    pattern: str = ""  # regular expression (RE2) of the whole cell

    @property
    def column(self) -> Column:
        """The field of a schema that reads this way."""
        return Column(name="cell", type=self.type, **self.properties)  # type: ignore[arg-type]

    def __str__(self) -> str:
        """Its name in the report."""
        shown = [f"{name} {value!r}" for name, value in self.properties.items() if name in ("decimalChar", "groupChar")]
        return ", ".join([self.type, *shown, *([self.properties["format"]] if "format" in self.properties else [])])


def number_readings() -> list[Reading]:
    """Numbers: decimal and thousands marks, bare or with a unit; the simplest first."""
    found = []
    for bare in (True, False):
        for decimal, group in ((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'")):
            point = "\\" + decimal
            digits = rf"\d{{1,3}}(?:\{group}\d{{3}})+|\d+" if group else r"\d+"
            number = rf"[+\-]?(?:(?:{digits})(?:{point}\d*)?|{point}\d+)(?:[eE][+\-]?\d+)?"
            ends = ("", "") if bare else (r"(?:[A-Z]{0,2}\p{Sc} ?|[A-Z]{3} ?|)", rf"[^\d]{{0,{AFFIX}}}")
            properties: dict[str, Any] = {"decimalChar": decimal} if decimal != "." else {}
            properties |= {"groupChar": group} if group else {}
            properties |= {} if bare else {"bareNumber": False}
            found.append(Reading("number", properties, f"^{ends[0]}{number}{ends[1]}$"))
    return found


def date_readings() -> list[Reading]:
    """Dates, times of a day and both: ISO 8601 first."""
    times = [f"{day} {clock}" for day in DATES[:12] for clock in CLOCKS]
    return [
        Reading("date", pattern=r"^\d{4}-\d{2}-\d{2}$"),
        Reading("datetime", pattern=ISO),
        *(Reading("date", {"format": day}, as_pattern(day)) for day in DATES),
        *(Reading("datetime", {"format": time}, as_pattern(time)) for time in [*times, *CLOCKS]),
    ]


def as_pattern(form: str) -> str:
    """The regular expression of what strptime takes for a format."""
    pieces = re.split("%([a-zA-Z])", form)  # marks and directives in turn
    return f"(?i)^{''.join(DIRECTIVES[piece] if n % 2 else re.escape(piece) for n, piece in enumerate(pieces))}$"


def boolean_readings() -> list[Reading]:
    """Pairs of words in any case."""
    found = []
    for yes, no in BOOLEANS:
        for case in (str.lower, str.title, str.upper):
            found.append(Reading("boolean", {"trueValues": [case(yes)], "falseValues": [case(no)]}))
    return found


READINGS = [*number_readings(), *boolean_readings(), *date_readings()]


def readable(texts: pa.Array, reading: Reading) -> Mask:
    """Mark the trimmed texts (n,) that are written as the reading requires."""
    if reading.type == "boolean":
        words = [*reading.properties["trueValues"], *reading.properties["falseValues"]]
        return np.asarray(pc.is_in(texts, pa.array(words, texts.type)), dtype=bool)
    if reading.pattern == ISO and all_times(texts):
        return np.ones(len(texts), dtype=bool)
    return np.asarray(pc.match_substring_regex(texts, reading.pattern), dtype=bool)


def all_times(texts: pa.Array) -> bool:
    """Tell if Arrow reads all the texts as times, which is quicker than the pattern."""
    try:
        texts.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return False
    return True


def candidates(texts: pa.Array) -> list[Reading]:
    """The readings that read at least half of some texts."""
    few = texts.take(pa.array(np.arange(0, len(texts), max(1, len(texts) // FEW))))
    likely = [reading for reading in READINGS if readable(few, reading).any()]
    return [reading for reading in likely if np.mean(readable(texts, reading) & are_days(texts, reading)) >= 0.5]


def are_days(texts: pa.Array, reading: Reading) -> Mask | bool:
    """Mark the texts that are days of the calendar, if the reading is one of dates."""
    if reading.type not in ("date", "datetime"):
        return True
    return to_dates(pd.Series(texts.to_pandas(), dtype="str"), reading.column).notna().to_numpy()


def units_of(texts: pa.Array, counts: npt.NDArray[np.int64]) -> Counter[tuple[str, str]]:
    """Count the texts before and after the number, given distinct cells and their counts."""
    ends = pc.replace_substring_regex(texts, AROUND, "\\1\n\\2").dictionary_encode()
    cells = np.bincount(np.asarray(ends.indices), weights=counts)
    found: Counter[tuple[str, str]] = Counter()
    for both, count in zip(ends.dictionary.to_pylist(), cells.tolist(), strict=True):
        before, number, after = both.partition("\n")
        if number:
            found[before.rstrip("+-.,").strip(), after.strip(" .")] += int(count)
    return found

"""Messages about a row: what is wrong with it, and what in it the model has never seen."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from webapp.formatting import distinct
from webapp.scoring.effects import Cell, as_datetime
from webapp.scoring.scorecard import Column, Curve, Levels, Scorecard

MOST_SHARES = 50  # levels in `Column.shares`; where there are fewer, they are all that training has seen


class Mistake(NamedTuple):
    """One thing wrong with the input: where it is (row number and column, where they are known) and what."""

    row: int | None
    column: str | None
    message: str

    @property
    def pointer(self) -> str:
        """The JSON pointer to it, as a URI fragment (RFC 6901, section 6)."""
        parts = [str(part).replace("~", "~0").replace("/", "~1") for part in self[:2] if part is not None]
        return "#" + "".join("/" + quote(part, safe="~") for part in parts)


class InputError(Exception):
    """The input is not what the model takes.

    Args:
        mistakes: what is wrong with it.
        status: the HTTP status: 400 where the input cannot be read, 422 where it can.
    """

    def __init__(self, mistakes: list[Mistake], status: int = 422) -> None:
        super().__init__("; ".join(f"{mistake.column or ''} {mistake.message}".strip() for mistake in mistakes))
        self.mistakes, self.status = mistakes, status


def unknown_column(name: str, columns: Iterable[str]) -> str:
    """Say that the model has no such column, and which one may be meant."""
    near = difflib.get_close_matches(name[:100], columns, 1)
    return f"is not a column of the model{f'; did you mean {near[0]}?' if near else ''}"


UNSEEN_PAIR = "not seen together in training; what they add together is an extrapolation"


def make_unseen_reader(card: Scorecard) -> Callable[[Mapping[str, Cell]], dict[str, str]]:
    """Make a function from a row to warnings, by column, of values outside what the model has seen in training."""
    notes = [(column.name, note) for column in card.columns if (note := make_note(column)) is not None]

    def unseen(row: Mapping[str, Cell]) -> dict[str, str]:
        found, get = {}, row.get
        for name, note in notes:
            cell = get(name)
            if cell is not None:
                text = note(cell)
                if text is not None:
                    found[name] = text
        return found

    return unseen


def make_note(column: Column) -> Callable[[Any], str | None] | None:
    """Make a function that warns of a cell of a column; None where every cell is a usual one."""
    if isinstance(column.effect, Curve):
        return range_note(column.quantiles[0], column.quantiles[-1]) if column.quantiles else None
    if isinstance(column.effect, Levels):
        return level_note(column.effect, column.shares)
    return None if column.seen is None else date_note(*column.seen)


def range_note(low: float, high: float) -> Callable[[Any], str | None]:
    """Make a function that warns of a number outside this range."""
    text = "outside the training range ({} to {}); the nearest end is used".format(*distinct([low, high]))
    return lambda cell: None if low <= cell <= high else text


def level_note(effect: Levels, shares: Mapping[str, float]) -> Callable[[Any], str | None]:
    """Make a function that warns of a level that training has not seen, or merged with others because it is rare."""
    lists_all = len(shares) < MOST_SHARES  # of the sample, which may lack a level that has a value of its own
    usual = {level for level, value in effect.values.items()
             if not lists_all or level in shares or value != effect.other}  # fmt: skip

    def note(cell: Any) -> str | None:
        if cell in usual:
            return None
        seen = "rare" if cell in shares else "not seen" if lists_all else "rare or not seen"
        return f"{seen} in training; treated as a rare level"

    return note


def date_note(first: str, last: str) -> Callable[[Any], str | None]:
    """Make a function that warns of a date outside these, in ISO text."""
    low, high = as_datetime(first), as_datetime(last)
    ends = " to ".join(end.removesuffix("T00:00:00") for end in (first, last))
    text = f"outside the dates seen in training ({ends})"
    return lambda cell: None if low <= as_datetime(cell) <= high else text  # type: ignore[operator]

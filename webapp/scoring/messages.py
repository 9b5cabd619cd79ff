"""Messages about a row: what is wrong with it, and what in it the model has never seen."""

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from webapp.formatting import distinct
from webapp.scoring.effects import Cell, as_datetime
from webapp.scoring.scorecard import Curve, Levels, Scorecard


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


def unseen(card: Scorecard, row: Mapping[str, Cell]) -> dict[str, str]:
    """Warn, by column, of values outside what the model has seen in training."""
    found = {}
    for column in card.columns:
        cell = row.get(column.name)
        if cell is None:
            continue
        if isinstance(column.effect, Curve):
            if column.quantiles and not column.quantiles[0] <= cell <= column.quantiles[-1]:  # type: ignore[operator]
                low, high = distinct([column.quantiles[0], column.quantiles[-1]])
                found[column.name] = f"outside the training range ({low} to {high}); the nearest end is used"
        elif isinstance(column.effect, Levels):
            if cell not in column.effect.values or (len(column.shares) < 50 and cell not in column.shares):
                found[column.name] = "not seen in training; treated as a rare level"
        elif column.seen is not None:
            when = as_datetime(cell)
            if when is not None and not column.seen[0] <= when.isoformat() <= column.seen[1]:
                first, last = (end.removesuffix("T00:00:00") for end in column.seen)
                found[column.name] = f"outside the dates seen in training ({first} to {last})"
    return found

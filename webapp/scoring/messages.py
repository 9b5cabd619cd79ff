"""What a person is told of a row: what is wrong with it, and what in it the model has never seen."""

import difflib
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from webapp.scoring.inputs import DAY, LONGEST_TEXT, MOMENT
from webapp.scoring.scorecard import Column, Curve, Levels, Scorecard
from webapp.scoring.scorer import Cell, as_datetime

MOST_MISTAKES = 100  # that one answer lists
WORDS = {
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "multiple_of": "must be a whole number",
    "string_type": "must be text",
    "string_too_short": "must not be empty; leave it out if it is not known",
    "string_too_long": f"must be at most {LONGEST_TEXT} characters long",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be an object with a key a column",
    "list_type": "must be a list of rows",
}


class Mistake(NamedTuple):
    """One thing wrong with the input: where (row number and column, where they are known) and what."""

    row: int | None
    column: str | None
    message: str

    @property
    def pointer(self) -> str:
        """JSON pointer to it, as a URI fragment (RFC 6901, section 6)."""
        parts = [str(part).replace("~", "~0").replace("/", "~1") for part in self[:2] if part is not None]
        return "#" + "".join("/" + quote(part, safe="~") for part in parts)


def explain(error: ValidationError, card: Scorecard, row: int | None = None) -> list[Mistake]:
    """What is wrong with a row, or (`row` being None) with a list of rows; the first MOST_MISTAKES mistakes."""
    columns = {column.name: column for column in card.columns}
    mistakes = []
    for detail in error.errors(include_url=False)[:MOST_MISTAKES]:
        loc = list(detail["loc"])
        number = loc.pop(0) if loc and isinstance(loc[0], int) else row
        name = str(loc[0]) if loc else None
        mistakes.append(Mistake(number, name, message(detail, columns, name)))  # type: ignore[arg-type]
    return mistakes


def message(detail: ErrorDetails, columns: dict[str, Column], name: str | None) -> str:
    """One mistake, in words that go with a field's label."""
    kind, context = detail["type"], detail.get("ctx", {})
    column = columns.get(name) if name is not None else None
    unit = f" {column.unit}" if column is not None and column.unit else ""
    if kind == "missing" or (detail["input"] is None and column is not None):
        return "is required"
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(name)[:100], columns, 1)
        return f"is no column of the model{f'; did you mean {near[0]}?' if near else ''}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error" and column is not None:
        names = [f"{lev} ({column.labels[lev]})" if lev in column.labels else lev for lev in column.allowed[:50]]
        return f"must be one of {', '.join(names)}"
    if kind in ("greater_than_equal", "less_than_equal"):
        limit = context["ge"] if kind == "greater_than_equal" else context["le"]
        return f"must be at {'least' if kind == 'greater_than_equal' else 'most'} {limit:g}{unit}"
    if kind == "json_invalid":
        return f"is not JSON: {context['error']}"
    if kind.startswith(("date_", "datetime_")):
        return f"must be a date like {DAY}" if kind.startswith("date_") else f"must be a datetime like {MOMENT}"
    return WORDS.get(kind, detail["msg"])


def unseen(card: Scorecard, row: Mapping[str, Cell]) -> dict[str, str]:
    """Per column, a warning where its value lies outside what the model has seen in training."""
    found = {}
    for column in card.columns:
        cell = row.get(column.name)
        if cell is None:
            continue
        if isinstance(column.effect, Curve):
            if column.quantiles and not column.quantiles[0] <= cell <= column.quantiles[-1]:  # type: ignore[operator]
                low, high = column.quantiles[0], column.quantiles[-1]
                found[column.name] = f"outside what the model has seen ({low:g} to {high:g}); taken as the nearest"
        elif isinstance(column.effect, Levels):
            if cell not in column.effect.values or (len(column.shares) < 50 and cell not in column.shares):
                found[column.name] = "a level that the model has not seen; taken as a rare one"
        elif column.seen is not None:
            when = as_datetime(cell)
            if when is not None and not column.seen[0] <= when.isoformat() <= column.seen[1]:
                first, last = (end.removesuffix("T00:00:00") for end in column.seen)
                found[column.name] = f"outside the dates that the model has seen ({first} to {last})"
    return found

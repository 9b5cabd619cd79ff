"""What a row may be: a pydantic type built from the scorecard.

JSON is validated strictly (`"3"` is no number), a form or CSV file in pydantic's mode for text; both by one type, so
that a page, the API and a file of a million rows get the same message for the same mistake (see messages.py).
"""

import datetime
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NotRequired

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    with_config,
)
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from webapp.scoring.scorecard import Calendar, Column, Levels, Scorecard
from webapp.scoring.scorer import as_datetime, as_level

LONGEST_TEXT = 1000  # characters of a level
DAY, MOMENT = "2026-11-24", "2026-11-24T17:05"  # as messages show them


def row_type(card: Scorecard) -> Any:
    """The TypedDict of a row: a key a column; no others."""
    fields = {}
    for column in card.columns:
        kind = cell_type(column)
        extra: dict[str, Any] = {"unit": column.unit} if column.unit else {}
        about = Field(
            title=column.title or column.name,
            description=column.description,
            examples=[] if column.default is None else [json_cell(column, column.default)],
            json_schema_extra=extra,
        )
        fields[column.name] = Annotated[kind, about] if column.required else NotRequired[Annotated[kind | None, about]]
    row = TypedDict("Row", fields)  # type: ignore[misc]  # its keys are only known here
    row.__doc__ = f"What is known of one case, to predict {card.target.title or card.target.name}."
    return with_config(ConfigDict(extra="forbid"))(row)


def cell_type(column: Column) -> Any:
    """The type of a cell of this column (without the None of a missing one)."""
    if isinstance(column.effect, Levels):
        if not column.allowed:
            return Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST_TEXT)]
        choices = [json_cell(column, level) for level in column.allowed]
        known = WithJsonSchema({"enum": list(dict.fromkeys([*choices, *column.allowed]))})
        return Annotated[Literal[tuple(column.allowed)], BeforeValidator(level_text), known]
    if column.type == "boolean":
        return Annotated[bool, Field(strict=True)]
    if isinstance(column.effect, Calendar):
        kind = datetime.date if column.type == "date" else datetime.datetime
        return Annotated[kind, BeforeValidator(iso_text(column)), AfterValidator(within(column))]
    whole = 1 if column.type == "integer" else None
    return Annotated[
        float, Field(strict=True, allow_inf_nan=False, ge=column.minimum, le=column.maximum, multiple_of=whole)
    ]


def level_text(cell: Any) -> Any:
    """A level as text: 3, 3.0, "3" and "3.0" are one."""
    if isinstance(cell, str):
        head, dot, zeros = cell.strip().partition(".")
        return head if dot and head.isdigit() and not zeros.strip("0") else cell
    return as_level(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else cell


def json_cell(column: Column, value: Any) -> Any:
    """A level or a default as the API takes it."""
    whole = column.type == "integer" and isinstance(value, str | float)
    return int(float(value)) if whole and str(value).lstrip("-").replace(".", "", 1).isdigit() else value


def iso_text(column: Column) -> Callable[[Any], Any]:
    """A validator that refuses the numbers which pydantic would read as seconds since 1970."""
    example = DAY if column.type == "date" else MOMENT

    def check(cell: Any) -> Any:
        if isinstance(cell, datetime.date):
            return cell
        text = cell.strip() if isinstance(cell, str) else ""
        if "-" not in text[1:]:
            raise ValueError(f"must be a {column.type} like {example}")
        return f"{text}T00:00" if column.type == "datetime" and len(text) == len(DAY) else text

    return check


def within(column: Column) -> Callable[[datetime.date], datetime.date]:
    """A validator of a date's limits."""
    low, high = (None if limit is None else as_datetime(str(limit)) for limit in (column.minimum, column.maximum))

    def check(value: datetime.date) -> datetime.date:
        try:
            when = as_datetime(value)
        except OverflowError:  # its zone puts it before the year 1 or after 9999
            raise ValueError("must be a date of the years 1 to 9999") from None
        if when is not None and low is not None and when < low:
            raise ValueError(f"must be at least {column.minimum}")
        if when is not None and high is not None and when > high:
            raise ValueError(f"must be at most {column.maximum}")
        return value

    return check


def strings_of(card: Scorecard, texts: Mapping[str, str | None]) -> dict[str, str]:
    """The cells of a form or a CSV line as validate_strings takes them: without those that stand for a missing one."""
    missing = {"", *card.missing_values}
    return {name: text for name, text in texts.items() if text is not None and text.strip() not in missing}

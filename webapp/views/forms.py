"""The form: its fields from the scorecard, and what was typed into them."""

import datetime
from collections.abc import Mapping
from typing import NamedTuple

from webapp.formatting import nice_step, plain, short
from webapp.scoring.scorecard import Calendar, Column, Levels, Scorecard


class Slider(NamedTuple):
    """The slider beside a number field: over what the model has seen."""

    minimum: str
    maximum: str
    step: str


class Field(NamedTuple):
    """One field, with what was typed and what is to be said of it."""

    column: Column
    id: str
    title: str
    kind: str  # number, choice, text (with suggestions), date, datetime-local
    value: str
    choices: list[tuple[str, str]]  # level and its label
    slider: Slider | None
    hint: str
    error: str
    warning: str


def make_fields(
    card: Scorecard, typed: Mapping[str, str], errors: Mapping[str, str], warnings: Mapping[str, str]
) -> list[Field]:
    """The fields of the form."""
    return [
        Field(
            column,
            f"field-{place}",
            column.title or column.name,
            kind_of(column),
            typed.get(column.name, ""),
            choices_of(column),
            slider_of(column),
            hint_of(column),
            errors.get(column.name, ""),
            warnings.get(column.name, ""),
        )
        for place, column in enumerate(card.columns)
    ]


def kind_of(column: Column) -> str:
    """Which kind of field a column gets."""
    if isinstance(column.effect, Levels):
        return "choice" if column.allowed else "text"
    if isinstance(column.effect, Calendar):
        return "date" if column.type == "date" else "datetime-local"
    return "choice" if column.type == "boolean" else "number"


def choices_of(column: Column) -> list[tuple[str, str]]:
    """The choices of a field, or its suggestions."""
    if column.type == "boolean":
        return [("true", "yes"), ("false", "no")]
    if not isinstance(column.effect, Levels):
        return []
    levels = column.allowed or list(column.shares)
    return [(level, column.labels.get(level, level)) for level in levels]


def slider_of(column: Column) -> Slider | None:
    """The slider of a number that varies in training."""
    if kind_of(column) != "number" or not column.quantiles or column.quantiles[0] == column.quantiles[-1]:
        return None
    low, high = column.quantiles[0], column.quantiles[-1]
    step = max(1.0, nice_step(high - low, 100)) if column.type == "integer" else nice_step(high - low, 200)
    return Slider(plain(low), plain(high), plain(step))


def hint_of(column: Column) -> str:
    """What stands under a field: its help text and what the model has seen."""
    parts = [column.description] if column.description else []
    if kind_of(column) == "number" and column.quantiles:
        parts.append(f"seen: {short(column.quantiles[0])} to {short(column.quantiles[-1])}")
    if column.seen is not None:
        parts.append(f"seen: {column.seen[0][:10]} to {column.seen[1][:10]}")
    if not column.required:
        parts.append("may be left empty")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def defaults(card: Scorecard) -> dict[str, str]:
    """What the form starts with: the medians, the commonest levels, the latest date."""
    return {column.name: as_typed(column) for column in card.columns}


def as_typed(column: Column) -> str:
    """A column's default as it would be typed."""
    default = column.default
    if default is None:
        return ""
    if column.type == "boolean":
        return "true" if default else "false"
    if isinstance(default, float):
        return plain(default)
    if isinstance(column.effect, Calendar):
        when = datetime.datetime.fromisoformat(default)
        return when.date().isoformat() if column.type == "date" else when.isoformat(timespec="minutes")
    return default


def show_cell(field: Field) -> str:
    """What was typed, as a table shows it."""
    if not field.value:
        return "not given"
    text = dict(field.choices).get(field.value, field.value)
    return f"{text} {field.column.unit}" if field.column.unit else text

"""The form: its fields, made from the scorecard, and the values in them."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from webapp.formatting import distinct, nice_step, plain
from webapp.scoring.notation import in_json, write_value
from webapp.scoring.scorecard import Calendar, Column, Levels, Scorecard


class Slider(NamedTuple):
    """The slider beside a number field, over the training range."""

    minimum: str
    maximum: str
    step: str


class Field(NamedTuple):
    """One field, with its value and the notes beside it."""

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
    has_effect: bool


def make_fields(
    card: Scorecard, typed: Mapping[str, str], errors: Mapping[str, str], warnings: Mapping[str, str]
) -> list[Field]:
    """Make the fields of the form."""
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
            column is not card.exposure,
        )
        for place, column in enumerate(card.inputs)
    ]


def pair_notes(card: Scorecard, warnings: Mapping[str, str], unseen_pairs: Collection[str]) -> dict[str, str]:
    """Add to the warnings, by column, those of pairs of values that do not occur together in training."""
    notes = {name: [warning] for name, warning in warnings.items()}
    titles = {column.name: column.title or column.name for column in card.columns}
    for surface in card.surfaces:
        if surface.name in unseen_pairs:
            for axis, other in (surface.axes, surface.axes[::-1]):
                partner = titles[other.column] + (f" ({other.part})" if other.part else "")
                notes.setdefault(axis.column, []).append(f"not seen in training together with this {partner}")
    return {name: "; ".join(dict.fromkeys(texts)) for name, texts in notes.items()}


def kind_of(column: Column) -> str:
    """Choose the kind of field for a column."""
    if isinstance(column.effect, Calendar):
        return "date" if column.type == "date" else "datetime-local"
    if column.allowed or column.type == "boolean":
        return "choice"
    return "text" if isinstance(column.effect, Levels) else "number"


def choices_of(column: Column) -> list[tuple[str, str]]:
    """List the choices of a field, or its suggestions: what it sends, and its label."""
    if column.type == "boolean":
        return [(write_value(1.0, column), "yes"), (write_value(0.0, column), "no")]
    if isinstance(column.effect, Calendar):
        return []
    values = [write_value(value, column) for value in column.allowed] or list(column.shares)
    return [(value, column.labels.get(value, value)) for value in values]


def slider_of(column: Column) -> Slider | None:
    """Make the slider of a number that varies in training."""
    if kind_of(column) != "number" or not column.quantiles or column.quantiles[0] == column.quantiles[-1]:
        return None
    low, high = column.quantiles[0], column.quantiles[-1]
    step = max(1.0, nice_step(high - low, 100)) if column.type == "integer" else nice_step(high - low, 200)
    return Slider(plain(low), plain(high), plain(step))


def hint_of(column: Column) -> str:
    """Write the hint under a field: its description, and the training range."""
    parts = [column.description] if column.description else []
    if kind_of(column) == "number" and column.quantiles:
        parts.append(f"training range: {' to '.join(distinct([column.quantiles[0], column.quantiles[-1]]))}")
    if column.seen is not None:
        parts.append(f"training range: {column.seen[0][:10]} to {column.seen[1][:10]}")
    if not column.required:
        parts.append("may be left empty")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def defaults(card: Scorecard) -> dict[str, str]:
    """Fill the form as it starts: the medians, the commonest levels, the latest dates."""
    return {
        column.name: write_value(column.default, in_json(column) if isinstance(column.effect, Calendar) else column)
        for column in card.inputs
    }


def show_cell(field: Field) -> str:
    """Write the value of a field as a table shows it."""
    if not field.value:
        return "not given"
    text = dict(field.choices).get(field.value, field.value)
    return f"{text} {field.column.unit}" if field.column.unit else text

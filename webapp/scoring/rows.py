"""Rows: what one is, for the OpenAPI document, and how the readers of its columns read it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, WithJsonSchema, with_config
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from webapp.scoring.cells import Reader, number_limits
from webapp.scoring.effects import Cell
from webapp.scoring.notation import LARGEST, SMALLEST
from webapp.scoring.scorecard import Calendar, Column, Levels, Scorecard

ID_SCHEMA = {
    "anyOf": [{"type": "string", "minLength": 1, "maxLength": 128}, {"type": "null"}],
    "description": "of the case; comes back with the answer and is in the prediction log, to join the outcome by",
}
Row = dict[str, Cell]
RowReader = Callable[[Mapping[str, Any]], Row]  # raises a RowError


class RowError(ValueError):
    """Cells that the model does not take, as pairs of column and message."""

    def __init__(self, mistakes: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{column} {message}" for column, message in mistakes))
        self.mistakes = mistakes


def read_row(readers: Iterable[tuple[str, Any, Reader]], cells: Any) -> Row:
    """Read a row: for each column its name, the key of its cell in `cells` and its reader.

    Raises:
        RowError: the model does not take some of the cells.
    """
    try:
        return {name: read(cells[key]) for name, key, read in readers}
    except ValueError:
        mistakes = []
        for name, key, read in readers:
            try:
                read(cells[key])
            except ValueError as error:
                mistakes.append((name, str(error)))
        raise RowError(mistakes) from None


def make_row_reader(card: Scorecard, make: Callable[[Column], Reader]) -> RowReader:
    """Make a function that reads a row from a mapping, where an absent column is a missing cell; it raises RowError."""
    readers = [(column.name, column.name, make(column)) for column in card.inputs]
    nothing = dict.fromkeys(column.name for column in card.inputs)
    return lambda cells: read_row(readers, {**nothing, **cells})


def row_type(card: Scorecard) -> Any:
    """Make the TypedDict that documents a row: one key per column, an id and no others."""
    fields: dict[str, Any] = {"id": NotRequired[Annotated[Any, WithJsonSchema(ID_SCHEMA)]]}
    for column in card.inputs:
        cell = Annotated[Any, WithJsonSchema(json_schema(column))]
        fields[column.name] = cell if column.required else NotRequired[cell]
    row = TypedDict("Row", fields)  # type: ignore[misc]  # its keys are only known here
    row.__doc__ = f"What is known about one case, to predict {card.target.title or card.target.name}."
    return with_config(ConfigDict(extra="forbid"))(row)


def json_schema(column: Column) -> dict[str, Any]:
    """Describe a column's cell in JSON, as a JSON Schema."""
    about: dict[str, Any] = {"title": column.title or column.name, "description": column.description}
    about |= {"unit": column.unit, "examples": None if column.default is None else [json_default(column)]}
    cell: dict[str, Any]
    if isinstance(column.effect, Levels):
        whole = [int(level) for level in column.allowed] if column.type == "integer" else []
        limits = {"minLength": column.min_length, "maxLength": column.max_length, "pattern": column.pattern}
        cell = {"enum": [*whole, *column.allowed]} if column.allowed else {"type": "string", **limits}
    elif isinstance(column.effect, Calendar):
        cell = {"type": "string", "format": "date" if column.type == "date" else "date-time"}
    else:
        low, high = number_limits(column)
        bounds = {"minimum": low if low > -LARGEST else None, "maximum": high if high < LARGEST else None}
        if low == SMALLEST:
            bounds |= {"minimum": None, "exclusiveMinimum": 0}
        cell = {"type": column.type, **bounds}
        cell |= {"enum": column.allowed or None}
    cell = {key: value for key, value in cell.items() if value is not None}
    about = {key: value for key, value in about.items() if value is not None}
    missing = {"enum": [None, *column.reading.missing_values]}
    return about | (cell if column.required else {"anyOf": [cell, missing]})


def json_default(column: Column) -> Any:
    """Give the default of a column as the API takes it."""
    if column.default is None:
        return None
    if column.type in ("boolean", "integer"):
        return bool(column.default) if column.type == "boolean" else int(column.default)
    return column.default

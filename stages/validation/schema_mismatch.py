"""A table that no longer fits schema.yaml: the columns that came or went, and the key to edit if the table is right."""

from collections.abc import Iterable
from pathlib import Path

from stages.table.schema import INTERNAL, TableSchema
from stages.utils.errors import DataError, did_you_mean

DELIMITERS = (";", "\t", "|", ",")
MOST_NAMED = 6  # columns that one message names
READING_KEYS = {  # the keys that decide how a cell of this kind is read
    "number": "type, decimalChar, groupChar, bareNumber, missingValues",
    "date": "type, format, missingValues",
    "level": "type, missingValues",
}


def check_columns(found: Iterable[str], schema: TableSchema, table: Path) -> None:
    """Check that the table has exactly the schema's columns, in any order.

    Raises:
        DataError: a column is only in the table or only in the schema.
    """
    there, described = [name for name in found if name not in INTERNAL], schema.names()
    packed = [mark for mark in DELIMITERS if len(there) == 1 and mark in there[0]]
    if packed and there[0] not in described:
        raise DataError(
            f"{table}: found a single column, {there[0]!r}; if {packed[0]!r} separates its cells, "
            f"correct config.yaml: source.delimiter"
        )
    problems = [
        f"column {name!r} is in schema.yaml but not in the table{did_you_mean(name, there)}"
        for name in described
        if name not in there
    ] + [
        f"column {name!r} is in the table but not in schema.yaml; describe it (role: ignore leaves it out)"
        for name in there
        if name not in described
    ]
    if problems:
        more = f"; and {len(problems) - MOST_NAMED} more" if len(problems) > MOST_NAMED else ""
        raise DataError(
            f"{table}: {'; '.join(problems[:MOST_NAMED])}{more}; "
            f"correct the table or schema.yaml, or run `make adopt` again"
        )


def key_to_edit(name: str, check: str, schema: TableSchema) -> str:
    """Return the key to edit if the table is right and cells of this column still fail this check."""
    if name not in schema.names():  # a malformed row
        return "config.yaml: source.delimiter"
    column = schema.column(name)
    if check == "type":
        return f"schema.yaml: fields.{name} ({READING_KEYS[column.kind]})"
    if check == "required" and not column.constraints.required:
        return f"schema.yaml: fields.{name}.role ({column.role} needs a value in every row)"
    if check == "positive":
        return f"schema.yaml: fields.{name}.role ({column.role} needs a positive number in every row)"
    key = {"categories": "categories", "length": "constraints (minLength, maxLength)"}.get(
        check, f"constraints.{check}"
    )
    return f"schema.yaml: fields.{name}.{key}"

"""The schema's constraints: a Pandera schema for single cells, and checks of whole rows and of repeated values.

All violations are reported at once, as frames with the columns of FAILURE: row (position in the part), column, check,
value (as found), reason.
"""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa

from stages.table.hashing import Hashes, hash_rows
from stages.table.parts import read_column, row_counts
from stages.table.schema import Column, TableSchema
from stages.utils.parallel import map_parts
from stages.validation.cells import type_cells

DTYPES = {"number": "float64", "level": "str", "date": "datetime64[us]"}
FAILURE = {"row": "int64", "column": "str", "check": "str", "value": "str", "reason": "str"}
MISSING = np.uint64(0)  # the hash of a missing cell; missing cells do not repeat one another

Repeats = dict[str, npt.NDArray[np.int64]]  # for each `unique` column, the rows of a part that repeat an earlier value


def pandera_schema(schema: TableSchema) -> pa.DataFrameSchema:
    """Return the Pandera schema of a typed part."""
    return pa.DataFrameSchema(
        {
            column.name: pa.Column(DTYPES[column.kind], column_checks(column), nullable=not is_required(column))
            for column in schema.fields
        }
    )


def is_required(column: Column) -> bool:
    """Return whether a row without this cell is invalid, as is one that could not be used at all."""
    return column.constraints.required or column.role in ("target", "time", "group", "weight", "exposure")


def column_checks(column: Column) -> list[pa.Check]:
    """Return one check per constraint; its `error` is the expectation as `NAME VALUE`."""
    limits = column.constraints
    checks = []
    if column.role == "weight":
        checks.append(pa.Check.ge(0, error="minimum 0"))
    if column.role == "exposure":
        checks.append(pa.Check.gt(0, error="positive number"))
    if limits.minimum is not None:
        checks.append(pa.Check.ge(typed_limit(limits.minimum, column), error=f"minimum {limits.minimum}"))
    if limits.maximum is not None:
        checks.append(pa.Check.le(typed_limit(limits.maximum, column), error=f"maximum {limits.maximum}"))
    if limits.enum is not None:
        allowed = [typed_limit(value, column) for value in limits.enum]
        checks.append(pa.Check.isin(allowed, error=f"enum {limits.enum}"))
    if column.levels is not None:
        checks.append(pa.Check.isin(column.levels, error=f"categories {column.levels}"))
    if limits.pattern is not None:
        checks.append(pa.Check(partial(whole_matches, pattern=limits.pattern), error=f"pattern {limits.pattern}"))
    if limits.minLength is not None or limits.maxLength is not None:
        shown = f"{limits.minLength or 0} to {'any' if limits.maxLength is None else limits.maxLength}"
        checks.append(pa.Check.str_length(limits.minLength, limits.maxLength, error=f"length {shown}"))
    return checks


def whole_matches(cells: "pd.Series[str]", pattern: str) -> "pd.Series[bool]":
    """Return which cells the regular expression matches from end to end."""
    return cells.str.fullmatch(pattern)


def typed_limit(value: object, column: Column) -> object:
    """Return a limit of the schema in the type of the column's cells."""
    if column.kind == "date":
        when = pd.Timestamp(str(value))
        return when if when.tz is None else when.tz_convert("UTC").tz_localize(None)
    return str(value) if column.kind == "level" else value


def failed_checks(typed: pd.DataFrame, checks: pa.DataFrameSchema) -> pd.DataFrame:
    """Return the cells of a typed part that fail a check."""
    try:
        checks.validate(typed, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        expected = cases["check"].replace({"not_nullable": "required"}).astype("str")
        check = expected.str.partition(" ")[0]
        found = cases["failure_case"].astype("str").mask(check == "required", "nothing")
        return failure_frame(cases["index"], cases["column"], check, found, "expected " + expected)
    return failure_frame([], [], [], [], [])


def malformed_rows(part: Path) -> pd.DataFrame:
    """Return the rows of a raw part that the source could not read as a row of the table."""
    problem = read_column(part, "_problem")
    rows = np.flatnonzero(problem.notna())
    return failure_frame(rows, "(row)", "cells", problem.iloc[rows], "not a row of the table")


def repeated_values(part: Path, repeats: Repeats) -> list[pd.DataFrame]:
    """Return the cells of `unique` columns that repeat an earlier cell."""
    return [
        failure_frame(rows, name, "unique", read_column(part, name).iloc[rows].astype("str"), "expected unique")
        for name, rows in repeats.items()
    ]


def find_repeats(parts: list[Path], schema: TableSchema) -> list[Repeats]:
    """Find, for each part, the rows that repeat an earlier value of a `unique` column (compared by 64-bit hash)."""
    unique = [column.name for column in schema.fields if column.constraints.unique]
    repeats: list[Repeats] = [{} for _ in parts]
    if unique:
        hashes = list(map_parts(hash_columns, parts, schema, unique, rows=row_counts(parts)))
        ends = np.cumsum([len(part) for part in hashes])[:-1]
        for position, name in enumerate(unique):
            values = pd.Series(np.concatenate([part[:, position] for part in hashes]))
            repeated = (values.duplicated() & (values != MISSING)).to_numpy()
            for part, mask in zip(repeats, np.split(repeated, ends), strict=True):
                part[name] = np.flatnonzero(mask)
    return repeats


def hash_columns(part: Path, schema: TableSchema, names: list[str]) -> Hashes:
    """Hash single columns of a raw part: an array of (rows, columns)."""
    fields = [column for column in schema.fields if column.name in names]
    typed, _ = type_cells(partial(read_column, part), schema.model_copy(update={"fields": fields}))
    return np.column_stack([np.where(typed[name].isna(), MISSING, hash_rows(typed, [name])) for name in names])


def failure_frame(row: object, column: object, check: object, value: object, reason: object) -> pd.DataFrame:
    """Return failures in the types of FAILURE; a single text is repeated for every row."""
    row = np.asarray(row)
    content = {"row": row, "column": column, "check": check, "value": value, "reason": reason}
    return (
        pd.DataFrame(
            {name: np.asarray(item) for name, item in content.items() if not isinstance(item, str)},
            index=range(len(row)),
        )
        .assign(**{name: item for name, item in content.items() if isinstance(item, str)})[list(FAILURE)]
        .astype(FAILURE)
    )

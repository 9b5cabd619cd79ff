"""Reading cells by the schema: from raw text (or typed) cells to typed columns, and which cells could not be read.

The formats are those of the Frictionless Table Schema: `missingValues`, `decimalChar`, `groupChar`, `bareNumber`,
`trueValues`, `falseValues`, `format`. White space around a cell is dropped.
"""

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.table.schema import Column, TableSchema

LARGEST_INTEGER = 2.0**53 - 1  # beyond it two integers may be one float64


def type_cells(raw: pd.DataFrame, schema: TableSchema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Type every column of a raw part.

    Returns:
        The typed part (same rows, the schema's columns; an unreadable cell is missing), and the unreadable cells:
        row (position in the part), column, check ("type"), value (the cell as read), reason.
    """
    typed, failures = {}, []
    for column in schema.fields:
        cells = raw[column.name]
        missing = schema.missingValues if column.missingValues is None else column.missingValues
        values, unreadable = type_column(cells, column, missing)
        typed[column.name] = values
        rows = np.flatnonzero(unreadable)
        reason = f"not a finite {column.type}" if column.kind == "number" else f"not a {column.type}"
        if column.kind == "date" and column.format != "default":
            reason += f" of format {column.format}"
        if column.type == "integer":
            reason = "not an integer (below 2^53)"
        found = cells.iloc[rows].astype("str").to_numpy()
        failures.append(
            pd.DataFrame({"row": rows, "column": column.name, "check": "type", "value": found, "reason": reason})
        )
    return pd.DataFrame(typed), pd.concat(failures, ignore_index=True)


def type_column(cells: "pd.Series[str]", column: Column, missing: list[str]) -> tuple[pd.Series, npt.NDArray[np.bool_]]:
    """Type one column; the mask marks the cells that hold something that cannot be read."""
    if isinstance(cells.dtype, pd.CategoricalDtype):  # dictionary-encoded in Parquet
        cells = cells.astype(cells.cat.categories.dtype)
    if cells.dtype == "str" or cells.dtype == object:
        cells = cells.astype("str").str.strip()
        cells = cells.mask(cells.isin(missing))
    if column.kind == "date":
        values = to_dates(cells, column)
    elif column.type == "string":
        values = cells.astype("str")
    elif column.type == "boolean":
        values = to_booleans(cells, column)
    else:
        values = to_numbers(cells, column)
    if column.type == "integer":
        values = values.where((values % 1 == 0) & (values.abs() <= LARGEST_INTEGER))
    unreadable = (values.isna() & cells.notna()).to_numpy()
    if column.type == "integer" and column.kind == "level":
        values = values.map("{:.0f}".format, na_action="ignore").astype("str")
    return values, unreadable


def to_numbers(cells: pd.Series, column: Column) -> pd.Series:
    """Finite float64 numbers; what is none is missing."""
    if cells.dtype == "str":
        if not column.bareNumber:
            cells = cells.str.replace(r"^[^\d+\-.,]+|\D+$", "", regex=True)
        if column.groupChar is not None:
            cells = ungrouped(cells, column.groupChar)
        if column.decimalChar != ".":
            cells = cells.str.replace(".", "?", regex=False).str.replace(column.decimalChar, ".", regex=False)
    elif cells.dtype.kind == "M":
        return pd.Series(np.nan, cells.index)
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def ungrouped(cells: pd.Series, mark: str) -> pd.Series:
    """Numbers without the marks between their groups; a mark that stands elsewhere (`1,5`) makes a cell unreadable."""
    mark = re.escape(mark)
    # as in 1,234 and in 1,00,000
    groups = rf"[^\d{mark}]*\d{{1,3}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}(?:[^\d{mark}][^{mark}]*)?"
    readable = cells.str.fullmatch(groups) | ~cells.str.contains(mark)
    return cells.where(readable, "?").str.replace(mark, "", regex=True)


def to_booleans(cells: pd.Series, column: Column) -> pd.Series:
    """1.0 and 0.0; what is neither is missing."""
    if cells.dtype == "str":
        values = dict.fromkeys(column.trueValues, 1.0) | dict.fromkeys(column.falseValues, 0.0)
        return cells.map(values).astype("float64")
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    return numbers.where(numbers.isin([0.0, 1.0]))


def to_dates(cells: pd.Series, column: Column) -> pd.Series:
    """datetime64[us] in UTC without a zone; what does not fit the format is missing."""
    if cells.dtype == "str":
        pattern = "ISO8601" if column.format == "default" else column.format
        cells = cells.where(cells.str.contains(r"\d", na=False))  # pandas takes `now` and `today` for dates
        cells = cells.str.replace(r"(\.\d{6})\d+", r"\1", regex=True)  # and nanoseconds narrow the years it can hold
        cells = pd.to_datetime(cells, format=pattern, errors="coerce", utc=True)
    elif cells.dtype.kind != "M":
        return pd.Series(pd.NaT, cells.index, dtype="datetime64[us]")
    return pd.to_datetime(cells, utc=True).dt.tz_localize(None).astype("datetime64[us]")

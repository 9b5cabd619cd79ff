"""Typing whole columns by the schema: from text (or typed) cells to typed columns, and the cells that are unreadable.

The notation is that of the Frictionless Table Schema: `missingValues`, `decimalChar`, `groupChar`, `bareNumber`,
`trueValues`, `falseValues`, `format`. White space around a cell is dropped. The web app reads single cells by the same
grammar (webapp/scoring/cells.py); tests/webapp/test_cells.py holds the two equal.
"""

from collections.abc import Callable
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import infer_dtype

from stages.table.schema import Column, TableSchema
from webapp.scoring.grammar import (
    AROUND_NUMBER,
    ISO_DATE,
    LARGEST_INTEGER,
    LONG_FRACTION,
    NUMBER,
    as_level,
    grouped_number,
)

SAMPLE = 1000  # cells that show whether a column repeats itself


def type_cells(cells_of: Callable[[str], pd.Series], schema: TableSchema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Type every column of a raw part, one after the other.

    Args:
        cells_of: gives the cells of a column by its name, such as `frame.__getitem__` or a reader of the part.

    Returns:
        The typed part (same rows, the schema's columns; an unreadable cell is missing), and the unreadable cells:
        row (position in the part), column, check ("type"), value (the cell as read), reason.
    """
    typed, failures = {}, []
    for column in schema.fields:
        cells = cells_of(column.name)
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


def type_column(cells: pd.Series, column: Column, missing: list[str]) -> tuple[pd.Series, npt.NDArray[np.bool_]]:
    """Type one column; the mask marks the cells that hold something unreadable.

    A missing mark is compared as text and, in a column of numbers or dates, by its value: `-200` also stands for
    `-200.0`, and for the number -200 of a Parquet file.
    """
    if column.type == "string":
        levels = cells if cells.dtype == "str" else cells.map(as_level, na_action="ignore").astype("str")
        levels = levels.str.strip()
        return levels.mask(levels.isin(missing)), np.zeros(len(cells), bool)
    if repeats_itself(cells):
        codes, distinct = pd.factorize(cells, use_na_sentinel=False)
        values, unreadable = type_values(pd.Series(distinct, dtype="str"), column, missing)
        return values.take(codes).set_axis(cells.index), unreadable[codes]
    return type_values(cells, column, missing)


def repeats_itself(cells: pd.Series) -> bool:
    """Tell whether a long column of text has so few distinct cells that it is quicker to read only those."""
    sample = cells.iloc[:: max(1, len(cells) // SAMPLE)]
    return cells.dtype == "str" and len(cells) >= SAMPLE and sample.nunique() < 0.95 * SAMPLE


def type_values(cells: pd.Series, column: Column, missing: list[str]) -> tuple[pd.Series, npt.NDArray[np.bool_]]:
    """Type the cells of a column that is not text; the mask marks the unreadable ones."""
    cells = text_or_typed(cells)
    if cells.dtype == "str":
        cells = cells.str.strip()
        cells = cells.mask(cells.isin(missing))
    read = {"date": to_dates, "datetime": to_dates, "boolean": to_booleans}.get(column.type, to_numbers)
    values = read(cells, column)
    if column.type == "integer":
        values = values.where((values % 1 == 0) & (values.abs() <= LARGEST_INTEGER))
    unreadable = (values.isna() & cells.notna()).to_numpy()
    marks = read(pd.Series(missing, dtype="str"), column).dropna()
    if len(marks) and column.type != "boolean":
        values = values.mask(values.isin(marks))
    if column.type == "integer" and column.kind == "level":
        values = (values + 0.0).map("{:.0f}".format, na_action="ignore").astype("str")  # + 0.0: no minus before a zero
    return values, unreadable


def text_or_typed(cells: pd.Series) -> pd.Series:
    """Give cells as `str`, numbers, booleans or datetimes, where Parquet gave categories or Python objects."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        return cells.astype(cells.cat.categories.dtype)
    if cells.dtype != object:
        return cells
    kind = infer_dtype(cells, skipna=True)
    if kind in ("date", "datetime"):
        return pd.to_datetime(cells, utc=True)
    if kind == "decimal":
        return cells.astype("float64")
    return cells.astype("boolean") if kind == "boolean" else cells.astype("str")


def to_numbers(cells: pd.Series, column: Column) -> pd.Series:
    """Read finite float64 numbers; cells that are not numbers are missing."""
    if cells.dtype == "str":
        if not column.bareNumber:
            cells = cells.str.replace(AROUND_NUMBER, "", regex=True)
        if column.groupChar is not None:
            readable = cells.str.fullmatch(grouped_number(column.groupChar)) | ~cells.str.contains(
                column.groupChar, regex=False
            )
            cells = cells.where(readable, "?").str.replace(column.groupChar, "", regex=False)
        if column.decimalChar != ".":
            cells = cells.str.replace(".", "?", regex=False).str.replace(column.decimalChar, ".", regex=False)
        numbers = parse_numbers(cells)
    elif cells.dtype.kind == "M":
        return pd.Series(np.nan, cells.index)
    else:
        numbers = cells.astype("float64")
    return numbers.where(np.isfinite(numbers))


def parse_numbers(cells: "pd.Series[str]") -> "pd.Series[float]":
    """Read text that matches NUMBER; other text is missing."""
    texts = pa.array(cells)
    try:
        numbers = pc.cast(texts, pa.float64())  # besides what matches, Arrow takes only NaN and infinities
    except pa.ArrowInvalid:
        numbers = pc.cast(pc.if_else(pc.match_substring_regex(texts, f"^(?:{NUMBER})$"), texts, None), pa.float64())
    return pd.Series(numbers.to_numpy(zero_copy_only=False), cells.index)


def to_booleans(cells: pd.Series, column: Column) -> pd.Series:
    """Read 1.0 and 0.0; cells that are neither true nor false are missing."""
    if cells.dtype == "str":
        values = dict.fromkeys(column.trueValues, 1.0) | dict.fromkeys(column.falseValues, 0.0)
        return cells.map(values).astype("float64")
    if cells.dtype.kind == "M":
        return pd.Series(np.nan, cells.index)
    numbers = cells.astype("float64")
    return numbers.where(numbers.isin([0.0, 1.0]))


def to_dates(cells: pd.Series, column: Column) -> pd.Series:
    """Read dates (years 1 to 9999) as datetime64[us] in UTC without a zone; cells that are not dates are missing."""
    if cells.dtype == "str":
        if column.format == "default":
            cells = cells.where(cells.str.fullmatch(ISO_DATE))
        else:
            cells = cells.where(cells.str.contains("[0-9]"))  # pandas takes `now` and `today` for dates
        cells = cells.str.replace(LONG_FRACTION, r"\1", regex=True)  # nanoseconds would narrow the years
        pattern = "ISO8601" if column.format == "default" else column.format
        cells = pd.to_datetime(cells, format=pattern, errors="coerce", utc=True)
    elif cells.dtype.kind != "M":
        return pd.Series(pd.NaT, cells.index, dtype="datetime64[us]")
    dates = pd.to_datetime(cells, utc=True).dt.tz_localize(None).astype("datetime64[us]")
    return dates.where(dates.between(datetime.min, datetime.max))

"""Cells: typed by the schema, or unreadable; text and typed sources, every type and property."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stages.table.schema import Column
from stages.validation.cells import SAMPLE, type_column
from tests.helpers.cell_texts import NUMBER, some_cells

Field = dict[str, Any]


def typed(
    cells: Sequence[Any] | pd.Series, missing: Sequence[str] = ("",), **field: Any
) -> tuple[list[Any], list[Any]]:
    """The typed cells of a column (None: missing), and those that could not be read."""
    column = Column.model_validate({"name": "x", **field})
    series = cells if isinstance(cells, pd.Series) else pd.Series(cells, dtype="str")
    values, unreadable = type_column(series, column, list(missing))
    return [None if pd.isna(value) else value for value in values.tolist()], series[unreadable].tolist()


def dates(cells: Sequence[Any] | pd.Series, **field: Any) -> tuple[list[str | None], list[Any]]:
    """As `typed`, the dates as ISO text."""
    values, unreadable = typed(cells, **{"type": "datetime", **field})
    return [None if value is None else value.isoformat() for value in values], unreadable


ALL: Any = ...  # every cell is unreadable
TYPED: list[tuple[str, Field, list[str], list[Any], list[str]]] = [  # type, properties, cells, values, unreadable cells
    ("number", {}, ["1", " -2.5 ", "+3", ".5", "5.", "1e3", "0"], [1, -2.5, 3, 0.5, 5, 1000, 0], []),
    ("number", {}, ["x", "1,5", "1 000", "--1", "1_000", "0x1F", "True", "$10", "8GB"], [None] * 9, ALL),
    ("number", {}, ["inf", "-inf", "Infinity", "NaN", "nan", "1e400"], [None] * 6, ALL),
    ("number", {}, ["", "  ", "\t"], [None] * 3, []),
    ("number", {"decimalChar": ","}, ["1,5", "-0,25", "1.5", "2"], [1.5, -0.25, None, 2], ["1.5"]),
    ("number", {"groupChar": ","}, ["1,000", "1,234,567.5", "12"], [1000, 1234567.5, 12], []),
    ("number", {"groupChar": ","}, ["1,5", "51,50", "1,0000", ",5", "1,", "1,234,5"], [None] * 6, ALL),
    ("number", {"groupChar": ","}, ["12,34,567", "-1,000", "5e3"], [1234567, -1000, 5000], []),
    ("number", {"groupChar": ".", "decimalChar": ","}, ["1.000", "1.234.567,5", "1,5"], [1000, 1234567.5, 1.5], []),
    ("number", {"groupChar": " ", "decimalChar": ","}, ["1 000", "1 000,5"], [1000, 1000.5], []),
    ("number", {"bareNumber": False}, ["$10", "8GB", "95 %", "EUR -3.5", "€ 1e3", "many"],
     [10, 8, 95, -3.5, 1000, None], ["many"]),
    ("number", {"bareNumber": False, "groupChar": ".", "decimalChar": ","}, ["1.000,50 €", "EUR 7"], [1000.5, 7], []),
    ("integer", {}, ["7", "-3", "1e3", "2.0", "2.5", "x", "inf", ""], [7, -3, 1000, 2] + [None] * 4,
     ["2.5", "x", "inf"]),
    # a float64 cannot hold each of them: a cell must not turn into its neighbour
    *[("integer", {}, [f"{sign}{number}" for number in (2**53 - 1, 2**53 + 1, 2**60 + 1, 10**30)],
       [int(f"{sign}{2**53 - 1}"), None, None, None], [f"{sign}{n}" for n in (2**53 + 1, 2**60 + 1, 10**30)])
      for sign in ("", "-")],
    ("boolean", {}, ["true", "True", "TRUE", "1", "false", "False", "FALSE", "0", "yes", "", "tRUE"],
     [1.0] * 4 + [0.0] * 4 + [None] * 3, ["yes", "tRUE"]),
    ("boolean", {"trueValues": ["yes", "Y"], "falseValues": ["no"]}, ["yes", " Y", "no", "true", "1", ""],
     [1, 1, 0, None, None, None], ["true", "1"]),
    ("string", {}, [" a ", "", "b\nc", "1.0"], ["a", None, "b\nc", "1.0"], []),
    ("integer", {"categories": [0, 1, 2]}, ["1", "2.0", "01", "x", "", "1.5"], ["1", "2", "1", None, None, None],
     ["x", "1.5"]),
    ("integer", {"categories": [0, 1, 2]}, ["-0", "0"], ["0", "0"], []),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "properties", "cells", "values", "unreadable"), TYPED)
def test_text_cells(kind: str, properties: Field, cells: list[str], values: list[Any], unreadable: Any) -> None:
    unreadable = cells if unreadable is ALL else unreadable
    for times in (1, SAMPLE):  # few distinct cells in a long column are read once
        assert typed(cells * times, type=kind, **properties) == (values * times, unreadable * times)


def test_missing_values() -> None:
    cells = ["NA", " - ", "", "na", "5"]
    assert typed(cells, ["NA", "-"], type="number") == ([None, None, None, None, 5], ["", "na"])
    assert typed(cells, ["NA", "-"], type="string") == ([None, None, "", "na", "5"], [])
    assert typed(["-999", "-999.0", "3"], ["-999"], type="number") == ([None, None, 3], [])  # by value
    assert typed(["NA", "maybe"], ["NA"], type="boolean") == ([None, None], ["maybe"])
    assert typed(["NA", "2020-13-01"], ["NA"], type="date") == ([None, None], ["2020-13-01"])


UNREADABLE_DATES = ["2020-02-30", "2020-13-01", "01/02/2020", "soon", "NaT", "12.5", "today", "now"]
DATES: list[tuple[Field, list[str], list[str | None]]] = [  # properties, cells, values in UTC (None: unreadable)
    ({}, ["2020-01-02", "2020-01-02T03:04:05", " 2020-01-02 03:04 ", "2020-01-02T03:04:05Z"],
     ["2020-01-02T00:00:00", "2020-01-02T03:04:05", "2020-01-02T03:04:00", "2020-01-02T03:04:05"]),
    ({}, ["2020-01-02T03:04:05+02:00", "2020-01-01T22:00:00-0500"], ["2020-01-02T01:04:05", "2020-01-02T03:00:00"]),
    # nanoseconds in one cell do not make dates unreadable that only fit microseconds
    ({}, ["1066-10-14", "2020-01-02T03:04:05.123456789", "9999-12-31"],
     ["1066-10-14T00:00:00", "2020-01-02T03:04:05.123456", "9999-12-31T00:00:00"]),
    ({}, [*UNREADABLE_DATES, "2020-01-02 25:00"], [None] * 9),  # a cell means the same on every day, too
    ({"type": "date", "format": "%d/%m/%Y"}, ["31/12/2020", "12/31/2020", "2020-12-31", "1/2/2020", "today", "now"],
     ["2020-12-31T00:00:00", None, None, "2020-02-01T00:00:00", None, None]),
    ({"format": "%Y-%m-%d %H:%M %z"}, ["2020-12-31 23:30 -0100"], ["2021-01-01T00:30:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("properties", "cells", "values"), DATES)
def test_dates(properties: Field, cells: list[str], values: list[str | None]) -> None:
    unreadable = [cell for cell, value in zip(cells, values, strict=True) if value is None]
    assert dates(cells, **properties) == (values, unreadable)
    for cell, value in zip(cells, values, strict=True):  # whatever the other cells are
        assert dates([cell], **properties) == ([value], [] if value else [cell])
    assert dates(["", " "], **properties) == ([None, None], [])
    assert dates(cells * SAMPLE, **properties) == (values * SAMPLE, unreadable * SAMPLE)


@pytest.mark.parametrize(
    ("cells", "field", "values", "unreadable"),
    [
        (pd.Series([1, 2], dtype="int64"), {"type": "number"}, [1.0, 2.0], []),
        (pd.Series([1.5, np.nan, np.inf, -np.inf]), {"type": "number"}, [1.5, None, None, None], [np.inf, -np.inf]),
        (pd.Series([1.0, 2.5, np.nan]), {"type": "integer"}, [1, None, None], [2.5]),
        (pd.Series([2**53 - 1, 2**53 + 1, 2**60 + 1]), {"type": "integer"}, [2**53 - 1, None, None],
         [2**53 + 1, 2**60 + 1]),
        (pd.Series([True, False]), {"type": "boolean"}, [1.0, 0.0], []),
        (pd.Series([True, None], dtype=object), {"type": "boolean"}, [1.0, None], []),
        (pd.Series([0, 1, 2], dtype="int64"), {"type": "boolean"}, [0.0, 1.0, None], [2]),
        (pd.Series([1, 2], dtype="int64"), {"type": "string"}, ["1", "2"], []),
        (pd.Series([1.0, np.nan]), {"type": "integer", "categories": [1, 2]}, ["1", None], []),
        # a count of nanoseconds since 1970 is neither the number nor the date that was meant
        (pd.Series([2011, 2012]), {"type": "date"}, [None, None], [2011, 2012]),
        (pd.Series(pd.to_datetime(["2020-01-02", None])), {"type": "number"}, [None, None],
         [pd.Timestamp("2020-01-02")]),
    ],
)  # fmt: skip
def test_typed_cells(cells: pd.Series, field: Field, values: list[Any], unreadable: list[Any]) -> None:
    """Cells of a source that has types of its own."""
    assert typed(cells, **field) == (values, unreadable)


def test_typed_dates() -> None:
    naive = pd.Series(pd.to_datetime(["2020-01-02 03:04", None]))
    assert dates(naive) == (["2020-01-02T03:04:00", None], [])
    assert dates(naive.dt.tz_localize("Europe/Berlin")) == (["2020-01-02T02:04:00", None], [])


@pytest.mark.parametrize("kind", ["string", "date", "datetime"])
def test_dictionary_encoded_text_is_text(kind: str) -> None:
    """A Parquet file may hold text as a dictionary: it is stripped and missing as any other."""
    cells = pd.Series(pa.array([" 2020-01-02 ", "NA", "NA"]).dictionary_encode().to_pandas())
    assert str(cells.dtype) == "category"
    value = "2020-01-02" if kind == "string" else pd.Timestamp("2020-01-02")
    assert typed(cells, ["NA"], type=kind) == ([value, None, None], [])


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(some_cells, min_size=1, max_size=5))
def test_a_cell_is_a_number_or_missing_or_unreadable(cells: list[str]) -> None:
    values, unreadable = typed(cells, type="number")
    for cell, value in zip(cells, values, strict=True):
        text = cell.strip()
        if NUMBER.fullmatch(text) and np.isfinite(float(text)):
            assert value == pytest.approx(float(text), rel=1e-15)
        else:
            assert value is None
            assert (cell in unreadable) == (text != "")

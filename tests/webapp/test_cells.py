"""One meaning of a cell: the web app reads single cells as the pipeline reads whole columns, whatever they hold."""

import datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.exporting.columns import make_column
from stages.table.schema import TableSchema
from stages.validation.cells import type_cells
from stages.validation.constraints import failed_checks, pandera_schema
from webapp.scoring.cells import make_reader
from webapp.scoring.scorecard import Calendar, Column, Curve, Levels

REFUSED = "refused"
CURVE = Curve(knots=[0.0], values=[0.0], missing=0.0)
LEVELS = Levels(values={}, other=0.0, missing=0.0)
EFFECTS = {
    "number": CURVE,
    "level": LEVELS,
    "date": Calendar(start=None, days=None, month=LEVELS, weekday=LEVELS, hour=LEVELS),
}
FORMATS = ["default", "%d/%m/%Y", "%m/%d/%y", "%d.%m.%Y %H:%M", "%Y%m%d", "%d %b %Y", "%B %Y", "%Y-%m-%d",
           "%Y-%m-%dT%H:%M:%S", "%H.%M.%S", "%d-%b-%y %I:%M %p", "%Y/%m/%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S%z",
           "%d/%m/%Y %H.%M", "%Y"]  # fmt: skip


def served(field: dict[str, Any], missing: list[str]) -> Column:
    """The scorecard's column for a field of the schema."""
    [column, _] = schema_of(field, missing).fields
    return make_column(column, pd.Series([None], dtype="float64"), EFFECTS[column.kind], missing)


def schema_of(field: dict[str, Any], missing: list[str]) -> TableSchema:
    fields = [{"name": "x", **field}, {"name": "y", "type": "number", "role": "target"}]
    return TableSchema.model_validate({"fields": fields, "missingValues": missing})


def trained(cells: "pd.Series[Any]", field: dict[str, Any], missing: list[str]) -> list[Any]:
    """Read cells as the pipeline does: for each its value, None where it is missing, or that the row is refused."""
    schema = schema_of(field, missing)
    typed, unreadable = type_cells(pd.DataFrame({"x": cells, "y": 1.0}).__getitem__, schema)
    refused = {*unreadable["row"], *failed_checks(typed, pandera_schema(schema))["row"]}
    values = [None if pd.isna(value) else value for value in typed["x"]]
    return [REFUSED if row in refused else as_python(value) for row, value in enumerate(values)]


def read(reader: Any, cell: Any) -> Any:
    try:
        return reader(cell)
    except ValueError:
        return REFUSED


def as_python(value: Any) -> Any:
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def texts_for(alphabet: str, examples: list[str]) -> st.SearchStrategy[str]:
    """Texts of a notation, damaged ones, and any other."""
    known = st.sampled_from(examples)
    damaged = st.tuples(known, st.sampled_from(list(alphabet)), st.integers(0, 30)).map(
        lambda drawn: drawn[0][: drawn[2]] + drawn[1] + drawn[0][drawn[2] :]
    )
    blanks = st.sampled_from(["", " ", "\t", "\xa0 ", "\u2003"])
    texts = known | damaged | st.text(alphabet, max_size=8) | st.text(max_size=4)
    return st.tuples(blanks, texts, blanks).map("".join)


NUMBERS = ["0", "1", "-1.5", "+3", "1e3", ".5", "5.", "1,234", "1.234,5", "1 234", "1,00,000", "1,5", "$10,300 ", "8GB",
           "1.37kg", "51,000 mi.", "12 %", "-0", "9007199254740993", "1e400", "nan", "inf", "1_0", "١٢", "-200", "03",
           "-200,0", "NA", "?", "–", "3.0", "TRUE", "0x10", "(5)", "€ -5", "- 5", "1'234"]  # fmt: skip
LEVEL_TEXTS = ["north", "South", "NA", "None", "", "?", "a|b", "1", "1.0", "ü", "é", "line\nbreak", "'quoted'", "-200"]
BOOLEANS = ["true", "TRUE", "True", "1", "0", "false", "Y", "N", "yes", "P", "?", "1.0", "t"]
DATES = ["2026-11-24", "2026-11-24T17:05", "2026-11-24 17:05:30.123456789Z", "2026-11-24T17:05+02:00", "2026",
         "2026-11", "20261124", "20261124T170530Z", "24/11/2026", "11/24/26", "24.11.2026 17:05", "24 Nov 2026",
         "November 2026", "17.05.30", "24-Nov-26 05:05 PM", "2026/11/24 17:05:30.5", "2026-11-24 17:05:30+0200",
         "24/11/2026 17.05", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "1900-01-01", "2026-02-30", "now",
         "today1", "NaT", "1e5", "2026-W01-1", "2026-11-24T24:00", "2026-1-5", "0000-01-01", "1/1/2026"]  # fmt: skip

missing_marks = st.lists(st.sampled_from(["", "NA", "-200", "?", "–", "1900-01-01", "0", "999,0", "north"]), max_size=3)
own_marks = st.none() | missing_marks
required = st.fixed_dictionaries({}, optional={"required": st.booleans()})


@st.composite
def number_fields(draw: st.DrawFn) -> dict[str, Any]:
    decimal, group = draw(st.sampled_from([(".", None), (",", None), (".", ","), (",", "."), (".", " "), (",", "'")]))
    limits = {"minimum": st.sampled_from([0, -1.5]), "maximum": st.sampled_from([1000, 1e5]), "enum": st.just([1, 3])}
    return {
        "type": draw(st.sampled_from(["number", "integer"])),
        "decimalChar": decimal,
        "groupChar": group,
        "bareNumber": draw(st.booleans()),
        "constraints": draw(required) | draw(st.fixed_dictionaries({}, optional=limits)),
    } | draw(st.just({}) | st.just({"type": "integer", "categories": [1, 3, {"value": 1000, "label": "many"}]}).map(
        lambda levels: {**levels, "constraints": {}}))  # fmt: skip


LIMITS = {"pattern": st.sampled_from(["[a-z]+", "a|b", r"\w", "(?i)SOUTH"]), "minLength": st.just(2),
          "maxLength": st.just(5), "enum": st.just(["north", "NA", 1])}  # fmt: skip
level_limits = st.builds(dict.__or__, required, st.fixed_dictionaries({}, optional=LIMITS))
level_fields = st.fixed_dictionaries(
    {"type": st.just("string"), "constraints": level_limits},
    optional={"categories": st.just(["north", "South", "1"])},
)
boolean_fields = st.fixed_dictionaries(
    {"type": st.just("boolean"), "constraints": required},
    optional={"trueValues": st.just(["Y", "yes"]), "falseValues": st.just(["N", "P"])},
)
DATE_LIMITS = {"minimum": st.sampled_from(["1950-01-01", datetime.date(2000, 1, 1)]),
               "maximum": st.just("2026-11-24T15:05:00+02:00"),
               "enum": st.just(["2026-11-24", "1900-01-01"])}  # fmt: skip
date_fields = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["date", "datetime"]),
        "format": st.sampled_from(FORMATS),
        "constraints": st.builds(dict.__or__, required, st.fixed_dictionaries({}, optional=DATE_LIMITS)),
    }
)
TABLE = {
    "numbers": (number_fields(), texts_for("0123456789+-.,eE $€%x_'", NUMBERS)),
    "levels": (level_fields, texts_for("abnorth 1.|\n", LEVEL_TEXTS)),
    "booleans": (boolean_fields, texts_for("YNtrue01. ", BOOLEANS)),
    "dates": (date_fields, texts_for("0123456789-/:. TZ+NovPM", DATES)),
}


@pytest.mark.parametrize("kind", TABLE)
def test_text_means_the_same(kind: str) -> None:
    fields, texts = TABLE[kind]

    @settings(max_examples=40, deadline=None)
    @given(fields, missing_marks, own_marks, st.lists(texts, min_size=1, max_size=40), st.sampled_from([1, 20]))
    def check(field: dict[str, Any], marks: list[str], own: list[str] | None, cells: list[str], times: int) -> None:
        field = field if own is None else {**field, "missingValues": own}
        reader = make_reader(served(field, marks))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("stages.validation.cells.SAMPLE", 20)  # columns as long have their distinct cells read once
            expected = trained(pd.Series(cells * times, dtype="str"), field, marks)
        assert expected == expected[: len(cells)] * times
        expected = expected[: len(cells)]
        found = [read(reader, cell) for cell in cells]
        assert found == expected, [item for item in zip(cells, found, expected, strict=True) if item[1] != item[2]]

    check()


TYPED: dict[str, st.SearchStrategy[Any]] = {
    "float64": st.floats() | st.sampled_from([-200.0, 1.0, 3.0]),
    "int64": st.integers(-(2**60), 2**60) | st.sampled_from([-200, 1, 3]),
    "bool": st.booleans(),
    "datetime64[us]": st.datetimes(datetime.datetime(1800, 1, 1), datetime.datetime(2200, 1, 1)),
    "date": st.dates() | st.just(datetime.date(1900, 1, 1)),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000),
    "maybe bool": st.none() | st.booleans(),
}


@pytest.mark.parametrize("dtype", TYPED)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_typed_cells_mean_the_same(dtype: str, data: st.DataObject) -> None:
    fields = st.one_of(number_fields(), level_fields, boolean_fields, date_fields)
    field, marks = data.draw(fields), data.draw(missing_marks)
    cells = data.draw(st.lists(TYPED[dtype], min_size=1, max_size=20))
    series = pd.Series(cells, dtype=dtype if dtype in ("float64", "int64", "bool", "datetime64[us]") else object)
    reader = make_reader(served(field, marks))
    assert [read(reader, cell) for cell in cells] == trained(series, field, marks)

"""Validate: every violation counted, every row in the valid table or in quarantine."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stages.sources.csv_rows import csv_frame
from stages.table.parts import cut_into_parts, list_parts, write_part
from stages.table.schema import TableSchema
from stages.utils.files import read_json
from stages.utils.metrics_files import ValidationMetrics
from stages.utils.parallel import map_parts
from stages.validate import describe_failure, summarise, validate_part
from stages.validation.constraints import find_repeats
from tests.helpers.cell_texts import NUMBER, some_cells
from tests.helpers.project import Workspace

TABLE = "data/source/table.csv"
TARGET = {"name": "y", "type": "number", "role": "target"}
Field = dict[str, Any]


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose config.yaml keeps the work in this process."""
    (tmp_path / "config.yaml").write_text("source: {uri: sklearn://diabetes}\ncompute: {workers: 1}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def schema_of(*fields: Field, missing: Sequence[str] = ("",)) -> TableSchema:
    """A schema of these fields; a target and a feature are added where there is none."""
    content = [{"type": "string", **field} for field in fields]
    roles = [field.get("role", "feature") for field in content]
    if "target" not in roles:
        content.append(TARGET)
    if "feature" not in roles:
        content.append({"name": "other", "type": "string"})
    return TableSchema.model_validate({"fields": content, "missingValues": list(missing)})


def raw_table(columns: dict[str, Sequence[str]], schema: TableSchema) -> pd.DataFrame:
    """Raw rows as ingest writes them, from line 2 on; columns that are not given hold `1`."""
    (length,) = {len(cells) for cells in columns.values()}
    filled = {name: columns.get(name, ["1"] * length) for name in schema.names()}
    rows = [list(row) for row in zip(*filled.values(), strict=True)]
    return csv_frame(list(enumerate(rows, start=2)), list(filled), TABLE)


@dataclass
class Result:
    """The outputs of validate for a table."""

    valid: pd.DataFrame
    quarantine: pd.DataFrame
    metrics: dict[str, Any]

    def counts(self) -> dict[tuple[str, str], int]:
        """Violations by column and check."""
        found = self.metrics["violations"]
        return {(column, check): found[column][check]["count"] for column in found for check in found[column]}

    def bad_lines(self) -> list[int]:
        """Lines of the rows in quarantine."""
        return [int(line) for line in self.quarantine["_line"]]


def run_checks(raw: pd.DataFrame, schema: TableSchema, part_rows: int = 1000) -> Result:
    """Do what the stage does between reading the settings and writing the metrics, in this process."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number, part in enumerate(cut_into_parts([raw], part_rows)):
            write_part(part, folder / "raw", number)
        parts = list_parts(folder / "raw")
        work = list(zip(parts, find_repeats(parts, schema), strict=True))
        folders = [folder / name for name in ("valid", "quarantine", "hashes")]
        metrics = summarise(list(map_parts(validate_part, work, schema, *folders)), folders[-1])
        tables = [
            pd.concat(map(pd.read_parquet, list_parts(folder / name)), ignore_index=True)
            for name in ("valid", "quarantine")
        ]
    return Result(*tables, metrics.model_dump())


def check(cells: Sequence[str], field: Field, part_rows: int = 1000, missing: Sequence[str] = ("",)) -> Result:
    """Validate a table of one column (and a target)."""
    schema = schema_of({"name": "x", **field}, missing=missing)
    return run_checks(raw_table({"x": cells}, schema), schema, part_rows)


# ---------------------------------------------------------------- constraints

CONSTRAINTS: list[tuple[str, Field, list[str], list[int], list[str]]] = [
    # check, field, cells, positions of the invalid ones, examples in the metrics
    ("required", {"type": "number", "constraints": {"required": True}}, ["1", "", " ", "2"], [1, 2],
     ["expected required, found nothing"] * 2),
    ("minimum", {"type": "number", "constraints": {"minimum": 1.5}}, ["1.5", "1.4", "", "-3"], [1, 3],
     ["expected minimum 1.5, found 1.4", "expected minimum 1.5, found -3.0"]),
    ("maximum", {"type": "integer", "constraints": {"maximum": 3}}, ["3", "4", ""], [1],
     ["expected maximum 3, found 4.0"]),
    ("minimum", {"type": "date", "constraints": {"minimum": "2020-06-01"}}, ["2020-06-01", "2020-05-31", ""], [1],
     ["expected minimum 2020-06-01, found 2020-05-31"]),
    ("maximum", {"type": "datetime", "constraints": {"maximum": "2020-06-01T12:00:00Z"}},
     ["2020-06-01T12:00:00Z", "2020-06-01T12:00:00-01:00"], [1],
     ["expected maximum 2020-06-01T12:00:00Z, found 2020-06-01 13:00:00"]),
    ("enum", {"type": "string", "constraints": {"enum": ["a", "b"]}}, ["a", " b ", "c", "", "A"], [2, 4],
     ["expected enum ['a', 'b'], found c", "expected enum ['a', 'b'], found A"]),
    ("enum", {"type": "number", "constraints": {"enum": [1, 2.5]}}, ["1.0", "2.5", "2"], [2],
     ["expected enum [1, 2.5], found 2.0"]),
    ("enum", {"type": "date", "constraints": {"enum": ["2020-01-01"]}}, ["2020-01-01", "2020-01-02"], [1],
     ["expected enum ['2020-01-01'], found 2020-01-02"]),
    ("categories", {"type": "string", "categories": ["a", {"value": "b", "label": "B"}]}, ["a", "b", "B", ""], [2],
     ["expected categories ['a', 'b'], found B"]),
    ("categories", {"type": "integer", "categories": [1, 2]}, ["1", "2.0", "3", ""], [2],
     ["expected categories ['1', '2'], found 3"]),
    ("pattern", {"type": "string", "constraints": {"pattern": "ab|cd"}}, ["ab", "cd", "abcd", "xab", "", "ab\ncd"],
     [2, 3, 5], [f"expected pattern ab|cd, found {cell}" for cell in ("abcd", "xab", "ab\ncd")]),
    ("pattern", {"type": "string", "constraints": {"pattern": "(?i)ab"}}, ["AB", "ab", "abc"], [2],
     ["expected pattern (?i)ab, found abc"]),
    ("pattern", {"type": "string", "constraints": {"pattern": r"(?=a)(\w)\1"}}, ["aa", "bb", "ab"], [1, 2],
     [rf"expected pattern (?=a)(\w)\1, found {cell}" for cell in ("bb", "ab")]),
    ("length", {"type": "string", "constraints": {"minLength": 2}}, ["ab", "a", "", "é"], [1, 3],
     ["expected length 2 to any, found a", "expected length 2 to any, found é"]),
    ("length", {"type": "string", "constraints": {"maxLength": 2}}, ["ab", "abc", "", "éé"], [1],
     ["expected length 0 to 2, found abc"]),
    ("length", {"type": "string", "constraints": {"minLength": 1, "maxLength": 2}}, ["a", "abc"], [1],
     ["expected length 1 to 2, found abc"]),
    ("length", {"type": "string", "constraints": {"maxLength": 0}}, ["", "a"], [1],
     ["expected length 0 to 0, found a"]),
    ("unique", {"type": "number", "constraints": {"unique": True}}, ["1", "2", "1.0", "", "", "2", "3"], [2, 5],
     ["expected unique, found 1.0", "expected unique, found 2"]),
    ("type", {"type": "number"}, ["1", "x", "inf", ""], [1, 2],
     ["not a finite number, found x", "not a finite number, found inf"]),
    ("type", {"type": "date", "format": "%d/%m/%Y"}, ["31/12/2020", "2020-12-31"], [1],
     ["not a date of format %d/%m/%Y, found 2020-12-31"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "cells", "bad", "examples"), CONSTRAINTS)
def test_constraint(
    workdir: Path, name: str, field: Field, cells: list[str], bad: list[int], examples: list[str]
) -> None:
    result = check(cells, field)
    assert result.bad_lines() == [position + 2 for position in bad]
    assert result.quarantine["x"].tolist() == [cells[position] for position in bad]
    assert result.metrics["violations"] == {"x": {name: {"count": len(bad), "examples": examples}}}
    assert result.quarantine["_reasons"].tolist() == [f"x: {example}" for example in examples]
    assert (result.metrics["valid"], result.metrics["quarantined"]) == (len(cells) - len(bad), len(bad))
    assert len(result.valid) == len(cells) - len(bad)


def test_at_most_three_examples(workdir: Path) -> None:
    for part_rows in (100, 2):
        result = check(
            [str(number) for number in range(10)], {"type": "number", "constraints": {"minimum": 9}}, part_rows
        )
        found = result.metrics["violations"]["x"]["minimum"]
        assert found["count"] == 9
        assert found["examples"] == [f"expected minimum 9, found {number}.0" for number in range(3)]


def test_reasons_of_a_column_whose_name_holds_a_colon(workdir: Path) -> None:
    schema = schema_of({"name": "a: b", "type": "number", "constraints": {"minimum": 0}})
    result = run_checks(raw_table({"a: b": ["-1", "1"]}, schema), schema)
    assert result.metrics["violations"]["a: b"]["minimum"]["examples"] == ["expected minimum 0, found -1.0"]
    assert result.quarantine["_reasons"].tolist() == ["a: b: expected minimum 0, found -1.0"]


def test_an_unreadable_cell_is_not_a_missing_one_too(workdir: Path) -> None:
    field: Field = {"type": "number", "constraints": {"required": True, "minimum": 0}}
    assert check(["x", "", "-1", "1"], field).counts() == {("x", "type"): 1, ("x", "required"): 1, ("x", "minimum"): 1}


def test_target_time_and_group_are_required(workdir: Path) -> None:
    fields: list[Field] = [
        {"name": "x", "type": "number"},
        {"name": "g", "role": "group"},
        {"name": "t", "type": "date", "role": "time"},
        TARGET,
    ]
    schema = schema_of(*fields)
    day = "2020-01-01"
    raw = raw_table(
        {"x": [""] * 4, "g": ["a", "", "a", "a"], "t": [day, day, "", day], "y": ["1", "1", "1", ""]}, schema
    )
    result = run_checks(raw, schema)
    assert result.counts() == {("g", "required"): 1, ("t", "required"): 1, ("y", "required"): 1}
    assert result.bad_lines() == [3, 4, 5]


def test_every_reason_of_a_row_is_given(workdir: Path) -> None:
    schema = schema_of(
        {"name": "n", "type": "number", "constraints": {"minimum": 0}},
        {"name": "s", "constraints": {"pattern": "[a-z]+", "maxLength": 2, "unique": True}},
    )
    raw = raw_table({"n": ["1", "-1", "x"], "s": ["ABC", "ABC", "ok"], "y": ["1", "?", "2"]}, schema)
    result = run_checks(raw, schema)
    assert [set(reasons.split("; ")) for reasons in result.quarantine["_reasons"]] == [
        {"s: expected pattern [a-z]+, found ABC", "s: expected length 0 to 2, found ABC"},
        {
            "y: not a finite number, found ?",
            "n: expected minimum 0, found -1.0",
            "s: expected pattern [a-z]+, found ABC",
            "s: expected length 0 to 2, found ABC",
            "s: expected unique, found ABC",
        },
        {"n: not a finite number, found x"},
    ]
    assert result.counts() == {
        ("n", "type"): 1,
        ("n", "minimum"): 1,
        ("s", "pattern"): 2,
        ("s", "length"): 2,
        ("s", "unique"): 1,
        ("y", "type"): 1,
    }


@pytest.mark.parametrize("part_rows", [1, 2, 3, 100])
def test_unique_across_parts(workdir: Path, part_rows: int) -> None:
    """Only the later rows of a value are invalid, in whichever part they are; missing cells repeat nothing."""
    cells = ["a", "b", "", "a", "c", " b", "", "a", "d"]
    result = check(cells, {"type": "string", "constraints": {"unique": True}}, part_rows)
    assert result.bad_lines() == [5, 7, 9]
    assert result.counts() == {("x", "unique"): 3}
    assert result.valid["x"].isna().tolist() == [False, False, True, False, True, False]
    assert result.valid["x"].dropna().tolist() == ["a", "b", "c", "d"]


# ---------------------------------------------------------------- rows


def test_quarantine_holds_raw_cells_and_where_they_came_from(workdir: Path) -> None:
    schema = schema_of({"name": "n", "type": "number", "decimalChar": ","}, {"name": "s"})
    raw = raw_table({"n": [" 1,5 ", "1.5", "2"], "s": [" a ", " b ", ""], "y": ["1", " 2 ", "x"]}, schema)
    result = run_checks(raw, schema)
    assert result.quarantine.columns.tolist() == ["n", "s", "y", "_file", "_line", "_reasons"]
    assert result.quarantine.to_numpy().tolist() == [
        ["1.5", " b ", " 2 ", TABLE, "3", "n: not a finite number, found 1.5"],
        ["2", "", "x", TABLE, "4", "y: not a finite number, found x"],
    ]
    assert result.valid.to_dict("list") == {"n": [1.5], "s": ["a"], "y": [1.0]}


def test_valid_rows_are_typed(workdir: Path) -> None:
    fields: list[Field] = [
        {"name": "n", "type": "number"},
        {"name": "i", "type": "integer"},
        {"name": "b", "type": "boolean"},
        {"name": "c", "type": "integer", "categories": [1]},
        {"name": "d", "type": "date"},
        {"name": "s", "type": "string"},
    ]
    schema = schema_of(*fields)
    result = run_checks(raw_table({"d": ["2020-01-01"], "s": ["é"]}, schema), schema)
    kinds = {name: str(dtype) for name, dtype in result.valid.dtypes.items()}
    numbers = dict.fromkeys(["n", "i", "b", "y"], "float64")
    assert kinds == {**numbers, "c": "str", "d": "datetime64[us]", "s": "str"}
    assert len(result.quarantine) == 0
    assert result.metrics["violations"] == {}


def test_columns_of_nothing_but_missing_cells(workdir: Path) -> None:
    kinds = ["number", "integer", "boolean", "date", "datetime", "string"]
    schema = schema_of(*({"name": kind, "type": kind} for kind in kinds))
    result = run_checks(raw_table({kind: ["", ""] for kind in kinds}, schema), schema)
    assert len(result.valid) == 2
    assert result.valid[kinds].isna().all(axis=None)


def test_ragged_rows_are_quarantined(workdir: Path) -> None:
    schema = schema_of({"name": "x"}, {"name": "z"})
    raw = csv_frame([(2, ["a", "b", "1"]), (3, ["a", "b", "1", "4"]), (4, ["a"])], ["x", "z", "y"], TABLE)
    result = run_checks(raw, schema)
    assert result.bad_lines() == [3, 4]
    found = result.metrics["violations"]["(row)"]["cells"]
    assert found["count"] == 2
    assert found["examples"] == [
        "not a row of the table, found 4 cells, the header has 3",
        "not a row of the table, found 1 cells, the header has 3",
    ]


def test_duplicates_are_counted_and_kept(workdir: Path) -> None:
    schema = schema_of({"name": "n", "type": "number"}, {"name": "s"})
    columns = {"n": ["1", "1.0", "2", " 1", "x", "x"], "s": ["a", "a ", "a", "a", "a", "a"], "y": ["3"] * 6}
    for part_rows in (100, 1):
        result = run_checks(raw_table(columns, schema), schema, part_rows)
        assert result.metrics["duplicates"] == 2
        assert (result.metrics["valid"], result.metrics["quarantined"], len(result.valid)) == (4, 2, 4)


def test_metrics_of_a_whole_table(workdir: Path) -> None:
    result = check(["1", "x", "3", "4"], {"type": "number"})
    assert result.metrics == {
        "rows": 4,
        "valid": 3,
        "quarantined": 1,
        "invalid_fraction": 0.25,
        "duplicates": 0,
        "violations": {"x": {"type": {"count": 1, "examples": ["not a finite number, found x"]}}},
    }


MANY: list[Field] = [
    {"name": "id", "role": "id", "type": "string", "constraints": {"required": True, "unique": True}},
    {"name": "n", "type": "number", "groupChar": ",", "constraints": {"minimum": 0}},
    {"name": "k", "type": "integer", "categories": [1, 2, 3]},
    {"name": "d", "type": "datetime"},
    TARGET,
]


def many_rows(length: int = 24) -> pd.DataFrame:
    """Raw rows with violations of every kind."""
    columns = {
        "id": [f"r{number % 20}" if number % 17 else "" for number in range(length)],
        "n": [("1,234.5", "-1", "x", "", "7")[number % 5] for number in range(length)],
        "k": [("1", "2", "3", "4")[number % 4] for number in range(length)],
        "d": [("2020-01-01", "2020-01-01T00:00Z", "soon")[number % 3 if number % 7 else 2] for number in range(length)],
        "y": [str(number) if number % 11 else "inf" for number in range(length)],
    }
    return raw_table(columns, schema_of(*MANY))


@pytest.mark.parametrize("part_rows", [1, 7, 23])
def test_part_rows_do_not_matter(workdir: Path, part_rows: int) -> None:
    schema = schema_of(*MANY)
    whole, cut = run_checks(many_rows(), schema), run_checks(many_rows(), schema, part_rows)
    assert 0 < len(whole.valid) < 24
    assert len(whole.counts()) == 7
    assert cut.metrics == whole.metrics
    pd.testing.assert_frame_equal(cut.valid, whole.valid)
    pd.testing.assert_frame_equal(cut.quarantine, whole.quarantine)


ANY: list[Field] = [
    {"name": "n", "type": "number"},
    {"name": "i", "type": "integer", "constraints": {"minimum": 0}},
    {"name": "b", "type": "boolean", "constraints": {"required": True}},
    {"name": "s", "type": "string", "constraints": {"unique": True, "maxLength": 3}},
    {"name": "c", "type": "string", "categories": ["a", "b"]},
    {"name": "d", "type": "date"},
]


def rows_of(width: int) -> st.SearchStrategy[list[list[str]]]:
    """Tables of a few rows, some of them ragged."""
    whole = st.lists(some_cells, min_size=width, max_size=width)
    return st.lists(
        st.one_of(whole, whole, st.lists(some_cells, min_size=1, max_size=width + 1)), min_size=1, max_size=6
    )


@pytest.mark.slow
@hypothesis_settings(max_examples=15, deadline=None)
@given(rows_of(len(ANY) + 1), st.integers(1, 6))
def test_every_row_is_in_exactly_one_table(rows: list[list[str]], part_rows: int) -> None:
    """Whatever the cells hold: valid and quarantined rows together are all the rows, each once, and in order."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as place:
        Path(place, "config.yaml").write_text("source: {uri: sklearn://diabetes}\ncompute: {workers: 1}\n")
        patch.chdir(place)
        schema = schema_of(
            {"name": "row", "type": "string", "role": "id"}, *ANY[1:], {"name": "n", "type": "number"}, TARGET
        )
        names = schema.names()
        numbered = [(line, [f"row {line}", *row]) for line, row in enumerate(rows, start=2)]
        result = run_checks(csv_frame(numbered, names, TABLE), schema, part_rows)
    valid = [int(name.removeprefix("row ")) for name in result.valid["row"]]
    bad = result.bad_lines()
    assert sorted(valid + bad) == [line for line, _ in numbered]
    assert (valid, bad) == (sorted(valid), sorted(bad))
    assert result.metrics["rows"] == len(rows)
    assert (result.metrics["valid"], result.metrics["quarantined"]) == (len(valid), len(bad))
    assert all(result.quarantine["_reasons"].str.len() > 0)
    for line, row in numbered:
        cells = dict(zip(names, (row + [""] * len(names))[: len(names)], strict=True))
        if line in bad:
            kept = result.quarantine[names].iloc[bad.index(line)]
            assert kept.tolist() == list(cells.values())
        else:
            assert len(row) == len(names)
            target = cells["y"].strip()
            assert NUMBER.fullmatch(target)
            assert result.valid["y"].iloc[valid.index(line)] == pytest.approx(float(target), rel=1e-15)
            assert cells["c"].strip() in ("", "a", "b")
            assert len(cells["s"].strip()) <= 3


# ---------------------------------------------------------------- the stage


def metrics_of(cells: list[str], field: Field) -> ValidationMetrics:
    return ValidationMetrics.model_validate(check(cells, field).metrics)


def test_worst_violations_are_named(workdir: Path) -> None:
    field = {"name": "x", "type": "number", "constraints": {"minimum": 0}}
    message = describe_failure(metrics_of(["x", "x", "-1", "1"], field), 0.05, schema_of(field))
    assert "3 of 4 rows are invalid (75.0%)" in message
    assert "params.yaml: validate.max_invalid_fraction allows 5.0%" in message
    assert "x, type (not a finite number, found x): 2; x, minimum (expected minimum 0, found -1.0): 1" in message


def put_raw(workspace: Workspace, raw: pd.DataFrame, fields: list[Field], part_rows: int = 1000, **params: Any) -> None:
    """Make the rows the workspace's data/raw, described by these fields."""
    for path in (workspace.path / "data/raw").glob("*"):
        path.unlink()
    for number, part in enumerate(cut_into_parts([raw], part_rows)):
        write_part(part, workspace.path / "data/raw", number)
    workspace.write_schema(fields)
    workspace.edit("params.yaml", **params)


def outputs(workspace: Workspace) -> dict[str, bytes]:
    """Everything that the stage writes."""
    files = [path for name in ("data/valid", "data/quarantine") for path in (workspace.path / name).glob("*")]
    return {
        str(path.relative_to(workspace.path)): path.read_bytes()
        for path in [*files, workspace.path / "metrics/validation.json"]
    }


def error_lines(done: Any) -> list[str]:
    """The message of a failed stage, without the line on how to get the last good outputs back."""
    *lines, hint = done.stderr.splitlines()
    assert "dvc checkout --force validate" in hint
    assert "Traceback" not in done.stderr
    return lines


SMALL: list[Field] = [{"name": "x", "type": "number"}, TARGET]


def small_rows(*cells: str) -> pd.DataFrame:
    """Raw rows of SMALL."""
    return raw_table({"x": cells}, schema_of(*SMALL))


def test_too_many_invalid_rows(workspace: Workspace) -> None:
    """The stage fails, and shows why; a valid table is neither made nor replaced."""
    put_raw(workspace, small_rows("1", "2", "x", "z"), SMALL, validate__max_invalid_fraction=0.49)
    (workspace.path / "metrics/validation.json").unlink(missing_ok=True)
    for before in (None, b"the last good table"):
        if before:
            (workspace.path / "data/valid").mkdir()
            (workspace.path / "data/valid/part-00000.parquet").write_bytes(before)
        done = workspace.stage("validate", env={"LOG_LEVEL": "ERROR"})
        assert done.returncode == 4
        (line,) = error_lines(done)
        assert line.startswith("validate  data/raw: 2 of 4 rows are invalid (50.0%), params.yaml: ")
        assert "validate.max_invalid_fraction allows 49.0%" in line
        assert "x, type (not a finite number, found x): 2" in line
        assert workspace.frame("data/quarantine")["x"].tolist() == ["x", "z"]
        assert read_json(workspace.path / "metrics/validation.json")["quarantined"] == 2
        if before:
            assert outputs(workspace)["data/valid/part-00000.parquet"] == before
        else:
            assert not (workspace.path / "data/valid").exists()
        assert list((workspace.path / "data").glob(".partial*")) == []


def test_as_many_invalid_rows_as_allowed(workspace: Workspace) -> None:
    put_raw(workspace, small_rows("1", "2", "x", "z"), SMALL, validate__max_invalid_fraction=0.5)
    done = workspace.stage("validate", check=True)
    assert done.stderr.splitlines() == [
        "validate  2 of 4 rows valid, 2 in quarantine, 0 duplicates",
        "validate    x, type (not a finite number, found x): 2",
    ]
    assert workspace.frame("data/valid")["x"].tolist() == [1, 2]


def test_no_valid_row_at_all(workspace: Workspace) -> None:
    """It fails even where every row may be invalid, and does not say that too many are."""
    put_raw(workspace, small_rows("x", "inf"), SMALL, validate__max_invalid_fraction=1.0)
    done = workspace.stage("validate", env={"LOG_LEVEL": "ERROR"})
    assert done.returncode == 4
    (line,) = error_lines(done)
    assert "2 of 2 rows are invalid (100.0%)" in line
    assert "x, type (not a finite number, found x): 2" in line
    assert "allows 100.0%" not in line
    assert len(workspace.frame("data/quarantine")) == 2
    assert not (workspace.path / "data/valid").exists()


def test_columns_of_schema_and_table_differ(workspace: Workspace) -> None:
    put_raw(workspace, small_rows("1"), [{"name": "xx", "type": "number"}, TARGET])
    done = workspace.stage("validate")
    assert done.returncode == 4
    (line,) = error_lines(done)
    assert "column 'xx' is in schema.yaml but not in the table; did you mean x?" in line
    assert "column 'x' is in the table but not in schema.yaml" in line
    assert not (workspace.path / "data/valid").exists()
    assert not (workspace.path / "data/quarantine").exists()


def test_nothing_ingested(workspace: Workspace) -> None:
    done = workspace.stage("validate")
    assert done.returncode == 4
    assert error_lines(done) == ["validate  data/raw: no parts found; run the stage that writes them with `dvc repro`"]


@pytest.mark.slow
def test_workers_and_backends_give_the_same_bytes(workspace: Workspace) -> None:
    """And other parts the same rows and metrics."""
    put_raw(workspace, many_rows(60), MANY, 13, validate__max_invalid_fraction=1.0)
    found: list[dict[str, bytes]] = []
    for workers, backend in ((1, "threads"), (2, "processes"), (3, "threads")):
        workspace.edit("config.yaml", compute__workers=workers, compute__backend=backend)
        workspace.stages("validate")
        found.append(outputs(workspace))
    assert len(found[0]) == 11
    assert found[1] == found[0]
    assert found[2] == found[0]
    tables = [workspace.frame(name) for name in ("data/valid", "data/quarantine")]
    assert sum(map(len, tables)) == 60

    put_raw(workspace, many_rows(60), MANY)
    workspace.stages("validate")
    assert outputs(workspace)["metrics/validation.json"] == found[0]["metrics/validation.json"]
    for name, table in zip(("data/valid", "data/quarantine"), tables, strict=True):
        pd.testing.assert_frame_equal(workspace.frame(name), table)

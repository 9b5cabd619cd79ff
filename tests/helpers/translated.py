"""The scorecard as code, run: in Python, node, onnxruntime, DuckDB and PostgreSQL; and the rows to run it on."""

import csv
import datetime
import json
import math
import random
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tools.translate.javascript import to_javascript
from tools.translate.model import Input, Model
from tools.translate.onnx_graph import to_onnx
from tools.translate.python_module import to_python
from tools.translate.sql import to_sql
from webapp.scoring.cells import make_reader
from webapp.scoring.rows import RowError, make_row_reader
from webapp.scoring.scorecard import Calendar, Column, Levels, Scorecard
from webapp.scoring.scorer import TOTALS, make_scorer, make_totaller

Row = dict[str, Any]
ENDS = ("prediction", "lower", "upper", *TOTALS)
Result = list[float] | None  # those of ENDS, then the contributions in order; None for a row that is refused


def read_csv(path: Path, separator: str) -> list[Row]:
    """The rows of a table, as text."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream, delimiter=separator))


def odd_rows(card: Scorecard, rows: Sequence[Row], count: int, text: bool, seed: int = 0) -> list[Row]:
    """Draw rows with replacement, and put missing, unseen and out-of-range values into some of their cells."""
    draw = random.Random(seed)
    readers = {column.name: make_reader(column) for column in card.columns}
    whole = [column.name for column in card.columns if column.type == "integer" and isinstance(column.effect, Levels)]
    drawn = []
    for row in draw.choices(rows, k=count):
        cells: Row = {name: row[name] if text else read(row[name]) for name, read in readers.items()}
        cells |= {} if text else {name: float(cells[name]) for name in whole if cells[name] is not None}
        for column in card.columns:
            if draw.random() < 0.04:
                cells[column.name] = draw.choice(odd_text(column) if text else odd_cells(column))
        drawn.append(cells)
    return drawn


def odd_cells(column: Column) -> list[Any]:
    """Typed cells that are missing, unseen, out of range or between two known values."""
    if isinstance(column.effect, Calendar):
        return [None, *(datetime.datetime(year, 2, 28, 23, 59, 59, 250000) for year in (1900, 1969, 2011, 2012, 2050))]
    if isinstance(column.effect, Levels):
        return (
            [None, 7.0, 99.0, -1.0]
            if column.type == "integer"
            else [None, "never seen", " ", "INLAND ", "\u00a0inland"]
        )
    if column.type == "boolean":
        return [None, True, False]
    return [None, math.nan, -1e9, 1e9, 0.0, 0.1234567, *column.quantiles[:3]]


def odd_text(column: Column) -> list[str]:
    """Text that is missing, unseen, out of range, oddly written or no value at all."""
    if isinstance(column.effect, Calendar):
        return ["", "NA", "2011-02", "2012", "20120229", "2012-02-30", "2011-06-01T23:30-02:00", "2011-06-01 7", "x"]
    marks = [
        *column.reading.missing_values,
        "",
        " ",
        "NA",
        "?",
        "x",
        "1e3",
        " 3 ",
        "3.0",
        "+.5",
        "5.",
        "1_0",
        "-7",
        "٣",
        "1e999",
    ]
    return [*marks, "never seen", "INLAND ", "\u00a0INLAND\u3000", 'it\'s "odd"\n\\', "true", "nan", "inf", "-1e-400"]


def expected(card: Scorecard, rows: Sequence[Row]) -> list[Result]:
    """Score rows as the web app does."""
    read, score, total = make_row_reader(card, make_reader), make_scorer(card), make_totaller(card)

    def one(row: Row) -> Result:
        try:
            cells = read(row)
        except RowError:
            return None
        found = score(cells)
        return [
            *found[:3],
            *(() if total is None else total(cells, found)),
            *found.contributions.values(),
            *found.pairs.values(),
        ]

    return [one(row) for row in rows]


def largest_difference(found: Sequence[Result], wanted: Sequence[Result]) -> float:
    """The largest relative difference, with a row that only one side refuses counted as infinite.

    Contributions cross zero: theirs are relative to the largest of their column where they are below a millionth of it.
    """
    assert len(found) == len(wanted)
    refused = [[result is None for result in results] for results in (found, wanted)]
    if refused[0] != refused[1]:
        return math.inf
    a, b = (np.array([result for result in results if result is not None]) for results in (found, wanted))
    scale = np.maximum(np.abs(b), 1e-6 * np.abs(b).max(axis=0, initial=1e-300))
    return float((np.abs(a - b) / scale).max(initial=0.0))


def run_python(code: str, rows: Sequence[Row]) -> list[Result]:
    """Run the Python module on rows."""
    module: dict[str, Any] = {}
    exec(compile(code, "generated", "exec"), module)

    def one(row: Row) -> Result:
        try:
            found = module["predict"](row)
        except ValueError:
            return None
        return flat(found)

    return [one(row) for row in rows]


def flat(found: Mapping[str, Any]) -> list[float]:
    """A prediction and its parts in one list."""
    ends = [found[name] for name in ENDS if name in found]
    return [*ends, *found["contributions"].values(), *found["pairs"].values()]


NODE = """
import { predict } from "./model.mjs";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const row = JSON.parse(line, (key, value) => (value?.date !== undefined ? new Date(value.date) : value));
  let found = null;
  try {
    found = predict(row);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  console.log(JSON.stringify(found));
}
"""


def run_node(code: str, rows: Sequence[Row], folder: Path, names: Sequence[str]) -> list[Result]:
    """Run the JavaScript module on rows; `names` are the contributions in order."""
    (folder / "model.mjs").write_text(code, encoding="utf-8")
    (folder / "run.mjs").write_text(NODE, encoding="utf-8")
    lines = "\n".join(json.dumps({name: for_node(cell) for name, cell in row.items()}) for row in rows)
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run([node, "run.mjs"], cwd=folder, input=lines, capture_output=True, text=True, check=True)

    def one(line: str) -> Result:
        found = json.loads(line)
        if found is None:
            return None
        parts = {**found["contributions"], **found["pairs"]}
        return [*(found[name] for name in ENDS if name in found), *(parts[name] for name in names)]

    return [one(line) for line in done.stdout.splitlines()]


def for_node(cell: Any) -> Any:
    """A cell in JSON; dates in a form of their own, without a number that JSON lacks."""
    if isinstance(cell, datetime.datetime):
        return {"date": cell.isoformat(timespec="milliseconds") + "Z"}
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def sql_type(column: Input, text: bool) -> str:
    """The type that a column of a table has."""
    kinds = {"number": "DOUBLE PRECISION", "boolean": "BOOLEAN", "level": "TEXT", "date": "TIMESTAMP"}
    return "TEXT" if text else "DOUBLE PRECISION" if column.whole else kinds[column.kind]


def from_sql(records: Sequence[Sequence[Any]], model: Model) -> list[Result]:
    """The results of a query: those after the inputs; `refused` follows the ends of the intervals."""
    inputs, ends = len(model.inputs), 3 if model.exposure is None else 6
    return [
        None
        if record[inputs + ends] is not None
        else [float(value) for value in (*record[inputs : inputs + ends], *record[inputs + ends + 1 :])]
        for record in records
    ]


def create_table(model: Model, text: bool) -> tuple[str, str]:
    """The statement that creates the table of cases, and its columns, for DuckDB and PostgreSQL."""
    quoted = ['"' + column.name.replace('"', '""') + '"' for column in model.inputs]
    typed = ", ".join(f"{name} {sql_type(column, text)}" for name, column in zip(quoted, model.inputs, strict=True))
    return f"CREATE TABLE cases (line INTEGER, {typed})", ", ".join(quoted)


def run_duckdb(query: str, rows: Sequence[Row], model: Model, text: bool) -> list[Result]:
    """Run the query in DuckDB on rows; it keeps the column `line`."""
    import duckdb
    import pyarrow as pa

    kinds = {
        "DOUBLE PRECISION": pa.float64(),
        "BOOLEAN": pa.bool_(),
        "TEXT": pa.string(),
        "TIMESTAMP": pa.timestamp("us"),
    }
    with duckdb.connect(config={"threads": 1}) as database:
        statement, _ = create_table(model, text)
        database.execute(statement)
        arrays = {"line": pa.array(range(len(rows)), pa.int32())} | {
            column.name: pa.array([row[column.name] for row in rows], kinds[sql_type(column, text)])
            for column in model.inputs
        }
        database.register("arrow", pa.table(arrays))
        database.execute("INSERT INTO cases SELECT * FROM arrow")
        records = database.execute(f"SELECT * EXCLUDE (line) FROM ({query}) ORDER BY line").fetchall()
    return from_sql(records, model)


def run_postgres(query: str, rows: Sequence[Row], model: Model, text: bool, uri: str) -> list[Result]:
    """Run the query in PostgreSQL on rows; it keeps the column `line`."""
    import psycopg

    statement, columns = create_table(model, text)
    with psycopg.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(statement.encode())
        with cursor.copy(f"COPY cases (line, {columns}) FROM STDIN".encode()) as copy:
            for line, row in enumerate(rows):
                copy.write_row([line, *(row[column.name] for column in model.inputs)])
        cursor.execute(f"SELECT * FROM ({query}) AS scored ORDER BY line".encode())
        place = [column.name for column in cursor.description or ()].index("line")
        records = [record[:place] + record[place + 1 :] for record in cursor.fetchall()]
        connection.rollback()
    return from_sql(records, model)


def run_onnx(content: bytes, rows: Sequence[Row], model: Model) -> list[Result]:
    """Run the graph on typed rows."""
    import onnxruntime

    def array(column: Input) -> Any:
        cells = [row[column.name] for row in rows]
        if column.kind == "level" and not column.whole:
            return np.array(["" if cell is None else str(cell).strip() for cell in cells], dtype=object)
        if column.kind == "date":
            cells = [None if cell is None else (cell - datetime.datetime(1970, 1, 1)).total_seconds() for cell in cells]
        return np.array([math.nan if cell is None else float(cell) for cell in cells])

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    *ends, parts = session.run(None, {column.name: array(column) for column in model.inputs})
    found = np.column_stack([*ends, parts])
    return [None if np.isnan(line[0]) else line.tolist() for line in found]


def run(language: str, model: Model, rows: list[Row], text: bool, folder: Path, uri: str) -> list[Result]:
    """Translate the model and run it; `uri` is that of a PostgreSQL server."""
    if language == "python":
        return run_python(to_python(model), rows)
    if language == "javascript":
        return run_node(to_javascript(model), rows, folder, [term.name for term in model.terms])
    if language == "onnx":
        return run_onnx(to_onnx(model), rows, model)
    query = to_sql(model, language, keep=["line"], text=text)
    if language == "duckdb":
        return run_duckdb(query, rows, model, text)
    return run_postgres(query, rows, model, text, uri)

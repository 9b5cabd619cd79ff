"""The scorecard as code gives what the scorer gives: in Python, JavaScript, ONNX, DuckDB and PostgreSQL."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import translated
from tests.helpers.cell_texts import some_cells
from tests.helpers.postgres import postgres_server
from tests.helpers.project import ROOT, SHARED_DATA, SHARED_TABLES, Project
from tests.helpers.scorecards import EXPOSURES, POOLS, every_kind
from tests.helpers.skipping import needs
from tests.helpers.translated import Row
from tools.translate.describe import describe
from tools.translate.python_module import to_python
from tools.translate.sql import to_sql
from webapp.scoring import scorecard
from webapp.scoring.cells import make_reader
from webapp.scoring.scorecard import Levels, Scorecard

CLOSE = 1e-9
CELLS = {**POOLS, "time": EXPOSURES}
LANGUAGES = ["python", "javascript", "onnx", "duckdb", "postgres"]


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    needs("node")  # whoever compares the languages in a database compares them all
    server = postgres_server(tmp_path_factory.mktemp("pg"))
    yield server.get_uri()
    server.cleanup()


def text_rows(card: Scorecard, count: int) -> list[Row]:
    """Rows of the pools' cells; one in twelve columns may have a cell that the model does not take."""
    draw, good = random.Random(1), {column.name: accepted(column) for column in card.inputs}
    return [
        {name: draw.choice(CELLS[name] if draw.random() < 1 / 12 else good[name]) for name in good}
        for _ in range(count)
    ]


def accepted(column: Any) -> list[str]:
    """The cells of the pool that the model takes."""

    def takes(cell: str) -> bool:
        try:
            make_reader(column)(cell)
        except ValueError:
            return False
        return True

    return [cell for cell in CELLS[column.name] if takes(cell)]


def typed_rows(card: Scorecard, rows: list[Row]) -> list[Row]:
    """The rows as a typed table holds them; what cannot be read is missing there."""

    def typed(column: Any, cell: str) -> Any:
        try:
            value = make_reader(column.model_copy(update={"allowed": [], "minimum": None, "required": False}))(cell)
        except ValueError:
            return None
        return float(value) if isinstance(column.effect, Levels) and column.type == "integer" and value else value

    return [{column.name: typed(column, row[column.name]) for column in card.inputs} for row in rows]


@pytest.mark.parametrize(
    "transform", ["none", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sqrt", "log", "log1p"))]
)
def test_every_kind_of_column(transform: str, tmp_path: Path, uri: str) -> None:
    card = every_kind(transform)
    model = describe(card, "md5")
    texts = text_rows(card, 800)
    for rows, text in ((texts, True), (typed_rows(card, texts), False)):
        wanted = translated.expected(card, rows)
        assert len(rows) / 2 < sum(result is not None for result in wanted) < len(rows)
        for language in LANGUAGES:
            if language != "onnx" or not text:
                found = translated.run(language, model, rows, text, tmp_path, uri)
                assert translated.largest_difference(found, wanted) < CLOSE, (language, text)
    wanted[0] = None if wanted[0] else [0.0]
    assert translated.largest_difference(found, wanted) == float("inf")  # so this test can fail


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the tables are not on this machine")
@pytest.mark.parametrize(("name", "separator"), [("wine", ";"), ("bike", ","), ("california", ",")])
def test_shared_tables(adopted: Callable[[str], Project], name: str, separator: str, tmp_path: Path, uri: str) -> None:
    content = (adopted(name).path / "models/scorecard.json").read_bytes()
    card = Scorecard.model_validate_json(content)
    model = describe(card, "md5")
    source = translated.read_csv(SHARED_DATA / SHARED_TABLES[name][0], separator)
    for text in (False, True):
        rows = translated.odd_rows(card, source, 5000, text)
        wanted = translated.expected(card, rows)
        for language in LANGUAGES:
            if language != "onnx" or not text:
                found = translated.run(language, model, rows, text, tmp_path, uri)
                assert translated.largest_difference(found, wanted) < CLOSE, (language, text)


@settings(max_examples=8, deadline=None)
@given(st.lists(some_cells, min_size=30, max_size=200))
def test_any_text_is_read_as_the_scorer_reads_it(texts: list[str]) -> None:
    card = every_kind("none")
    texts = [text.replace("\0", "") for text in texts]  # SQL has no such character
    rows = [dict.fromkeys(POOLS, "") | {"whole": "1", name: text} for name in POOLS for text in texts]
    model, wanted = describe(card, "md5"), translated.expected(card, rows)
    found = translated.run_python(to_python(model), rows)
    assert translated.largest_difference(found, wanted) < CLOSE
    found = translated.run_duckdb(to_sql(model, "duckdb", keep=["line"], text=True), rows, model, True)
    assert translated.largest_difference(found, wanted) < CLOSE


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("dialect", ["bigquery", "snowflake"])
def test_dialects_without_a_server_here_are_sql(dialect: str, text: bool) -> None:
    query = to_sql(describe(every_kind("log"), "md5"), dialect, "project.data.cases", ["id"], text)
    parsed = sqlglot.parse_one(query, dialect=dialect)
    assert {"prediction", "lower", "upper", "refused", "id", 'Größe "cm"', "it's"} <= set(parsed.named_selects)


def command(folder: Path, *words: str, seed: str = "0") -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "tools.translate", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("words", ["sql --text --dialect snowflake", "python", "javascript", "onnx"])
def test_same_bytes_each_time(tmp_path: Path, words: str) -> None:
    (tmp_path / "card.json").write_text(every_kind("log").model_dump_json())
    contents = []
    for seed in ("1", "2"):
        done = command(tmp_path, "--to", *words.split(), "--scorecard=card.json", f"--output={seed}/out", seed=seed)
        assert done.returncode == 0, done.stderr
        contents.append((tmp_path / seed / "out").read_bytes())
    assert contents[0] == contents[1]


def changed(**changes: Any) -> str:
    """The scorecard in JSON with some columns changed, each by what is given under its name."""
    card = json.loads(every_kind("log").model_dump_json())
    for column in card["columns"]:
        column |= changes.get(column["name"], {})
    return json.dumps({**card, "version": changes.get("version", 2)})


BROKEN = {
    "no scorecard": (None, "sql", "card.json: No such file or directory; run `dvc repro`"),
    "not JSON": ("{", "sql", "card.json: the file: Invalid JSON"),
    "unknown property": (changed(code={"scale": 2.0}), "sql", "card.json: columns.8.scale: Extra inputs"),
    "version 1": (changed(version=1), "sql", "card.json: version: Input should be 2"),
    "pattern": (
        changed(code={"pattern": "\\d+"}),
        "javascript",
        "column code: the pattern \\d+ may",
    ),
    "pattern in ONNX": (changed(code={"pattern": "a++"}), "onnx", "column code: the pattern a++"),
    "date in SQL": (changed(day={"reading": {"format": "%d %b %Y"}}), "sql --text", "column day: its format %d %b %Y"),
    "date": (changed(day={"reading": {"format": "%Y %j"}}), "javascript", "column day: %j in its format %Y %j"),
    "table": (changed(), "sql --table a(", "--table 'a('"),
    "output": (changed(), "python --output card.json/out", "card.json/out: "),
}


@pytest.mark.parametrize("case", BROKEN)
def test_bad_input_gets_one_line(tmp_path: Path, case: str) -> None:
    content, words, message = BROKEN[case]
    if content is not None:
        (tmp_path / "card.json").write_text(content)
    output = [] if "--output" in words else ["--output=out"]
    done = command(tmp_path, "--scorecard=card.json", *output, "--to", *words.split())
    assert done.returncode not in (0, 2)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", ["sql --dialect oracle", "onnx", "cobol"])
def test_unknown_words_get_the_usage(tmp_path: Path, words: str) -> None:
    done = command(tmp_path, "--to", *words.split())
    assert done.returncode == 2
    assert "usage: tools.translate" in done.stderr


COLUMN = (
    "name title description unit type reading required minimum maximum allowed pattern min_length max_length labels "
    "quantiles histogram shares seen missing_share default effect width monotone"
)
KNOWN: dict[type[scorecard.Part], str] = {  # the properties that the writers translate, and those that change no number
    Scorecard: "version title description target intercept columns exposure surfaces intervals training metrics "
    "made_from",
    scorecard.Target: "name title description unit transform factor quantiles histogram typical",
    scorecard.Intervals: "coverage edges lower upper factor_limits",
    scorecard.Column: COLUMN,
    scorecard.Exposure: f"{COLUMN} total_unit limits",
    scorecard.Reading: "missing_values format decimal_char group_char bare_number true_values false_values",
    scorecard.Curve: "kind knots values missing",
    Levels: "kind values other missing",
    scorecard.Histogram: "low high shares",
    scorecard.Calendar: "kind start days month weekday hour",
    scorecard.Surface: "axes values rows folds sd",
    scorecard.SurfaceAxis: "column part start knots levels",
}


def test_the_writers_know_every_property() -> None:
    """A scorecard that says more than the writers know would be translated wrongly; reading one refuses any other."""
    assert set(KNOWN) == set(scorecard.Part.__subclasses__()) | {scorecard.Exposure}
    for part, names in KNOWN.items():
        assert set(names.split()) == set(part.model_fields), f"tools/translate has to know all of {part.__name__}"

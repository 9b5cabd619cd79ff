"""The proof that a cell means the same everywhere: a table's own source, served, against its own model."""

import datetime
import hashlib
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.utils.errors import PipelineError
from tests.helpers.pipeline import STAGES
from tests.helpers.project import SHARED_DATA, SHARED_TABLES, Project
from tests.helpers.serving import write_lock
from tests.helpers.skipping import skip
from tools.check_serving import check_serving
from webapp.pin import SCORECARD

pytestmark = pytest.mark.slow

ROWS = 400
TARGET = {"name": "y", "type": "number", "role": "target"}


def build_and_check(project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the stages that make the scorecard, then pin and check it."""
    project.stages(*(name for name in STAGES if name not in ("explore", "report", "card")))
    return pin_and_check(project, monkeypatch)


def pin_and_check(project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """Pin the scorecard, and compare serving with the model."""
    content = (project.path / SCORECARD).read_bytes()
    write_lock(project.path, path=SCORECARD, hash="md5", md5=hashlib.md5(content).hexdigest(), size=len(content))
    monkeypatch.chdir(project.path)
    return check_serving()


def test_the_default_table(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    said = build_and_check(project, monkeypatch)
    assert said == "sklearn://diabetes through tools/predict: 442 rows as in the pipeline, 0 of them refused"


@pytest.mark.parametrize("name", SHARED_TABLES)
def test_a_shared_table(
    adopted: Callable[[str], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = SHARED_TABLES[name][0]
    if not (SHARED_DATA / file).exists():
        skip(f"{SHARED_DATA / file} is not here")
    project = adopted(name).copy_to(tmp_path / "project")
    assert f"{file} through /api/v1/batch and tools/predict: " in pin_and_check(project, monkeypatch)


def odd(rng: random.Random, usual: str, *others: str) -> str:
    """Give a cell: the usual one, or now and then an odd one."""
    return rng.choice(others) if rng.random() < 0.15 else usual


def european(rng: random.Random) -> tuple[bytes, list[dict[str, Any]], dict[str, Any]]:
    """Make a table with semicolons, in Latin-1 with its first odd byte late, and marks of its own in two columns."""
    lines = ["weight (kg);price;flag;place;day;smoker;code;y"]
    for row in range(ROWS):
        place = "Köln" if row > ROWS * 0.9 else rng.choice(["north", "south"])
        cells = [
            odd(rng, f"{rng.uniform(0, 9):.2f}".replace(".", ","), "-200", "-200,0", " 2 ", "1.5", "x", "NA", ""),
            odd(
                rng, str(rng.randrange(1000, 9000)).replace("000", ".000"), "1.234,5", "12.34", "£ 1.000 ", "?", "1,5 E"
            ),
            odd(rng, rng.choice("YN"), "P", " Y", "?"),
            odd(rng, place, f" {place}", "\u00a0north ", "NA"),
            odd(
                rng, f"{rng.randrange(1, 29):02d}/{rng.randrange(1, 13):02d}/2020", "31/02/2020", "2020-01-05", "1/2/20"
            ),
            odd(rng, rng.choice(["ja", "nein"]), "JA", "", "?"),
            odd(rng, rng.choice(["1", "2"]), "3", "1,0", "02", "-200"),
            odd(rng, f"{rng.gauss(50, 9):.1f}".replace(".", ","), "", "-200"),
        ]
        lines.append(";".join(cells) + ";" * (row == 77))  # one row has a cell too many
        lines += [";" * 7] * (row == 100)
    fields = [
        {"name": "weight (kg)", "type": "number", "decimalChar": ",", "missingValues": ["-200", "NA", ""]},
        {"name": "price", "type": "number", "decimalChar": ",", "groupChar": ".", "bareNumber": False},
        {"name": "flag", "type": "string", "categories": ["Y", "N", "P"], "constraints": {"required": True}},
        {"name": "place", "type": "string", "missingValues": []},
        {"name": "day", "type": "date", "format": "%d/%m/%Y", "constraints": {"minimum": "2020-02-01"}},
        {"name": "smoker", "type": "boolean", "trueValues": ["ja", "JA"], "falseValues": ["nein"]},
        {"name": "code", "type": "integer", "categories": [1, 2, 3], "decimalChar": ",", "missingValues": ["-200"]},
        {**TARGET, "decimalChar": ",", "missingValues": ["", "-200"]},
    ]
    return "\n".join(lines).encode("latin-1"), fields, {"delimiter": ";", "encoding": "latin-1"}


def american(rng: random.Random) -> tuple[bytes, list[dict[str, Any]], dict[str, Any]]:
    """Make a table with a BOM, quoted thousands, offsets, every constraint, an id that repeats, and lines in cells."""
    lines = [' amount ,miles,name,when,rate,"id",empty,y']
    for row in range(ROWS):
        when = datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=7 * row)
        cells = [
            odd(rng, f'"${rng.randrange(1000, 99999):,} "', '"$1,23"', "$5", "-$5", "(5)", "1e3", "nan"),
            odd(rng, f"{rng.randrange(100)} mi.", "0x1", " 7 ", "", "1_000", "150"),
            odd(rng, rng.choice(["ab", "cd", "NA"]), "abcdefgh", "x", '"a\nb"', "=cd", "None", '"ab "'),
            odd(rng, when.isoformat(), f"{when}+02:00", when.isoformat()[:13], "2020", "now", f"{when}.1234567Z"),
            odd(rng, f"{rng.uniform(-1, 1):.3f}", "+.5", "5.", "2.5", " -0"),
            str(row - row % 50 // 49),
            "",
            odd(rng, f"{rng.gauss(5, 2):.2f}", "", "n/a"),
        ]
        lines.append(",".join(cells))
    limits = {"pattern": "[A-Za-z]+", "minLength": 2, "maxLength": 5}
    fields = [
        {"name": "amount", "type": "number", "groupChar": ",", "bareNumber": False, "constraints": {"required": True}},
        {"name": "miles", "type": "integer", "bareNumber": False, "constraints": {"maximum": 100}},
        {"name": "name", "type": "string", "constraints": limits},
        {"name": "when", "type": "datetime", "role": "time"},
        {"name": "rate", "type": "number", "constraints": {"minimum": -1, "maximum": 1}},
        {"name": "id", "type": "integer", "role": "id", "constraints": {"unique": True}},
        {"name": "empty", "type": "string", "role": "ignore"},
        TARGET,
    ]
    return "\n".join(lines).encode("utf-8-sig"), fields, {}


@pytest.mark.parametrize("make", [european, american])
def test_a_csv_file_with_every_oddity(project: Project, monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    content, fields, source = make(random.Random(0))
    project.use_table(content, fields, validate__max_invalid_fraction=0.9)
    project.edit("config.yaml", **{f"source__{key}": value for key, value in source.items()})
    said = build_and_check(project, monkeypatch)
    assert said.startswith(
        f"data/source/table.csv through /api/v1/batch and tools/predict: {ROWS} rows as in the pipeline"
    )
    refused = int(said.split(", ")[1].split()[0])
    assert ROWS * 0.1 < refused < ROWS * 0.8


def test_a_parquet_file_with_every_type(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(0)
    zone = datetime.timezone(datetime.timedelta(hours=2))
    start = datetime.datetime(2020, 1, 1, tzinfo=zone)
    columns: dict[str, Any] = {
        "float": pa.array(rng.choice([rng.random(), -200.0, float("nan"), None]) for _ in range(ROWS)),
        "whole": pa.array(rng.choice([rng.randrange(9), -200, None]) for _ in range(ROWS)),
        "flag": pa.array(rng.choice([True, False, None]) for _ in range(ROWS)),
        "money": pa.array([Decimal(rng.randrange(999)) / 100 for _ in range(ROWS)], pa.decimal128(9, 2)),
        "day": pa.array([datetime.date(1900 if row % 9 == 0 else 2020, 1 + row % 12, 1) for row in range(ROWS)]),
        "when": pa.array([start + datetime.timedelta(hours=row) for row in range(ROWS)], pa.timestamp("us", "UTC")),
        "level": pa.array(rng.choice([" a", "a", "b ", "NA", None]) for _ in range(ROWS)).dictionary_encode(),
        "text": pa.array(rng.choice(["1,5", " 2,25 ", "x", "-200", None]) for _ in range(ROWS)),
        "y": pa.array(rng.choice([rng.gauss(5, 1), rng.gauss(5, 1), rng.gauss(5, 1), -200.0]) for _ in range(ROWS)),
    }
    project.use_table(pd.DataFrame(), [], validate__max_invalid_fraction=0.9)
    pq.write_table(pa.table(columns), project.path / "data/source/table.parquet")
    project.edit("config.yaml", source__uri="data/source/table.parquet")
    types = {"float": "number", "whole": "integer", "flag": "boolean", "money": "number", "day": "date",
             "when": "datetime", "level": "string"}  # fmt: skip
    fields = [{"name": name, "type": kind} for name, kind in types.items()]
    fields += [{"name": "text", "type": "number", "decimalChar": ","}, TARGET]  # type: ignore[dict-item]
    project.write_schema(fields, missingValues=["", "-200", "NA", "1900-01-01"])
    said = build_and_check(project, monkeypatch)
    assert said.startswith(f"data/source/table.parquet through tools/predict: {ROWS} rows as in the pipeline")
    assert not said.endswith(" 0 of them refused"), "x is not a number"


def test_a_difference_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scorecard that reads a column otherwise than the pipeline is found out at the first row where it matters."""
    table = "size,y\n" + "".join(f"{row if row % 10 else -200},{row * 2}\n" for row in range(1, 200))
    project.use_table(table, [{"name": "size", "type": "number", "missingValues": ["-200"]}, TARGET])
    assert build_and_check(project, monkeypatch).endswith("199 rows as in the pipeline, 0 of them refused")
    card = Path(SCORECARD).read_text().replace('"-200"', '"-201"')
    Path(SCORECARD).write_text(card)
    write_lock(Path(), path=SCORECARD, hash="md5", md5=hashlib.md5(card.encode()).hexdigest(), size=len(card.encode()))
    with pytest.raises(
        PipelineError, match=r"data/source/table.csv, line 11: .* is served, models/model.joblib predicts"
    ):
        check_serving()

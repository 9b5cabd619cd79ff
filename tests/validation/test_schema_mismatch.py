"""A table that changed since it was adopted: one line names the cause and the fix, and earlier outputs stay intact."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.table.schema import TableSchema
from stages.utils.errors import DataError
from stages.utils.files import read_json
from stages.validation.schema_mismatch import MOST_NAMED, check_columns
from tests.helpers.project import Workspace

ROWS = range(60)
ADOPTED = pd.DataFrame(
    {
        "size": [f"{40 + n % 50}.5" for n in ROWS],
        "rooms": [str(1 + n % 4) for n in ROWS],
        "town": ["ABC"[n % 3] for n in ROWS],
        "sold": [f"2020-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in ROWS],
        "price": [str(100 + n) for n in ROWS],
    }
)
FIELDS: list[dict[str, Any]] = [
    {"name": "size", "type": "number"},
    {"name": "rooms", "type": "integer", "constraints": {"maximum": 4}},
    {"name": "town", "type": "string", "categories": ["A", "B", "C"]},
    {"name": "sold", "type": "date"},
    {"name": "price", "type": "number", "role": "target"},
]


@dataclass
class Case:
    """A change, and what validate must make of it."""

    name: str
    table: pd.DataFrame
    says: list[str]
    quarantined: int = 0
    code: int = DataError.exit_code
    written: dict[str, str] = field(default_factory=dict)  # how the file is written


def with_cells(name: str, cells: "pd.Series[str]") -> pd.DataFrame:
    return ADOPTED.assign(**{name: cells})


SIZE, TOWN = ADOPTED["size"], ADOPTED["town"]
ADOPT = "correct the table or schema.yaml, or run `make adopt` again"
NUMBER = "schema.yaml: fields.size (type, decimalChar, groupChar, bareNumber, missingValues)"
CASES = [
    Case(
        "column renamed",
        ADOPTED.rename(columns={"size": "sise"}),
        ["'size' is in schema.yaml but not in the table; did you mean sise?", "'sise' is in the table but not", ADOPT],
    ),
    Case(
        "column in capitals",
        ADOPTED.rename(columns={"size": "SIZE"}),
        ["'size' is in schema.yaml but not in the table; did you mean SIZE?", "'SIZE' is in the table but not", ADOPT],
    ),
    Case(
        "column added",
        ADOPTED.assign(garden="1"),
        ["'garden' is in the table but not in schema.yaml", "role: ignore", ADOPT],
    ),
    Case("column removed", ADOPTED.drop(columns="rooms"), ["'rooms' is in schema.yaml but not in the table", ADOPT]),
    Case("columns in another order", ADOPTED[ADOPTED.columns[::-1]], ["60 of 60 rows valid"], code=0),
    Case(
        "separator changed",
        ADOPTED,
        ["a single column, 'size;rooms;town;sold;price'; if ';' separates", "config.yaml: source.delimiter"],
        written={"sep": ";"},
    ),
    Case(
        "rare new level",
        with_cells("town", TOWN.where(ADOPTED.index != 3, "D")),
        ["59 of 60 rows valid", "town, categories (expected categories ['A', 'B', 'C'], found D): 1"],
        quarantined=1,
        code=0,
    ),
    Case(
        "frequent new level",
        with_cells("town", TOWN.replace("C", "D")),
        ["town, categories (expected categories ['A', 'B', 'C'], found D): 20", "schema.yaml: fields.town.categories"],
        quarantined=20,
    ),
    Case(
        "numbers to words",
        with_cells("size", SIZE.where(ADOPTED.index % 2 == 0, "large")),
        ["size, type (not a finite number, found large): 30", NUMBER],
        quarantined=30,
    ),
    Case(
        "decimal comma",
        with_cells("size", SIZE.str.replace(".", ",")),
        ["no row is left", "size, type (not a finite number, found 40,5): 60", NUMBER],
        quarantined=60,
    ),
    Case(
        "integers to fractions",
        with_cells("rooms", ADOPTED["rooms"] + ".5"),
        ["rooms, type (not an integer (below 2^53), found 1.5): 60", "schema.yaml: fields.rooms (type, "],
        quarantined=60,
    ),
    Case(
        "dates the other way round",
        with_cells("sold", ADOPTED["sold"].str.replace(r"(\d+)-(\d+)-(\d+)", r"\3/\2/\1", regex=True)),
        ["sold, type (not a date, found 01/01/2020): 60", "schema.yaml: fields.sold (type, format, missingValues)"],
        quarantined=60,
    ),
    Case(
        "a new mark for missing cells",
        with_cells("size", SIZE.where(ADOPTED.index % 3 != 0, "N/A")),
        ["size, type (not a finite number, found N/A): 20", NUMBER],
        quarantined=20,
    ),
    Case(
        "beyond the limit",
        with_cells("rooms", ADOPTED["rooms"].replace("4", "5")),
        ["rooms, maximum (expected maximum 4, found 5.0): 15", "schema.yaml: fields.rooms.constraints.maximum"],
        quarantined=15,
    ),
    Case(
        "no target in some rows",
        with_cells("price", ADOPTED["price"].where(ADOPTED.index % 4 != 0, "")),
        ["price, required", "schema.yaml: fields.price.role (target needs a value in every row)"],
        quarantined=15,
    ),
]


def digests(folder: Path) -> list[str]:
    """The digests of the parts of a table."""
    return [hashlib.md5(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*"))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_change(workspace: Workspace, case: Case) -> None:
    """The adopted table is valid; what validate makes of the changed one, and of the outputs before it."""
    workspace.use_table(ADOPTED, FIELDS)
    workspace.edit("config.yaml", compute__workers=1)
    workspace.stages("ingest", "validate")
    before = digests(workspace.path / "data/valid")
    assert read_json(workspace.path / "metrics/validation.json")["quarantined"] == 0
    case.table.to_csv(workspace.path / "data/source/table.csv", index=False, **case.written)
    workspace.stages("ingest")
    found = workspace.stage("validate")
    assert found.returncode == case.code, found.stderr
    assert read_json(workspace.path / "metrics/validation.json")["quarantined"] == case.quarantined
    lines = found.stderr.splitlines()
    (line,) = [line for line in lines if line.startswith("validate  data/raw: ")] or ["\n".join(lines)]
    for fragment in case.says:
        assert fragment in line
    assert "Traceback" not in found.stderr
    if case.code:
        assert digests(workspace.path / "data/valid") == before


def test_a_wide_table_of_another_kind_gets_a_short_line() -> None:
    fields = [{"name": f"x{n}", "type": "number"} for n in range(500)]
    schema = TableSchema.model_validate({"fields": [*fields, {"name": "y", "type": "number", "role": "target"}]})
    with pytest.raises(DataError) as caught:
        check_columns([f"other {n}" for n in range(300)], schema, Path("data/raw"))
    assert f"and {501 + 300 - MOST_NAMED} more" in str(caught.value)
    assert len(str(caught.value)) < 1000

"""tools/predict: CSV and Parquet in, the same out, and an exit code that says what became of the rows."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.helpers.project import ROOT
from tests.helpers.serving import ROW, make_card, write_checkout
from webapp.scoring.scorer import score

HEADER = "size,rooms,kind,place,garden,sold,built"
GOOD = "12.5,3,2,north,true,2026-05-01T10:30,"
EXPECTED = score(make_card(), {**ROW, "kind": "2"})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return write_checkout(tmp_path / "checkout")


def predict(checkout: Path, source: str, target: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "tools.predict", source, target],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_csv(checkout: Path) -> None:
    (checkout / "in.csv").write_text(f"{HEADER}\n{GOOD}\n")
    done = predict(checkout, "in.csv", "out.csv")
    assert (done.returncode, done.stderr) == (0, "out.csv: 1 rows scored, 0 refused\n")
    (checkout / "in.csv").write_text(f"{HEADER}\n{GOOD}\nx,3,2,=1+1,true,,\n")
    done = predict(checkout, "in.csv", "out.csv")
    assert done.returncode == 1
    table = pd.read_csv(checkout / "out.csv")
    assert table["prediction"].iloc[0] == EXPECTED.prediction
    assert table["reason"].iloc[1] == "size must be a number"
    assert table["place"].iloc[1] == "'=1+1"


def test_parquet(checkout: Path) -> None:
    frame = pd.DataFrame([{**ROW, "note": "=1"}, {**ROW, "size": None, "note": ""}])
    frame["sold"] = pd.to_datetime(frame["sold"])
    frame["built"] = pd.Series([None, None], dtype="datetime64[us]")
    frame.to_parquet(checkout / "in.parquet")
    done = predict(checkout, "in.parquet", "out.parquet")
    assert done.returncode == 1, done.stderr
    found = pq.read_table(checkout / "out.parquet").to_pylist()
    assert [found[0][name] for name in ("prediction", "lower", "upper", "reason")] == [*EXPECTED[:3], None]
    assert (found[1]["prediction"], found[1]["reason"], found[0]["note"]) == (None, "size is required", "=1")


def test_a_damaged_parquet_file_is_named(checkout: Path) -> None:
    pd.DataFrame([{**ROW, "sold": None, "size": float(size % 20)} for size in range(5000)]).to_parquet(
        checkout / "in.parquet"
    )
    content = bytearray((checkout / "in.parquet").read_bytes())
    content[100:200] = bytes(100)  # inside the first page
    (checkout / "in.parquet").write_bytes(content)
    done = predict(checkout, "in.parquet", "out.parquet")
    assert done.returncode == 2
    assert done.stderr.startswith("in.parquet: ")
    assert "None" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (checkout / "out.parquet").exists()


@pytest.mark.parametrize(
    ("content", "names", "message"),
    [
        (None, ("in.csv", "out.csv"), "in.csv: No such file or directory"),
        ("a,b\n1,2\n", ("in.csv", "out.csv"), "in.csv: line 1 names no column of the model"),
        ("size,rooms\n1,2\n", ("in.csv", "out.csv"), "in.csv: kind is not in the header; garden is not"),
        ("text", ("in.parquet", "out.parquet"), "in.parquet: not readable as Parquet: "),
        ("text", ("in.csv", "out.parquet"), "out.parquet: both files are CSV, or both end in .parquet"),
        ("text", ("in.csv", "in.csv/out.csv"), "in.csv"),
    ],
)
def test_what_cannot_be_read_leaves_nothing(checkout: Path, content: str | None, names: Any, message: str) -> None:
    if content is not None:
        (checkout / names[0]).write_text(content)
    done = predict(checkout, *names)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert not (checkout / names[1]).exists()
    assert list(checkout.glob(".partial*")) == []


def test_another_scorecard_than_the_pinned_one_is_refused(checkout: Path) -> None:
    (checkout / "in.csv").write_text(f"{HEADER}\n{GOOD}\n")
    (checkout / "models/scorecard.json").write_text("{}")
    done = predict(checkout, "in.csv", "out.csv")
    assert done.returncode == 2
    assert done.stderr.startswith("models/scorecard.json: size 2, but dvc.lock pins")

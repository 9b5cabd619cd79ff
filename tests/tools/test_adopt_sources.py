"""Adopting what is no local CSV file: Parquet, databases, addresses; config.yaml then leads the pipeline to it."""

import sqlite3
import threading
from collections.abc import Iterator
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.table.schema import read_schema
from stages.utils.config import Config
from stages.utils.files import read_json
from stages.utils.yaml_files import read_settings
from tests.helpers import servers
from tests.helpers.project import Workspace
from tools.adopt.adopt import adopt

ROWS = 120


@pytest.fixture(scope="module")
def homes() -> pd.DataFrame:
    """A table with a number, a code, a text, a day and a target."""
    random = np.random.default_rng(0)
    area = random.uniform(40, 200, ROWS).round(1)
    frame = pd.DataFrame({"area": area, "rooms": random.integers(1, 7, ROWS), "town": random.choice(["A", "B"], ROWS)})
    frame["sold"] = (pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(ROWS), unit="D")).strftime("%Y-%m-%d")
    frame["price"] = (10 * area + 200 * (frame["town"] == "B") + random.normal(0, 60, ROWS)).round(2)
    return frame


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder for the table before it is adopted."""
    path = tmp_path / "elsewhere"
    path.mkdir()
    return path


@pytest.fixture
def address(place: Path) -> Iterator[str]:
    """The same over HTTP."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(place))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def check(here: Workspace, uri: str) -> None:
    """The schema is the one that was meant, and the pipeline reads every row by it."""
    assert read_settings(Path("config.yaml"), Config).source.uri == uri
    found = {column.name: (column.type, column.role) for column in read_schema().fields}
    assert found == {
        "area": ("number", "feature"),
        "rooms": ("integer", "feature"),
        "town": ("string", "feature"),
        "sold": ("date", "time"),
        "price": ("number", "target"),
    }
    here.stages("ingest", "validate")
    assert read_json(here.path / "metrics/validation.json")["valid"] == ROWS


def test_parquet(here: Workspace, homes: pd.DataFrame, place: Path) -> None:
    homes.assign(sold=pd.to_datetime(homes["sold"]).dt.date).to_parquet(place / "homes.parquet")
    adopt(str(place / "homes.parquet"), "price", here.path)
    check(here, "data/source/homes.parquet")


def test_parquet_with_marks_and_an_empty_date(here: Workspace, homes: pd.DataFrame, place: Path) -> None:
    """A missing mark stands for no value in a typed column too; a column without values has none."""
    frame = homes.drop(columns="sold").assign(area=homes["area"].where(homes.index % 9 > 0, -200.0))
    late = [None] * ROWS
    table = pa.Table.from_pandas(frame).append_column("sold", pa.array(late, pa.date32()))
    late[-1] = date(2021, 5, 1)  # in the last row group only
    pq.write_table(
        table.append_column("moved", pa.array(late, pa.date32())), place / "homes.parquet", row_group_size=50
    )
    adopt(str(place / "homes.parquet"), "price", here.path)
    assert read_schema().column("area").missingValues == ["", "-200"]
    assert (read_schema().column("sold").role, read_schema().column("moved").type) == ("ignore", "date")
    here.stages("ingest", "validate")
    valid = here.frame("data/valid")
    assert valid["area"].isna().sum() == -(-ROWS // 9)
    assert (valid["sold"].notna().sum(), valid["moved"].notna().sum()) == (0, 1)


@pytest.mark.parametrize("how", [{"table": "homes"}, {"query": "SELECT * FROM homes WHERE price > 0"}], ids=str)
def test_a_database(here: Workspace, homes: pd.DataFrame, place: Path, how: dict[str, str]) -> None:
    connection = sqlite3.connect(place / "homes.db")
    homes.to_sql("homes", connection, index=False)
    connection.close()
    adopt(f"sqlite:///{place}/homes.db", "price", here.path, **how)
    check(here, f"sqlite:///{place}/homes.db")
    source = read_settings(Path("config.yaml"), Config).source
    assert (source.table, source.query) == (how.get("table"), how.get("query"))


def test_an_address(here: Workspace, homes: pd.DataFrame, place: Path, address: str) -> None:
    homes.to_csv(place / "download", sep=";", index=False)  # neither name nor type say what it is
    adopt(f"{address}/download", "price", here.path)
    check(here, f"{address}/download")


@pytest.mark.slow
def test_a_bucket(here: Workspace, homes: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    with servers.s3_server() as s3:
        body = homes.to_csv(index=False).encode()
        servers.client(s3).put_object(Bucket=servers.BUCKET, Key="homes.csv", Body=body)
        for name, value in servers.environment(s3).items():
            monkeypatch.setenv(name, value)
        adopt(f"s3://{servers.BUCKET}/homes.csv", "price", here.path)
        check(here, f"s3://{servers.BUCKET}/homes.csv")

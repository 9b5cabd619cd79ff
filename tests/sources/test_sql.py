"""Sources in databases: a real PostgreSQL on this machine, and SQLite."""

import datetime
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from stages.sources import frames, read_source
from stages.utils.config import Source
from stages.utils.errors import PipelineError, SettingsError, SourceError
from tests.helpers.postgres import postgres_server
from tests.helpers.processes import wait_until
from tests.helpers.reading import nothing_read, read

SETUP = """
CREATE ROLE reader LOGIN PASSWORD 'hush-hush';
CREATE TABLE homes (
    id integer PRIMARY KEY, price numeric(10, 2), rooms smallint, sold date, seen timestamptz, town text, garden boolean
);
INSERT INTO homes SELECT n, n * 1000.25, NULLIF(n % 4, 0), date '2020-01-01' + n, '2020-01-01 12:00+02',
    CASE WHEN n % 3 = 0 THEN NULL ELSE 'Town ' || n % 3 END, n % 2 = 0
    FROM generate_series(1, 300) AS n ORDER BY n DESC;
GRANT SELECT ON homes TO reader;
"""


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with a table, through a socket."""
    server = postgres_server(tmp_path_factory.mktemp("pg"))
    server.psql(SETUP)
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an SQLite file with a table."""
    monkeypatch.chdir(tmp_path)
    connection = sqlite3.connect("table.db")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x REAL, s TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(3, 1.5, "c"), (1, None, "a"), (2, 2.5, None)])
    connection.commit()
    connection.close()
    return "sqlite:///table.db"


def test_a_query_of_postgresql(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "SELECT * FROM homes WHERE id > 10 ORDER BY id"
    metrics = nothing_read()
    whole = read(postgres, metrics, query=query)
    assert len(whole) == 290
    first = whole.iloc[0]
    assert first["id"] == 11
    assert first["price"] == "11002.75"
    assert first["sold"] == "2020-01-12"
    assert pd.Timestamp(first["seen"]) == pd.Timestamp("2020-01-01 10:00", tz=datetime.UTC)
    assert whole["rooms"].isna().sum() == sum(n % 4 == 0 for n in range(11, 301))
    assert whole["town"].isna().sum() == sum(n % 3 == 0 for n in range(11, 301))
    assert whole["_line"].tolist() == list(range(1, 291))
    assert metrics.query == query
    assert len(metrics.sha256) == 64

    monkeypatch.setattr(frames, "BATCH_ROWS", 7)  # the hash does not depend on how the rows come
    again = nothing_read()
    assert len(read(postgres, again, query=query)) == 290
    assert again == metrics


def test_rows_are_streamed(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first rows of a thousand million come at once."""
    monkeypatch.setattr(frames, "BATCH_ROWS", 1000)
    stream = read_source(Source(uri=postgres, query="SELECT generate_series(1, 1000000000) AS n"))
    assert len(next(stream)) == 1000
    stream.close()  # type: ignore[attr-defined]


def test_a_table_in_the_order_of_its_key(postgres: str, sqlite: str) -> None:
    assert read(postgres, table="homes")["id"].tolist() == list(range(1, 301))
    assert read(postgres, table="public.homes")["id"].tolist() == list(range(1, 301))
    frame = read(sqlite, table="t")
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["s"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT nothing FROM homes", 'column "nothing" does not exist'),
        ("SELECT 1 AS a, 2 AS a", "columns 1 and 2 are both named 'a'; rename one in the file or the query"),
        ("SELEC 1", "syntax error"),
        ("SELECT 1 / (id - 5) FROM homes", "division by zero"),
        ("SET search_path TO public", "syntax error"),
    ],
)
def test_queries_that_fail(postgres: str, query: str, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(postgres, query=query)
    assert says in str(caught.value)
    assert "source.query" in str(caught.value) or "the query" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_query_that_takes_too_long(postgres: str) -> None:
    start = time.monotonic()
    with pytest.raises(SourceError, match=r"statement timeout; raise config.yaml: source.timeout \(1 s\), or simplify"):
        read(postgres, query="SELECT pg_sleep(60) AS nothing", timeout=1)
    assert time.monotonic() - start < 20


def test_no_such_table(postgres: str) -> None:
    with pytest.raises(SourceError, match=r"no table 'houses'; correct config.yaml: source.table"):
        read(postgres, table="houses")


def test_wrong_password(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the wrong nor the right one is shown."""
    url = sa.make_url(postgres)
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        folder = connection.execute(sa.text("SHOW data_directory")).scalar_one()
        hba = Path(str(folder), "pg_hba.conf")
        hba.write_text("local all reader scram-sha-256\n" + hba.read_text())
    stranger = sa.create_engine(url.set(username="reader", password="?"), poolclass=sa.pool.NullPool)

    def refused() -> bool:
        with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
            connection.execute(sa.text("SELECT pg_reload_conf()"))
        try:
            stranger.connect().close()
        except sa.exc.OperationalError:
            return True
        return False

    assert wait_until(refused, 30), "the server reads its file again soon, not at once"
    uri = f"postgresql+psycopg://reader:${{PASSWORD}}@/{url.database}?host={url.query['host']}"
    monkeypatch.setenv("PASSWORD", "open-sesame")
    with pytest.raises(SourceError, match="password authentication failed") as caught:
        read(uri, table="homes")
    assert "open-sesame" not in str(caught.value)
    assert "correct config.yaml: source.uri" in str(caught.value)
    monkeypatch.setenv("PASSWORD", "hush-hush")
    metrics = nothing_read()
    frame = read(uri, metrics, table="homes")
    assert len(frame) == 300
    assert "hush-hush" not in str(metrics) + frame.to_csv()


def test_nobody_listens() -> None:
    with pytest.raises(SourceError, match=r"connection (refused|failed|is bad)|Connection refused"):
        read("postgresql+psycopg://me@127.0.0.1:9/db", query="SELECT 1")


@pytest.mark.parametrize(
    ("uri", "source", "says"),
    [
        ("sqlite:///table.db", {}, "a database needs either query: (SQL) or table:"),
        ("sqlite:///table.db", {"query": "SELECT 1", "table": "t"}, "needs either"),
        ("postgresql+nodriver://me@127.0.0.1/db", {"table": "t"}, "config.yaml: source.uri"),
        ("postgresql+psycopg://me:hush@127.0.0.1/db", {"table": "t"}, "source.uri contains a password"),
    ],
)
def test_settings_that_cannot_be(sqlite: str, uri: str, source: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(uri, **source)
    assert says in str(caught.value)
    assert "hush" not in str(caught.value)


def test_nothing_found_is_a_failure_of_the_stage(sqlite: str) -> None:
    with pytest.raises(PipelineError, match="no rows"):
        read(sqlite, query="SELECT * FROM t WHERE id > 5")

"""The prediction log: every answered row is in it once, whatever is killed, and a dead store fails no request."""

import http.client
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.helpers.postgres import postgres_server
from tests.helpers.processes import family, wait_until
from tests.helpers.project import ROOT
from tests.helpers.servers import BUCKET, environment, s3_server
from tests.helpers.serving import ROW, TOKEN, Server, make_app, make_card, serve, write_checkout
from webapp.prediction_log import spool
from webapp.prediction_log.spool import PredictionLog
from webapp.prediction_log.store import SCHEMA, read_rows
from webapp.scoring.scorer import score
from webapp.settings import LogSettings

HEADER = "id,size,rooms,kind,place,garden,sold,built,owner"
LINES = [f"case {number},12.5,3,2,north,true,,,Ms Smith" for number in range(1200)]


def read_log(address: str | Path) -> list[dict[str, Any]]:
    """All rows of a log."""
    return [row for batch in read_rows(str(address), SCHEMA.names) for row in batch.to_pylist()]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return write_checkout(tmp_path / "checkout")


@pytest.fixture
def start(checkout: Path) -> Callable[..., Any]:
    """Serves the checkout with a log at an address."""

    def run(address: str | Path, **environ: str) -> Any:
        found = {"PREDICTION_LOG": str(address), "PREDICTION_LOG_SPOOL": str(checkout / "spool")}
        return serve(checkout, **found, METRICS_TOKEN=TOKEN, **environ)

    return run


def ask(server: Server, answered: list[str], until: float) -> None:
    """Ask for predictions over one connection until then, or until it breaks; notes the ids that came back."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        while time.monotonic() < until:
            connection.request("POST", "/api/v1/predict", json.dumps([ROW, ROW]), {"Content-Type": "application/json"})
            answered += [row["id"] for row in json.loads(connection.getresponse().read())]
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()


@pytest.mark.slow
def test_every_answer_is_in_the_log_once_with_its_inputs(start: Callable[..., Any], tmp_path: Path) -> None:
    answered: list[str] = []
    with start(tmp_path / "log", WEB_CONCURRENCY="2", PREDICTION_LOG_SECONDS="1", GIT_SHA="abc") as server:
        until = time.monotonic() + 3
        threads = [threading.Thread(target=ask, args=(server, answered, until)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        status, found = server.predict({**ROW, "id": "mine"})
        assert (status, found["id"]) == (200, "mine")
        table = "\n".join([HEADER, *LINES])
        assert server.ask("POST", "/api/v1/batch", table, {"Content-Type": "text/csv"})[0] == 200
    given = [line.split(",")[0] for line in LINES]
    logged = read_log(tmp_path / "log")
    rows = {row["id"]: row for row in logged}
    assert sorted(row["id"] for row in logged) == sorted([*answered, "mine", *given])
    expected = score(make_card(), {**ROW, "kind": "2"})
    one = rows[answered[0]]
    assert json.loads(one["inputs"]) == ROW
    assert (one["prediction"], one["lower"], one["upper"]) == expected[:3]
    assert (one["source"], one["git_sha"], len(one["scorecard_md5"])) == ("api", "abc", 32)
    batch = rows["case 1199"]
    assert batch["source"] == "batch"
    assert json.loads(batch["inputs"]) == dict(zip(HEADER.split(",")[1:8], LINES[0].split(",")[1:8], strict=True))
    assert not list((tmp_path / "checkout/spool").rglob("*.jsonl"))


@pytest.mark.slow
def test_a_killed_worker_loses_no_more_than_the_last_second(start: Callable[..., Any], tmp_path: Path) -> None:
    with start(tmp_path / "log") as server:
        early = [server.predict(ROW)[1]["id"] for _ in range(20)]
        time.sleep(1)
        [worker] = [pid for pid in family(server.process.pid) if pid != server.process.pid and is_python(pid)]
        os.kill(worker, signal.SIGKILL)
        assert wait_until(lambda: server.ask("GET", "/health")[0] == 200, 30)
        late = server.predict(ROW)[1]["id"]
    assert {*early, late} == {row["id"] for row in read_log(tmp_path / "log")}


def is_python(pid: int) -> bool:
    """Whether a process still runs a worker, and not a drain."""
    return b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.slow
def test_a_bucket_takes_the_log(start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as address:
        for name, value in environment(address).items():
            monkeypatch.setenv(name, value)
        with start(f"s3://{BUCKET}/log", PREDICTION_LOG_COLUMNS="size, kind") as server:
            ids = [server.predict(ROW)[1]["id"] for _ in range(3)]
        rows = read_log(f"s3://{BUCKET}/log")
    assert [row["id"] for row in rows] == ids
    assert json.loads(rows[0]["inputs"]) == {"size": 12.5, "kind": 2}


@pytest.mark.slow
def test_a_database_that_comes_back_gets_what_it_missed(start: Callable[..., Any], tmp_path: Path) -> None:
    database = postgres_server(tmp_path / "database")
    try:
        address = database.get_uri().replace("postgresql://", "postgresql+psycopg://")
        with start(address.replace("/postgres?", "/nowhere?"), PREDICTION_LOG_SECONDS="1") as server:
            ids = [server.predict(ROW)[1]["id"] for _ in range(3)]
            assert wait_until(lambda: failures(server) > 0, 30)
            assert server.predict(ROW)[0] == 200
            said = server.log.read_text()
        assert said.count("prediction log:") == 1
        assert "nowhere" in said
        assert "the rows stay in" in said
        env = {**os.environ, "PREDICTION_LOG": address, "PREDICTION_LOG_SPOOL": str(tmp_path / "checkout/spool")}
        command = [sys.executable, "-m", "webapp.prediction_log.drain"]
        for _ in range(2):  # the second finds nothing to do
            subprocess.run(command, env=env, cwd=ROOT, check=True, timeout=60)
        assert [row["id"] for row in read_log(address)][:3] == ids
        assert len(read_log(address)) == 4
    finally:
        database.cleanup()


def failures(server: Server) -> float:
    """How often the store did not take the spool."""
    text = server.ask("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})[2].decode()
    return sum(
        float(line.split()[1]) for line in text.splitlines() if line.startswith("webapp_prediction_log_store_failures_")
    )


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_fails_no_request(start: Callable[..., Any]) -> None:
    with start("/proc/log", PREDICTION_LOG_SECONDS="1") as server:
        assert server.predict(ROW)[0] == 200
        assert wait_until(lambda: failures(server) > 0, 30)
        assert server.predict(ROW)[0] == 200


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    settings = LogSettings(str(tmp_path / "log"), (), 3600, tmp_path / "spool")
    made = PredictionLog(settings, ["size"], b'["0","abc"]\n', CollectorRegistry())
    made.thread = threading.current_thread()  # no other one is started
    yield made
    made.close()


def test_a_batch_written_twice_is_there_once(log: PredictionLog, tmp_path: Path) -> None:
    """A drain that dies between writing and tidying up does the same again."""
    from webapp.prediction_log.drain import next_batch, read_batch
    from webapp.prediction_log.store import write_rows

    log.keep("api", ["a", None], [{"size": 1}, {"size": None}], [(1.0, 0.0, float("inf"))] * 2)
    log.flush()
    assert next_batch(tmp_path / "spool") is None, "the worker still writes to it"
    log.close()
    for address in (str(tmp_path / "log"), f"sqlite:///{tmp_path}/log.db"):
        for _ in range(2):
            batch = next_batch(tmp_path / "spool")
            assert batch is not None
            write_rows(address, read_batch(batch), batch.name)
        first, second = read_log(address)
        assert (first["id"], len(second["id"]), first["upper"]) == ("a", 32, None)


def test_memory_and_disk_are_bounded_and_what_is_lost_is_counted(
    log: PredictionLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spool, "MOST_WAITING", 1000)
    monkeypatch.setattr(spool, "MOST_SPOOLED", 100)
    with caplog.at_level(logging.WARNING):
        for _ in range(30):
            log.add([b"x" * 99 + b"\n"])
            log.flush()
    assert log.dropped._value.get() == 20
    assert log.size == 1000
    assert len(caplog.records) == 1, "one warning a minute"
    monkeypatch.setattr(spool, "MOST_SPOOLED", 10_000)
    log.flush()
    assert (log.size, log.spooled._value.get()) == (0, 10)
    assert stat.S_IMODE(log.settings.spool.stat().st_mode) == 0o700


def test_off_it_imports_nothing_and_on_it_is_checked_at_the_start(checkout: Path) -> None:
    assert make_app(checkout).test_client().post("/api/v1/predict", json=ROW).json.keys().isdisjoint({"id"})
    code = "import sys; from webapp.app import create_app; create_app(); print(*sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=checkout, env=env, text=True).split()
    assert [name for name in loaded if "prediction_log" in name or name in ("pyarrow", "sqlalchemy")] == []
    with pytest.raises(SystemExit, match="PREDICTION_LOG_COLUMNS: 'sise' is not an input"):
        make_app(checkout, PREDICTION_LOG="log", PREDICTION_LOG_COLUMNS="sise")


@pytest.mark.parametrize("given", [7, "", "x" * 129, True, ["a"]])
def test_an_id_is_short_text(checkout: Path, given: Any) -> None:
    client = make_app(checkout).test_client()
    answer = client.post("/api/v1/predict", json={**ROW, "id": given})
    assert (answer.status_code, answer.json["errors"][0]["column"]) == (422, "id")

"""The app under gunicorn with the committed config: metrics, logs, long uploads, hostile bytes, SIGTERM, fuzzing."""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from schemathesis import GenerationMode, openapi
from schemathesis.checks import CHECKS

from tests.helpers.processes import family, wait_until
from tests.helpers.project import ROOT
from tests.helpers.servers import free_port
from tests.helpers.serving import ROW, TOKEN, Server, make_app, make_card, serve, write_checkout
from webapp.metrics import collect

HEADER = "size,rooms,kind,place,garden,sold,built"
GOOD = "12.5,3,2,north,true,2026-05-01T10:30,"
POST = b"POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = write_checkout(tmp_path_factory.mktemp("serving") / "checkout")
    with serve(path, WEB_CONCURRENCY="2", METRICS_TOKEN=TOKEN, UPLOAD_MB="64") as running:
        yield running


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise AssertionError("no VmRSS")


def metric(server: Server, start: str) -> float:
    """The sum of the samples whose name and labels begin so."""
    status, headers, body = server.ask("GET", "/metrics", headers=BEARER)
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    return sum(float(line.rsplit(" ", 1)[1]) for line in body.decode().splitlines() if line.startswith(start))


def settled(server: Server, start: str, expected: float) -> float:
    """A metric once it is what is expected, or after ten seconds; it is counted up to a second after the answer."""
    for _ in range(100):
        if metric(server, start) == expected:
            break
        for _ in range(4):  # any request makes its worker count what waits
            server.ask("GET", "/health")
        time.sleep(0.1)
    return metric(server, start)


def test_metrics_add_up_over_the_workers(server: Server) -> None:
    started = 'webapp_requests_total{method="POST",route="/api/v1/predict",status="200"}'
    before, rows = metric(server, started), metric(server, 'webapp_rows_total{outcome="scored",source="api"}')
    for _ in range(40):
        assert server.predict([ROW, ROW])[0] == 200
    assert settled(server, started, before + 40) == before + 40
    assert metric(server, 'webapp_rows_total{outcome="scored",source="api"}') == rows + 80
    assert metric(server, 'webapp_request_seconds_count{route="/api/v1/predict"}') >= 40


def test_a_worker_that_has_just_made_its_file_is_waited_for(tmp_path: Path) -> None:
    registry, file = CollectorRegistry(), tmp_path / "counter_1.db"
    MultiProcessCollector(registry, path=str(tmp_path))  # type: ignore[no-untyped-call]
    file.touch()
    with pytest.raises(struct.error):
        list(registry.collect())
    writing = threading.Timer(0.03, lambda: file.write_bytes(bytes(4096)))
    writing.start()
    assert collect(registry) == []
    writing.join()


def test_drift_is_seen(server: Server) -> None:
    place = 'webapp_input_total{bin="above 20",column="size"}'
    before = metric(server, place)
    for _ in range(30):
        server.predict({**ROW, "size": 99})
    assert settled(server, place, before + 30) == before + 30
    assert metric(server, 'webapp_input_psi{column="size"}') > 0.25
    assert metric(server, 'webapp_training_share{bin="north",column="place"}') == 0.6
    assert metric(server, 'webapp_training_share{bin="to 5",column="size"}') == 0.25


def test_logs_are_json_without_what_was_typed(server: Server) -> None:
    server.ask("GET", "/secret-path?secret=query", headers={"User-Agent": "secret agent", "Referer": "http://secret"})
    server.ask("SECRET", "/")
    server.predict({**ROW, "place": "secret place"})
    time.sleep(0.3)
    lines = server.log.read_text().splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    found = {(entry["method"], entry["route"], entry["status"]) for entry in entries}
    assert {("GET", "unmatched", 404), ("other", "unmatched", 405), ("POST", "/api/v1/predict", 200)} <= found
    assert {frozenset(entry) for entry in entries} == {frozenset({"time", "method", "route", "status", "ms", "pid"})}
    assert "secret" not in "".join(lines).lower()
    assert "127.0.0.1" not in "".join(line for line in lines if line.startswith("{"))


@pytest.mark.slow
def test_health_answers_while_long_tables_are_scored(server: Server) -> None:
    table = (HEADER + "\n" + f"{GOOD}\n" * 150_000).encode()
    answers: list[int] = []

    def upload() -> None:
        answers.append(server.ask("POST", "/api/v1/batch", table, {"Content-Type": "text/csv"})[0])

    threads = [threading.Thread(target=upload) for _ in range(4)]
    for thread in threads:
        thread.start()
    times = []
    while any(thread.is_alive() for thread in threads):
        start = time.perf_counter()
        assert server.ask("GET", "/health")[0] == 200
        times.append(time.perf_counter() - start)
        time.sleep(0.05)
    assert answers == [200] * 4
    assert len(times) > 10
    assert sorted(times)[len(times) // 2] < 0.5


def test_a_slow_or_broken_client_costs_nobody_else(server: Server) -> None:
    held = []
    for start in (
        POST + b"Content-Length: 500\r\n\r\n{",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
        b"",
    ):
        for _ in range(5):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.sendall(start)
            held.append(client)
    assert server.predict(ROW)[0] == 200
    for client in held:
        client.close()
    assert server.predict(ROW)[0] == 200


@pytest.mark.parametrize(
    ("raw", "statuses"),
    [
        (b"GARBAGE\r\n\r\n", {400}),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", {400, 431}),
        (b"GET /" + b"y" * 8_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {400, 414}),
        (POST + b"Content-Length: 9999999999\r\n\r\n{", {413}),
        (POST + b"Content-Length: -5\r\n\r\n{}", {400}),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", {400}),
        (b"GET /%ff%00%c3%28 HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n", {404}),
    ],
)  # fmt: skip
def test_hostile_bytes_get_a_client_error(server: Server, raw: bytes, statuses: set[int]) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(raw)
        answer = client.recv(65_536)
    assert int(answer.split()[1]) in statuses
    assert b"Traceback" not in answer
    assert server.predict(ROW)[0] == 200


def test_a_truncated_body_is_a_problem(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(POST + b"Content-Length: 500\r\n\r\n{")
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 400")


def test_metrics_on_a_second_port_only(tmp_path: Path) -> None:
    port = free_port()
    with serve(write_checkout(tmp_path / "checkout"), METRICS_PORT=str(port), FORWARDED_HOPS="1") as running:
        second = Server(port, running.process, running.log)
        assert second.ask("GET", "/metrics")[0] == 200
        for headers in ({}, {"Host": f"x:{port}"}, {"X-Forwarded-Host": f"x:{port}", "X-Forwarded-Port": str(port)}):
            assert running.ask("GET", "/metrics", headers=headers)[0] == 404


def test_a_read_only_root_needs_a_folder_for_the_metrics_only(tmp_path: Path) -> None:
    checkout, scratch = write_checkout(tmp_path / "checkout"), tmp_path / "scratch"
    scratch.mkdir()
    (checkout / "server.log").touch()
    for path in [checkout / "models", checkout]:
        path.chmod(0o555)
    with serve(checkout, PROMETHEUS_MULTIPROC_DIR=str(scratch), METRICS_TOKEN=TOKEN) as running:
        assert running.predict(ROW)[0] == 200
        assert metric(running, "webapp_rows_total") == 1
    assert sorted(path.name for path in checkout.iterdir()) == ["dvc.lock", "models", "server.log"]


@pytest.mark.slow
def test_no_folder_for_the_metrics_is_left(tmp_path: Path) -> None:
    """The master removes the one that it made, but no worker does; nor does a start that fails leave one."""
    with serve(write_checkout(tmp_path / "checkout"), METRICS_TOKEN=TOKEN) as running:
        assert running.predict(ROW)[0] == 200
        [worker] = family(running.process.pid)
        places = [path for top in ("/dev/shm", gettempdir()) for path in Path(top).glob(f"metrics-*/*_{worker}.db")]
        os.kill(worker, signal.SIGTERM)
        assert wait_until(lambda: family(running.process.pid) not in (set(), {worker}), 20)
        assert running.predict(ROW)[0] == 200
        assert metric(running, "webapp_rows_total") == 2
    assert len(places) > 0
    assert not any(path.parent.exists() for path in places)

    script = "import os, runpy; runpy.run_path('gunicorn.conf.py'); print(os.environ['PROMETHEUS_MULTIPROC_DIR'])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).exists()


@pytest.mark.slow
def test_sigterm_under_load_loses_no_accepted_request(tmp_path: Path) -> None:
    body, headers = json.dumps(ROW), {"Content-Type": "application/json"}
    lost: list[str] = []
    answered = [0]
    stop = threading.Event()

    def ask(port: int) -> None:
        while not stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.connect()
            except OSError:  # no longer accepted: another instance would be asked
                return
            try:
                connection.request("POST", "/api/v1/predict", body, {**headers, "Connection": "close"})
                answer = connection.getresponse()
                assert answer.status == 200
                json.loads(answer.read())
                answered[0] += 1
            except (OSError, http.client.HTTPException) as error:
                lost.append(repr(error))
            finally:
                connection.close()

    with serve(write_checkout(tmp_path / "checkout"), WEB_CONCURRENCY="2") as running:
        table = (HEADER + "\n" + f"{GOOD}\n" * 100_000).encode()
        long: list[tuple[int, dict[str, str], bytes]] = []
        upload = threading.Thread(
            target=lambda: long.append(running.ask("POST", "/api/v1/batch", table, {"Content-Type": "text/csv"}))
        )
        upload.start()
        threads = [threading.Thread(target=ask, args=(running.port,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(40) == 0
        stop.set()
        for thread in [*threads, upload]:
            thread.join(40)
    assert answered[0] > 50
    assert lost == []
    assert long[0][0] == 200
    assert long[0][2].count(b"\n") == 100_001


@pytest.mark.slow
def test_a_long_run_at_64_connections_neither_fails_nor_grows(tmp_path: Path) -> None:
    body, headers = json.dumps(ROW), {"Content-Type": "application/json"}
    seconds = float(os.environ.get("LOAD_SECONDS", "5"))
    errors: list[Any] = []

    def ask(port: int, until: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < until:
            connection.request("POST", "/api/v1/predict", body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                errors.append(content)
        connection.close()

    with serve(write_checkout(tmp_path / "checkout")) as running:
        assert wait_until(lambda: len(family(running.process.pid)) == 1, 20)  # it listens before it forks
        [worker] = family(running.process.pid)

        def load(duration: float) -> float:
            until = time.monotonic() + duration
            threads = [threading.Thread(target=ask, args=(running.port, until)) for _ in range(64)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return memory_mb(worker)

        warm = load(3)
        after = load(seconds)
        assert errors == []
        assert after - warm < 3
        assert after < 60


@pytest.mark.slow
def test_fuzzed_from_its_own_document(tmp_path: Path) -> None:
    """Schemathesis sends what the document allows and what it forbids; each answer is checked against it."""
    card = make_card()
    columns = [column.model_copy(update={"minimum": None}) for column in card.columns if column.type == "date"]
    columns = [column for column in card.columns if column.type != "date"] + columns  # a schema cannot limit a date
    app = make_app(write_checkout(tmp_path / "checkout", card.model_copy(update={"columns": columns})))
    schema = openapi.from_wsgi("/api/v1/openapi.json", app)
    tested = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        tested.add(operation.label)
        check_operation(operation)
    assert len(tested) == 6


def check_operation(operation: Any) -> None:
    """Ask one operation with generated cases, valid ones and (where there is a body) invalid ones."""
    # a schema says that a file is bytes, not that its first line names columns
    beyond_schemas = [CHECKS.get_one("positive_data_acceptance")] if operation.path.endswith("/batch") else []
    modes = list(GenerationMode) if operation.body else [GenerationMode.POSITIVE]
    for mode in modes:

        @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case: Any) -> None:
            case.call_and_validate(excluded_checks=beyond_schemas)

        run()

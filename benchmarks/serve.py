"""The speed of the web app beside hello-world Flask, a tutorial's model, and ours through scikit-learn (and MLflow).

Run: python -m benchmarks.serve [--seconds 5] [--rounds 3] [--rows 1000000] [--mlflow PYTHON]     (needs wrk)

One gunicorn worker each, on loopback, in turns, so that a noisy machine is noisy for all: read the ratios. `--mlflow`
is the Python of an environment with mlflow and the pipeline's packages; benchmarks/README.md says how to make one.
"""

import argparse
import contextlib
import csv
import http.client
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.common import pools_of
from tests.helpers.servers import free_port
from webapp.pin import load_pinned
from webapp.prediction_log.store import read_rows
from webapp.scoring.rows import json_default
from webapp.scoring.scorecard import Scorecard

GUNICORN = [sys.executable, "-m", "gunicorn"]
PLAIN = ["--config", "/dev/null", "--worker-class", "gthread", "--threads", "16", "--keep-alive", "15"]
MLFLOW = ["-m", "mlflow", "models", "serve", "-m", "models/mlflow", "--env-manager", "local", "-p"]
PANDAS = "import sys, pandas; pandas.read_csv(sys.argv[1]).to_csv(sys.argv[2], index=False)"


class Served(NamedTuple):
    """A running server."""

    port: int
    pid: int  # of its master
    seconds: float  # from its start to its first answer


@contextlib.contextmanager
def serve(name: str, mlflow: str | None = None, log: str = "") -> Iterator[Served]:
    """Run one of the servers until the block ends; `with log` is the web app with a prediction log in folder `log`."""
    port = free_port()
    env = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "WEB_CONCURRENCY": "1", "METRICS_TOKEN": "m" * 20}
    env |= dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "1")  # one worker is one CPU, for all of them
    app = [*GUNICORN, *PLAIN, "--bind", f"127.0.0.1:{port}"]
    commands = {
        "web app": GUNICORN,
        "with log": GUNICORN,
        "hello world": [*app, "benchmarks.serve_apps:hello()"],
        "tutorial": [*app, "--worker-class", "sync", "benchmarks.serve_apps:tutorial()"],
        "scikit-learn": [*app, "--worker-class", "sync", "benchmarks.serve_apps:with_sklearn()"],
        "mlflow": [str(mlflow), *MLFLOW, str(port)],
    }
    with tempfile.TemporaryDirectory() as scratch:
        if name == "with log":
            env |= {"PREDICTION_LOG": log or f"{scratch}/log", "PREDICTION_LOG_SPOOL": f"{scratch}/spool"}
        start = time.perf_counter()
        process = subprocess.Popen(commands[name], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not answers(port) and time.perf_counter() - start < 120 and process.poll() is None:
                time.sleep(0.005)
            yield Served(port, process.pid, time.perf_counter() - start)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def answers(port: int) -> bool:
    """Tell if GET /health is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def load(port: int, path: str, body: str, seconds: int, connections: int) -> tuple[float, int]:
    """Requests a second by wrk, and how many were not answered with 200."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        quoted = json.dumps(body)
        script.write(f'wrk.method="POST" wrk.body={quoted} wrk.headers["Content-Type"]="application/json"')
        script.flush()
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "-s",
            script.name,
            f"http://127.0.0.1:{port}{path}",
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec: +([\d.]+)", said)
    assert rate is not None, said
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    lost = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return float(rate[1]), (int(wrong[1]) if wrong else 0) + (sum(map(int, lost.groups())) if lost else 0)


def worker_mb(master: int, field: str) -> float:
    """Memory of the largest child of a server (VmRSS now, VmHWM at its peak), MB."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split() or [str(master)]
    sizes = [re.search(rf"{field}:\s+(\d+)", Path(f"/proc/{child}/status").read_text()) for child in children]
    return max(int(size[1]) for size in sizes if size) / 1024


def compare_servers(card: Scorecard, seconds: int, rounds: int, mlflow: str | None) -> None:
    """Requests a second, memory of the worker and time to the first answer of each server."""
    row = {column.name: json_default(column) for column in card.columns}
    typed = {column.name: column.default for column in card.columns}  # levels as text, as the pipeline holds them
    names = ["hello world", "web app", "with log", "tutorial", "scikit-learn", *(["mlflow"] if mlflow else [])]
    rates: dict[str, list[float]] = {name: [] for name in names}
    starts: dict[str, list[float]] = {name: [] for name in names}
    memory: dict[str, float] = {}
    for _ in range(rounds):
        for name in names:
            path, body = "/api/v1/predict", json.dumps(row)
            if name == "mlflow":
                path, body = "/invocations", json.dumps({"dataframe_records": [typed]})
            with serve(name, mlflow) as server:
                load(server.port, path, body, 1, 16)  # warm
                rate, errors = load(server.port, path, body, seconds, 16)
                if errors:
                    print(f"{name}: {errors} requests failed")
                rates[name].append(rate)
                starts[name].append(server.seconds)
                memory[name] = worker_mb(server.pid, "VmRSS")
    print(f"{'':14}{'requests/s':>11}{'of hello':>10}{'memory':>9}{'first answer':>14}")
    hello = statistics.median(rates["hello world"])
    for name in names:
        rate = statistics.median(rates[name])
        print(
            f"{name:14}{rate:11.0f}{rate / hello:10.2f}{memory[name]:6.0f} MB{statistics.median(starts[name]):12.2f} s"
        )
    ours = statistics.median(rates["web app"])
    for name in names[3:]:
        print(f"the web app answers {ours / statistics.median(rates[name]):.1f} times as many as {name}")


def compare_batch(card: Scorecard, rows: int) -> None:
    """A CSV file through the web app, beside pandas reading and writing it."""
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "rows.csv")
        with source.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([column.name for column in card.columns])
            pools = pools_of(card).values()
            writer.writerows([rng.choice(pool) for pool in pools] for _ in range(rows))
        pandas = time_of(
            lambda: subprocess.run([sys.executable, "-c", PANDAS, source, f"{folder}/out.csv"], check=True)
        )
        with serve("web app") as server:
            lines = 0

            def upload() -> None:
                nonlocal lines
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
                with source.open("rb") as body:
                    connection.request("POST", "/api/v1/batch", body, {"Content-Type": "text/csv"})
                answer = connection.getresponse()
                while chunk := answer.read(1 << 16):
                    lines += chunk.count(b"\n")

            seconds = time_of(upload)
            peak = worker_mb(server.pid, "VmHWM")
    assert lines == rows + 1, f"{lines} lines came back"
    size = f"{rows:,} rows"
    print(f"{size}: {seconds:.1f} s, {seconds / pandas:.2f} times pandas' {pandas:.1f} s; peak {peak:.0f} MB")


def time_of(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def endure(card: Scorecard, seconds: int) -> None:
    """Errors and growth of memory over a longer time at 64 connections, with a prediction log that is then counted."""
    body = json.dumps({column.name: json_default(column) for column in card.columns})
    with tempfile.TemporaryDirectory() as folder:
        with serve("with log", log=folder) as server:
            first, _ = load(server.port, "/api/v1/predict", body, 5, 64)
            before = worker_mb(server.pid, "VmRSS")
            rate, errors = load(server.port, "/api/v1/predict", body, seconds, 64)
            after = worker_mb(server.pid, "VmRSS")
        ids = [name for rows in read_rows(folder, ["id"]) for name in rows["id"].to_pylist()]
    print(f"{seconds} s at 64 connections: {rate:.0f} requests/s, {errors} errors, {before:.1f} to {after:.1f} MB")
    print(
        f"{first * 5 + rate * seconds:,.0f} answers; in the log {len(ids):,} rows, {len(set(ids)):,} of them different"
    )


def main() -> None:
    """Run the three comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5, help="of load on each server, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the batch")
    parser.add_argument("--endure", type=int, default=60, help="seconds at 64 connections")
    parser.add_argument("--mlflow", help="Python of an environment with mlflow")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    card, _ = load_pinned(Path.cwd())
    compare_servers(card, arguments.seconds, arguments.rounds, arguments.mlflow)
    compare_batch(card, arguments.rows)
    endure(card, arguments.endure)


if __name__ == "__main__":
    main()

"""Play the whole loop on this machine: serve, log, outcomes, verdict, new rows, new model, better figures.

The world is made up: rides of a bicycle rental by hour and temperature. After the model is deployed, people begin to
ride in the cold, too. Everything happens in a temporary copy of this checkout, on 127.0.0.1. Run: make loop-demo
"""

import csv
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from stages.utils.errors import PipelineError
from stages.utils.files import read_json
from tools.commands import environment, run
from tools.example import copy_checkout
from webapp.formatting import short, with_interval

TARGET = "rides"
ROWS, CASES, AT_ONCE = 3000, 1000, 250
RETRAIN = 4  # exit code of tools.monitor
START = 30  # seconds until the server must listen

Row = dict[str, Any]


def make_rows(seed: int, count: int, cold_riders: bool) -> list[Row]:
    """Make rides by the hour; without cold riders they fall with the temperature."""
    rng = np.random.default_rng(seed)
    hours, degrees = rng.integers(0, 24, count), rng.normal(12, 8, count).round(1)
    expected = 120 + 60 * np.sin((hours - 9) / 24 * 2 * np.pi) + (1.0 if cold_riders else 5.0) * degrees
    rides = (expected + rng.normal(0, 15, count)).round(1)
    return [
        {"hour": int(hour), "degrees": float(degree), TARGET: float(ride)}
        for hour, degree, ride in zip(hours, degrees, rides, strict=True)
    ]


def write_table(path: Path, rows: list[Row]) -> None:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@contextmanager
def server(copy: Path, log: str) -> Iterator[int]:
    """Serve the model of the copy until the block ends, with a prediction log; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    env = environment({"HOST": "127.0.0.1", "PORT": str(port), "WEB_CONCURRENCY": "1", "PREDICTION_LOG": log})
    env |= {"PREDICTION_LOG_SPOOL": str(copy / "spool")}
    with (copy / "server.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn"], cwd=copy, env=env, stdout=output, stderr=output, start_new_session=True
        )
    try:
        for _ in range(10 * START):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)  # it writes the rest of the log before it ends
        process.wait(60)


def predict(port: int, first: int, rows: list[Row]) -> None:
    """Ask for the predictions of some rows; the ids count from `first`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for place in range(0, len(rows), AT_ONCE):
        cases = [
            {"id": f"ride {first + place + number}", "hour": row["hour"], "degrees": row["degrees"]}
            for number, row in enumerate(rows[place : place + AT_ONCE])
        ]
        connection.request("POST", "/api/v1/predict", json.dumps(cases), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise PipelineError(f"the server answered {answer.status}: {content.decode()[:200]}")
    connection.close()


def observe(copy: Path, round_: int, rows: list[Row]) -> int:
    """Serve the model, log its predictions, let the outcomes arrive and judge it; return the exit code."""
    log, outcomes = copy / f"log-{round_}", copy / f"outcomes-{round_}.csv"
    with server(copy, str(log)) as port:
        predict(port, round_ * len(rows), rows)
    write_table(outcomes, [{"id": f"ride {round_ * len(rows) + n}", TARGET: row[TARGET]} for n, row in enumerate(rows)])
    print(f"{len(rows):,} predictions logged; their outcomes have arrived", flush=True)
    command = [sys.executable, "-m", "tools.monitor", str(log), str(outcomes)]
    done = subprocess.run(command, cwd=copy, env=environment(), capture_output=True, text=True, check=False)
    print(done.stdout.splitlines()[0] if done.stdout else done.stderr, flush=True)
    if done.returncode == 1:
        raise PipelineError("tools.monitor gave no verdict; its own line is above")
    return done.returncode


def play(copy: Path) -> None:
    """Play the loop in the copy.

    Raises:
        PipelineError: a step failed, or the verdicts are not those that the story needs.
    """
    copy_checkout(copy)
    table = copy / "data/source/rides.csv"
    print("1. a model of the world as it is", flush=True)
    write_table(table, make_rows(0, ROWS, cold_riders=False))
    run(sys.executable, "-m", "tools.adopt", "data/source/rides.csv", "--target", TARGET, cwd=copy)
    run("dvc", "repro", "--quiet", "export", cwd=copy)
    print("2. it is served; nothing has changed", flush=True)
    calm = observe(copy, 0, make_rows(1, CASES, cold_riders=False))
    print("3. people begin to ride in the cold", flush=True)
    verdict = observe(copy, 1, make_rows(2, CASES, cold_riders=True))
    before = read_json(copy / "monitoring/metrics.json")["live"]["scores"]
    if (calm, verdict) != (0, RETRAIN):
        raise PipelineError(f"expected the verdicts ok and retrain; found exit codes {calm} and {verdict}")
    print("4. the source has new rows: the pipeline runs again", flush=True)
    write_table(table, make_rows(3, ROWS, cold_riders=True))
    run("dvc", "repro", "--quiet", "export", cwd=copy)
    print("5. the new model is served", flush=True)
    again = observe(copy, 2, make_rows(4, CASES, cold_riders=True))
    after = read_json(copy / "monitoring/metrics.json")["live"]["scores"]
    print(f"\nRMSE {with_interval(before, 'rmse')} before, {with_interval(after, 'rmse')} after", flush=True)
    if again or after["rmse_high"] >= before["rmse_low"]:
        raise PipelineError(f"the new model is not better: RMSE {short(after['rmse'])}, exit code {again}")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="loop-demo-"))
    start = time.perf_counter()
    try:
        play(folder / "checkout")
    except PipelineError as error:
        sys.exit(f"loop-demo: {error} (everything is in {folder})")
    shutil.rmtree(folder)
    print(f"{time.perf_counter() - start:.0f} s; this checkout was not touched")


if __name__ == "__main__":
    main()

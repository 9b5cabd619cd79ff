"""Play the whole loop on this machine: serve, log, outcomes, verdict, new rows, new model, better figures.

The world is made up: rides of a bicycle rental by hour and temperature. After the model is deployed, people begin to
ride in the cold, too. Everything happens in a temporary copy of this checkout, on 127.0.0.1. Run: make loop-demo
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd

from stages.utils.errors import PipelineError
from stages.utils.files import read_json
from tools.commands import environment, run
from tools.example import play
from webapp.formatting import short, with_interval

TARGET = "rides"
ROWS, CASES, AT_ONCE = 3000, 1000, 250
RETRAIN = 4  # exit code of tools.monitor
START = 30  # seconds until the server must listen


def make_rows(seed: int, count: int, cold_riders: bool) -> pd.DataFrame:
    """Make rides by the hour; without cold riders they fall with the temperature."""
    rng = np.random.default_rng(seed)
    hours, degrees = rng.integers(0, 24, count), rng.normal(12, 8, count).round(1)
    expected = 120 + 60 * np.sin((hours - 9) / 24 * 2 * np.pi) + (1.0 if cold_riders else 5.0) * degrees
    return pd.DataFrame({"hour": hours, "degrees": degrees, TARGET: (expected + rng.normal(0, 15, count)).round(1)})


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


def predict(port: int, cases: pd.DataFrame) -> None:
    """Ask for the predictions of some cases."""
    for start in range(0, len(cases), AT_ONCE):
        body = cases.iloc[start : start + AT_ONCE].to_json(orient="records").encode()
        address, headers = f"http://127.0.0.1:{port}/api/v1/predict", {"Content-Type": "application/json"}
        try:
            urlopen(Request(address, body, headers), timeout=60).close()
        except HTTPError as error:
            raise PipelineError(f"the server answered {error.code}: {error.read().decode()[:200]}") from None


def observe(copy: Path, round_: int, rows: pd.DataFrame) -> int:
    """Serve the model, log its predictions, let the outcomes arrive and judge it; return the exit code."""
    log, outcomes = copy / f"log-{round_}", copy / f"outcomes-{round_}.csv"
    rows = rows.assign(id=[f"ride {number}" for number in range(len(rows))])
    with server(copy, str(log)) as port:
        predict(port, rows[["id", "hour", "degrees"]])
    rows[["id", TARGET]].to_csv(outcomes, index=False)
    print(f"{len(rows):,} predictions logged; their outcomes have arrived", flush=True)
    command = [sys.executable, "-m", "tools.monitor", str(log), str(outcomes)]
    done = subprocess.run(command, cwd=copy, env=environment(), capture_output=True, text=True, check=False)
    print(done.stdout.splitlines()[0] if done.stdout else done.stderr, flush=True)
    if done.returncode == 1:
        raise PipelineError("tools.monitor gave no verdict; its own line is above")
    return done.returncode


def close_the_loop(copy: Path) -> None:
    """Play the loop in the copy.

    Raises:
        PipelineError: a step failed, or the verdicts are not those that the story needs.
    """
    table = copy / "data/source/rides.csv"
    print("1. a model of the world as it is", flush=True)
    make_rows(0, ROWS, cold_riders=False).to_csv(table, index=False)
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
    make_rows(3, ROWS, cold_riders=True).to_csv(table, index=False)
    run("dvc", "repro", "--quiet", "export", cwd=copy)
    print("5. the new model is served", flush=True)
    again = observe(copy, 2, make_rows(4, CASES, cold_riders=True))
    after = read_json(copy / "monitoring/metrics.json")["live"]["scores"]
    print(f"\nRMSE {with_interval(before, 'rmse')} before, {with_interval(after, 'rmse')} after", flush=True)
    if again or after["rmse_high"] >= before["rmse_low"]:
        raise PipelineError(f"the new model is not better: RMSE {short(after['rmse'])}, exit code {again}")


if __name__ == "__main__":
    start = time.perf_counter()
    play("loop-demo", close_the_loop)
    print(f"{time.perf_counter() - start:.0f} s; this checkout was not touched")

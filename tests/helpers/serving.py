"""A small checkout with a scorecard of every kind of column, and the web app serving one, for the tests of webapp/."""

import contextlib
import hashlib
import http.client
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from tests.helpers.project import ROOT
from tests.helpers.servers import free_port
from webapp.app import create_app
from webapp.scoring.notation import SMALLEST
from webapp.scoring.scorecard import (
    Calendar,
    Column,
    Curve,
    Exposure,
    Histogram,
    Intervals,
    Levels,
    Reading,
    Scorecard,
    Surface,
    SurfaceAxis,
    Target,
)

TOKEN = "a token of the tests, long enough"
ROW = {"size": 12.5, "rooms": 3, "kind": 2, "place": "north", "garden": True, "sold": "2026-05-01T10:30", "built": None}


def make_column(name: str, kind: str, effect: Any, **others: Any) -> Column:
    """A column of the test scorecard."""
    fields: dict[str, Any] = {
        "title": name.capitalize(),
        "description": None,
        "unit": None,
        "reading": Reading(missing_values=["", "NA"]),
        "required": True,
        "minimum": None,
        "maximum": None,
        "allowed": [],
        "pattern": None,
        "min_length": None,
        "max_length": None,
        "labels": {},
        "quantiles": [],
        "histogram": None,
        "shares": {},
        "seen": None,
        "missing_share": 0.0,
        "default": None,
    }
    return Column(name=name, type=kind, effect=effect, **{**fields, **others})


def make_card() -> Scorecard:
    """A scorecard with a number, a whole number, closed and open levels, a truth value, a time and a date."""
    months = Levels(values={"5": 3.0, "6": -3.0}, other=0.0, missing=0.5)
    flat = Levels(values={}, other=0.0, missing=0.0)
    tenths = [float(place) for place in range(21)]
    columns = [
        make_column(
            "size",
            "number",
            Curve(knots=[0.0, 10.0, 20.0], values=[-20.0, 0.0, 40.0], missing=1.0),
            unit="m²",
            minimum=0.0,
            maximum=100.0,
            quantiles=tenths,
            histogram=Histogram(low=0.0, high=20.0, shares=[0.25] * 4),
            default=10.0,
        ),
        make_column(
            "rooms",
            "integer",
            Curve(knots=[1.0, 5.0], values=[-2.0, 2.0], missing=0.0),
            quantiles=[1.0 + place / 5 for place in range(21)],
            default=3.0,
        ),
        make_column(
            "kind",
            "integer",
            Levels(values={"1": -1.0, "2": 1.0}, other=0.0, missing=0.0),
            allowed=["1", "2"],
            labels={"1": "flat", "2": "house"},
            shares={"1": 0.5, "2": 0.5},
            default="1",
        ),
        make_column(
            "place",
            "string",
            Levels(values={"north": 5.0, "süd": -5.0}, other=0.25, missing=0.0),
            shares={"north": 0.6, "süd": 0.4},
            required=False,
            default="north",
        ),
        make_column(
            "garden",
            "boolean",
            Curve(knots=[0.0, 1.0], values=[0.0, 7.0], missing=0.0),
            quantiles=[0.0] * 10 + [1.0] * 11,
            default=1.0,
        ),
        make_column(
            "sold",
            "datetime",
            Calendar(
                start="2026-01-01T00:00:00",
                days=Curve(knots=[0.0, 365.0], values=[-1.0, 1.0], missing=0.0),
                month=months,
                weekday=flat,
                hour=flat,
            ),
            required=False,
            seen=("2026-01-01T00:00:00", "2026-12-31T00:00:00"),
            default="2026-12-31T00:00:00",
        ),
        make_column(
            "built",
            "date",
            Calendar(start=None, days=None, month=months, weekday=flat, hour=flat),
            required=False,
            minimum="1900-01-01",
            seen=("1950-01-01T00:00:00", "2020-01-01T00:00:00"),
            default="2020-01-01T00:00:00",
        ),
    ]
    return Scorecard(
        version=2,
        surfaces=[],
        title="Houses",
        description="Made for the tests.",
        target=Target(
            name="price",
            title="Price",
            description=None,
            unit="k€",
            transform="none",
            factor=1.0,
            quantiles=[100.0 + 10 * tenth for tenth in tenths],
            histogram=Histogram(low=100.0, high=300.0, shares=[0.5, 0.5]),
        ),
        intercept=200.0,
        columns=columns,
        intervals=Intervals(coverage=0.9, edges=[200.0], lower=[-10.0, -20.0], upper=[10.0, 20.0]),
        training={"rows": 1000, "alpha": 0.1, "converged": True},
        metrics={"rmse": 5.0, "rmse_low": 4.0, "rmse_high": 6.0, "coverage": 0.9, "coverage_se": 0.01},
        made_from={"models/model.joblib": "0" * 32},
    )


def make_pair_card() -> Scorecard:
    """The test scorecard with two pairs: size × kind (no large houses in training) and sold.month × place."""
    size = SurfaceAxis(column="size", part=None, start=None, knots=[0.0, 20.0], levels=[])
    kind = SurfaceAxis(column="kind", part=None, start=None, knots=[], levels=["1", "2"])
    month = SurfaceAxis(column="sold", part="month", start=None, knots=[], levels=["12", "5"])
    place = SurfaceAxis(column="place", part=None, start=None, knots=[], levels=["north", "süd"])
    surfaces = [
        Surface(
            axes=(size, kind),
            values=[[-8.0, 8.0, 0.0, 0.0], [16.0, -16.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
            rows=[[40.0, 50.0, 0.0, 0.0], [10.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
            folds=1.0,
            sd=8.0,
        ),
        Surface(
            axes=(month, place),
            values=[[3.0, -3.0, 0.0, 1.0], [-3.0, 3.0, 0.0, 0.0], [0.0] * 4, [0.0] * 4],
            rows=[[25.0, 25.0, 0.0, 5.0], [25.0, 20.0, 0.0, 0.0], [0.0] * 4, [0.0] * 4],
            folds=0.8,
            sd=3.0,
        ),
    ]
    return make_card().model_copy(update={"surfaces": surfaces})


def make_scaled_card() -> Scorecard:
    """The test scorecard with intervals that kind 2 doubles and place süd halves; no interval is four times as wide."""
    card = make_card()
    doubles = Levels(values={"1": 0.0, "2": math.log(2)}, other=math.log(8), missing=0.0)
    halves = Levels(values={"north": 0.0, "süd": math.log(0.5)}, other=0.0, missing=0.0)
    widths = {"kind": doubles, "place": halves}
    columns = [column.model_copy(update={"width": widths.get(column.name)}) for column in card.columns]
    intervals = card.intervals.model_copy(update={"factor_limits": (0.25, 4.0)})
    return card.model_copy(update={"columns": columns, "intervals": intervals})


def make_rate_card() -> Scorecard:
    """The test scorecard, of a price per year; size only rises."""
    card = make_card()
    nothing = Curve(knots=[0.0], values=[0.0], missing=0.0)
    years = make_column("years", "number", nothing, unit="year", minimum=SMALLEST, default=0.5)
    exposure = Exposure(**dict(years), total_unit="k€", limits=(0.25, 4.0))
    size = card.columns[0].model_copy(update={"monotone": "increasing"})
    target = card.target.model_copy(update={"unit": "k€ per year", "typical": 200.0})
    return card.model_copy(update={"columns": [size, *card.columns[1:]], "exposure": exposure, "target": target})


def write_checkout(path: Path, card: Scorecard | None = None) -> Path:
    """A folder with a scorecard and the dvc.lock that pins it: all that a container has beside webapp/."""
    content = (card or make_card()).model_dump_json().encode()
    (path / "models").mkdir(parents=True)
    (path / "models/scorecard.json").write_bytes(content)
    write_lock(path, path="models/scorecard.json", hash="md5", md5=hashlib.md5(content).hexdigest(), size=len(content))
    return path


def write_lock(checkout: Path, schema: str = "2.0", **out: Any) -> None:
    """A dvc.lock with one output."""
    lock = {"schema": schema, "stages": {"export": {"cmd": "export", "outs": [out]}}}
    (checkout / "dvc.lock").write_text(json.dumps(lock))  # JSON is YAML


def make_app(path: Path, **environ: str) -> Flask:
    """The app of a checkout, in this process."""
    before = dict(os.environ)
    os.environ.update(environ)
    try:
        with contextlib.chdir(path):
            return create_app()
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass
class Server:
    """A gunicorn that serves a checkout."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request: status, headers and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def predict(self, content: Any) -> tuple[int, Any]:
        """POST /api/v1/predict: status and content of the answer."""
        status, _, body = self.ask("POST", "/api/v1/predict", json.dumps(content), {"Content-Type": "application/json"})
        return status, json.loads(body)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serve(path: Path, **environ: str) -> Iterator[Server]:
    """Serve a checkout with the committed gunicorn.conf.py on a free port of loopback until the block ends."""
    port, log = free_port(), path / "server.log"
    env = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "WEB_CONCURRENCY": "1", "PYTHONPATH": str(ROOT)}
    env.pop("PROMETHEUS_MULTIPROC_DIR", None)
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py")]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=path, env={**env, **environ}, stdout=output, stderr=output)
    try:
        wait_until_ready(port, process, log)
        yield Server(port, process, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the port answers, half a minute at most."""
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"not ready in 30 s\n{log.read_text()}")

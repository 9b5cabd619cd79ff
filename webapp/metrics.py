"""Prometheus metrics: requests, latency, rows, and the drift of the inputs, added up over the gunicorn workers.

With PROMETHEUS_MULTIPROC_DIR (gunicorn.conf.py sets it) the values are in files there, one set per worker process.
"""

import hmac
import os
import struct
import time
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import NamedTuple

from flask import Blueprint, Response, abort, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from webapp.drift import Observer, Watch, make_watches, stability_index
from webapp.scoring.scorecard import Scorecard
from webapp.settings import Settings

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)


class Metrics(NamedTuple):
    """The metrics, and the registry that holds them."""

    registry: CollectorRegistry
    requests: Counter  # by method, route, status
    seconds: Histogram  # by route
    rows: Counter  # by source (api, page, batch) and outcome (scored, refused)
    inputs: Observer  # of the rows


def make_metrics(card: Scorecard) -> Metrics:
    """Make the metrics, in a registry of their own."""
    registry = CollectorRegistry()
    inputs = Counter("webapp_input", "Values of each column by bin", ["column", "bin"], registry=registry)
    return Metrics(
        registry,
        Counter("webapp_requests", "Requests", ["method", "route", "status"], registry=registry),
        Histogram("webapp_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=registry),
        Counter("webapp_rows", "Rows by what became of them", ["source", "outcome"], registry=registry),
        Observer(make_watches(card, inputs), deque(), [0.0]),
    )


def expose(metrics: Metrics) -> bytes:
    """Write all metrics as text, with the drift of each column since the start."""
    metrics.inputs.flush()
    registry = metrics.registry
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    families = collect(registry)
    counts = {
        (sample.labels["column"], sample.labels["bin"]): sample.value
        for family in families
        if family.name == "webapp_input"
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    families += drift_of(metrics.inputs.watches, counts)
    return generate_latest(SimpleNamespace(collect=lambda: families))


def collect(registry: CollectorRegistry) -> list[Metric]:
    """Collect the registry's metrics; wait a moment for a worker that has made its file but not yet written to it."""
    for pause in (0.01, 0.05, 0.25):
        try:
            return list(registry.collect())
        except struct.error:
            time.sleep(pause)
    return list(registry.collect())


def drift_of(watches: list[Watch], counts: dict[tuple[str, str], float]) -> Iterator[Metric]:
    """Yield the stability index of each column, and each bin's share in training, to compute other indices from."""
    index = GaugeMetricFamily("webapp_input_psi", "Population stability index since the start", labels=["column"])
    shares = GaugeMetricFamily("webapp_training_share", "Share of a bin in training", labels=["column", "bin"])
    for column, bins, _ in watches:
        found = [counts.get((column, name), 0.0) for name in bins.names]
        index.add_metric([column], stability_index(bins.shares, found))
        for name, share in zip(bins.names, bins.shares, strict=True):
            shares.add_metric([column, name], share)
    yield index
    yield shares


def has_token(token: str | None) -> bool:
    """Tell whether the request carries this bearer token."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    return token is not None and hmac.compare_digest(given, token.encode())


def make_blueprint(metrics: Metrics, settings: Settings) -> Blueprint:
    """Make GET /metrics, served on the second port or with METRICS_TOKEN; other requests get a 404."""
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def show_metrics() -> Response:
        port = request.environ.get("SERVER_PORT")  # of the listening socket: no header can change it
        if not has_token(settings.metrics_token) and port != str(settings.metrics_port):
            abort(404)
        return Response(expose(metrics), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    return blueprint

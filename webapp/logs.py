"""Structured access logs, a JSON object a line on standard output, without personal values.

The route is logged and not the path, no query, no body, no address: what a person typed cannot get into a log.
"""

import json
import os
import sys
import time

from flask import Flask, Response, g, request

from webapp.metrics import Metrics


def register(app: Flask, metrics: Metrics) -> None:
    """Log and count every request, once its answer has been sent."""

    @app.before_request
    def start_clock() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def log_when_sent(response: Response) -> Response:
        method, route, status = request.method, route_of_request(), response.status_code
        started: float = g.started
        known = method if method in ("GET", "HEAD", "POST", "OPTIONS") else "other"

        @response.call_on_close
        def log() -> None:
            seconds = time.perf_counter() - started
            metrics.requests.labels(known, route, status).inc()
            metrics.seconds.labels(route).observe(seconds)
            entry = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "method": known,
                "route": route,
                "status": status,
                "ms": round(seconds * 1000, 2),
                "pid": os.getpid(),
            }
            sys.stdout.write(json.dumps(entry) + "\n")
            sys.stdout.flush()

        return response


def route_of_request() -> str:
    """The route's pattern: `/model/plots/<name>`, never what stood in its place."""
    return request.url_rule.rule if request.url_rule is not None else "unmatched"

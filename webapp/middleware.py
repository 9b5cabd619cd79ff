"""Middleware around every request: the security headers, the access log and the metrics.

WSGI middleware, because Flask's hooks take a third as long as an answer. The log is one JSON object per line on
standard output, without personal values: the route and not the path, no query, no body, no address.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from werkzeug.wsgi import ClosingIterator

from webapp.drift import Observer
from webapp.metrics import Metrics

HEADERS = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
]
NOT_KEPT = ("Cache-Control", "no-store")  # except static files
TRANSPORT = ("Strict-Transport-Security", "max-age=31536000")
METHODS = {"GET", "HEAD", "POST", "OPTIONS"}
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def watch_over(app: App, metrics: Metrics, observer: Observer) -> App:
    """Wrap the app in headers, log and metrics."""

    @cache
    def counters(method: str, route: str, status: str) -> tuple[Any, Any]:
        return metrics.requests.labels(method, route, status), metrics.seconds.labels(route)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.perf_counter()
        method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in METHODS else "other"
        said, route = "500", "unmatched"

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            nonlocal said, route
            said = status[:3]
            rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
            route = "unmatched" if rule is None else rule.rule
            headers += HEADERS
            if not any(name == "Cache-Control" for name, _ in headers):
                headers.append(NOT_KEPT)
            if environ["wsgi.url_scheme"] == "https":
                headers.append(TRANSPORT)
            return start_response(status, headers, *error)

        def log() -> None:
            seconds = time.perf_counter() - started
            requests, latency = counters(method, route, said)
            requests.inc()
            latency.observe(seconds)
            observer.flush_if_due()
            entry = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "method": method,
                "route": route,
                "status": int(said),
                "ms": round(seconds * 1000, 2),
                "pid": os.getpid(),
            }
            sys.stdout.write(json.dumps(entry) + "\n")
            sys.stdout.flush()

        return ClosingIterator(app(environ, start), log)

    return answer

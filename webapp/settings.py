"""Settings of serving from the environment; none of them can change a prediction."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

SHORTEST_TOKEN = 16  # characters; a session cookie is signed with the token, so it must not be guessed offline


class LogSettings(NamedTuple):
    """Settings of the prediction log."""

    address: str  # PREDICTION_LOG: a folder, s3://BUCKET/PATH or a SQLAlchemy URL
    columns: tuple[str, ...]  # PREDICTION_LOG_COLUMNS: the inputs to keep; empty: all
    seconds: int  # PREDICTION_LOG_SECONDS: how often the store gets new rows
    spool: Path  # PREDICTION_LOG_SPOOL: where rows wait for the store


class Settings(NamedTuple):
    """Settings of the app, each from the environment variable of the same name in capitals."""

    app_token: str | None = None  # if set, the whole app needs it
    metrics_token: str | None = None  # if set, /metrics is served to requests with it
    metrics_port: int | None = None  # if set, /metrics is served on this port, without a token
    forwarded_hops: int = 0  # how many proxies in front set X-Forwarded-For, -Proto and -Prefix
    upload_mb: int = 256  # largest table to score, MB; other requests are limited to 1 MB
    monitoring: str | None = None  # folder or s3:// address of a report; by default monitoring/, if it is there
    git_sha: str = "unknown"
    log: LogSettings | None = None  # of the prediction log, if it is on


def read_settings(environ: Mapping[str, str], root: Path) -> Settings:
    """Read the settings from the environment.

    Raises:
        ValueError: a value is not a number, or a token is too short; the message names the variable.
    """
    given = {name: environ.get(name.upper(), "").strip() for name in Settings._fields if name != "log"}
    for name in ("app_token", "metrics_token"):
        if 0 < len(given[name]) < SHORTEST_TOKEN:
            raise ValueError(f"{name.upper()}: {len(given[name])} characters, expected at least {SHORTEST_TOKEN}")
    numbers = ("metrics_port", "forwarded_hops", "upload_mb")
    found: dict[str, Any] = {
        name: read_number(name.upper(), text) if name in numbers else text for name, text in given.items() if text
    }
    if "git_sha" not in found:
        found["git_sha"] = read_git_sha(root)
    return Settings(**found, log=read_log_settings(environ))


def read_number(name: str, text: str) -> int:
    """Read a whole number.

    Raises:
        ValueError: the text is not one.
    """
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name}: {text!r} is not a whole number")
    return int(text)


def read_log_settings(environ: Mapping[str, str]) -> LogSettings | None:
    """Read the settings of the prediction log, or None if it is off.

    Raises:
        ValueError: a value is wrong; the message names the variable.
    """
    address = environ.get("PREDICTION_LOG", "").strip()
    if not address:
        return None
    columns = [name.strip() for name in environ.get("PREDICTION_LOG_COLUMNS", "").split(",")]
    seconds = read_number("PREDICTION_LOG_SECONDS", environ.get("PREDICTION_LOG_SECONDS", "60").strip())
    name = hashlib.sha256(f"{os.getuid()} {address}".encode()).hexdigest()[:12]
    spool = environ.get("PREDICTION_LOG_SPOOL") or Path(tempfile.gettempdir(), f"prediction-log-{name}")
    return LogSettings(address, tuple(filter(None, columns)), seconds, Path(spool))


def read_git_sha(root: Path) -> str:
    """Read the commit that is checked out at `root`, or `unknown` (a container has GIT_SHA)."""
    if not (root / ".git").exists():
        return "unknown"
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"

"""Settings of serving from the environment; none of them can change a prediction."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

SHORTEST_TOKEN = 16  # characters; a session cookie is signed with the token, so it must not be guessed offline


class Settings(NamedTuple):
    """Settings of the app, each from the environment variable of the same name in capitals."""

    app_token: str | None = None  # if set, the whole app needs it
    metrics_token: str | None = None  # if set, /metrics is served to requests with it
    metrics_port: int | None = None  # if set, /metrics is served on this port, without a token
    forwarded_hops: int = 0  # how many proxies in front set X-Forwarded-For, -Proto and -Prefix
    upload_mb: int = 256  # largest table to score, MB; other requests are limited to 1 MB
    git_sha: str = "unknown"


def read_settings(environ: Mapping[str, str], root: Path) -> Settings:
    """Read the settings from the environment.

    Raises:
        ValueError: a value is not a number, or a token is too short; the message names the variable.
    """
    given = {name: environ.get(name.upper(), "").strip() for name in Settings._fields}
    for name in ("app_token", "metrics_token"):
        if 0 < len(given[name]) < SHORTEST_TOKEN:
            raise ValueError(f"{name.upper()}: {len(given[name])} characters, expected at least {SHORTEST_TOKEN}")
    numbers = {}
    for name in ("metrics_port", "forwarded_hops", "upload_mb"):
        if given[name] and not (given[name].isascii() and given[name].isdigit()):
            raise ValueError(f"{name.upper()}: {given[name]!r} is not a whole number")
        if given[name]:
            numbers[name] = int(given[name])
    return Settings(
        app_token=given["app_token"] or None,
        metrics_token=given["metrics_token"] or None,
        git_sha=given["git_sha"] or read_git_sha(root),
        **numbers,
    )


def read_git_sha(root: Path) -> str:
    """Read the commit that is checked out at `root`, or `unknown` (a container has GIT_SHA)."""
    if not (root / ".git").exists():
        return "unknown"
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"

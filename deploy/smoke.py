"""The smoke test: a public address serves this commit and this model (/health, /version, one known prediction)."""

import json
import math
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from deploy.aws import Patience, wait_for
from stages.utils.errors import PipelineError
from webapp.pin import load_pinned
from webapp.scoring.rows import json_default
from webapp.scoring.scorer import make_scorer

HEALTH_SECONDS = 300


class Expected(NamedTuple):
    """The answers that the deployed app has to give."""

    git_sha: str
    scorecard_md5: str
    row: dict[str, Any]
    prediction: float


def expect(root: Path, git_sha: str) -> Expected:
    """Read the pinned scorecard of this checkout; predict the row that the form starts with.

    Raises:
        PinError: the scorecard is not the one that dvc.lock pins.
    """
    card, md5 = load_pinned(root)
    row = {column.name: json_default(column) for column in card.columns if column.default is not None}
    defaults = {column.name: column.default for column in card.columns}
    return Expected(git_sha, md5, row, make_scorer(card)(defaults).prediction)


def authorization() -> dict[str, str]:
    """Return the header with APP_TOKEN, none if it is not set."""
    token = os.environ.get("APP_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def ask(url: str, body: Any = None) -> Any:
    """GET a URL, or POST a body to it, as JSON, within 10 s; send APP_TOKEN if it is set."""
    headers = {"Content-Type": "application/json"} | authorization()
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
        return json.load(answer)


def wait_until_healthy(address: str, patience: Patience) -> None:
    """Wait until the app answers: a new host name takes a while to spread.

    Raises:
        PipelineError: it does not answer in time.
    """

    def poll() -> bool | None:
        try:
            return ask(f"{address}/health")["status"] == "ok" or None
        except (OSError, ValueError, KeyError, TypeError):  # unknown host, refused, an error page, another app
            return None

    wait_for(f"{address}/health to answer", poll, Patience(min(patience.seconds, HEALTH_SECONDS), patience.pause))


def smoke_test(address: str, expected: Expected, patience: Patience) -> None:
    """Ask the app for its health, its version and one prediction.

    Raises:
        PipelineError: it does not answer, or is not the expected one.
    """
    wait_until_healthy(address, patience)
    try:
        version = ask(f"{address}/version")
        if (version["git_sha"], version["scorecard_md5"]) != (expected.git_sha, expected.scorecard_md5):
            found = f"commit {version['git_sha']}, model {version['scorecard_md5']}"
            raise PipelineError(f"{address} serves {found}; expected {expected.git_sha}, {expected.scorecard_md5}")
        prediction = ask(f"{address}/api/v1/predict", expected.row)["prediction"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PipelineError(f"{address} passes /health and then fails: {type(error).__name__}: {error}") from None
    if not math.isclose(prediction, expected.prediction, rel_tol=1e-9):
        raise PipelineError(f"{address} predicts {prediction} where the model says {expected.prediction}")

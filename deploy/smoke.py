"""Whether a public address serves this commit and this model: /health, /version, and one known prediction."""

import json
import math
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from deploy.aws import DeployError, Patience, wait_for
from webapp.pin import load_pinned
from webapp.scoring.rows import json_default
from webapp.scoring.scorer import make_scorer

HEALTH_SECONDS = 300


class Expected(NamedTuple):
    """What the deployed app has to say."""

    git_sha: str
    scorecard_md5: str
    row: dict[str, Any]
    prediction: float


def expect(root: Path, git_sha: str) -> Expected:
    """From the pinned scorecard of this checkout: the row that the form starts with, and what is predicted for it.

    Raises:
        PinError: the scorecard is not the one that dvc.lock pins.
    """
    card, md5 = load_pinned(root)
    row = {column.name: json_default(column) for column in card.columns if column.default is not None}
    defaults = {column.name: column.default for column in card.columns}
    return Expected(git_sha, md5, row, make_scorer(card)(defaults).prediction)


def ask(url: str, body: Any = None) -> Any:
    """GET, or POST a body, as JSON; within 10 s. APP_TOKEN is sent, if it is set."""
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("APP_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
        return json.load(answer)


def is_healthy(address: str, patience: Patience) -> None:
    """Wait until the app answers: a new name takes a while to be known everywhere.

    Raises:
        DeployError: it does not.
    """

    def look() -> bool | None:
        try:
            return ask(f"{address}/health")["status"] == "ok" or None
        except (OSError, ValueError, KeyError, TypeError):  # not known, refused, an error page, not ours
            return None

    wait_for(f"{address}/health to answer", look, Patience(min(patience.seconds, HEALTH_SECONDS), patience.pause))


def smoke_test(address: str, expected: Expected, patience: Patience) -> None:
    """Ask the app.

    Raises:
        DeployError: it does not answer, or is not the one that is expected.
    """
    is_healthy(address, patience)
    try:
        version = ask(f"{address}/version")
        if (version["git_sha"], version["scorecard_md5"]) != (expected.git_sha, expected.scorecard_md5):
            found = f"commit {version['git_sha']}, model {version['scorecard_md5']}"
            raise DeployError(f"{address} serves {found}; expected {expected.git_sha}, {expected.scorecard_md5}")
        prediction = ask(f"{address}/api/v1/predict", expected.row)["prediction"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeployError(f"{address} passes /health and then fails: {type(error).__name__}: {error}") from None
    if not math.isclose(prediction, expected.prediction, rel_tol=1e-9):
        raise DeployError(f"{address} predicts {prediction} where the model says {expected.prediction}")

"""Publish to MLflow, once each, every finished run that DVC knows and MLflow lacks. Run: make track

Reads   the workspace, git's commits and DVC's experiments; models and rows from DVC's cache
Writes  config.yaml:track.uri, or the store or server that MLFLOW_TRACKING_URI names

A run is known by the content of its lock (params, code, data and outputs of train and evaluate), so publishing twice
changes nothing, and an experiment that is applied and committed stays one run. When MLflow is not installed or does not
answer, that is one line and exit code 1, and the next time catches up.
"""

import argparse
import fcntl
import importlib.util
import os
import re
import sys
from pathlib import Path

from stages.utils.config import Track, read_config
from stages.utils.errors import PipelineError
from tools.track.dvc_runs import finished_runs

# before MLflow is imported: no telemetry, no two lines a run, and an unreachable server is given up on within seconds
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.track", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--uri", action="store_true", help="print where runs are tracked, and stop")
    options = parser.parse_args()
    try:
        settings = read_config().track
        if options.uri:
            print(store(settings))
            return
        if importlib.util.find_spec("mlflow") is None:
            raise PipelineError(
                "MLflow is not installed, so runs are not tracked; `make track` installs it and catches up"
            )
        track(settings)
    except PipelineError as error:
        print(without_password(str(error)), file=sys.stderr)
        sys.exit(error.exit_code)


def store(settings: Track) -> str:
    """The URI of MLflow's store; a relative SQLite file is at the top of the original repository (`--temp` too)."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or settings.uri
    scheme, slashes, path = uri.partition(":///")
    if scheme == "sqlite" and slashes and not path.startswith("/"):
        return f"sqlite:///{top() / path}"
    return uri


def top() -> Path:
    """The top of the repository; DVC exports that of the original one to what runs in a temporary copy."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def ask_whether_it_is_up(uri: str) -> None:
    """Ask a server for a sign of life, which takes no import of MLflow.

    Raises:
        PipelineError: nothing answers there.
    """
    if not uri.startswith(("http://", "https://")):
        return
    import requests  # MLflow's own client

    try:
        requests.get(uri.rstrip("/") + "/health", timeout=10)
    except requests.RequestException as error:
        reason = type(error).__name__
        raise PipelineError(f"not tracked: MLflow at {uri} failed: {reason}; `make track` catches up") from None


def track(settings: Track) -> None:
    """Publish what is missing and say so in a line.

    Raises:
        PipelineError: the store does not answer, or stopped to.
    """
    runs = finished_runs()
    lock = Path(".dvc/tmp/track.lock")
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two at once would publish a run twice
        uri = store(settings)
        ask_whether_it_is_up(uri)
        from tools.track.mlflow_runs import publish  # imports MLflow, which takes seconds

        published, without_model = publish(runs, uri, settings.experiment, top() / "mlruns")
    note = (
        f" ({without_model} without their model, which is not in DVC's cache, or older than this code)"
        if without_model
        else ""
    )
    print(f"{published} of {len(runs)} runs were new to MLflow at {without_password(uri)}{note}")


def without_password(text: str) -> str:
    """The text with the user and password of every URL left out."""
    return re.sub(r"://[^/@\s]+@", "://", text)


if __name__ == "__main__":
    main()

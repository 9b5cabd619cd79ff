"""Publish to MLflow, once each, every finished run that DVC knows and MLflow lacks. Run: make track

Reads   the workspace, git's commits and DVC's experiments; models and rows from DVC's cache
Writes  config.yaml:track.uri, or the store or server that MLFLOW_TRACKING_URI names

A run is identified by the content of its lock (params, code, data and outputs of train and evaluate): to publish twice
changes nothing, and an experiment that is applied and committed stays one run. Where MLflow is not installed or does
not answer, this ends with one line and exit code 1, and the next call catches up.
"""

import argparse
import fcntl
import importlib.util
import os
import sys
from pathlib import Path

from stages.utils.config import read_config
from stages.utils.errors import PipelineError
from tools.track.dvc_runs import finished_runs
from tools.track.store import tracking_uri, without_password

# before MLflow is imported: no telemetry, no two lines per run, and an unreachable server costs seconds only
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")

LOCK = Path(".dvc/tmp/track.lock")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.track", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--uri", action="store_true", help="print where runs are tracked, and stop")
    try:
        print(tracking_uri() if parser.parse_args().uri else track())
    except PipelineError as error:
        print(without_password(str(error)), file=sys.stderr)
        sys.exit(error.exit_code)


def track() -> str:
    """Publish what is missing; return one line about it.

    Raises:
        PipelineError: MLflow is not installed, or the store does not answer.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise PipelineError("MLflow is not installed, so runs are not tracked; `make track` installs it and catches up")
    runs, uri = finished_runs(), tracking_uri()
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two at once would publish a run twice
        from tools.track.mlflow_runs import publish  # imports MLflow, which takes seconds

        published, without_model = publish(runs, uri, read_config().track.experiment)
    note = (
        f" ({without_model} without their model, which is not in DVC's cache, or older than this code)"
        if without_model
        else ""
    )
    return f"{published} of {len(runs)} runs were new to MLflow at {without_password(uri)}{note}"


if __name__ == "__main__":
    main()

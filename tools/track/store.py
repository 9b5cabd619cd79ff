"""The MLflow store or server that runs are published to."""

import os
import re

from stages.utils.config import read_config


def tracking_uri() -> str:
    """Return the URI of the store: MLFLOW_TRACKING_URI, or else config.yaml: track.uri."""
    return os.environ.get("MLFLOW_TRACKING_URI") or read_config().track.uri


def without_password(text: str) -> str:
    """Leave out the user and password of every URL in a text."""
    return re.sub(r"://[^/@\s]+@", "://", text)

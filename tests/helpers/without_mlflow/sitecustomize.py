"""Python's start-up file for processes that must not find MLflow: to import it takes longer than most of them do."""

import sys

sys.modules["mlflow"] = None  # type: ignore[assignment]

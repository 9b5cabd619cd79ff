"""Errors that the user can fix, each kind with its own exit code.

A message names the file, the column or key, what was found, what was expected, and the fix. Any other exception that
leaves a stage is a bug in this project: see `stages.utils.stage`.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class PipelineError(Exception):
    """An error that the user can fix: shown as one line, without a traceback."""

    exit_code = 1


class SettingsError(PipelineError):
    """config.yaml, params.yaml or schema.yaml is wrong."""

    exit_code = 2


class SourceError(PipelineError):
    """The source cannot be found or read."""

    exit_code = 3


class DataError(PipelineError):
    """A file of the pipeline cannot be used: it is missing or damaged, breaks the schema, or has too few rows."""

    exit_code = 4


class LeakageError(PipelineError):
    """A feature gives the target away and the schema does not acknowledge it."""

    exit_code = 5


class ExportError(PipelineError):
    """The scorecard and the model predict different values."""

    exit_code = 6


class WorkerError(PipelineError):
    """A worker process died, or Dask's scheduler cannot be reached."""

    exit_code = 7


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `; did you mean X?` if one of the allowed words is spelled much like this one, else an empty string."""
    by_lower_case = {option.lower(): option for option in allowed}
    match = get_close_matches(word.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[match[0]]}?" if match else ""

"""Typed exceptions: what the user can mend, each kind with an exit code of its own.

A message names the file, the column or key, what was found, what was expected, and the fix.
Anything else that escapes a stage is ours to mend: see `stages.utils.stage`.
"""


class PipelineError(Exception):
    """Something the user can mend: shown as one line, without a traceback."""

    exit_code = 1


class SettingsError(PipelineError):
    """config.yaml, params.yaml or schema.yaml is wrong."""

    exit_code = 2


class SourceError(PipelineError):
    """The source cannot be found or read."""

    exit_code = 3


class DataError(PipelineError):
    """The table was read, but it cannot be used: it breaks its schema, or it is too small."""

    exit_code = 4


class LeakageError(PipelineError):
    """A feature gives the target away and the schema does not acknowledge it."""

    exit_code = 5


class ExportError(PipelineError):
    """The served form of the model does not predict what the model predicts."""

    exit_code = 6

"""Where a table comes from: one resolver from `config.yaml:source` to a stream of frames, cells as read.

To add a source, write a function that takes the `Source` and a record of what was read, and yields frames, and enter it
in SCHEMES; to add a file format, see FORMATS in `files`. Every frame has the table's columns (text from text files,
typed from the rest), `_file` and `_line` (the line in a text file, else the number of the row, from 1), and `_problem`
(missing, or why the row cannot be used: validate quarantines it).
"""

from collections.abc import Callable
from typing import Any

from stages.sources.files import SOURCE_DIR, read_files
from stages.sources.frames import Frames
from stages.sources.scikit_learn import read_sklearn
from stages.sources.secrets import expand
from stages.sources.sql import read_sql
from stages.utils.errors import SettingsError
from stages.utils.settings import Source
from stages.utils.yaml_files import nearest

DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle", "duckdb", "snowflake", "bigquery")
SCHEMES: dict[str, Callable[[Source, dict[str, Any]], Frames]] = {
    **dict.fromkeys(("file", "http", "https", "github", "s3", "zip"), read_files),
    "sklearn": read_sklearn,
    **dict.fromkeys(DATABASES, read_sql),
}


def read_source(source: Source, record: dict[str, Any] | None = None) -> Frames:
    """Stream the table that `source.uri` names; `record` is whole when the stream has ended.

    Raises:
        SettingsError: nothing can read this URI.
        SourceError: it cannot be found or read.
    """
    scheme = source.uri.partition("://")[0].partition("+")[0] if "://" in source.uri else "file"
    if scheme not in SCHEMES:
        raise SettingsError(
            f"config.yaml: source.uri: found {source.uri!r}; nothing reads {scheme}://; "
            f"allowed: {SOURCE_DIR}/FILE, {', '.join(f'{name}://' for name in SCHEMES if name != 'file')}"
            f"{nearest(scheme, list(SCHEMES))}"
        )
    expand(source.uri)
    return SCHEMES[scheme](source, {} if record is None else record)

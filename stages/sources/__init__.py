"""Sources: read the table that `config.yaml:source` names as a stream of frames.

To add a source, write a function that takes the `Source` and its metrics and yields frames, and enter it in SCHEMES; to
add a file format, enter its reader in FORMATS in `files.py`. A frame has

- the table's columns: text from text files, typed cells from Parquet files and databases;
- `_file` and `_line`: the line of a text file, otherwise the number of the row, from 1;
- `_problem`: why the row cannot be used (validate puts it in quarantine), or missing.
"""

from collections.abc import Callable

from stages.sources.files import SOURCE_DIR, read_files
from stages.sources.frames import Frames
from stages.sources.scikit_learn import read_sklearn
from stages.sources.secrets import fill_in
from stages.sources.sql import read_sql
from stages.utils.config import Source
from stages.utils.errors import SettingsError, did_you_mean
from stages.utils.metrics_files import SourceMetrics

DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle", "duckdb", "snowflake", "bigquery")
SCHEMES: dict[str, Callable[[Source, SourceMetrics], Frames]] = {
    **dict.fromkeys(("file", "http", "https", "github", "s3", "zip"), read_files),
    "sklearn": read_sklearn,
    **dict.fromkeys(DATABASES, read_sql),
}


def read_source(source: Source, metrics: SourceMetrics | None = None) -> Frames:
    """Stream the table that `source.uri` names and note in `metrics` what was read.

    Raises:
        SettingsError: no reader for the scheme of this URI.
        SourceError: the source cannot be found or read.
    """
    scheme = source.uri.partition("://")[0].partition("+")[0] if "://" in source.uri else "file"
    if scheme not in SCHEMES:
        raise SettingsError(
            f"config.yaml: source.uri: found {source.uri!r}; {scheme}:// is not a known scheme; "
            f"allowed: {SOURCE_DIR}/FILE, {', '.join(f'{name}://' for name in SCHEMES if name != 'file')}"
            f"{did_you_mean(scheme, list(SCHEMES))}"
        )
    fill_in(source.uri)
    return SCHEMES[scheme](source, metrics or SourceMetrics(uri=source.uri, rows=0, blank_rows=0))

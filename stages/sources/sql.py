"""Tables in databases: any SQLAlchemy URL, one query, streamed by a cursor on the server."""

import hashlib
from typing import Any

import pandas as pd

from stages.sources import frames
from stages.sources.frames import Frames, checked_names, with_origin
from stages.sources.secrets import fill_in, mask
from stages.utils.config import Source
from stages.utils.errors import SettingsError, SourceError
from stages.utils.metrics_files import SourceMetrics

# seconds, to connect and until a dead connection is noticed
POSTGRESQL = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
TIMED_OUT = "57014"  # PostgreSQL's query_canceled


def read_sql(source: Source, metrics: SourceMetrics) -> Frames:
    """Stream the rows that `source.query` returns, or all of `source.table` in order of its primary key."""
    import sqlalchemy as sa

    if (source.query is None) == (source.table is None):
        raise SettingsError("config.yaml: source: a database needs either query: (SQL) or table:")
    engine = None
    try:
        engine = connect(source)
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":  # other databases have their own settings for this
                connection.execute(sa.text(f"SET statement_timeout = '{source.timeout}s'"))
            connection.execution_options(stream_results=True, max_row_buffer=frames.BATCH_ROWS)
            statement = sa.text(source.query) if source.query else whole_table(source.table or "", engine)
            with connection.execute(statement) as result:
                if not result.returns_rows:
                    raise SourceError("config.yaml: source.query: the statement returns no rows; expected a SELECT")
                names = checked_names(list(map(str, result.keys())), "config.yaml: source.query")
                digest, row = hashlib.sha256(repr(names).encode()), 1
                for batch in result.partitions(frames.BATCH_ROWS):
                    rows = [tuple(cells) for cells in batch]
                    digest.update("\n".join(map(repr, rows)).encode() + b"\n")
                    yield with_origin(sql_frame(rows, names), source.uri, range(row, row + len(rows)))
                    row += len(rows)
            if row == 1:
                raise SourceError(f"{source.uri}: no rows; correct config.yaml: source.query or source.table")
            metrics.query, metrics.sha256 = str(statement), digest.hexdigest()
    except sa.exc.NoSuchTableError:
        raise SourceError(f"{source.uri}: no table {source.table!r}; correct config.yaml: source.table") from None
    except (sa.exc.SQLAlchemyError, ImportError, ValueError) as error:
        cause = str(getattr(error, "orig", None) or error)
        fix = "correct config.yaml: source.query"
        if getattr(getattr(error, "orig", None), "sqlstate", None) == TIMED_OUT:
            fix = f"raise config.yaml: source.timeout ({source.timeout} s), or simplify source.query"
        elif isinstance(error, sa.exc.OperationalError):
            fix = "correct config.yaml: source.uri"
        raise SourceError(f"{source.uri}: {mask(cause, source.uri)}; {fix}") from None
    finally:
        if engine is not None:
            engine.dispose()


def connect(source: Source) -> Any:
    """Return an engine for the database.

    Raises:
        SettingsError: no driver for this dialect.
    """
    import sqlalchemy as sa

    try:
        url = sa.make_url(fill_in(source.uri))
        options = POSTGRESQL if url.get_backend_name() == "postgresql" else {}
        return sa.create_engine(url, connect_args=options, poolclass=sa.pool.NullPool)
    except (sa.exc.NoSuchModuleError, sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise SettingsError(
            f"config.yaml: source.uri: {mask(str(error), source.uri)}; expected, for example, sqlite:///FILE or "
            f"postgresql+psycopg://USER:${{PASSWORD}}@HOST/DATABASE"
        ) from None


def whole_table(name: str, engine: Any) -> Any:
    """Select all rows of a table, in order of its primary key if it has one."""
    import sqlalchemy as sa

    schema, _, table = name.rpartition(".")
    found = sa.Table(table, sa.MetaData(), schema=schema or None, autoload_with=engine)
    return sa.select(found).order_by(*found.primary_key.columns)


def sql_frame(rows: list[tuple[Any, ...]], names: list[str]) -> pd.DataFrame:
    """Return rows as a frame; values that pandas has no type for (decimals, dates, UUIDs) become text."""
    frame = pd.DataFrame(rows, columns=names)
    for name in names:
        if frame[name].dtype == object:
            frame[name] = frame[name].map(str, na_action="ignore").astype("str")
    return frame

"""The store of the prediction log: Parquet files by day in a folder or a bucket, or one table of a database.

Only the drain and tools/monitor import this module: it needs pyarrow, and SQLAlchemy for a database.
"""

import datetime
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("time", pa.timestamp("us", "UTC")),
        ("source", pa.string()),  # api or batch
        ("inputs", pa.string()),  # the cells as received, as JSON
        ("prediction", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("scorecard_md5", pa.string()),
        ("git_sha", pa.string()),
    ]
)
TABLE = "predictions"  # in a database; its column `batch` names the write that a row came with
SECONDS = 20  # to connect, and for one request
BATCH_ROWS = 50_000


class StoreError(Exception):
    """The store cannot be read or written; the message is one line."""


def is_database(address: str) -> bool:
    """Tell a SQLAlchemy URL from a folder and from s3://."""
    return "://" in address and not address.startswith("s3://")


def write_rows(address: str, table: pa.Table, batch: str) -> None:
    """Write rows to the store. Writing the same batch again replaces it: a row is never there twice.

    Raises:
        StoreError: the store does not take them.
    """
    try:
        write = write_database if is_database(address) else write_files
        write(address, table, batch)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{address}: {first_line(error)}") from None


def read_rows(address: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a store, some of their columns, in batches.

    Raises:
        StoreError: the store is not there, cannot be read or holds something else.
    """
    try:
        yield from (read_database if is_database(address) else read_files)(address, columns)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise StoreError(f"{address}: {first_line(error)}; expected a prediction log") from None


def open_folder(address: str) -> tuple[fs.FileSystem, str]:
    """Give the file system of a folder or a bucket, and the path in it."""
    if not address.startswith("s3://"):
        return fs.LocalFileSystem(), str(Path(address).absolute())
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    options = {
        "connect_timeout": SECONDS,
        "request_timeout": SECONDS,
        "retry_strategy": fs.AwsStandardS3RetryStrategy(3),
    }
    return fs.S3FileSystem(endpoint_override=endpoint, region=region, **options), address.removeprefix("s3://").strip(
        "/"
    )


def write_files(address: str, table: pa.Table, batch: str) -> None:
    """Write one file per day, whole or not at all."""
    files, base = open_folder(address)
    days = table["time"].cast(pa.date32())
    for day in days.unique():
        folder = f"{base}/{day.as_py().isoformat()}"
        name = f"{folder}/{batch}.parquet"
        rows = table.filter(pa.compute.equal(days, day))
        if isinstance(files, fs.LocalFileSystem):
            files.create_dir(folder)
            pq.write_table(rows, f"{folder}/.{batch}", compression="zstd", filesystem=files)
            files.move(f"{folder}/.{batch}", name)
        else:
            pq.write_table(rows, name, compression="zstd", filesystem=files)  # an object appears when it is closed


def read_files(address: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all days, in order of day and file."""
    files, base = open_folder(address)
    found = files.get_file_info(fs.FileSelector(base, recursive=True))
    names = sorted(file.path for file in found if file.path.endswith(".parquet"))
    if names:
        scanned = ds.dataset(names, SCHEMA, format="parquet", filesystem=files)
        yield from scanned.to_batches(columns=list(columns), batch_size=BATCH_ROWS)


def open_database(address: str) -> tuple[Any, Any]:
    """Give the engine of a database and the table, which need not exist."""
    import sqlalchemy as sa

    url = sa.make_url(address)
    options = {"connect_timeout": SECONDS} if url.get_backend_name() == "postgresql" else {}
    kinds = {pa.string(): sa.Text, pa.float64(): sa.Double}
    columns = [sa.Column(field.name, kinds.get(field.type, sa.DateTime(timezone=True))) for field in SCHEMA]
    table = sa.Table(TABLE, sa.MetaData(), *columns, sa.Column("batch", sa.String(36), index=True))
    return sa.create_engine(url, connect_args=options, poolclass=sa.pool.NullPool), table


@contextmanager
def explained_errors(address: str) -> Iterator[None]:
    """Turn the errors of SQLAlchemy into a StoreError that shows no password."""
    import sqlalchemy as sa

    try:
        yield
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        try:
            shown = sa.make_url(address).render_as_string(hide_password=True)
        except sa.exc.ArgumentError:
            shown = "PREDICTION_LOG"
        raise StoreError(f"{shown}: {first_line(getattr(error, 'orig', None) or error)}") from None


def write_database(address: str, table: pa.Table, batch: str) -> None:
    """Insert the rows in one transaction; they replace what an earlier attempt inserted."""
    with explained_errors(address):
        engine, target = open_database(address)
        with engine.begin() as connection:
            target.create(connection, checkfirst=True)
            connection.execute(target.delete().where(target.c.batch == batch))
            for rows in table.to_batches(5000):
                connection.execute(target.insert(), [{**row, "batch": batch} for row in rows.to_pylist()])


def read_database(address: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of the table."""
    import sqlalchemy as sa

    schema = pa.schema([SCHEMA.field(name) for name in columns])
    with explained_errors(address):
        engine, table = open_database(address)
        statement = sa.select(*(table.c[name] for name in columns)).order_by(table.c.time)
        with engine.connect() as connection:
            streamed = connection.execution_options(stream_results=True, max_row_buffer=BATCH_ROWS)
            for rows in streamed.execute(statement).partitions(BATCH_ROWS):
                cells = [list(cells) for cells in zip(*rows, strict=True)]
                if "time" in columns:
                    place = list(columns).index("time")
                    cells[place] = [when.replace(tzinfo=when.tzinfo or datetime.UTC) for when in cells[place]]
                yield pa.record_batch(cells, schema=schema)


def new_batch() -> str:
    """Name a batch."""
    return str(uuid.uuid4())


def first_line(error: BaseException) -> str:
    """Give the first line of an error's message."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)

"""Parquet files, read as typed cells."""

from stages.sources import frames
from stages.sources.frames import File, Frames, checked_names, with_origin
from stages.utils.config import Source
from stages.utils.errors import SourceError
from stages.utils.metrics_files import SourceMetrics


def read_parquet_file(file: File, source: Source, metrics: SourceMetrics) -> Frames:
    """Stream a Parquet file."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    try:
        parquet = pq.ParquetFile(file.path)
        names = checked_names(parquet.schema_arrow.names, file.shown)
        row = 1
        for batch in parquet.iter_batches(frames.BATCH_ROWS):
            frame = batch.to_pandas(ignore_metadata=True).set_axis(names, axis=1)
            file.done = file.path.stat().st_size * (row - 1 + len(batch)) // parquet.metadata.num_rows
            yield with_origin(frame, file.shown, range(row, row + len(batch)))
            row += len(batch)
    except (ArrowException, OSError) as error:  # a damaged page is an OSError
        raise SourceError(f"{file.shown}: not readable as Parquet ({error}); get the file again") from None

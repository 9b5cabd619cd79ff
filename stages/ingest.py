"""Ingest: stream the source into parts of raw rows, cells as read.

Reads   config.yaml (source, compute.part_rows), data/source/ if the URI is a local file
Writes  data/raw/ (the old table stays until the new one is complete), metrics/source.json
Run     python -m stages.ingest
"""

import gc
from pathlib import Path

from stages.sources import read_source
from stages.table.parts import cut_into_parts, write_part
from stages.utils.config import read_source_settings
from stages.utils.errors import SourceError
from stages.utils.files import replacing
from stages.utils.metrics_files import SourceMetrics, write_metrics
from stages.utils.progress import expect, progress
from stages.utils.stage import stage

RAW = Path("data/raw")


def main() -> None:
    with stage("ingest") as log:
        source, part_rows = read_source_settings()
        metrics, parts = SourceMetrics(uri=source.uri, rows=0, blank_rows=0), 0
        with replacing(RAW) as partial, progress(None, "rows") as bar:
            for parts, frame in enumerate(cut_into_parts(read_source(source, metrics), part_rows), start=1):
                write_part(frame, partial, parts - 1)
                metrics.rows += len(frame)
                if metrics.share:
                    expect(bar, round(metrics.rows / metrics.share))
                bar.set_postfix_str(f"{parts} part{'s'[: parts > 1]}", refresh=False)
                bar.update(len(frame))
            if metrics.rows == 0:
                raise SourceError(f"{source.uri}: found a header and no rows; expected at least one row")
        write_metrics(metrics)
        blank = f"; left out {metrics.blank_rows} blank rows" if metrics.blank_rows else ""
        log.info("%s: %d rows in %d part%s%s", source.uri, metrics.rows, parts, "s"[: parts > 1], blank)


if __name__ == "__main__":
    gc.disable()  # rows hold no cycles; looking for them in millions of lists takes a tenth of the time
    main()

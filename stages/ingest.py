"""Ingest: from the source to parts of raw rows, streamed, cells as read.

Reads   config.yaml (source, compute.part_rows), data/source/ where the URI is a local file
Writes  data/raw/ (kept by DVC until the new table is whole)
Run     python -m stages.ingest
"""

from pathlib import Path

from stages.utils.errors import SourceError
from stages.utils.files import replacing
from stages.utils.settings import read_source_settings
from stages.utils.sources import read_source
from stages.utils.stage import stage
from stages.utils.tables import cut_into_parts, write_part

RAW = Path("data/raw")


def main() -> None:
    with stage("ingest") as log:
        from tqdm import tqdm

        source, part_rows = read_source_settings()
        rows = parts = 0
        with replacing(RAW) as partial, tqdm(unit="row", unit_scale=True, leave=False, disable=None) as bar:
            for parts, frame in enumerate(cut_into_parts(read_source(source), part_rows), start=1):
                write_part(frame, partial, parts - 1)
                rows += len(frame)
                bar.update(len(frame))
            if rows == 0:
                raise SourceError(f"{source.uri}: a header and no rows; expected at least one row")
        log.info("%s: %d rows in %d part%s", source.uri, rows, parts, "s"[: parts > 1])


if __name__ == "__main__":
    main()

"""Ingest: from the source to parts of raw rows, streamed, cells as read.

Reads   config.yaml (source, compute.part_rows), data/source/ where the URI is a local file
Writes  data/raw/ (kept by DVC until the new table is whole), metrics/source.json
        (what was read: rows, blank rows left out, hash, ETag)
Run     python -m stages.ingest
"""

import gc
from pathlib import Path
from typing import Any

from stages.sources import read_source
from stages.table.parts import cut_into_parts, write_part
from stages.utils.errors import SourceError
from stages.utils.files import replacing, write_json
from stages.utils.settings import read_source_settings
from stages.utils.stage import stage

RAW, METRICS = Path("data/raw"), Path("metrics/source.json")


def main() -> None:
    with stage("ingest") as log:
        from tqdm import tqdm

        gc.disable()  # rows hold no cycles, and looking for some in millions of lists takes a tenth of the time
        source, part_rows = read_source_settings()
        record: dict[str, Any] = {"uri": source.uri, "blank_rows": 0}
        rows = parts = 0
        with replacing(RAW) as partial, tqdm(unit="row", unit_scale=True, leave=False, disable=None) as bar:
            for parts, frame in enumerate(cut_into_parts(read_source(source, record), part_rows), start=1):
                write_part(frame, partial, parts - 1)
                rows += len(frame)
                bar.update(len(frame))
            if rows == 0:
                raise SourceError(f"{source.uri}: a header and no rows; expected at least one row")
        write_json(METRICS, record | {"rows": rows})
        blank = f", {record['blank_rows']} blank ones left out" if record["blank_rows"] else ""
        log.info("%s: %d rows in %d part%s%s", source.uri, rows, parts, "s"[: parts > 1], blank)


if __name__ == "__main__":
    main()

"""Predict every row of a CSV or Parquet file with the model that dvc.lock pins. Run: make predict IN=… OUT=…

    python -m tools.predict cases.csv predictions.csv

The output has the input's columns, then `prediction`, `lower`, `upper` and `reason`, which says why a row was refused.
If the model predicts a rate, `total`, `total_lower` and `total_upper` (times the exposure) come before the reason.
Cells are read as the pipeline reads them (webapp/scoring/cells.py). Exit code: 0 if every row was
scored, 1 if some were refused, 2 if nothing was written.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from stages.utils.errors import PipelineError
from stages.utils.files import replacing
from webapp.pin import PinError, load_pinned
from webapp.scoring.cells import make_reader
from webapp.scoring.csv_table import check_header, free_names, open_table, score_table
from webapp.scoring.messages import InputError
from webapp.scoring.rows import Row, RowError, RowReader, make_row_reader
from webapp.scoring.scorecard import Scorecard
from webapp.scoring.scorer import Scorer, Totaller, make_scorer, make_totaller

BATCH = 2000  # rows of a Parquet file in memory
ALL_SCORED, SOME_REFUSED, FAILED = 0, 1, 2


class Counts(NamedTuple):
    """The number of rows that were scored, and of those that were refused."""

    scored: int
    refused: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=Path, help="CSV, or Parquet if its name ends in .parquet")
    parser.add_argument("output", type=Path, help="of the same kind")
    arguments = parser.parse_args()
    try:
        card, _ = load_pinned(Path.cwd())
        counts = predict_file(arguments.input, arguments.output, card)
    except (PinError, PipelineError) as error:
        print(error, file=sys.stderr)
        return FAILED
    print(f"{arguments.output}: {counts.scored:,} rows scored, {counts.refused:,} refused", file=sys.stderr)
    return SOME_REFUSED if counts.refused else ALL_SCORED


def predict_file(source: Path, target: Path, card: Scorecard) -> Counts:
    """Score a file, and write it with its results; nothing is written if it cannot be read to its end.

    Raises:
        PipelineError: a file cannot be read or written, or is of another kind.
    """
    is_parquet = source.suffix == ".parquet"
    if is_parquet != (target.suffix == ".parquet"):
        raise PipelineError(f"{target}: both files are CSV, or both end in .parquet")
    try:
        with replacing(target) as partial:
            return (score_parquet if is_parquet else score_csv)(source, partial, card)
    except InputError as error:
        raise PipelineError(f"{source}: {error}") from None
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise PipelineError(f"{source}: not readable as Parquet: {' '.join(str(error).split())}") from None
    except OSError as error:  # Arrow's own have no name and no number
        raise PipelineError(f"{error.filename or source}: {error.strerror or ' '.join(str(error).split())}") from None


def score_csv(source: Path, target: Path, card: Scorecard) -> Counts:
    """Score a CSV file."""
    scored = refused = 0

    def report(rows: list[Row], others: int) -> None:
        nonlocal scored, refused
        scored += len(rows)
        refused += others
        bar.update(stream.tell() - bar.n)

    with source.open("rb") as stream, target.open("wb") as output, progress(source.stat().st_size, "B") as bar:
        for chunk in score_table(open_table(stream, card), card, report):
            output.write(chunk)
    return Counts(scored, refused)


def score_parquet(source: Path, target: Path, card: Scorecard) -> Counts:
    """Score a Parquet file."""
    table = pq.ParquetFile(source)
    schema, names = table.schema_arrow, table.schema_arrow.names
    check_header(names, card)
    results = free_names(names, card)
    types = [*[pa.float64()] * (len(results) - 1), pa.string()]
    for name, kind in zip(results, types, strict=True):
        schema = schema.append(pa.field(name, kind))
    read, score, total = make_row_reader(card, make_reader), make_scorer(card), make_totaller(card)
    inputs = [names.index(column.name) for column in card.inputs if column.name in names]
    scored = refused = 0
    with pq.ParquetWriter(target, schema) as writer, progress(table.metadata.num_rows, "rows") as bar:
        for batch in table.iter_batches(BATCH):
            found = [score_cells(cells, read, score, total) for cells in batch.select(inputs).to_pylist()]
            nothing: list[float | None] = [None] * (len(results) - 1)
            rows = [nothing if ends is None else ends for ends, _ in found]
            columns = [pa.array(values, pa.float64()) for values in zip(*rows, strict=True)]
            reasons = pa.array([reason for _, reason in found], pa.string())
            writer.write_batch(pa.record_batch([*batch.columns, *columns, reasons], schema=schema))
            scored += reasons.null_count
            refused += len(reasons) - reasons.null_count
            bar.update(len(found))
    return Counts(scored, refused)


def score_cells(
    cells: dict[str, Any], read: RowReader, score: Scorer, total: Totaller | None
) -> tuple[list[float] | None, str | None]:
    """Give the prediction of a row, its interval and those of its total, or the reason why it has none."""
    try:
        row = read(cells)
    except RowError as error:
        return None, str(error)
    found = score(row)
    return [*found[:3], *(() if total is None else total(row, found))], None


def progress(total: int, unit: str) -> "tqdm[Any]":
    """Show a progress bar if stderr is a terminal."""
    return tqdm(total=total, unit=unit, unit_scale=True, disable=None)


if __name__ == "__main__":
    sys.exit(main())

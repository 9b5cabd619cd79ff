"""Predict every row of a CSV or Parquet file with the model that dvc.lock pins. Run: make predict IN=… OUT=…

    python -m tools.predict cases.csv predictions.csv

The output has the input's columns, then `prediction`, `lower`, `upper` and `reason`, which says why a row could not be
scored. CSV is read and written as the web app does it (webapp/scoring/csv_table.py). Exit code: 0 if every row was
scored, 1 if some were not, 2 if nothing was written.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm

from stages.utils.files import replacing
from webapp.pin import PinError, load_pinned
from webapp.scoring.csv_table import Row, check_header, free_names, open_table, score_table
from webapp.scoring.inputs import row_type
from webapp.scoring.messages import explain
from webapp.scoring.scorecard import Scorecard
from webapp.scoring.scorer import make_scorer
from webapp.views.problems import InputError

BATCH = 2000  # rows of a Parquet file in memory
ALL_SCORED, SOME_NOT, FAILED = 0, 1, 2
TYPES = [pa.float64(), pa.float64(), pa.float64(), pa.string()]  # of the result columns


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=Path, help="CSV, or Parquet if its name ends in .parquet")
    parser.add_argument("output", type=Path, help="of the same kind")
    arguments = parser.parse_args()
    source, target = arguments.input, arguments.output
    counts = {"scored": 0, "refused": 0}
    try:
        card, _ = load_pinned(Path.cwd())
        if (source.suffix == ".parquet") != (target.suffix == ".parquet"):
            raise FileError(f"{target}: both files are CSV, or both end in .parquet")
        with replacing(target) as partial:
            (score_parquet if source.suffix == ".parquet" else score_csv)(source, partial, card, counts)
    except InputError as error:
        said = "; ".join(f"{mistake.column or 'the file'} {mistake.message}" for mistake in error.mistakes)
        return fail(f"{source}: {said}")
    except (PinError, FileError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}")
    print(f"{target}: {counts['scored']:,} rows scored, {counts['refused']:,} not", file=sys.stderr)
    return SOME_NOT if counts["refused"] else ALL_SCORED


class FileError(Exception):
    """The input is not what it should be; the message is one line."""


def fail(message: str) -> int:
    """Say why nothing was written."""
    print(message, file=sys.stderr)
    return FAILED


def score_csv(source: Path, target: Path, card: Scorecard, counts: dict[str, int]) -> None:
    """Score a CSV file."""

    def report(rows: list[Row], refused: int) -> None:
        counts["scored"] += len(rows)
        counts["refused"] += refused
        bar.update(stream.tell() - bar.n)

    with source.open("rb") as stream, target.open("wb") as output, progress(source.stat().st_size, "B") as bar:
        for chunk in score_table(open_table(stream, card), card, TypeAdapter(row_type(card)), report):
            output.write(chunk)


def score_parquet(source: Path, target: Path, card: Scorecard, counts: dict[str, int]) -> None:
    """Score a Parquet file."""
    try:
        table = pq.ParquetFile(source)
    except pa.ArrowInvalid as error:
        raise FileError(f"{source}: not a Parquet file: {error}") from None
    names = table.schema_arrow.names
    check_header(names, card)
    schema = table.schema_arrow
    for name, kind in zip(free_names(names), TYPES, strict=True):
        schema = schema.append(pa.field(name, kind))
    with pq.ParquetWriter(target, schema) as writer, progress(table.metadata.num_rows, "rows") as bar:
        for batch in table.iter_batches(BATCH):
            rows = batch.select([column.name for column in card.columns if column.name in names]).to_pylist()
            results = list(score_rows(rows, card))
            columns = [pa.array(values, kind) for values, kind in zip(zip(*results, strict=True), TYPES, strict=True)]
            writer.write_batch(pa.record_batch([*batch.columns, *columns], schema=schema))
            refused = sum(reason is not None for *_, reason in results)
            counts["scored"] += len(results) - refused
            counts["refused"] += refused
            bar.update(len(results))


def score_rows(rows: Iterable[dict[str, Any]], card: Scorecard) -> Iterator[tuple[Any, Any, Any, str | None]]:
    """Prediction, interval and reason of each row of Python's own types."""
    adapter, score = TypeAdapter(row_type(card)), make_scorer(card)
    for row in rows:
        known = {name: cell for name, cell in row.items() if cell is not None and cell == cell}  # NaN is missing, too
        try:
            prediction, lower, upper, _ = score(adapter.validate_python(known))
        except ValidationError as error:
            yield None, None, None, "; ".join(f"{found.column} {found.message}" for found in explain(error, card))
        else:
            yield prediction, lower, upper, None


def progress(total: int, unit: str) -> "tqdm[Any]":
    """A progress bar, if somebody watches."""
    return tqdm(total=total, unit=unit, unit_scale=True, disable=None)


if __name__ == "__main__":
    sys.exit(main())

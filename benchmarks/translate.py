"""The scorecard as code against the scorer: the largest difference on many rows, and the time of a million in DuckDB.

Run: python -m benchmarks.translate SCORECARD:TABLE.csv … [--rows 100000] [--batch 1000000]

The rows of each table are drawn with replacement; some cells are made missing, unseen or out of range. The time is that
of DuckDB beside tools/predict's CSV batch on the same rows, in turns.
"""

import argparse
import csv
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.helpers import translated
from tests.helpers.postgres import postgres_server
from tests.helpers.translated import Row
from tools.predict import score_csv
from tools.translate.describe import read_model
from tools.translate.model import Model
from tools.translate.sql import to_sql
from webapp.scoring.csv_table import SEPARATORS
from webapp.scoring.scorecard import Scorecard


def read_table(path: Path) -> list[Row]:
    """Read a table as text; its separator is the commonest in its header."""
    with path.open(encoding="utf-8-sig") as stream:
        header = stream.readline()
    return translated.read_csv(path, max(SEPARATORS, key=header.count))


def compare(card: Scorecard, model: Model, source: list[Row], count: int, uri: str, folder: Path) -> None:
    """Print the largest relative difference of each language from the scorer, on typed cells and on text."""
    for text in (False, True):
        rows = translated.odd_rows(card, source, count, text)
        wanted = translated.expected(card, rows)
        languages = ["python", "javascript", "duckdb", "postgres", *([] if text else ["onnx"])]
        refused = sum(result is None for result in wanted)
        print(f"  {count:,} rows of {'text' if text else 'typed cells'}, of which the scorer refuses {refused:,}:")
        for language in languages:
            found = translated.run(language, model, rows, text, folder, uri)
            print(f"    {language}: {translated.largest_difference(found, wanted):.1g}", flush=True)


def time_batch(card: Scorecard, model: Model, source: list[Row], count: int, folder: Path, rounds: int) -> None:
    """Print the time of the CSV batch and of DuckDB on the same rows: the best of some rounds, in turns."""
    cases, names = folder / "cases.csv", [column.name for column in card.columns]
    with cases.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        writer.writerows([row[name] for name in names] for row in random.Random(0).choices(source, k=count))
    types = {column.name: translated.sql_type(column, False) for column in model.inputs}
    reader = f"read_csv('{cases}', types={types})"
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE cases AS SELECT * FROM {reader}")
        in_table, results = to_sql(model, "duckdb"), "prediction, lower, upper"
        from_csv = in_table.replace("FROM cases", f"FROM {reader}")
        actions: dict[str, Callable[[], object]] = {
            "CSV batch": lambda: score_csv(cases, folder / "batch.csv", card),
            "DuckDB, table to table": lambda: database.execute(
                f"CREATE OR REPLACE TABLE scored AS SELECT {results} FROM ({in_table})"
            ),
            "DuckDB, table to table, with contributions": lambda: database.execute(
                f"CREATE OR REPLACE TABLE scored AS {in_table}"
            ),
            "DuckDB, CSV to CSV": lambda: database.execute(
                f"COPY (SELECT {results} FROM ({from_csv})) TO '{folder / 'scored.csv'}'"
            ),
        }
        times: dict[str, list[float]] = {name: [] for name in actions}
        for _ in range(rounds):
            for name, action in actions.items():
                start = time.perf_counter()
                action()
                times[name].append(time.perf_counter() - start)
    batch = min(times["CSV batch"])
    for name, found in times.items():
        print(f"  {count:,} rows, {name}: {min(found):.1f} s, {batch / min(found):.1f} times as fast as the CSV batch")


def main() -> None:
    """Compare each scorecard."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="SCORECARD:TABLE.csv")
    parser.add_argument("--rows", type=int, default=100_000, help="of the comparison; 0 leaves it out")
    parser.add_argument("--batch", type=int, default=1_000_000, help="rows of the timing; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=3, help="of the timing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        server = postgres_server(folder / "postgres")
        try:
            for pair in arguments.pairs:
                scorecard, _, table = pair.partition(":")
                print(table)
                card = Scorecard.model_validate_json(Path(scorecard).read_bytes())
                model, source = read_model(Path(scorecard)), read_table(Path(table))
                if arguments.rows:
                    compare(card, model, source, arguments.rows, server.get_uri(), folder)
                if arguments.batch:
                    time_batch(card, model, source, arguments.batch, folder, arguments.rounds)
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()

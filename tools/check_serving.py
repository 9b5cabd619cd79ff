"""Check that a cell means the same in training and in serving: the table's own source, served, against the model.

The source is sent through /api/v1/batch and tools/predict. Row by row they must predict what models/model.joblib
predicts on data/valid, with the same interval, and refuse just the rows that are in data/quarantine because of an input
cell (and not for a missing target or a repeated unique value). A source that is not a local CSV or Parquet file is
taken from data/raw, through tools/predict. Run: make verify ARGS=--serving
"""

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from flask import Flask
from sklearn.pipeline import Pipeline

from stages.exporting.parity import ends_of
from stages.sources.files import found_files, split_member
from stages.table.parts import list_parts, read_part
from stages.table.schema import read_schema
from stages.utils.config import Source, read_source_settings
from stages.utils.errors import PipelineError
from stages.utils.files import read_json
from stages.validation.cells import type_cells
from stages.validation.constraints import failed_checks, pandera_schema
from tools.predict import predict_file
from webapp.model import Model, load_model
from webapp.scoring.csv_table import BLANK, SEPARATORS, free_names
from webapp.scoring.scorecard import Scorecard
from webapp.settings import Settings
from webapp.views.batch import make_batch

RAW, VALID, QUARANTINE = Path("data/raw"), Path("data/valid"), Path("data/quarantine")
MODEL, INTERVALS = Path("models/model.joblib"), Path("models/intervals.json")
TOLERANCE = 1e-9  # of max(|prediction|, range of the target in training)
ENCODINGS = ("utf-8", "utf8", "utf-8-sig", "ascii", "latin-1", "latin1", "iso-8859-1", "cp1252", "windows-1252")


Scores = tuple[float, ...]  # prediction, lower and upper end of its interval; of a rate, then those of the total


class Expected(NamedTuple):
    """The answer that serving must give for a row of the source."""

    place: str
    is_refused: bool
    scores: Scores | None  # None where the pipeline has none: the target is missing, or a value repeats


class Served(NamedTuple):
    """The answer that serving gives for a row."""

    scores: Scores | None
    reason: str


def check_serving() -> str:
    """Compare serving with the model on the source of the working directory's pipeline; describe what was compared.

    Raises:
        PipelineError: a row differs; the message names the first one.
        PinError: the scorecard is not the one that dvc.lock pins.
    """
    source, _ = read_source_settings()
    model = load_model(Settings(upload_mb=10**6), Path.cwd())
    with TemporaryDirectory() as folder, ExitStack() as stack:
        outputs = []
        for place, (table, suffix) in enumerate(own_tables(source, stack)):
            given, predicted = (Path(folder, f"{place}-{name}{suffix}") for name in ("given", "predicted"))
            given.symlink_to(table.resolve())
            predict_file(given, predicted, model.card)
            outputs.append(predicted)
            if suffix == ".csv" and send_batch(model, given) != predicted.read_bytes():
                raise PipelineError(f"{table}: /api/v1/batch and tools/predict answer differently")
        results = len(free_names([], model.card))
        served = (row for output in outputs for row in read_output(output, results))
        rows, refused = compare(expected_rows(model.card), served, model.card)
    through = "tools/predict" if suffix == ".parquet" else "/api/v1/batch and tools/predict"
    return f"{source.uri} through {through}: {rows:,} rows as in the pipeline, {refused:,} of them refused"


def own_tables(source: Source, stack: ExitStack) -> list[tuple[Path, str]]:
    """List the files to send and their suffixes: the source's own if they can be sent as they are, else data/raw."""
    is_plain = source.header and source.delimiter in SEPARATORS and source.encoding.lower() in ENCODINGS
    suffixes = {"parquet": ".parquet"} | (dict.fromkeys(("csv", "tsv"), ".csv") if is_plain else {})
    if "://" not in split_member(source.uri)[0].removeprefix("file://"):
        files = stack.enter_context(found_files(source))
        if all(file.format in suffixes for file in files):
            return [(file.path, suffixes[file.format]) for file in files]
    return [(part, ".parquet") for part in list_parts(RAW)]


def send_batch(model: Model, table: Path) -> bytes:
    """Send a CSV file through the web app."""
    app = Flask("webapp")
    app.register_blueprint(make_batch(model))
    client, size = app.test_client(), table.stat().st_size
    with table.open("rb") as stream, client.post("/api/v1/batch", input_stream=stream, content_length=size) as answer:
        return answer.get_data()


def expected_rows(card: Scorecard) -> Iterator[Expected]:
    """Yield what serving must say about each row of the source, in order."""
    schema, model, intervals = read_schema(), joblib.load(MODEL), read_json(INTERVALS)
    inputs, checks = {column.name for column in card.inputs}, pandera_schema(schema)
    for part in list_parts(RAW):
        raw, quarantined = read_part(part), read_part(QUARANTINE / part.name, ["_file", "_line"])
        typed, unreadable = type_cells(raw.__getitem__, schema)
        failures = pd.concat([unreadable, failed_checks(typed, checks)])
        malformed = np.flatnonzero(raw["_problem"].notna())
        refused = {*failures["row"][failures["column"].isin(inputs)], *malformed}
        places = list(zip(raw["_file"], raw["_line"].astype("str"), strict=True))
        put_aside = set(zip(quarantined["_file"], quarantined["_line"], strict=True))
        valid = read_part(VALID / part.name)
        scores = iter(scores_of(model, intervals, valid) if len(valid) else [])
        for row, place in enumerate(places):
            yield Expected(f"{place[0]}, line {place[1]}", row in refused, None if place in put_aside else next(scores))


def scores_of(model: Pipeline, intervals: dict[str, Any], rows: pd.DataFrame) -> list[Scores]:
    """Return the pipeline's predictions and intervals."""
    columns = np.column_stack([model.predict(rows), *ends_of(model, intervals, rows)])
    if "exposure" in intervals:
        columns = np.column_stack([columns, columns * rows[[intervals["exposure"]["name"]]].to_numpy()])
    return [tuple(row) for row in columns.tolist()]


def read_output(output: Path, results: int) -> Iterator[Served]:
    """Yield what tools/predict wrote about each row that is not blank (ingest leaves blank rows out)."""
    if output.suffix == ".parquet":
        for batch in pq.ParquetFile(output).iter_batches():
            for *scores, reason in zip(*(column.to_pylist() for column in batch.columns[-results:]), strict=True):
                yield Served(None if scores[0] is None else tuple(scores), reason)
        return
    with output.open(encoding="utf-8-sig", newline="") as file:
        separator = max(SEPARATORS, key=file.readline().count)
        for cells in csv.reader(file, delimiter=separator):
            *scores, reason = cells[-results:]
            if reason != BLANK:
                yield Served(tuple(map(float, scores)) if scores[0] else None, reason)


def compare(expected: Iterator[Expected], served: Iterator[Served], card: Scorecard) -> tuple[int, int]:
    """Compare row by row; give the number of rows, and of those that are refused.

    Raises:
        PipelineError: a row is predicted, refused or taken otherwise than in the pipeline, or missing.
    """
    spread = card.target.quantiles[-1] - card.target.quantiles[0]
    rows = refused = 0
    for wanted, found in zip_longest(expected, served):
        if wanted is None or found is None:
            number = "fewer" if found is None else "more"
            raise PipelineError(f"serving answers {number} rows than the pipeline has read")
        rows += 1
        refused += wanted.is_refused
        if wanted.is_refused != (found.scores is None):
            raise PipelineError(f"{wanted.place}: {found.reason or 'is predicted, but in data/quarantine'}")
        for answer, right in zip(found.scores or (), wanted.scores or (), strict=False):
            if not abs(answer - right) <= TOLERANCE * max(abs(right), spread):
                raise PipelineError(
                    f"{wanted.place}: {found.scores} is served, models/model.joblib predicts {wanted.scores} "
                    f"(prediction, lower and upper end)"
                )
    return rows, refused

"""Fuzz what reads other people's bytes: cells, CSV files, scorecards, settings and the JSON API.

Run: python -m benchmarks.fuzz [--examples 10000] [--seed 0] [--only TARGET ...]

Each example must be read, or refused by the error that a user sees as one line (over HTTP: by a status below 500),
within two seconds. Memory is measured after each thousand examples; from the second measurement on it must not grow.
Prints the shortest example of each kind of failure; tests/fuzzing/ replays what was found and fixed.
"""

import argparse
import contextlib
import copy
import gc
import hashlib
import io
import json
import logging
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import psutil
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from schemathesis import GenerationMode, openapi
from schemathesis.checks import CHECKS
from tabulate import tabulate

from stages.table.schema import TableSchema
from stages.utils.config import Config
from stages.utils.errors import PipelineError
from stages.utils.params import Params
from stages.utils.yaml_files import read_settings
from stages.validation.cells import type_cells
from tests.helpers.cell_texts import some_cells
from tests.helpers.project import ROOT
from tests.helpers.reading import read
from tests.helpers.scorecards import every_kind
from tests.helpers.serving import make_app, make_card, make_pair_card, write_checkout, write_lock
from webapp.model import load_model
from webapp.pin import PinError
from webapp.scoring.cells import make_form_reader, make_json_reader, make_reader
from webapp.scoring.csv_table import open_table, score_table
from webapp.scoring.messages import InputError
from webapp.scoring.rows import json_default
from webapp.settings import Settings

SLOW = 2.0  # seconds
BATCH = 1000  # examples between two measurements of memory
GROWTH = 10.0  # MB from the second measurement to the last; the allocator and Hypothesis need some

CARDS = [every_kind("log"), make_pair_card()]
READERS = [make(column) for card in CARDS for column in card.columns for make in (make_reader, make_form_reader)]
JSON_READERS = [make_json_reader(column) for card in CARDS for column in card.columns]
FIELDS: list[dict[str, Any]] = [
    {"type": "number", "decimalChar": ",", "groupChar": ".", "bareNumber": False},
    {"type": "number"},
    {"type": "integer", "categories": [1, 2]},
    {"type": "boolean"},
    {"type": "string", "categories": ["a", "b"]},
    {"type": "date"},
    {"type": "datetime", "format": "%d.%m.%Y %H:%M"},
]
SCHEMAS = [
    TableSchema.model_validate({"fields": [{"name": "x", **field}, {"name": "y", "type": "number", "role": "target"}]})
    for field in FIELDS
]
MODELS: dict[str, Any] = {"config.yaml": Config, "params.yaml": Params, "schema.yaml": TableSchema}
RIGHT = {file: YAML(typ="safe").load(ROOT / file) for file in MODELS}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | some_cells,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(some_cells, inner, max_size=3),
    max_leaves=6,
)
edits = st.lists(
    st.tuples(st.integers(0, 5000), st.sampled_from(["set", "drop", "double", "rename"]), json_values),
    min_size=1,
    max_size=3,
)
columns = st.sampled_from([column.name for card in CARDS for column in card.columns] + ["id"])
csv_text = st.lists(
    st.sampled_from([*",;\t|\"'\n\r\0=\ufeff", "\r\n", "size", "rooms", "kind", "garden", "1"]) | some_cells
)
csv_bytes = st.binary(max_size=60) | csv_text.map(lambda parts: "".join(parts).encode(errors="replace"))


# ---------------------------------------------------------------- one example of each target


def read_cell(example: tuple[int, Any]) -> None:
    """Read a cell as forms and tables do, and as the JSON API does."""
    number, cell = example
    for reader in (READERS[number % len(READERS)], JSON_READERS[number % len(JSON_READERS)]):
        with contextlib.suppress(ValueError):
            reader(cell)


def read_column(example: tuple[int, list[str]]) -> None:
    """Type the cells of a column as validate does."""
    number, cells = example
    part = pd.DataFrame({"x": pd.Series(cells, dtype="str"), "y": "1"})
    type_cells(part.__getitem__, SCHEMAS[number % len(SCHEMAS)])


def read_file(example: tuple[str, bytes, dict[str, Any]]) -> None:
    """Read a file as ingest does."""
    suffix, content, source = example
    path = Path("data/source") / f"table.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        read(str(path), **source)
    except PipelineError as error:
        one_line(error)
    except ValueError as error:  # of the test's helper: no frame at all
        if str(error) != "No objects to concatenate":
            raise
    finally:
        path.unlink()


def score_file(content: bytes) -> None:
    """Score a file as POST /api/v1/batch does."""
    try:
        for _ in score_table(open_table(io.BytesIO(content), CARDS[1]), CARDS[1], lambda *_: None):
            pass
    except InputError as error:
        one_line(error)


def load_scorecard(example: tuple[int, Any]) -> None:
    """Load an edited scorecard whose pin is right, as the web app does at its start; predict, if it is accepted."""
    number, changes = example
    content = changes if isinstance(changes, bytes) else edited(CARDS[number].model_dump(mode="json"), changes)
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    Path("models").mkdir(exist_ok=True)
    Path("models/scorecard.json").write_bytes(body)
    write_lock(Path(), path="models/scorecard.json", hash="md5", md5=hashlib.md5(body).hexdigest(), size=len(body))
    try:
        model = load_model(Settings(), Path())
    except PinError as error:
        one_line(error)
    else:
        with contextlib.suppress(ValueError):  # a default that its own column refuses
            model.score(model.read_json({column.name: json_default(column) for column in model.card.columns}))


def load_settings(example: tuple[str, Any]) -> None:
    """Read an edited settings file."""
    file, changes = example
    path = Path(file)
    if isinstance(changes, bytes):
        path.write_bytes(changes)
    else:
        with path.open("w", encoding="utf-8") as stream:
            YAML(typ="safe", pure=True).dump(edited(RIGHT[file], changes), stream)
    try:
        read_settings(path, MODELS[file])
    except PipelineError as error:
        one_line(error)


def post(example: bytes | Any) -> None:
    """Send a body to POST /api/v1/predict."""
    body = example if isinstance(example, bytes) else json.dumps(example).encode()
    with CLIENTS[0].post("/api/v1/predict", data=body, content_type="application/json") as answer:
        assert answer.status_code < 500, answer.get_data(as_text=True)


def one_line(error: Exception) -> None:
    """Fail on a message of more than one line."""
    assert "\n" not in str(error).strip(), f"more than a line: {error}"


def edited(tree: Any, changes: Any) -> Any:
    """Return a copy of a tree of JSON with places of it set, dropped, doubled or renamed."""
    root = {"root": copy.deepcopy(tree)}
    for number, action, value in changes:
        places = list(places_of(root))
        parent, key = places[number % len(places)]
        if action == "set":
            parent[key] = value
        elif action == "double" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        elif action == "rename" and isinstance(parent, dict):
            parent[str(value)] = parent.pop(key)
        elif parent is not root:
            del parent[key]
    return root.get("root")


def places_of(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place of a tree as the container and the key in it."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from places_of(value)


CLIENTS: list[Any] = []  # the web app, made in the scratch folder
sources = st.fixed_dictionaries(
    {},
    optional={
        "encoding": st.sampled_from(["utf-8", "latin-1", "utf-16", "cp1252", "ascii", "utf-7", "idna", "no-such"]),
        "delimiter": st.sampled_from([",", ";", "\t", " ", '"', "\n", "\r", "\0", "ä"]),
        "header": st.booleans(),
        "columns": st.lists(some_cells, min_size=1, max_size=3),
    },
)
TARGETS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], None]]] = {
    "cell": (st.tuples(st.integers(0, 99), json_values | st.dates() | st.decimals(allow_nan=False)), read_cell),
    "column": (st.tuples(st.integers(0, 99), st.lists(some_cells, min_size=1, max_size=5)), read_column),
    "file": (st.tuples(st.sampled_from(["csv", "tsv", "jsonl"]), csv_bytes, sources), read_file),
    "batch": (csv_bytes.map(lambda rest: b"size,rooms,kind,garden\n" + rest) | csv_bytes, score_file),
    "scorecard": (st.tuples(st.integers(0, 1), edits | st.binary(max_size=40)), load_scorecard),
    "settings": (st.tuples(st.sampled_from(sorted(MODELS)), edits | st.binary(max_size=40)), load_settings),
    "body": (
        st.binary(max_size=40) | json_values | st.lists(st.dictionaries(columns, json_values, max_size=9), max_size=3),
        post,
    ),
}


# ---------------------------------------------------------------- many of them


Run = Callable[[Any, Callable[[Any], object]], None]  # an example and its check
Batch = Callable[[Run], object]


class Results(NamedTuple):
    """The findings about a target."""

    examples: int
    failures: dict[str, str]  # the shortest example by kind and place of the failure
    slowest: float  # seconds
    growth: float  # MB


def watch(batches: Iterator[Batch]) -> Results:
    """Run batches of examples; time each example, measure memory after each batch, and collect the failures."""
    failures: dict[str, str] = {}
    count, slowest, memory = 0, 0.0, []

    def run(example: Any, check: Callable[[Any], object]) -> None:
        nonlocal count, slowest
        count += 1
        start = time.perf_counter()
        try:
            check(example)
        except Exception as error:  # noqa: BLE001  # each is a finding
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place, found = (
                f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}",
                f"{example!r}: {error}",
            )
            failures[place] = min(failures.get(place, found), found, key=len)
        seconds = time.perf_counter() - start
        slowest = max(slowest, seconds)
        if seconds > SLOW:
            failures[f"{seconds:.1f} s"] = repr(example)

    for batch in batches:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):  # the access log
            batch(run)
        gc.collect()
        memory.append(psutil.Process().memory_info().rss / 1e6)
    return Results(count, failures, slowest, memory[-1] - memory[min(1, len(memory) - 1)])


Part = tuple[st.SearchStrategy[Any], Callable[[Any], object], int]  # examples, their check, and how many in a batch


def batches(parts: Sequence[Part], examples: int, start: int) -> Iterator[Batch]:
    """Yield batches of generated examples, each of a new Hypothesis, which remembers all that it has tried."""
    for number in range(-(-examples // BATCH)):

        def batch(run: Run, number: int = number) -> None:
            for strategy, check, count in parts:

                @seed(start + number)
                @plain(count)
                @given(example=strategy)
                def run_all(check: Callable[[Any], object], example: Any) -> None:
                    run(example, check)

                run_all(check)

        yield batch


def generated(name: str, examples: int, start: int) -> Iterator[Batch]:
    """Yield batches of examples of a target."""
    strategy, check = TARGETS[name]
    return batches([(strategy, check, min(BATCH, examples))], examples, start)


def requests(client: Any, examples: int, start: int) -> Iterator[Batch]:
    """Yield batches of requests that Schemathesis makes of the API's own document, allowed ones and forbidden ones."""
    found: Iterator[Any] = openapi.from_wsgi("/api/v1/openapi.json", client).get_all_operations()
    operations = [result.ok() for result in found]
    modes = [(operation, mode) for operation in operations for mode in GenerationMode if operation.body]
    each = min(BATCH, examples) // len(modes)
    parts = [(operation.as_strategy(generation_mode=mode), ask, each) for operation, mode in modes]
    without_body = [operation for operation in operations if not operation.body]
    parts += [(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), ask, 1) for operation in without_body]
    return batches(parts, examples, start)


def ask(case: Any) -> None:
    """Send a request; a schema tells that a file is bytes, not that its first line names columns."""
    is_file = case.operation.path.endswith("/batch")
    case.call_and_validate(excluded_checks=[CHECKS.get_one("positive_data_acceptance")] if is_file else [])


def plain(examples: int) -> settings:
    """Return settings that generate examples and do nothing else."""
    every = list(HealthCheck)
    return settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=every
    )


def make_client(folder: Path) -> Any:
    """Make the web app on a scorecard whose limits its document can state: a schema cannot limit a date."""
    card = make_card()
    limited = [column.model_copy(update={"minimum": None} if column.type == "date" else {}) for column in card.columns]
    return make_app(write_checkout(folder, card.model_copy(update={"columns": limited})))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=10_000, help="of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=[*TARGETS, "API"], help="may be given several times")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    table, found = [], 0
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        app = make_client(Path(scratch, "app"))
        CLIENTS.append(app.test_client())
        for name in options.only or [*TARGETS, "API"]:
            start = options.seed * 1_000_000
            batches = (
                requests(app, options.examples, start) if name == "API" else generated(name, options.examples, start)
            )
            results = watch(batches)
            if results.growth > GROWTH:
                results.failures[f"memory grew by {results.growth:.1f} MB"] = ""
            for place, example in results.failures.items():
                print(f"{name}: {place}\n    {example[:1000]}", flush=True)
            found += len(results.failures)
            row = (
                name,
                f"{results.examples:,}",
                len(results.failures),
                f"{results.slowest:.2f} s",
                f"{results.growth:.1f} MB",
            )
            table.append(row)
            print(*row, flush=True)
    print(tabulate(table, ("target", "examples", "kinds of failure", "slowest", "growth of memory"), tablefmt="github"))
    sys.exit(found > 0)


if __name__ == "__main__":
    main()

"""Split: which rows are held out, which fold a training row is in, and what the stage refuses."""

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages import split
from stages.splitting.row_ids import check_row_ids, find_row_ids, numbering_of
from stages.splitting.summaries import check_sizes, summarise
from stages.splitting.time_folds import time_fold_edges
from stages.table.hashing import hash_rows
from stages.table.parts import cut_into_parts, list_parts
from stages.table.schema import TableSchema
from stages.utils.errors import DataError, LeakageError, SettingsError
from stages.utils.metrics_files import SplitMetrics
from stages.utils.params import SplitParams
from tests.helpers.project import Workspace
from tests.helpers.typed_rows import FIELDS, HASHED, PROPERTY, in_parts, rng_table, table, tables, written

TEST = -1  # stands for a fold where a row is held out
FIRST_DAY = np.datetime64("2020-01-01")


def schema_of(fields: list[dict[str, Any]], **roles: str) -> TableSchema:
    """A schema of these fields, some with another role."""
    return TableSchema.model_validate(
        {"fields": [{**field, "role": roles.get(field["name"], field.get("role", "feature"))} for field in fields]}
    )


def split_params(**changes: Any) -> SplitParams:
    return SplitParams(**{"by": "hash", "test_fraction": 0.3, "cut": None, "folds": 3, "seed": 0, **changes})


def places(frame: pd.DataFrame, schema: TableSchema, cuts: int = 1, **params: Any) -> "pd.Series[int]":
    """The fold of every row (TEST where it is held out), by its `row`; the table is cut into so many parts."""
    with tempfile.TemporaryDirectory() as directory:
        parts, train, test, hashes = (Path(directory) / name for name in ("parts", "train", "test", "hashes"))
        written(in_parts(frame, cuts), parts)
        settings_ = split_params(**params)
        edges = time_fold_edges(list_parts(parts), schema, settings_)
        for part in list_parts(parts):
            split.split_part((part, 0), schema, settings_, edges, train, test, hashes)
        folds = pd.concat([pd.read_parquet(part) for part in list_parts(train)])
        held = pd.concat([pd.read_parquet(part) for part in list_parts(test)])
    assert folds["_fold"].between(0, settings_.folds - 1).all()
    found = pd.concat([folds.set_index("row")["_fold"], pd.Series(TEST, held["row"])]).astype("int64").sort_index()
    assert found.index.tolist() == frame["row"].tolist()  # every row is on one side, once
    return found


# ---------------------------------------------------------------- by hash


@PROPERTY
@given(tables)
def test_equal_rows_stay_together(rows: list[tuple[Any, ...]]) -> None:
    frame = table(rows)
    found = frame.assign(place=places(frame, schema_of(FIELDS)).to_numpy())
    assert (found.groupby(HASHED, dropna=False)["place"].nunique() == 1).all()


@PROPERTY
@given(tables, tables)
def test_appending_rows_moves_none(rows: list[tuple[Any, ...]], more: list[tuple[Any, ...]]) -> None:
    schema = schema_of(FIELDS)
    before, after = places(table(rows), schema), places(table(rows + more), schema)
    pd.testing.assert_series_equal(after.iloc[: len(rows)], before)


@PROPERTY
@given(tables, st.integers(2, 4))
def test_neither_parts_nor_roles_move_a_row(rows: list[tuple[Any, ...]], cuts: int) -> None:
    frame = table(rows)
    expected = places(frame, schema_of(FIELDS))
    pd.testing.assert_series_equal(places(frame, schema_of(FIELDS), cuts), expected)
    roles = schema_of(FIELDS[::-1], x="ignore", level="group", when="time", note="feature")
    pd.testing.assert_series_equal(places(frame[frame.columns[::-1]], roles, cuts), expected)


def test_fraction_folds_and_seed() -> None:
    frame, schema = rng_table(20_000), schema_of(FIELDS)
    found = places(frame, schema, test_fraction=0.2, folds=4)
    assert (found == TEST).mean() == pytest.approx(0.2, abs=0.012)  # four standard deviations
    shares = found[found != TEST].value_counts(normalize=True)
    assert shares.to_numpy() == pytest.approx([0.25] * 4, abs=0.014)
    other = places(frame, schema, test_fraction=0.2, folds=4, seed=1)
    assert ((other == TEST) == (found == TEST)).mean() == pytest.approx(0.2**2 + 0.8**2, abs=0.015)
    both = (found != TEST) & (other != TEST)
    assert (found == other)[both].mean() == pytest.approx(0.25, abs=0.02)
    more = places(frame, schema, test_fraction=0.3, folds=4)  # a larger test set takes rows, and gives none back
    assert (more[found == TEST] == TEST).all()
    pd.testing.assert_series_equal(more[more != TEST], found[more != TEST])


# ---------------------------------------------------------------- by group


@PROPERTY
@given(tables, st.integers(1, 4))
def test_groups_never_straddle(rows: list[tuple[Any, ...]], cuts: int) -> None:
    frame, schema = table(rows), schema_of(FIELDS, level="group")
    found = places(frame, schema, cuts, by="group", folds=5)
    by_group = frame.assign(place=found.to_numpy()).groupby("level", dropna=False)["place"]
    assert (by_group.nunique() == 1).all()


def test_groups_are_spread() -> None:
    rows = 3000
    frame = rng_table(rows).assign(level=[f"group {number % 600}" for number in range(rows)])
    found = places(frame, schema_of(FIELDS, level="group"), by="group", test_fraction=0.2)
    assert (found == TEST).mean() == pytest.approx(0.2, abs=0.07)
    assert set(found) == {TEST, 0, 1, 2}


# ---------------------------------------------------------------- by time


@PROPERTY
@given(st.lists(st.integers(0, 400), min_size=30, max_size=80), st.integers(50, 350), st.integers(2, 4))
def test_folds_are_blocks_of_time(days: list[int], cut: int, cuts: int) -> None:
    frame = table([(float(row), "a", FIRST_DAY + np.timedelta64(day, "D"), "") for row, day in enumerate(days)])
    first_test_day = FIRST_DAY + np.timedelta64(cut, "D")
    schema = schema_of(FIELDS, when="time")
    assume(min(days) < cut)
    found = places(frame, schema, cuts, by="time", cut=str(first_test_day))
    times = frame.assign(place=found.to_numpy())
    assert ((times["when"] >= first_test_day) == (times["place"] == TEST)).all()
    past = times[times["place"] != TEST].sort_values("when", kind="stable")
    assert past["place"].is_monotonic_increasing
    assert (past.groupby("when")["place"].nunique() == 1).all()
    pd.testing.assert_series_equal(places(frame, schema, by="time", cut=str(first_test_day)), found)


def test_folds_of_time_have_about_equally_many_rows() -> None:
    frame = table(
        [(0.0, "a", np.datetime64("2020-01-01") + day, "") for day in np.random.default_rng(0).permutation(500)]
    )
    found = places(frame, schema_of(FIELDS, when="time"), cuts=7, by="time", cut="2021-01-01", folds=4)
    assert found.value_counts().to_dict() == {0: 91, 1: 92, 2: 91, 3: 92, TEST: 134}


# ---------------------------------------------------------------- row numbers


def row_ids(frame: pd.DataFrame, schema: TableSchema, part_rows: int = 7) -> list[str]:
    with tempfile.TemporaryDirectory() as hashes:
        parts = [
            numbering_of(part, schema, Path(str(number)), Path(hashes))
            for number, part in enumerate(cut_into_parts([frame], part_rows))
        ]
        return find_row_ids(parts, schema)


@pytest.mark.parametrize("part_rows", [1, 7, 100])
def test_columns_that_number_the_rows(part_rows: int) -> None:
    rng = np.random.default_rng(0)
    columns = {
        "up": np.arange(40.0) ** 2,
        "down": -np.arange(40.0),
        "shuffled": rng.permutation(40).astype(float),
        "ties": np.repeat(np.arange(20.0), 2),
        "turns": np.where(np.arange(40) < 20, np.arange(40.0), 40 - np.arange(40.0)),
        "missing": np.where(np.arange(40) == 7, np.nan, np.arange(40.0)),
        "text": pd.Series([f"id-{number}" for number in rng.permutation(40)], dtype="str"),
        "repeats": pd.Series([f"id-{number % 39}" for number in range(40)], dtype="str"),
    }
    texts = ("text", "repeats")
    fields = [{"name": name, "type": "string" if name in texts else "integer"} for name in columns]
    fields += [{"name": "measured", "type": "number"}, {"name": "y", "type": "number", "role": "target"}]
    frame = pd.DataFrame({**columns, "measured": np.arange(40.0), "y": rng.normal(size=40)})
    assert row_ids(frame, schema_of(fields), part_rows) == ["up", "down", "text"]
    assert row_ids(frame, schema_of(fields, up="id", text="ignore"), part_rows) == ["down"]
    assert row_ids(frame.head(19), schema_of(fields), part_rows) == []  # too few rows to tell


def test_acknowledged_row_numbers_pass() -> None:
    fields = [{"name": "week", "type": "integer", "leak": "acknowledged"}, FIELDS[1], FIELDS[-1]]
    check_row_ids(["week"], schema_of(fields))
    with pytest.raises(LeakageError, match="x: role is feature"):
        check_row_ids(["week", "x"], schema_of(fields))


# ---------------------------------------------------------------- what the stage writes and refuses


def put(
    workspace: Workspace, frame: pd.DataFrame, fields: list[dict[str, Any]], part_rows: int = 10**6, **params: Any
) -> None:
    """Give the workspace valid rows, their schema and `split` params."""
    written(cut_into_parts([frame], part_rows), workspace.path / "data/valid")
    workspace.write_schema(fields)
    workspace.edit("config.yaml", compute__workers=1)
    workspace.edit("params.yaml", **{f"split__{key}": value for key, value in params.items()})


def fields_with(**roles: str) -> list[dict[str, Any]]:
    return [{**field, "role": roles.get(field["name"], field.get("role", "feature"))} for field in FIELDS]


def refusal(workspace: Workspace) -> tuple[int, str]:
    """Exit code and message of a split that must fail: one line, the hint on how to go on, and no outputs."""
    done = workspace.stage("split")
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("split     ")
    assert "dvc checkout --force split" in lines[1]
    for path in ("data/train", "data/test"):
        assert not (workspace.path / path).exists()
    assert not list(workspace.path.glob("data/.partial*"))
    return done.returncode, lines[0]


def test_metrics_do_not_depend_on_the_parts(workspace: Workspace) -> None:
    frame = rng_table(200).round({"x": 1}).assign(when=pd.Timestamp("2020-01-01").as_unit("us"))
    found = []
    for part_rows in (1000, 33):
        put(workspace, frame, fields_with(), part_rows)
        workspace.stages("split")
        found.append((workspace.path / "metrics/split.json").read_text())
        train, test = workspace.frame("data/train"), workspace.frame("data/test")
    assert found[0] == found[1]
    metrics = pd.read_json(workspace.path / "metrics/split.json", typ="series")
    assert (metrics["train"], metrics["test"]) == (len(train), len(test))
    assert metrics["folds"] == train["_fold"].value_counts().sort_index().tolist()
    assert metrics["duplicates_train"] == train.duplicated("x").sum() > 0
    assert metrics["duplicates_test"] == test.duplicated("x").sum()
    assert metrics["duplicates_straddling"] == 0
    assert metrics["test_rows_with_inputs_seen_in_train"] == 0
    assert metrics["target_order_r2"] == pytest.approx(1)
    assert (train["_hash"].to_numpy(np.uint64) == hash_rows(train, HASHED)).all()


REFUSED: dict[str, tuple[pd.DataFrame, list[dict[str, Any]], dict[str, Any], int, list[str]]] = {
    "fewer rows than folds": (rng_table(12), fields_with(), {"folds": 30}, 4, ["of 30", "split.folds"]),
    "all rows alike": (table([(1.0, "a", np.datetime64("2020-01-01"), "")] * 40), fields_with(), {}, 4, ["40"]),
    "no test rows": (rng_table(2), fields_with(), {"test_fraction": 0.01}, 4, ["0 of 2 rows", "at least 2"]),
    "no group": (rng_table(30), fields_with(), {"by": "group"}, 2, ["split.by: group", "role: group"]),
    "no time": (rng_table(30), fields_with(), {"by": "time"}, 2, ["split.by: time", "role: time"]),
    "row number": (rng_table(30), fields_with(row="feature"), {}, 5, ["row: role is feature", "leak: acknowledged"]),
    "unique text": (
        rng_table(30).assign(level=[f"id {number}" for number in range(30)]),
        fields_with(),
        {},
        5,
        ["level: role is feature", "role: id"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(workspace: Workspace, case: str) -> None:
    frame, fields, params, exit_code, words = REFUSED[case]
    put(workspace, frame, fields, **params)
    code, message = refusal(workspace)
    assert code == exit_code, message
    for word in words:
        assert word in message


def test_row_numbers_that_pass(workspace: Workspace) -> None:
    acknowledged = [
        {**field, "leak": "acknowledged"} if field["name"] == "row" else field for field in fields_with(row="feature")
    ]
    put(workspace, rng_table(60), acknowledged)
    workspace.stages("split")
    assert '"row_ids": [\n    "row"\n  ]' in (workspace.path / "metrics/split.json").read_text()
    assert len(workspace.frame("data/train")) + len(workspace.frame("data/test")) == 60


def time_error(cut: str | None, days: int = 100) -> Exception:
    """The error of a split by time of `days` consecutive days from 2020-01-01 on, as the stage would raise it."""
    frame = table([(float(day), "a", FIRST_DAY + np.timedelta64(day, "D"), "") for day in range(days)])
    with tempfile.TemporaryDirectory() as directory:
        parts = written([frame], Path(directory) / "parts")
        params, schema = split_params(by="time", cut=cut, test_fraction=0.2), schema_of(FIELDS, when="time")
        try:
            edges = time_fold_edges(parts, schema, params)
            train, test, hashes = (Path(directory) / name for name in ("train", "test", "hashes"))
            summary = split.split_part((parts[0], 0), schema, params, edges, train, test, hashes)
            check_sizes(summarise([summary], schema, hashes))
        except (SettingsError, DataError) as error:
            return error
    pytest.fail(f"the cut {cut} was taken")


@pytest.mark.parametrize("cut", [None, "", "soon", "2020-13-01", "NaT", "today", "02/03/2020"])
def test_bad_cut(cut: str | None) -> None:
    error = time_error(cut)
    assert isinstance(error, SettingsError), error
    assert repr(cut) in str(error)
    assert "split.cut" in str(error)
    assert "80% of the rows are before 2020-03-21" in str(error)


@pytest.mark.parametrize(
    ("cut", "where"), [("2021-01-01", "0 of 100 rows"), ("2019-01-01", "all 100|every row|of 0 training|no row")]
)
def test_cut_outside_the_table(cut: str, where: str) -> None:
    error = str(time_error(cut))
    assert re.search(where, error), error


def test_cut_with_a_time_of_day() -> None:
    frame = table([(float(hour), "a", FIRST_DAY + np.timedelta64(hour, "h"), "") for hour in range(48)])
    found = places(frame, schema_of(FIELDS, when="time"), by="time", cut="2020-01-02T06:00:00")
    assert (found == TEST).tolist() == [hour >= 30 for hour in range(48)]


def test_bad_cut_ends_the_stage(workspace: Workspace) -> None:
    put(workspace, rng_table(50), fields_with(when="time"), by="time", cut="2020-02-30")
    code, message = refusal(workspace)
    assert code == 2
    assert "split.cut: found '2020-02-30'" in message
    assert "80% of the rows are before 20" in message


def test_sizes() -> None:
    others = SplitMetrics.model_construct(train=5, test=2, folds=[1, 4])
    check_sizes(others)
    with pytest.raises(DataError, match="1 of 6 rows are in the test set"):
        check_sizes(others.model_copy(update={"test": 1}))
    with pytest.raises(DataError, match="none of 5 training rows is in fold 1 of 2"):
        check_sizes(others.model_copy(update={"folds": [5, 0]}))

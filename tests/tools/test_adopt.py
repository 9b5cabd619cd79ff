"""Adopting a table: what breaks naive reading, one small made file each, is read right or refused with a line."""

import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from stages.sources import read_source
from stages.table.schema import TableSchema, read_schema
from stages.utils.config import Config
from stages.utils.errors import DataError, SettingsError, SourceError
from stages.utils.files import read_json
from stages.utils.params import Params
from stages.utils.yaml_files import read_settings
from stages.validation.cells import type_cells
from tests.helpers.project import ROOT, Project, Workspace
from tests.helpers.scores import cv_r2
from tools.adopt.__main__ import names_of
from tools.adopt.adopt import adopt
from tools.adopt.feature_map import bounded_map

ROWS = 60
Adopt = Callable[..., pd.DataFrame]


@pytest.fixture
def adopted(here: Workspace, tmp_path: Path) -> Adopt:
    """Adopt a text as a file and read it back as the pipeline does, typed by the schema."""

    def make(text: str | bytes, target: str = "y") -> pd.DataFrame:
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        adopt(str(path), target, here.path)
        raw = pd.concat(read_source(read_settings(Path("config.yaml"), Config).source), ignore_index=True)
        typed, unreadable = type_cells(raw.__getitem__, read_schema())
        assert unreadable.empty, unreadable
        return typed

    return make


def table(*columns: list[Any], names: str = "", separator: str = ",") -> str:
    """The text of a table: the columns and a number `y` (11 different ones, in no order)."""
    header = names.split(separator) if names else list("abcdefgh"[: len(columns)])
    rows = [[*map(str, row), str(n * 7 % 11)] for n, row in enumerate(zip(*columns, strict=True))]
    return "\n".join([separator.join([*header, "y"]), *(separator.join(row) for row in rows)]) + "\n"


def numbers(start: float = 1.25) -> list[float]:
    """Numbers in no order."""
    return [start + n * 13 % 29 for n in range(ROWS)]


def field(name: str) -> Any:
    """A column of schema.yaml."""
    return read_schema().column(name)


def test_1_latin_1_far_from_the_head(adopted: Adopt) -> None:
    text = "a,y\n" + "x,1\nz,2\nx,5\nz,1\n" * 15_000 + "é,3\n" * 2
    assert adopted(text.encode("latin-1"))["a"].iloc[-1] == "é"


def test_1_an_odd_byte_in_the_header(adopted: Adopt) -> None:
    typed = adopted(table(numbers(), names="temp (°C)").encode("latin-1"))
    assert typed.columns[0] == "temp (°C)"
    assert field("temp (°C)").unit == "°C"


def test_1_a_byte_order_mark(adopted: Adopt) -> None:
    assert adopted(b"\xef\xbb\xbf" + table(numbers()).encode()).columns.tolist() == ["a", "y"]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_2_separators(adopted: Adopt, separator: str) -> None:
    typed = adopted(table(numbers(), numbers(3), separator=separator))
    assert typed["b"].tolist() == numbers(3)


def test_2_no_header(adopted: Adopt) -> None:
    typed = adopted(table(numbers(), numbers(3)).partition("\n")[2], target="column_3")
    assert len(typed) == ROWS
    assert typed["column_1"].tolist() == numbers()


@pytest.mark.parametrize(
    ("write", "unit"),
    [
        (lambda x: f'"{x:.2f}"'.replace(".", ","), None),
        (lambda x: f"{x:.2f}GB", "GB"),
        (lambda x: f"{x:.2f}kg", "kg"),
        (lambda x: f'"${x * 1000:,.0f} "', "$"),
        (lambda x: f'"{x * 1000:,.0f} mi."', "mi"),
        (lambda x: f"{x:.2f}%", "%"),
        (lambda x: f" {x:.2f}   ", None),
    ],
    ids=["decimal comma", "GB", "kg", "dollars", "miles", "percent", "trailing blanks"],
)
def test_3_numbers_as_text(adopted: Adopt, write: Callable[[float], str], unit: str | None) -> None:
    typed = adopted(table([write(x) for x in numbers()]))
    scale = 1000 if "mi" in str(unit) or unit == "$" else 1
    assert typed["a"].tolist() == [x * scale for x in numbers()]
    assert field("a").unit == unit


def test_3_several_units_are_not_taken_for_one(adopted: Adopt) -> None:
    typed = adopted(table([f"{x}{'GB' if n % 2 else 'TB'}" for n, x in enumerate(numbers())], numbers()))
    assert typed["a"].dtype == "str"


@pytest.mark.parametrize("mark", ["?", "NA", "–", "N/A", "-200", ""])
def test_4_missing_marks(adopted: Adopt, mark: str) -> None:
    typed = adopted(table([mark if n % 5 == 0 else x for n, x in enumerate(numbers())]))
    assert typed["a"].isna().tolist() == [n % 5 == 0 for n in range(ROWS)]
    assert typed["a"].min() > 0


def test_4_blank_rows_and_empty_columns(adopted: Adopt) -> None:
    typed = adopted(table(numbers(), [""] * ROWS) + ",,\n" * 40)
    assert len(typed) == ROWS
    assert field("b").role == "ignore"


@pytest.mark.parametrize("level", ["NA", "None"])
def test_4_words_that_are_levels(adopted: Adopt, level: str) -> None:
    typed = adopted(table([level if n % 2 else "brick" for n in range(ROWS)]))
    assert sorted(set(typed["a"])) == sorted([level, "brick"])


def test_5_headers(adopted: Adopt) -> None:
    names = ["size  ", "weight (kg)", "fat %", "x^2", "2nd floor", "price/m"]
    typed = adopted(table(*[numbers(n) for n in range(1, 7)], names=",".join(names)))
    assert typed.columns.tolist() == [*map(str.strip, names), "y"]
    assert (field("weight (kg)").unit, field("weight (kg)").title) == ("kg", "weight")


@pytest.mark.parametrize("pattern", ["%Y-%m-%d", "%d/%m/%y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%H.%M.%S"])
def test_6_dates(adopted: Adopt, pattern: str) -> None:
    days = pd.date_range("2020-01-01 18:00", periods=ROWS, freq="33h")
    expected = pd.to_datetime(pd.Series(days.strftime(pattern)), format=pattern)
    typed = adopted(table(days.strftime(pattern).tolist(), numbers()))
    assert field("a").kind == "date"
    assert field("a").role == ("feature" if pattern.startswith("%H") else "time")  # a clock alone orders nothing
    assert typed["a"].tolist() == expected.tolist()


def test_6_mixed_dates_are_no_dates(adopted: Adopt, capsys: pytest.CaptureFixture[str]) -> None:
    days = pd.date_range("2020-01-01", periods=ROWS)
    mixed = [day.strftime("%d/%m/%y" if n % 2 else "%Y-%m-%d") for n, day in enumerate(days)]
    adopted(table(mixed, numbers()))
    assert field("a").type == "string"
    assert "written in several ways?" in capsys.readouterr().out


def test_7_leaks_and_ids(adopted: Adopt) -> None:
    rng = np.random.default_rng(0)
    a, b, x = rng.integers(0, 50, 400), rng.integers(0, 50, 400), rng.normal(size=400).round(3)
    orders = [f"Q{n * 7919 % 9973}" for n in range(400)]
    frame = pd.DataFrame({"row": np.arange(400), "order": orders, "a": a, "b": b, "x": x, "y": a + b})
    frame["euros"] = frame["y"] * 1.1
    adopted(frame.to_csv(index=False))
    roles = {column.name: column.role for column in read_schema().fields}
    expected = {"row": "id", "order": "id", "a": "ignore", "b": "ignore", "x": "feature", "y": "target"}
    assert roles == expected | {"euros": "ignore"}


def test_8_integer_codes(adopted: Adopt) -> None:
    hours = [n * 5 % 24 for n in range(480)]
    frame = pd.DataFrame({"hr": hours, "rooms": [n % 7 for n in range(480)], "y": [h * 37 % 24 for h in hours]})
    frame["y"] += np.arange(480) % 11 * 4.0
    adopted(frame.to_csv(index=False))
    assert field("hr").categories == list(range(24))
    assert field("rooms").categories is None


def test_8_ordered_levels(adopted: Adopt, capsys: pytest.CaptureFixture[str]) -> None:
    """Words of a known scale, and codes along which the target goes one way; other words and codes are not."""
    place = np.arange(480) % 4
    words = np.array(["Good", "Very_good", "poor", "Fair"])
    columns = {
        "state": words[place],
        "grade": place + 1,
        "type": place,
        "odd": (place + 2) % 4,
        "town": [*"abcd"] * 120,
    }
    adopted(pd.DataFrame({**columns, "y": place * 3.0 + np.arange(480) % 11}).to_csv(index=False))
    assert field("state").levels == ["poor", "Fair", "Good", "Very_good"]
    assert [name for name in columns if field(name).categoriesOrdered] == ["state", "grade"]
    said = capsys.readouterr().out
    assert "ordered: poor < Fair < Good < Very_good" in said
    assert re.search(r"grade, `categoriesOrdered: true`: delete this line if their order means nothing", said)


@pytest.mark.parametrize(("name", "role"), [("sample_weight", "weight"), ("weight", "feature"), ("fnlwgt", "weight")])
def test_8_weights_by_name(adopted: Adopt, capsys: pytest.CaptureFixture[str], name: str, role: str) -> None:
    adopted(table(numbers(), [1 + n % 5 / 4 for n in range(ROWS)], names=f"x,{name}"))
    assert field(name).role == role
    assert (f"{name}, `role: weight`: delete this line if" in capsys.readouterr().out) == (role == "weight")


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *dict.fromkeys(
            ("exposure", "person_years", "policyYears", "duration_at_risk", "insured years"), "exposure"
        ).items(),
        *dict.fromkeys(
            ("exposure_time", "policy_year", "years", "smoke_exposure", "duration", "tenure"), "feature"
        ).items(),
    ],
)
def test_8_exposures_by_name(adopted: Adopt, capsys: pytest.CaptureFixture[str], name: str, role: str) -> None:
    adopted(table(numbers(), [1 + n % 5 / 4 for n in range(ROWS)], names=f"x,{name}"))
    assert field(name).role == role
    assert (f"{name}, `role: exposure`: delete this line if" in capsys.readouterr().out) == (role == "exposure")


def test_8_an_exposure_is_positive(adopted: Adopt) -> None:
    adopted(table(numbers(), [n % 5 / 4 for n in range(ROWS)], names="x,exposure"))
    assert field("exposure").role == "feature"


def test_9_groups(adopted: Adopt) -> None:
    frame = pd.DataFrame({"patient_id": np.repeat(np.arange(40), 5), "x": np.arange(200) * 37 % 101 / 7})
    frame["y"] = frame["x"] + np.arange(200) % 3
    adopted(frame.to_csv(index=False))
    assert field("patient_id").role == "group"
    assert read_settings(Path("params.yaml"), Params).split.by == "group"


@pytest.mark.parametrize("name", ["iris", "wine", "taxi"])
def test_17_too_good_to_be_true(adopted: Adopt, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """A total beside one of its parts is marked, honest tables are not: see SUSPICIOUS_R2."""
    if name == "taxi":
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"miles": rng.gamma(2, 2, 500).round(1)})
        frame["fare"] = (3 + 2.5 * frame["miles"] + rng.gamma(2, 1, 500)).round(1)
        frame["total"] = (frame["fare"] * 1.05 + rng.choice([0, 0, 2.5], 500)).round(2)
    else:
        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame.drop(columns="target")
    target = {"iris": "petal width (cm)", "wine": "alcohol", "taxi": "total"}[name]
    adopted(frame.to_csv(index=False), target=target)
    said = capsys.readouterr().out
    assert ("of the target: is it known before the target is?" in said) == (name == "taxi")


def test_12_no_numeric_column(adopted: Adopt) -> None:
    adopted(table(["red" if n % 3 else "blue" for n in range(ROWS)], ["S" if n % 2 else "L" for n in range(ROWS)]))
    assert [field("a").levels, field("b").levels] == [["blue", "red"], ["L", "S"]]


# ---------------------------------------------------------------- the scale of the target


@pytest.mark.parametrize(
    ("target", "scale", "second"),
    [
        (lambda rng, x, z: np.exp(5 + x + z + rng.normal(0, 0.3, len(x))), "log, the simplest", "z"),
        (lambda rng, x, z: 50 + 4 * x + 4 * z + rng.normal(0, 3, len(x)), "none, the simplest", "z"),
        (lambda rng, x, z: np.maximum(3 + x + z, 0) ** 2 + rng.poisson(1, len(x)), "sqrt, the simplest", "z"),
        (lambda rng, x, z: np.exp(x + z + rng.normal(0, 0.3, len(x))) - 1, "none: the other scales need", "z"),
        (lambda rng, x, z: np.exp(5 + x + rng.normal(0, 0.3, len(x))), "sqrt, the simplest", "exposure"),
    ],
    ids=["log-normal price", "sums", "squares and zeros", "negatives", "no logarithm of a rate"],
)
def test_scale_of_the_target(
    adopted: Adopt, capsys: pytest.CaptureFixture[str], target: Callable[..., Any], scale: str, second: str
) -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 800))
    y = np.round(target(rng, x, z), 3)
    z = z if second == "z" else np.exp(z / 4)
    adopted(pd.DataFrame({"x": x.round(4), second: z.round(4), "y": y}).to_csv(index=False))
    assert f"params.yaml: features.target is {scale}" in capsys.readouterr().out
    assert read_settings(Path("params.yaml"), Params).features.target == re.split("[,:]", scale)[0]


def test_one_target_that_is_not_positive(adopted: Adopt) -> None:
    """It is among the rows that the sample leaves out, and no scale is proposed that the pipeline would refuse."""
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 110_000))
    y = np.exp(5 + x + z + rng.normal(0, 0.3, len(x))).round(2)
    y[77_777] = -1
    adopted(pd.DataFrame({"x": x.round(3), "z": z.round(3), "y": y}).to_csv(index=False))
    assert read_settings(Path("params.yaml"), Params).features.target == "none"


def test_many_levels_are_tried_with_few_terms() -> None:
    """As many as `features.max_terms`: 40 columns of 300 levels filled the memory of a machine."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({name: [f"level {n}" for n in rng.integers(0, 40, 2000)] for name in "abc"}, dtype="str")
    fields = [{"name": name, "type": "string"} for name in "abc"]
    schema = TableSchema.model_validate({"fields": [*fields, {"name": "y", "type": "number", "role": "target"}]})
    params = read_settings(ROOT / "params.yaml", Params).features.model_copy(update={"max_terms": 50})
    assert bounded_map(rows.assign(y=1.0), schema, params).transform(rows).shape[1] <= 50


# ---------------------------------------------------------------- the files


def test_comments_and_what_a_person_wrote_survive(adopted: Adopt, here: Workspace, tmp_path: Path) -> None:
    text = table(numbers())
    here.edit("params.yaml", train__alpha=0.5)
    adopted(text)
    for file in ("config.yaml", "params.yaml"):
        assert re.findall("#.*", Path(file).read_text()) == re.findall("#.*", (ROOT / file).read_text())
    assert read_settings(Path("params.yaml"), Params).train.alpha == "auto"
    written = Path("schema.yaml").read_text()
    Path("schema.yaml").write_text(written.replace("name: a", "name: a\n    title: Mine  # kept"))
    adopted(text)
    assert "title: Mine  # kept" in Path("schema.yaml").read_text()
    adopt(str(tmp_path / "table.csv"), "y", here.path, force=True)
    assert Path("schema.yaml").read_text() == written


def test_what_to_do_about_a_doubt(adopted: Adopt, capsys: pytest.CaptureFixture[str]) -> None:
    """Each advice names the line of schema.yaml that it is about, as it is there."""
    doubtful = [-200 if n % 9 == 0 else x for n, x in enumerate(numbers())]
    adopted(table(doubtful, [n % 4 + 1 for n in range(ROWS)], ["NA" if n % 2 else "brick" for n in range(ROWS)]))
    lines = Path("schema.yaml").read_text().splitlines()
    advice = re.findall(r"line (\d+), (\w+), `(.*)`: (.*)", capsys.readouterr().out)
    assert [(name, line) for _, name, line, _ in advice] == [
        ("a", "missingValues: ['', '-200']"),
        ("b", "categories: [1, 2, 3, 4]"),
        ("c", "categories: [NA, brick]"),
    ]
    assert all(lines[int(number) - 1].strip() == line for number, _, line, _ in advice)


def test_marks_in_the_target_go_to_quarantine(adopted: Adopt, capsys: pytest.CaptureFixture[str]) -> None:
    x = numbers()
    frame = pd.DataFrame({"x": x, "y": [-200 if n % 6 == 0 else value + n * 7 % 11 for n, value in enumerate(x)]})
    assert adopted(frame.to_csv(index=False))["y"].isna().sum() == 10
    said = capsys.readouterr().out
    assert "? the target is missing in about 10 of 60 (16.7%) rows: they go to quarantine" in said
    assert read_settings(Path("params.yaml"), Params).validate_.max_invalid_fraction > 1 / 6


@pytest.mark.parametrize("given", ["list", "file"])
def test_names_for_a_table_without_a_header(here: Workspace, tmp_path: Path, given: str) -> None:
    path = tmp_path / "bare.csv"
    path.write_text(table(numbers(), numbers(3)).partition("\n")[2])
    names = "size,age,price"
    if given == "file":
        names = str(path.with_name("names.txt"))
        Path(names).write_text("size\nage\nprice\n")
    adopt(str(path), "price", here.path, columns=names_of(names))
    raw = pd.concat(read_source(read_settings(Path("config.yaml"), Config).source), ignore_index=True)
    assert raw["age"].astype(float).tolist() == numbers(3)
    with pytest.raises(SettingsError, match=r"--columns: found 2 names; .*bare.csv has 3 columns"):
        adopt(str(path), "b", here.path, columns=["a", "b"])


def test_an_archive_with_several_files(here: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "tables.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("read me.txt", "about")
        archive.writestr("homes.csv", table(numbers()))
    with pytest.raises(SourceError, match=r"holds 2 files: read me.txt, homes.csv; name one of them: 'zip://read me"):
        adopt(str(path), "y", here.path)
    adopt(f"zip://homes.csv::{path}", "y", here.path)
    source = read_settings(Path("config.yaml"), Config).source
    assert source.uri == "zip://homes.csv::data/source/tables.zip"
    assert len(pd.concat(read_source(source))) == ROWS


def test_after_a_split_by_time(adopted: Adopt, here: Workspace) -> None:
    here.edit("params.yaml", split__by="time", split__cut="2020-01-01")
    adopted(table(numbers()))
    split = read_settings(Path("params.yaml"), Params).split
    assert (split.by, split.cut) == ("hash", None)


def test_make_adopt_leaves_a_secret_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")
    uri = "postgresql+psycopg://me:${PASSWORD}@db/it's"
    command = ["make", "--dry-run", "adopt", "TARGET=a b", f"DATA={uri}"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    assert "secret" not in said
    assert shlex.split(said.splitlines()[-1])[3:] == [uri, "--target", "a b"]


@pytest.mark.parametrize(
    ("text", "target", "says"),
    [
        (table(numbers()), "z", "the table has no column 'z'"),
        (table(["red", "blue"] * (ROWS // 2)), "a", "the target has to be a number"),
        (table([1] * ROWS), "y", "no column can be a feature"),
    ],
)
def test_refused_and_nothing_written(adopted: Adopt, text: str, target: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        adopted(text, target)
    for file in ("config.yaml", "schema.yaml", "params.yaml"):
        assert Path(file).read_text() == (ROOT / file).read_text()


def test_no_such_file(here: Workspace) -> None:
    with pytest.raises(SourceError, match="no such file"):
        adopt("/nowhere/table.csv", "y", here.path)


@pytest.mark.slow
def test_10_one_wild_outlier(project: Project) -> None:
    """It bends no prediction out of the range of what was seen."""
    rng, n = np.random.default_rng(0), 3000
    frame = pd.DataFrame({"size": rng.normal(100, 10, n).round(2), "age": rng.uniform(0, 50, n).round(1)})
    frame["y"] = (frame["size"] - frame["age"] + rng.normal(0, 5, n)).round(2)
    frame.loc[300, "size"] = 1e9
    run_pipeline(project, frame)
    model = joblib.load(project.path / "models/model.joblib")
    cases = pd.DataFrame({"size": [1e9, -1e9, 1e300], "age": [25.0, 25.0, 1e9]})
    predicted = model.predict(cases)
    assert (predicted > frame["y"].min() - np.ptp(frame["y"])).all()
    assert (predicted < frame["y"].max() + np.ptp(frame["y"])).all()
    assert cv_r2(project) > 0.8  # the true lines reach 1 - 25 / (100 + 208 + 25)


@pytest.mark.slow
def test_11_no_signal(project: Project) -> None:
    """The pipeline says that the model is no better than the mean, and the gate keeps it from being deployed."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(600, 3)).round(3), columns=["a", "b", "y"])
    run_pipeline(project, frame, "evaluate")
    scores = read_json(project.path / "metrics/test.json")
    assert scores["model"]["r2_low"] < 0
    assert scores["model"]["rmse"] == pytest.approx(scores["mean"]["rmse"], rel=0.02)
    assert scores["gate"]["min_r2"] is False
    said = project.run("python", "-m", "tools.summary", check=True).stdout
    assert "gate FAILED: min_r2" in said
    assert "the test rows do not show that it beats the mean" in said


def run_pipeline(project: Project, frame: pd.DataFrame, *more: str) -> None:
    """`adopt --yes` and the stages up to train, and more."""
    frame.to_csv(project.path.parent / "table.csv", index=False)
    project.run("python", "-m", "tools.adopt", "../table.csv", "--target", "y", "--yes", check=True)
    project.stages("ingest", "validate", "split", "features", "interactions", "train", *more)


@pytest.mark.slow
def test_a_doubt_is_asked_in_a_terminal(project: Project) -> None:
    text = table([n % 4 + 1 for n in range(ROWS)], numbers(), names="state,b")
    (project.path.parent / "table.csv").write_text(text)
    terminal, end = os.openpty()
    with os.fdopen(terminal, "r+b", buffering=0) as person:
        command = [sys.executable, "-m", "tools.adopt", "../table.csv", "--target", "y"]
        with subprocess.Popen(command, cwd=project.path, stdin=end, stdout=end, stderr=end) as process:
            os.close(end)
            person.write(b"ignore\n")
            shown = read_to_the_end(person)
        assert process.returncode == 0, shown
    assert "role of state [feature]" in shown
    schema = read_settings(project.path / "schema.yaml", TableSchema)
    assert [column.role for column in schema.fields] == ["ignore", "feature", "target"]


def read_to_the_end(terminal: Any) -> str:
    """The output of a program until it ends."""
    shown = b""
    with suppress(OSError):  # what Linux raises when the other side has closed
        while part := terminal.read(4096):
            shown += part
    return shown.decode()

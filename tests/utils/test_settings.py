"""Wrong settings: one line that names the file, the key, what was found, what is allowed and the nearest spelling."""

import copy
import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.table.schema import read_schema
from stages.utils.config import Config, read_config, read_source_settings
from stages.utils.errors import SettingsError
from stages.utils.params import Params, read_params
from stages.utils.yaml_files import read_settings
from tests.conftest import ROOT, Project

Location = tuple[str | int, ...]
Case = tuple[str, Location, Any, tuple[str, ...]]  # file, where, the wrong value, what the message holds

READERS: dict[str, Callable[[], Any]] = {
    "config.yaml": lambda: read_settings(Path("config.yaml"), Config),
    "params.yaml": lambda: read_settings(Path("params.yaml"), Params),
    "schema.yaml": read_schema,
}
FILES = sorted(READERS)
BMI, VISITED, TOWN, TARGET = range(4)
SCHEMA: dict[str, Any] = {
    "name": "patients",
    "missingValues": ["", "NA"],
    "fields": [
        {"name": "bmi", "type": "number", "constraints": {"required": True}},
        {"name": "visited", "type": "date"},
        {"name": "town", "type": "string", "categories": [{"value": "b", "label": "Berlin"}]},
        {"name": "target", "type": "integer", "role": "target"},
    ],
}


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the repository's settings and nothing else."""
    for file in FILES:
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(file: str) -> Any:
    """Right settings to start from: the repository's, but a schema with a column of every kind."""
    return copy.deepcopy(SCHEMA) if file == "schema.yaml" else YAML(typ="safe").load((ROOT / file).read_text())


def with_value(file: str, where: Location, value: Any) -> Any:
    """The right settings with one value put in."""
    content = load(file)
    place = content
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    return content


def dotted(where: Location) -> str:
    """`fields.bmi.type` for ("fields", 0, "type"): a column is called by its name."""
    steps = [str(step) for step in where]
    if steps[0] == "fields" and len(steps) > 1:
        steps[1] = SCHEMA["fields"][where[1]]["name"]
    return ".".join(steps)


def write(file: str, content: Any) -> None:
    """Write settings into the working directory: text or bytes as they are, else as YAML."""
    if isinstance(content, str | bytes):
        Path(file).write_bytes(content if isinstance(content, bytes) else content.encode())
    else:
        with Path(file).open("w", encoding="utf-8") as stream:
            YAML().dump(content, stream)


def refusal(file: str, content: Any) -> str:
    """The message with which the file is refused, in one line as a stage shows it."""
    write(file, content)
    with pytest.raises(SettingsError) as caught:
        READERS[file]()
    assert caught.value.exit_code == 2
    message = " ".join(str(caught.value).split())
    assert message.startswith(f"{file}: "), message
    return message


def accepted(file: str, content: Any) -> Any:
    """The settings that the file gives."""
    write(file, content)
    return READERS[file]()


@pytest.mark.parametrize("file", FILES)
def test_right_settings_are_accepted(workdir: Path, file: str) -> None:
    accepted(file, load(file))


@pytest.mark.parametrize(
    ("file", "where", "right"),
    [
        ("config.yaml", (), "source"),
        ("config.yaml", ("source",), "encoding"),
        ("config.yaml", ("compute",), "part_rows"),
        ("params.yaml", (), "validate"),
        ("params.yaml", ("validate",), "max_invalid_fraction"),
        ("params.yaml", ("split",), "test_fraction"),
        ("params.yaml", ("explore",), "sample_rows"),
        ("params.yaml", ("features",), "min_frequency"),
        ("params.yaml", ("train",), "l1_ratio"),
        ("params.yaml", ("evaluate",), "bootstrap"),
        ("params.yaml", ("evaluate", "gate"), "min_coverage"),
        ("params.yaml", ("export",), "check_rows"),
        ("schema.yaml", (), "missingValues"),
        ("schema.yaml", ("fields", BMI), "decimalChar"),
        ("schema.yaml", ("fields", BMI, "constraints"), "minimum"),
        ("schema.yaml", ("fields", TOWN, "categories", 0), "label"),
    ],
)
def test_unknown_key(workdir: Path, file: str, where: Location, right: str) -> None:
    wrong = right[:-1] + "q"
    message = refusal(file, with_value(file, (*where, wrong), 1))
    assert f"{dotted((*where, wrong))}: unknown key; allowed: " in message
    assert f"did you mean {right}?" in message


@pytest.mark.parametrize(
    ("file", "where"),
    [
        ("config.yaml", ("source",)),
        ("config.yaml", ("source", "uri")),
        ("params.yaml", ("train",)),
        ("params.yaml", ("train", "alpha")),
        ("params.yaml", ("evaluate", "gate", "min_r2")),
        ("schema.yaml", ("fields",)),
        ("schema.yaml", ("fields", BMI, "type")),
    ],
)
def test_missing_key(workdir: Path, file: str, where: Location) -> None:
    content = load(file)
    place = content
    for step in where[:-1]:
        place = place[step]
    del place[where[-1]]
    assert f"{dotted(where)}: missing; add this key" in refusal(file, content)


WRONG_TYPES: list[Case] = [
    ("config.yaml", ("source", "uri"), 5, ("source.uri: found 5 (int); expected a valid string",)),
    (
        "config.yaml",
        ("compute", "workers"),
        "2",
        ("compute.workers: found '2' (str); expected a valid integer", "auto"),
    ),
    ("config.yaml", ("compute", "workers"), True, ("compute.workers: found True (bool)", "integer", "allowed: auto")),
    (
        "config.yaml",
        ("compute", "part_rows"),
        True,
        ("compute.part_rows: found True (bool); expected a valid integer",),
    ),
    ("config.yaml", ("compute", "part_rows"), 1e5, ("compute.part_rows: found 100000.0 (float)", "valid integer")),
    ("config.yaml", ("compute",), None, ("compute: found None (NoneType); expected a valid dictionary",)),
    (
        "params.yaml",
        ("train", "l1_ratio"),
        "0.5",
        ("train.l1_ratio: found '0.5' (str); expected a valid number", "auto"),
    ),
    ("params.yaml", ("train", "l1_ratio"), True, ("train.l1_ratio: found True (bool); expected a valid number",)),
    ("params.yaml", ("train", "tol"), "1e-5", ("train.tol: found '1e-5' (str); expected a valid number",)),
    ("params.yaml", ("train", "l1_ratios"), 0.5, ("train.l1_ratios: found 0.5 (float); expected a valid list",)),
    (
        "params.yaml",
        ("train", "l1_ratios"),
        [0.5, "1"],
        ("train.l1_ratios.1: found '1' (str); expected a valid number",),
    ),
    ("params.yaml", ("split", "folds"), "5", ("split.folds: found '5' (str); expected a valid integer",)),
    ("params.yaml", ("split", "folds"), 5.0, ("split.folds: found 5.0 (float); expected a valid integer",)),
    ("params.yaml", ("split", "folds"), None, ("split.folds: found None (NoneType); expected a valid integer",)),
    ("params.yaml", ("split", "seed"), False, ("split.seed: found False (bool); expected a valid integer",)),
    ("params.yaml", ("split", "cut"), datetime.date(2012, 10, 1), ("split.cut: found ", "(date)", "a valid string")),
    ("params.yaml", ("evaluate", "gate", "min_r2"), "0", ("evaluate.gate.min_r2: found '0' (str)", "valid number")),
    ("schema.yaml", ("fields",), {"bmi": "number"}, ("fields: found {'bmi': 'number'} (dict); expected a valid list",)),
    ("schema.yaml", ("fields", BMI), "bmi", ("fields.0: found 'bmi' (str); expected a valid dictionary",)),
    ("schema.yaml", ("fields", BMI, "name"), 3, ("name: found 3 (int); expected a valid string",)),
    ("schema.yaml", ("fields", BMI, "bareNumber"), "no", ("fields.bmi.bareNumber: found 'no' (str)", "boolean")),
    ("schema.yaml", ("fields", BMI, "constraints", "required"), 1, ("fields.bmi.constraints.required: found 1 (int)",)),
    ("schema.yaml", ("missingValues",), "NA", ("missingValues: found 'NA' (str); expected a valid list",)),
    ("schema.yaml", ("fields", TOWN, "categories"), [1.5], ("fields.town.categories.0: found 1.5 (float)",)),
]


@pytest.mark.parametrize(("file", "where", "value", "fragments"), WRONG_TYPES)
def test_wrong_type(workdir: Path, file: str, where: Location, value: Any, fragments: tuple[str, ...]) -> None:
    message = refusal(file, with_value(file, where, value))
    for fragment in fragments:
        assert fragment in message


OUT_OF_RANGE: list[Case] = [
    ("config.yaml", ("compute", "part_rows"), 0, ("compute.part_rows: found 0 (int)", "greater than or equal to 1")),
    ("config.yaml", ("compute", "workers"), 0, ("compute.workers: found 0 (int)", "greater than or equal to 1")),
    ("config.yaml", ("source", "uri"), "", ("source.uri: found '' (str)", "at least 1 character")),
    ("config.yaml", ("source", "delimiter"), ";;", ("source.delimiter: found ';;' (str)", "at most 1 character")),
    ("params.yaml", ("train", "l1_ratio"), 1.5, ("train.l1_ratio: found 1.5 (float)", "less than or equal to 1")),
    ("params.yaml", ("train", "l1_ratio"), -0.1, ("train.l1_ratio: found -0.1 (float)", "greater than or equal to 0")),
    ("params.yaml", ("train", "alpha"), 0, ("train.alpha: found 0 (int)", "greater than 0")),
    ("params.yaml", ("train", "l1_ratios"), [], ("train.l1_ratios: found [] (list)", "at least 1 item")),
    ("params.yaml", ("train", "l1_ratios"), [0.5, 0.0], ("train.l1_ratios.1: found 0.0 (float)", "greater than 0")),
    ("params.yaml", ("validate", "max_invalid_fraction"), 5, ("validate.max_invalid_fraction: found 5 (int)", "to 1")),
    ("params.yaml", ("split", "test_fraction"), 1.0, ("split.test_fraction: found 1.0 (float)", "less than 1")),
    ("params.yaml", ("split", "folds"), 1, ("split.folds: found 1 (int)", "greater than or equal to 2")),
    ("params.yaml", ("split", "folds"), 51, ("split.folds: found 51 (int)", "less than or equal to 50")),
    ("params.yaml", ("split", "seed"), -1, ("split.seed: found -1 (int)", "greater than or equal to 0")),
    ("params.yaml", ("features", "clip"), 0.5, ("features.clip: found 0.5 (float)", "less than 0.5")),
    ("params.yaml", ("evaluate", "coverage"), 0, ("evaluate.coverage: found 0 (int)", "greater than 0")),
    ("schema.yaml", ("fields", TOWN, "constraints"), {"minLength": -1}, ("fields.town.constraints.minLength", "-1")),
    ("schema.yaml", ("fields", TOWN, "constraints"), {"enum": []}, ("fields.town.constraints.enum: found [] (list)",)),
    ("schema.yaml", ("fields", BMI, "decimalChar"), ",,", ("fields.bmi.decimalChar: found ',,' (str)", "at most 1")),
    ("schema.yaml", ("fields", BMI, "name"), "", ("name: found '' (str)", "at least 1 character")),
]


@pytest.mark.parametrize(("file", "where", "value", "fragments"), OUT_OF_RANGE)
def test_out_of_range(workdir: Path, file: str, where: Location, value: Any, fragments: tuple[str, ...]) -> None:
    message = refusal(file, with_value(file, where, value))
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("train", "alpha"), float("inf")),
        (("train", "alpha"), float("nan")),
        (("train", "tol"), float("inf")),
        (("validate", "max_invalid_fraction"), float("nan")),
        (("evaluate", "gate", "min_r2"), float("nan")),
    ],
)
def test_not_a_finite_number(workdir: Path, where: Location, value: float) -> None:
    message = refusal("params.yaml", with_value("params.yaml", where, value))
    assert f"{dotted(where)}: found {value!r} (float)" in message


@pytest.mark.parametrize(
    ("file", "where", "wrong", "shown", "allowed", "right"),
    [
        ("config.yaml", ("compute", "backend"), "lokey", "compute.backend", "loky, threading, dask", "loky"),
        ("config.yaml", ("compute", "workers"), "atuo", "compute.workers", "auto", "auto"),
        ("params.yaml", ("split", "by"), "hsh", "split.by", "hash, group, time", "hash"),
        ("params.yaml", ("train", "rule"), "one-se", "train.rule", "best, one_se", "one_se"),
        ("params.yaml", ("train", "alpha"), "Auto", "train.alpha", "auto", "auto"),
        (
            "schema.yaml",
            ("fields", BMI, "role"),
            "featuer",
            "fields.bmi.role",
            "feature, target, id, group, time, ignore",
            "feature",
        ),
        (
            "schema.yaml",
            ("fields", BMI, "type"),
            "nubmer",
            "fields.bmi.type",
            "string, number, integer, boolean, date, datetime",
            "number",
        ),
        ("schema.yaml", ("fields", BMI, "leak"), "acknowleged", "fields.bmi.leak", "acknowledged", "acknowledged"),
    ],
)
def test_misspelt_word(
    workdir: Path, file: str, where: Location, wrong: str, shown: str, allowed: str, right: str
) -> None:
    message = refusal(file, with_value(file, where, wrong))
    assert f"{shown}: found {wrong!r}; allowed: {allowed}; did you mean {right}?" in message


def test_a_word_far_from_all_suggests_none(workdir: Path) -> None:
    message = refusal("params.yaml", with_value("params.yaml", ("split", "by"), "zzz"))
    assert message == "params.yaml: split.by: found 'zzz'; allowed: hash, group, time"


def test_every_problem_is_named_at_once(workdir: Path) -> None:
    content = with_value("params.yaml", ("split", "by"), "hsh")
    content["train"]["tol"] = -1
    content["export"]["chek_rows"] = 3
    message = refusal("params.yaml", content)
    assert "(and 2 more: " in message
    for fragment in ("split.by: found 'hsh'", "train.tol: found -1", "export.chek_rows: unknown key"):
        assert fragment in message


@pytest.mark.parametrize(
    ("file", "where", "value", "fragment"),
    [
        ("config.yaml", ("compute", "scheduler"), "tcp://a:1", "compute.scheduler is required with backend: dask"),
        ("config.yaml", ("compute", "backend"), "dask", "compute.scheduler is required with backend: dask"),
        ("params.yaml", ("split", "cut"), "2012-10-01", "split.cut is allowed only with by: time"),
    ],
)
def test_settings_that_do_not_go_together(workdir: Path, file: str, where: Location, value: str, fragment: str) -> None:
    assert fragment in refusal(file, with_value(file, where, value))


# ---------------------------------------------------------------- the file as a whole


@pytest.mark.parametrize("file", FILES)
def test_duplicate_key(workdir: Path, file: str) -> None:
    key = next(iter(load(file)))
    write(file, load(file))
    message = refusal(file, Path(file).read_text() + f"\n{key}: again\n")
    assert f'found duplicate key "{key}"' in message
    assert "line " in message


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ("a: [1, 2\n", "line 1"),
        ("\ta: 1\n", "line 1"),
        ("a: 1\n---\nb: 2\n", "single document"),
        (b"a: \xff\n", "0xff"),
        ("a: b: c\n", "line 1"),
    ],
    ids=["open list", "tab", "two documents", "not utf-8", "two colons"],
)
def test_not_yaml(workdir: Path, file: str, content: str | bytes, fragment: str) -> None:
    message = refusal(file, content)
    assert "not readable as YAML" in message
    assert fragment in message


def test_a_date_that_does_not_exist(workdir: Path) -> None:
    write("schema.yaml", load("schema.yaml"))
    content = Path("schema.yaml").read_text().replace("type: date", "type: date\n  example: 2015-02-30")
    assert "2015-02-30" in content
    refusal("schema.yaml", content)


@pytest.mark.parametrize("content", ["", "# nothing but a remark\n", "null\n"])
@pytest.mark.parametrize(
    ("file", "first"), [("config.yaml", "source"), ("params.yaml", "validate"), ("schema.yaml", "fields")]
)
def test_empty_file(workdir: Path, file: str, content: str, first: str) -> None:
    assert f"{first}: missing; add this key" in refusal(file, content)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(("content", "shown"), [("- 1\n", "found [1] (list)"), ("hello\n", "found 'hello' (str)")])
def test_not_a_mapping(workdir: Path, file: str, content: str, shown: str) -> None:
    message = refusal(file, content)
    assert f"the file: {shown}; expected a valid dictionary" in message


@pytest.mark.parametrize("file", FILES)
def test_missing_file(workdir: Path, file: str) -> None:
    Path(file).unlink()
    with pytest.raises(SettingsError) as caught:
        READERS[file]()
    assert str(caught.value) == f"{file}: not found; run from the repository's root, or `git restore {file}`"


# ---------------------------------------------------------------- YAML 1.2


@pytest.mark.parametrize("written", ["1e-05", "1e-5", "1E-5", "0.00001", "1.0e-5"])
def test_scientific_notation_is_a_number(workdir: Path, written: str) -> None:
    text = (ROOT / "params.yaml").read_text()
    assert "\n  tol: 0.000001\n" in text
    Path("params.yaml").write_text(text.replace("\n  tol: 0.000001\n", f"\n  tol: {written}\n"))
    tol = read_params("train.tol")
    assert type(tol) is float
    assert tol == 1e-5


def test_yes_and_no_are_words(workdir: Path) -> None:
    write("schema.yaml", load("schema.yaml"))
    text = Path("schema.yaml").read_text().replace("name: patients", "name: no").replace("- NA", "- off")
    schema = accepted("schema.yaml", text)
    assert schema.name == "no"
    assert schema.missingValues == ["", "off"]


def test_values_read(workdir: Path) -> None:
    Project(workdir).edit("params.yaml", train__alpha=0.1, validate__max_invalid_fraction=0.25)
    Project(workdir).edit("config.yaml", compute__part_rows=7, compute__workers=3, source__uri="data/source/a.csv")
    assert read_params("train.alpha") == 0.1
    assert read_params("validate").max_invalid_fraction == 0.25
    assert read_params("validate.max_invalid_fraction") == 0.25
    assert read_config().compute.workers == 3
    source, part_rows = read_source_settings()
    assert (source.uri, source.encoding, source.delimiter, part_rows) == ("data/source/a.csv", "utf-8", ",", 7)


# ---------------------------------------------------------------- schema.yaml


def with_fields(*fields: dict[str, Any]) -> dict[str, Any]:
    """A schema of these fields, each a number unless it says otherwise."""
    return {"fields": [{"type": "number", **field} for field in fields]}


X, Y = {"name": "x"}, {"name": "y", "role": "target"}


@pytest.mark.parametrize(
    ("fields", "fragments"),
    [
        ([X, Y, X], ["column x is described twice"]),
        ([X, {"name": "z"}], ["exactly one column has role: target; found none"]),
        ([X, Y, {"name": "z", "role": "target"}], ["exactly one column has role: target; found y, z"]),
        ([Y, {"name": "z", "role": "id"}], ["at least one column has role: feature; found none"]),
        ([Y], ["at least 2 items"]),
        (
            [X, Y, {"name": "g", "role": "group"}, {"name": "h", "role": "group"}],
            ["at most one column has role: group; found g, h"],
        ),
        ([X, {**Y, "type": "string"}], ["fields.y", "the target is a number or an integer; found string"]),
        ([X, {**Y, "type": "boolean"}], ["fields.y", "the target is a number or an integer; found boolean"]),
        ([X, {**Y, "type": "date"}], ["fields.y", "the target is a number or an integer; found date"]),
        ([X, {**Y, "type": "integer", "categories": [1, 2]}], ["fields.y", "the target is a number or an integer"]),
        (
            [{**X, "role": "time"}, Y, {"name": "z"}],
            ["fields.x", "role time goes with type date or datetime; found number"],
        ),
        ([{**X, "categories": ["a"]}, Y], ["fields.x", "categories go with type string or integer; found number"]),
        ([{**X, "name": "_line"}, Y], ["_line", "the pipeline uses this name itself"]),
        (
            [{**X, "constraints": {"minimum": "3"}}, Y],
            ["fields.x", "minimum and maximum of a number are numbers", "'3'"],
        ),
        (
            [{**X, "type": "string", "constraints": {"maximum": 3}}, Y],
            ["fields.x", "minimum and maximum go with numbers"],
        ),
        (
            [{**X, "type": "string", "constraints": {"pattern": "a("}}, Y],
            ["fields.x.constraints.pattern", "'a('", "is not a regular expression"],
        ),
    ],
)
def test_inconsistent_schema(workdir: Path, fields: list[dict[str, Any]], fragments: list[str]) -> None:
    message = refusal("schema.yaml", with_fields(*fields))
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize(
    "field",
    [
        {"type": "number", "constraints": {"pattern": "[0-9]"}},
        {"type": "number", "constraints": {"minLength": 2}},
        {"type": "integer", "constraints": {"maxLength": 2}},
        {"type": "boolean", "constraints": {"maxLength": 2}},
        {"type": "date", "constraints": {"maxLength": 2}},
        {"type": "number", "constraints": {"enum": ["low", "high"]}},
        {"type": "date", "constraints": {"minimum": "soon"}},
        {"type": "date", "constraints": {"minimum": 5}},
        {"type": "date", "constraints": {"enum": ["soon"]}},
        {"type": "date", "format": "%Q"},
        {"type": "number", "groupChar": "."},
        {"type": "number", "decimalChar": ",", "groupChar": ","},
    ],
    ids=str,
)
def test_what_does_not_go_with_the_type(workdir: Path, field: dict[str, Any]) -> None:
    """Refused when the file is read: no cell could be checked against it."""
    message = refusal("schema.yaml", with_fields({**X, **field}, Y))
    assert "x" in message.removeprefix("schema.yaml: fields.").split(":")[0]


def test_bounds_of_dates_may_be_unquoted(workdir: Path) -> None:
    bounds = {"minimum": datetime.date(2012, 1, 1), "maximum": "2012-12-31"}
    moments = {"minimum": datetime.datetime(2012, 1, 1, 3), "maximum": "2012-12-31T04:00"}
    fields = [
        {**X, "type": "date", "constraints": bounds},
        {"name": "t", "type": "datetime", "constraints": moments},
        Y,
    ]
    schema = accepted("schema.yaml", with_fields(*fields))
    assert schema.column("x").constraints.minimum == datetime.date(2012, 1, 1)
    assert schema.column("t").constraints.minimum == datetime.datetime(2012, 1, 1, 3)


def frictionless_errors(descriptor: dict[str, Any]) -> list[str]:
    """What the reference implementation finds wrong with a Table Schema descriptor."""
    from frictionless import FrictionlessException, Schema

    try:
        return [str(error.note) for error in Schema.metadata_validate(descriptor)]
    except FrictionlessException as error:
        return [str(error)]


FULL: dict[str, Any] = {
    "name": "visits",
    "title": "Visits",
    "description": "every property that a field may have",
    "missingValues": ["", "NA", "-"],
    "fields": [
        {"name": "visit", "type": "string", "role": "id", "constraints": {"required": True, "unique": True}},
        {"name": "clinic", "type": "string", "role": "group", "constraints": {"enum": ["a", "b"]}},
        {"name": "day", "type": "date", "role": "time", "format": "%d/%m/%Y", "constraints": {"minimum": "2012-01-01"}},
        {"name": "at", "type": "datetime", "role": "ignore", "example": "2012-01-01T10:00:00Z"},
        {
            "name": "cost",
            "title": "Cost",
            "description": "of the visit",
            "type": "number",
            "unit": "EUR",
            "leak": "acknowledged",
            "decimalChar": ",",
            "groupChar": ".",
            "bareNumber": False,
            "constraints": {"required": True, "minimum": 0, "maximum": 1e6},
        },
        {"name": "stage", "type": "integer", "categories": [1, 2, 3]},
        {
            "name": "kind",
            "type": "string",
            "categories": [{"value": "x", "label": "X-ray"}, {"value": "m", "label": "MRI"}],
        },
        {"name": "code", "type": "string", "constraints": {"pattern": "[A-Z]{2}", "minLength": 2, "maxLength": 2}},
        {"name": "smoker", "type": "boolean", "trueValues": ["yes"], "falseValues": ["no"]},
        {"name": "score", "type": "number", "role": "target", "constraints": {"required": True}},
    ],
}


def test_the_repository_has_a_valid_table_schema() -> None:
    assert frictionless_errors(YAML(typ="safe").load((ROOT / "schema.yaml").read_text())) == []


def test_a_schema_of_every_property_is_valid_to_both(workdir: Path) -> None:
    schema = accepted("schema.yaml", FULL)
    assert schema.names() == [field["name"] for field in FULL["fields"]]
    assert schema.target.name == "score"
    assert [column.name for column in schema.inputs] == ["day", "cost", "stage", "kind", "code", "smoker"]
    assert schema.column("kind").levels == ["x", "m"]
    assert schema.column("stage").levels == ["1", "2", "3"]
    assert schema.column("cost").label == "Cost (EUR)"
    assert frictionless_errors(copy.deepcopy(FULL)) == []


def test_the_reference_implementation_can_refuse() -> None:
    assert "nubmer" in frictionless_errors({"fields": [{"name": "x", "type": "nubmer"}]})[0]
    wrong = {"fields": [{"name": "x", "type": "number", "constraints": {"pattern": "x"}}]}
    assert "pattern" in frictionless_errors(wrong)[0]


# ---------------------------------------------------------------- as a stage shows it


def test_a_stage_says_it_in_one_line(project: Project) -> None:
    path = project.path / "config.yaml"
    path.write_text(path.read_text() + "\nsource: again\n")  # the YAML parser's own message has many lines
    done = project.stage("ingest")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("ingest    config.yaml: not readable as YAML: ")
    assert 'found duplicate key "source"' in line
    assert done.stdout == ""


def test_unknown_log_level(project: Project) -> None:
    done = project.stage("ingest", env={"LOG_LEVEL": "loud"})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("LOG_LEVEL: found 'LOUD'; allowed: DEBUG, INFO, WARNING, ERROR")
    assert not (project.path / "data/raw").exists()


def test_log_level_is_of_the_console_only(project: Project) -> None:
    project.use_table(
        "x,y\n1,2\n", [{"name": "x", "type": "number"}, {"name": "y", "type": "number", "role": "target"}]
    )
    done = project.stage("ingest", check=True, env={"LOG_LEVEL": "error"})
    assert (done.stdout, done.stderr) == ("", "")
    logged = (project.path / "logs/ingest.log").read_text()
    assert "INFO    ingest: data/source/table.csv: 1 rows in 1 part" in logged
    assert "DEBUG   stages.utils.config: takes config.yaml:source config.yaml:compute.part_rows" in logged

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
from tests.helpers.project import ROOT, Project, Workspace

READERS: dict[str, Callable[[], Any]] = {
    "config.yaml": lambda: read_settings(Path("config.yaml"), Config),
    "params.yaml": lambda: read_settings(Path("params.yaml"), Params),
    "schema.yaml": read_schema,
}
FILES = sorted(READERS)
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


def find(content: Any, key: str) -> tuple[Any, Any]:
    """The list or mapping that holds a dotted key, and the last step; a column is called by its name."""
    *steps, last = key.split(".")
    for step in steps:
        content = content[position(content, step)]
    return content, position(content, last)


def position(content: Any, step: str) -> Any:
    """A step of a dotted key as an index."""
    if not isinstance(content, list):
        return step
    return int(step) if step.isdigit() else [item["name"] for item in content].index(step)


def with_value(file: str, key: str, value: Any) -> Any:
    """The right settings with one value put in."""
    content = load(file)
    place, last = find(content, key)
    place[last] = value
    return content


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


# ---------------------------------------------------------------- keys and values


@pytest.mark.parametrize("file", FILES)
def test_right_settings_are_accepted(workdir: Path, file: str) -> None:
    accepted(file, load(file))


KEYS = {
    "config.yaml": "source source.encoding compute.part_rows",
    "params.yaml": "validate validate.max_invalid_fraction split.test_fraction explore.sample_rows "
    "features.min_frequency train.l1_ratio evaluate.bootstrap evaluate.gate.min_coverage export.check_rows",
    "schema.yaml": "missingValues fields.bmi.decimalChar fields.bmi.constraints.minimum fields.town.categories.0.label",
}


@pytest.mark.parametrize(("file", "right"), [(file, key) for file, keys in KEYS.items() for key in keys.split()])
def test_unknown_key(workdir: Path, file: str, right: str) -> None:
    wrong = right[:-1] + "q"
    message = refusal(file, with_value(file, wrong, 1))
    assert f"{wrong}: unknown key; allowed: " in message
    assert f"did you mean {right.rpartition('.')[2]}?" in message


REQUIRED = {
    "config.yaml": "source source.uri",
    "params.yaml": "train train.alpha evaluate.gate.min_r2",
    "schema.yaml": "fields fields.bmi.type",
}


@pytest.mark.parametrize(("file", "key"), [(file, key) for file, keys in REQUIRED.items() for key in keys.split()])
def test_missing_key(workdir: Path, file: str, key: str) -> None:
    content = load(file)
    place, last = find(content, key)
    del place[last]
    assert f"{key}: missing; add this key" in refusal(file, content)


INF, NAN = float("inf"), float("nan")
LIMITS = "fields.town.constraints"
WRONG: dict[str, list[tuple[str, Any, str]]] = {  # key, value and words of the message
    "config.yaml": [
        ("source.uri", 5, "expected a valid string"),
        ("compute.workers", "2", "expected a valid integer … auto"),
        ("compute.workers", True, "integer … allowed: auto"),
        ("compute.part_rows", True, "expected a valid integer"),
        ("compute.part_rows", 1e5, "expected a valid integer"),
        ("compute", None, "expected a valid dictionary"),
        ("compute.part_rows", 0, "greater than or equal to 1"),
        ("compute.workers", 0, "greater than or equal to 1"),
        ("source.uri", "", "at least 1 character"),
        ("source.delimiter", ";;", "at most 1 character"),
    ],
    "params.yaml": [
        ("train.l1_ratio", "0.5", "expected a valid number … auto"),
        ("train.l1_ratio", True, "expected a valid number"),
        ("train.tol", "1e-5", "expected a valid number"),
        ("train.l1_ratios", 0.5, "expected a valid list"),
        ("train.l1_ratios.1", "1", "expected a valid number"),
        ("split.folds", "5", "expected a valid integer"),
        ("split.folds", 5.0, "expected a valid integer"),
        ("split.folds", None, "expected a valid integer"),
        ("split.seed", False, "expected a valid integer"),
        ("split.cut", datetime.date(2012, 10, 1), "a valid string"),
        ("evaluate.gate.min_r2", "0", "valid number"),
        ("train.l1_ratio", 1.5, "less than or equal to 1"),
        ("train.l1_ratio", -0.1, "greater than or equal to 0"),
        ("train.alpha", 0, "greater than 0"),
        ("train.l1_ratios", [], "at least 1 item"),
        ("train.l1_ratios.1", 0.0, "greater than 0"),
        ("validate.max_invalid_fraction", 5, "less than or equal to 1"),
        ("split.test_fraction", 1.0, "less than 1"),
        ("split.folds", 1, "greater than or equal to 2"),
        ("split.folds", 51, "less than or equal to 50"),
        ("split.seed", -1, "greater than or equal to 0"),
        ("features.clip", 0.5, "less than 0.5"),
        ("evaluate.coverage", 0, "greater than 0"),
        ("evaluate.gate.min_worst_group_coverage", 90, "less than or equal to 1"),
        *[(key, value, "") for key in ("train.alpha", "validate.max_invalid_fraction", "evaluate.gate.min_r2")
          for value in (INF, NAN)],
        ("train.tol", INF, ""),
    ],
    "schema.yaml": [
        ("fields", {"bmi": "number"}, "expected a valid list"),
        ("fields.bmi.bareNumber", "no", "boolean"),
        ("fields.bmi.constraints.required", 1, ""),
        ("missingValues", "NA", "expected a valid list"),
        ("fields.town.categories", [1.5], "fields.town.categories.0: found 1.5 (float)"),
        ("fields.bmi", "bmi", "fields.0: found 'bmi' (str); expected a valid dictionary"),
        ("fields.bmi.name", 3, "name: found 3 (int); expected a valid string"),
        ("fields.bmi.name", "", "name: found '' (str) … at least 1 character"),
        (LIMITS, {"minLength": -1}, f"{LIMITS}.minLength: found -1"),
        (LIMITS, {"enum": []}, f"{LIMITS}.enum: found [] (list)"),
        ("fields.bmi.decimalChar", ",,", "at most 1"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "key", "value", "words"), [(file, *case) for file, cases in WRONG.items() for case in cases]
)
def test_wrong_value(workdir: Path, file: str, key: str, value: Any, words: str) -> None:
    """A wrong type, or a value out of range; none is converted silently."""
    message = refusal(file, with_value(file, key, value))
    if "found" not in words:
        shown = "(date)" if isinstance(value, datetime.date) else f"{value!r} ({type(value).__name__})"
        assert f"{key}: found " in message
        assert shown in message
    for part in words.split(" … "):
        assert part in message


@pytest.mark.parametrize(
    ("file", "key", "wrong", "allowed", "right"),
    [
        ("config.yaml", "compute.backend", "thread", "threads, processes, dask", "threads"),
        ("config.yaml", "compute.workers", "atuo", "auto", "auto"),
        ("params.yaml", "split.by", "hsh", "hash, group, time", "hash"),
        ("params.yaml", "train.rule", "one-se", "best, one_se", "one_se"),
        ("params.yaml", "train.alpha", "Auto", "auto", "auto"),
        ("params.yaml", "evaluate.intervals", "scald", "scaled, binned", "scaled"),
        (
            "schema.yaml",
            "fields.bmi.role",
            "featuer",
            "feature, target, id, group, time, weight, exposure, ignore",
            "feature",
        ),
        ("schema.yaml", "fields.bmi.type", "nubmer", "string, number, integer, boolean, date, datetime", "number"),
        ("schema.yaml", "fields.bmi.monotone", "increasin", "increasing, decreasing", "increasing"),
        ("schema.yaml", "fields.bmi.leak", "acknowleged", "acknowledged", "acknowledged"),
    ],
)
def test_misspelt_word(workdir: Path, file: str, key: str, wrong: str, allowed: str, right: str) -> None:
    message = refusal(file, with_value(file, key, wrong))
    assert f"{key}: found {wrong!r}; allowed: {allowed}; did you mean {right}?" in message


def test_a_word_far_from_all_suggests_none(workdir: Path) -> None:
    message = refusal("params.yaml", with_value("params.yaml", "split.by", "zzz"))
    assert message == "params.yaml: split.by: found 'zzz'; allowed: hash, group, time"


def test_every_problem_is_named_at_once(workdir: Path) -> None:
    content = with_value("params.yaml", "split.by", "hsh")
    content["train"]["tol"] = -1
    content["export"]["chek_rows"] = 3
    message = refusal("params.yaml", content)
    assert "(and 2 more: " in message
    for fragment in ("split.by: found 'hsh'", "train.tol: found -1", "export.chek_rows: unknown key"):
        assert fragment in message


@pytest.mark.parametrize(
    ("file", "key", "value", "fragment"),
    [
        ("config.yaml", "compute.scheduler", "tcp://a:1", "compute.scheduler is required with backend: dask"),
        ("config.yaml", "compute.backend", "dask", "compute.scheduler is required with backend: dask"),
        ("params.yaml", "split.cut", "2012-10-01", "split.cut is allowed only with by: time"),
    ],
)
def test_settings_that_exclude_each_other(workdir: Path, file: str, key: str, value: str, fragment: str) -> None:
    assert fragment in refusal(file, with_value(file, key, value))


# ---------------------------------------------------------------- the file as a whole


@pytest.mark.parametrize("file", FILES)
def test_duplicate_key(workdir: Path, file: str) -> None:
    key = next(iter(load(file)))
    write(file, load(file))
    message = refusal(file, Path(file).read_text() + f"\n{key}: again\n")
    assert f'found duplicate key "{key}"' in message
    assert "line " in message


FIRST = {"config.yaml": "source", "params.yaml": "validate", "schema.yaml": "fields"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        *[(content, "not readable as YAML … line 1") for content in ("a: [1, 2\n", "\ta: 1\n", "a: b: c\n")],
        ("a: 1\n---\nb: 2\n", "not readable as YAML … single document"),
        (b"a: \xff\n", "not readable as YAML … 0xff"),
        *[(content, "FIRST: missing; add this key") for content in ("", "# nothing but a remark\n", "null\n")],
        ("- 1\n", "the file: found [1] (list); expected a valid dictionary"),
        ("hello\n", "the file: found 'hello' (str); expected a valid dictionary"),
    ],
)
def test_file_of_another_kind(workdir: Path, file: str, content: str | bytes, words: str) -> None:
    message = refusal(file, content)
    for part in words.replace("FIRST", FIRST[file]).split(" … "):
        assert part in message


def test_a_date_that_does_not_exist(workdir: Path) -> None:
    write("schema.yaml", load("schema.yaml"))
    content = Path("schema.yaml").read_text().replace("type: date", "type: date\n  example: 2015-02-30")
    assert "2015-02-30" in content
    refusal("schema.yaml", content)


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


X, Y, Z = {"name": "x"}, {"name": "y", "role": "target"}, {"name": "z"}
GROUPS = [{"name": name, "role": "group"} for name in "gh"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([X, Y, X], "column x is described twice"),
        ([X, Z], "exactly one column has role: target; found none"),
        ([X, Y, {**Z, "role": "target"}], "exactly one column has role: target; found y, z"),
        ([Y, {**Z, "role": "id"}], "at least one column has role: feature; found none"),
        ([Y], "at least 2 items"),
        ([X, Y, *GROUPS], "at most one column has role: group; found g, h"),
        ([X, Y, *({**group, "role": "weight"} for group in GROUPS)], "at most one column has role: weight; found g, h"),
        ([X, Y, {**Z, "type": "string", "role": "weight"}], "role weight goes with … found string"),
        ([X, Y, *({**group, "role": "exposure"} for group in GROUPS)], "at most one … role: exposure; found g, h"),
        *[([X, Y, {**Z, **kind, "role": "exposure"}], "fields.z … role exposure goes with type number or integer")
          for kind in ({"type": "string"}, {"type": "boolean"}, {"type": "integer", "categories": [1, 2]})],
        ([X, {**Y, "role": ["target", "exposure"]}], "fields.y.role … exposure … ['target', 'exposure']"),
        *[([X, {**Y, "type": kind}], f"fields.y … the target is a number or an integer; found {kind}")
          for kind in ("string", "boolean", "date")],
        ([X, {**Y, "type": "integer", "categories": [1, 2]}], "fields.y … the target is a number or an integer"),
        ([{**X, "role": "time"}, Y, Z], "fields.x … role time goes with type date or datetime; found number"),
        ([{**X, "categories": ["a"]}, Y], "fields.x … categories go with type string or integer; found number"),
        ([{**X, "name": "_line"}, Y], "_line … the pipeline uses this name itself"),
        ([{**X, "constraints": {"minimum": "3"}}, Y], "fields.x … minimum and maximum of a number are numbers … '3'"),
        ([{**X, "type": "string", "constraints": {"maximum": 3}}, Y], "fields.x … minimum and maximum go with numbers"),
        ([{**X, "type": "string", "constraints": {"pattern": "a("}}, Y],
         "fields.x.constraints.pattern … 'a(' … is not a regular expression"),
        # no cell could be checked against these
        *[([{**X, "type": kind, "constraints": limits}, Y], "fields.x") for kind, limits in [
            ("number", {"pattern": "[0-9]"}), ("number", {"minLength": 2}), ("number", {"enum": ["low", "high"]}),
            ("integer", {"maxLength": 2}), ("boolean", {"maxLength": 2}), ("date", {"maxLength": 2}),
            ("date", {"minimum": "soon"}), ("date", {"minimum": 5}), ("date", {"enum": ["soon"]}),
        ]],
        ([{**X, "type": "date", "format": "%Q"}, Y], "fields.x … format"),
        ([{**X, "type": "string", "categoriesOrdered": True}, Y], "categoriesOrdered: true needs … found none"),
        ([{**X, "type": "string", "monotone": "increasing"}, Y], "monotone goes with numbers … found string"),
        ([{**X, "type": "string", "categories": ["a", "b"], "monotone": "increasing"}, Y],
         "monotone goes with … ordered levels; found categories without categoriesOrdered: true"),
        ([X, {**Y, "monotone": "increasing"}], "monotone goes with role: feature; found target"),
        ([{**X, "groupChar": "."}, Y], "fields.x … groupChar"),
        ([{**X, "decimalChar": ",", "groupChar": ","}, Y], "fields.x … groupChar"),
    ],
)  # fmt: skip
def test_inconsistent_schema(workdir: Path, fields: list[dict[str, Any]], words: str) -> None:
    message = refusal("schema.yaml", with_fields(*fields))
    for part in words.split(" … "):
        assert part in message


def test_a_monotone_column_is_in_no_required_pair(workdir: Path) -> None:
    fields = with_fields({**X, "monotone": "increasing"}, Y, Z)
    said = refusal("schema.yaml", {**fields, "interactions": {"require": [["z", "x"]]}})
    assert "interactions.require: x is monotone, so no pair may have it; delete either" in said


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
    """The errors that the reference implementation finds in a Table Schema descriptor."""
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
            "monotone": "increasing",
            "decimalChar": ",",
            "groupChar": ".",
            "bareNumber": False,
            "constraints": {"required": True, "minimum": 0, "maximum": 1e6},
        },
        {"name": "stage", "type": "integer", "categories": [1, 2, 3], "categoriesOrdered": True},
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


def test_a_stage_fails_in_one_line(workspace: Workspace) -> None:
    path = workspace.path / "config.yaml"
    path.write_text(path.read_text() + "\nsource: again\n")  # the YAML parser's own message has many lines
    done = workspace.stage("ingest")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("ingest    config.yaml: not readable as YAML: ")
    assert 'found duplicate key "source"' in line


def test_unknown_log_level(workspace: Workspace) -> None:
    done = workspace.stage("ingest", env={"LOG_LEVEL": "loud"})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("LOG_LEVEL: found 'LOUD'; allowed: DEBUG, INFO, WARNING, ERROR")
    assert not (workspace.path / "data/raw").exists()


def test_log_level_is_that_of_the_console(workspace: Workspace) -> None:
    workspace.use_table("x,y\n1,2\n", [{"type": "number", **field} for field in (X, Y)])
    done = workspace.stage("ingest", check=True, env={"LOG_LEVEL": "error"})
    assert (done.stdout, done.stderr) == ("", "")
    logged = (workspace.path / "logs/ingest.log").read_text()
    assert "INFO    ingest: data/source/table.csv: 1 rows in 1 part" in logged
    assert "DEBUG   stages.utils.config: takes config.yaml:source config.yaml:compute.part_rows" in logged

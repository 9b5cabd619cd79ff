"""The model card is whole Markdown and states the metrics, the pinned hashes, the quarantine and the verdicts."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages.evaluation.metrics import MODELS
from stages.model_card.effect_ranges import effect_ends
from stages.model_card.markdown import code, plain
from stages.utils.files import md5_of_directory
from tests.helpers.markdown import Section, parse_sections
from tests.helpers.project import ROOT, Project
from webapp.formatting import fixed, percent, short, with_interval
from webapp.scoring.scorecard import Calendar, Curve, Levels

CARD = "models/MODEL_CARD.md"
TABLES = {
    "Data": 1,
    "Metrics": 1,
    "Prediction intervals": 1,
    "Gate": 1,
    "Effects": 1,
    "Reproduce": 2,
}


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / CARD).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def card(text: str) -> dict[str, Section]:
    return parse_sections(text)


def metrics(name: str) -> Any:
    return json.loads((ROOT / f"metrics/{name}.json").read_text())


def check_markdown(sections: dict[str, Section], tables: dict[str, int]) -> None:
    """Every table parses as one, with as many cells in each row as its head has, and no markup is left in the text."""
    assert {name: len(section.tables) for name, section in sections.items() if section.tables} == tables
    for name, section in sections.items():
        assert not re.search(r"\||\*\*|`|\{|^- ", section.text, re.M), (name, section.text)
        for head, *rows in section.tables:
            assert rows, name
            assert {len(row) for row in rows} == {len(head)}, name


def test_card_is_whole_markdown(card: dict[str, Section]) -> None:
    check_markdown(card, TABLES)
    assert list(card)[1:] == [
        "Intended use", "Data", "Quarantine", "Metrics", "Prediction intervals", "Gate", "Leakage audit", "Effects",
        "Limits and known gaps", "Reproduce",
    ]  # fmt: skip


def test_card_states_exactly_the_metrics(card: dict[str, Section]) -> None:
    test, train = metrics("test"), metrics("train")
    assert card["Metrics"].tables[0][1:] == [
        [name, *(with_interval(test[key], metric) for metric in ("rmse", "mae", "r2"))] for key, name in MODELS.items()
    ]
    assert f"RMSE {short(train['cv_rmse'])}, R² {fixed(train['cv_r2'], 3)}" in card["Metrics"].text
    intervals, section = test["intervals"], card["Prediction intervals"]
    assert f"{percent(intervals['coverage'], 1)} (± {percent(intervals['coverage_se'], 1)}" in section.text
    bins = pd.read_csv(ROOT / "plots/coverage.csv")
    assert [row[2:4] for row in section.tables[0][1:]] == [
        [str(row["rows"]), percent(row["coverage"], 1)] for row in bins.to_dict("records")
    ]


def test_card_states_the_gate_and_the_split(card: dict[str, Section]) -> None:
    gate, split = metrics("test")["gate"], metrics("split")
    verdicts = {row[0]: row[4] for row in card["Gate"].tables[0][1:]}
    in_words = {True: "passed", False: "failed", None: "switched off"}
    assert verdicts == {name: in_words[gate[name]] for name in gate if name != "passed"}
    assert card["Gate"].text.startswith("Passed." if gate["passed"] else "Failed.")
    facts = dict(card["Data"].tables[0][1:])
    assert facts["training"].startswith(f"{split['train']:,} rows in {len(split['folds'])} folds")
    assert facts["test"].startswith(f"{split['test']:,} rows")


def test_card_names_the_bytes_that_the_lock_pins(card: dict[str, Section]) -> None:
    lock = YAML(typ="safe").load(ROOT / "dvc.lock")["stages"]
    [raw] = [out for out in lock["ingest"]["outs"] if out["path"] == "data/raw"]
    assert f"{raw['size']:,} bytes, md5 {raw['md5']} " in dict(card["Data"].tables[0][1:])["as ingested"]
    [served] = [out for out in lock["export"]["outs"] if out["path"] == "models/scorecard.json"]
    assert card["Reproduce"].tables[0][1:] == [["models/scorecard.json", served["md5"]]]


def test_card_has_no_date_host_or_path_of_this_machine(text: str) -> None:
    assert not re.search(r"\b20[2-9]\d-\d\d|\d\d:\d\d:\d\d|file://", text)
    for place in (ROOT, Path.home(), Path(tempfile.gettempdir())):
        assert str(place) not in text


@pytest.mark.slow
def test_effects_are_those_of_the_scorecard(built: Project) -> None:
    stated = {row[0]: row for row in parse_sections((built.path / CARD).read_text())["Effects"].tables[0][1:]}
    served = json.loads((built.path / "models/scorecard.json").read_text())
    assert stated.keys() == {column["name"] for column in served["columns"]}
    bmi = next(column["effect"] for column in served["columns"] if column["name"] == "bmi")
    low, high = min(bmi["values"]), max(bmi["values"])
    at_high = short(bmi["knots"][bmi["values"].index(high)])
    assert (stated["bmi"][2], *stated["bmi"][4:]) == (short(low, 3), short(high, 3), at_high)


def test_the_ends_of_a_date_are_sums_over_its_parts() -> None:
    days = Curve(knots=[0.0, 30.0], values=[-1.0, 2.0], missing=0.0)
    month, idle = (Levels(values=values, other=0.0, missing=0.0) for values in ({"1": 0.5, "2": -0.5}, {"0": 0.0}))
    effect = Calendar(start="2024-01-01T00:00:00", days=days, month=month, weekday=idle, hour=idle)
    assert effect_ends(effect, {}) == [
        (-1.5, "month 2, day 0 since 2024-01-01"),
        (2.5, "month 1, day 30 since 2024-01-01"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ({"transform": "log", "factor": 1.1}, "multiplies the typical prediction of 8.154 by: its"),
        ({"transform": "log1p", "factor": 1.1}, "multiplies 1 + the prediction by, typically 7.413 before the factor"),
        ({"transform": "sqrt", "factor": 1.0}, "adds to the square root of the prediction, on average 2.003: its"),
    ],
)
def test_card_says_what_effects_are_on_a_scale(built: Project, scale: dict[str, Any], said: str) -> None:
    for path, change in (("metrics/train.json", {"target": scale["transform"]}), ("models/scorecard.json", {})):
        content = json.loads((built.path / path).read_text()) | change
        if not change:
            content |= {"intercept": 2.0032, "target": content["target"] | scale}
        (built.path / path).write_text(json.dumps(content))
    built.stages("card")
    card = parse_sections((built.path / CARD).read_text(encoding="utf-8"))
    check_markdown(card, TABLES)
    assert said in card["Effects"].text
    assert f"multiplied by {scale['factor']:g}" in card["Intended use"].text


@pytest.mark.slow
def test_card_names_columns_to_look_at(built: Project) -> None:
    audit = built.path / "metrics/audit.json"
    suspicious = [{"columns": ["s1", "s2"], "r2": 0.9876}]
    audit.write_text(
        json.dumps(json.loads(audit.read_text()) | {"suspicious": suspicious, "near_copies": [["s1", "s2"]]})
    )
    built.stages("card")
    card = parse_sections((built.path / CARD).read_text(encoding="utf-8"))
    check_markdown(card, TABLES)
    assert "s1, s2 explain 98.8% of the target's variance" in card["Leakage audit"].text
    assert "Nearly the same: s1, s2." in card["Effects"].text


@pytest.mark.slow
def test_card_says_where_each_pair_matters_most(built: Project) -> None:
    """Of a number and levels it leaves out the ends, where hardly a row is."""
    bmi = {"column": "bmi", "part": None, "start": None, "knots": [20.0, 30.0, 40.0], "levels": []}
    sex = {"column": "sex", "part": None, "start": None, "knots": [], "levels": ["1", "2"]}
    values = [[1.0, -1.0, 0.0, 0.0], [-4.0, 42.0, 0.0, 0.0], [0.0, -500.0, 0.0, 0.0], [0.0] * 4]
    rows = [[80.0, 80.0, 0.0, 0.0], [90.0, 90.0, 0.0, 0.0], [11.0, 2.0, 0.0, 0.0], [0.0] * 4]
    scorecard = built.path / "models/scorecard.json"
    served = json.loads(scorecard.read_text())
    served["surfaces"] = [{"axes": [sex, bmi], "values": transposed(values), "rows": transposed(rows)}] * 14
    for weight, surface in enumerate(served["surfaces"]):
        served["surfaces"][weight] = {**surface, "sd": float(weight), "folds": 0.8}
    scorecard.write_text(json.dumps(served))
    built.stages("card")
    text = parse_sections((built.path / CARD).read_text(encoding="utf-8"))["Interactions"].text
    train = json.loads((built.path / "metrics/train.json").read_text())
    share = 13**2 * (1 - train["cv_r2"]) / train["cv_rmse"] ** 2
    assert f"bmi and sex ({percent(share, 1)}, 4 of 5): at bmi 30, sex 2 adds 42." in text
    assert (text.count("at bmi 30"), "2 more in models/scorecard.json" in text) == (12, True)


def transposed(matrix: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*matrix, strict=True)]


@pytest.mark.slow
def test_card_of_a_table_with_quarantine_levels_dates_and_a_failed_gate(built: Project) -> None:
    days = pd.date_range("2024-01-01", periods=300, freq="D").strftime("%Y-%m-%d")
    table_of = pd.DataFrame({"day": days, "kind": ["a|b", "`c`", "<d>"] * 100, "y": [n * 7 % 11 for n in range(300)]})
    table_of.loc[5:9, "kind"] = "unheard of"
    fields: list[dict[str, Any]] = [
        {"name": "day", "type": "date"},
        {"name": "kind", "type": "string", "constraints": {"enum": ["a|b", "`c`", "<d>"]}},
        {"name": "y", "type": "number", "role": "target", "title": "Cost [per unit]", "unit": "$"},
    ]
    built.use_table(table_of.to_csv(index=False) + ",,\n", fields)
    built.stages("ingest", "validate", "split", "features", "interactions", "train", "evaluate", "export", "card")
    before = (built.path / CARD).read_text(encoding="utf-8")
    card = parse_sections(before)
    check_markdown(card, {name: count for name, count in TABLES.items() if name != "Effects"} | {"Quarantine": 1})
    assert "Model card: Cost [per unit]" in card
    assert "Cost [per unit] ($)" in card["Intended use"].text
    assert dict(card["Data"].tables[0][1:])["as ingested"].startswith("300 rows (and 1 blank row, left out)")
    assert card["Quarantine"].text.startswith("5 of 300 rows (1.67%)")
    [[column, check, cells, example]] = card["Quarantine"].tables[0][1:]
    assert (column, check, cells) == ("kind", "enum", "5")
    assert "unheard of" in example
    assert card["Effects"].text == "Without effect: day, kind.\n"
    assert "failed" in {row[4] for row in card["Gate"].tables[0][1:]}
    assert "do not show that the model beats the mean" in card["Limits and known gaps"].text
    built.stages("card")
    assert (built.path / CARD).read_text(encoding="utf-8") == before


@pytest.mark.slow
def test_a_directory_has_the_hash_that_dvc_gives_it(built: Project) -> None:
    lock = YAML(typ="safe").load(built.path / "dvc.lock")["stages"]
    for stage, path in (("ingest", "data/raw"), ("split", "data/train"), ("report", "plots/report")):
        [out] = [out for out in lock[stage]["outs"] if out["path"] == path]
        assert md5_of_directory(built.path / path) == (out["md5"], out["size"])


def test_markdown_is_escaped() -> None:
    assert plain("a|b_c*\n<d>") == "a\\|b\\_c\\* \\<d\\>"
    assert code("a`b|c") == "`a'b\\|c`"
    assert [code(value) for value in (None, True, 0.5)] == ["`null`", "`true`", "`0.5`"]

"""The model card states the metrics, the hashes that dvc.lock pins, what was quarantined and the verdicts: no more."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages.evaluation.metrics import MODELS
from stages.model_card.markdown import code, plain, table
from stages.utils.files import md5_of_directory
from tests.conftest import ROOT, Project

CARD = "models/MODEL_CARD.md"


def section(text: str, title: str) -> str:
    """The body of a section of the card."""
    found = re.search(rf"^## {re.escape(title)}\n\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert found, title
    return found[1]


def rows(body: str) -> list[list[str]]:
    """The cells of the first table in a section, without its head."""
    lines = [line for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def numbers(text: str) -> list[float]:
    """The numbers in a cell."""
    return [float(number.replace(",", "")) for number in re.findall(r"-?\d[\d,]*\.?\d*(?:e[+-]\d+)?", text)]


def four(value: float) -> float:
    """A number as the card writes it."""
    return float(f"{value:.4g}")


@pytest.fixture(scope="module")
def card() -> str:
    return (ROOT / CARD).read_text(encoding="utf-8")


def metrics(name: str) -> Any:
    return json.loads((ROOT / f"metrics/{name}.json").read_text())


def test_card_states_exactly_the_metrics(card: str) -> None:
    test, train = metrics("test"), metrics("train")
    stated = rows(section(card, "Metrics"))
    assert [row[0].strip("*") for row in stated] == list(MODELS.values())
    for (_, *cells), name in zip(stated, MODELS, strict=True):
        for cell, metric in zip(cells, ("rmse", "mae", "r2"), strict=True):
            assert numbers(cell) == [four(test[name][metric + end]) for end in ("", "_low", "_high")]
    cv = section(card, "Metrics").split("Cross-validated")[1]
    assert numbers(cv.replace("R²", ""))[:2] == [four(train["cv_rmse"]), four(train["cv_r2"])]
    intervals = test["intervals"]
    assert f"{intervals['coverage']:.1%} (± {intervals['coverage_se']:.1%}" in section(card, "Prediction intervals")
    bins = pd.read_csv(ROOT / "plots/coverage.csv")
    assert [row[2] for row in rows(section(card, "Prediction intervals"))] == [str(count) for count in bins["rows"]]
    assert [row[3] for row in rows(section(card, "Prediction intervals"))] == [
        f"{share:.1%}" for share in bins["coverage"]
    ]


def test_card_states_the_gate_and_the_split(card: str) -> None:
    gate, split = metrics("test")["gate"], metrics("split")
    verdicts = {row[0].strip("`"): row[4] for row in rows(section(card, "Gate"))}
    assert verdicts == {name: "passed" if gate[name] else "**failed**" for name in verdicts}
    assert section(card, "Gate").startswith("Passed." if gate["passed"] else "**Failed**.")
    facts = dict(rows(section(card, "Data")))
    assert numbers(facts["train"])[0] == split["train"]
    assert numbers(facts["test"])[0] == split["test"]


def test_card_names_the_bytes_that_the_lock_pins(card: str) -> None:
    lock = YAML(typ="safe").load(ROOT / "dvc.lock")["stages"]
    [raw] = [out for out in lock["ingest"]["outs"] if out["path"] == "data/raw"]
    assert code(raw["md5"]) in section(card, "Data")
    assert f"{raw['size']:,} bytes" in section(card, "Data")
    [served] = [out for out in lock["export"]["outs"] if out["path"] == "models/scorecard.json"]
    assert ["`models/scorecard.json`", code(served["md5"])] in rows(section(card, "Reproduce"))


def test_card_has_no_date_host_or_path_of_this_machine(card: str) -> None:
    assert not re.search(r"\b20[2-9]\d-\d\d|\d\d:\d\d:\d\d|file://", card)
    for place in (ROOT, Path.home(), Path(tempfile.gettempdir())):
        assert str(place) not in card


@pytest.mark.slow
def test_effects_are_those_of_the_scorecard(built: Project) -> None:
    card = (built.path / CARD).read_text(encoding="utf-8")
    served = json.loads((built.path / "models/scorecard.json").read_text())
    stated = {row[0].strip("`"): row for row in rows(section(card, "Effects"))}
    assert stated.keys() == {column["name"] for column in served["columns"]}
    bmi = next(column["effect"] for column in served["columns"] if column["name"] == "bmi")
    values = bmi["values"]
    assert numbers(stated["bmi"][2] + " " + stated["bmi"][4]) == [four(min(values)), four(max(values))]
    assert float(stated["bmi"][5]) == four(bmi["knots"][values.index(max(values))])


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
    built.stages("ingest", "validate", "split", "features", "train", "evaluate", "export", "card")
    card = (built.path / CARD).read_text(encoding="utf-8")
    assert "Cost \\[per unit\\] (\\$)" in card
    assert "300 rows (and 1 blank, left out)" in section(card, "Data")
    quarantine = section(card, "Quarantine")
    assert quarantine.startswith("5 of 300 rows (1.67%)")
    [[column, check, cells, example]] = rows(quarantine)
    assert (column, check, cells) == ("`kind`", "enum", "5")
    assert "unheard of" in example
    assert "**failed**" in section(card, "Gate")
    assert "do not show that it beats the mean" in section(card, "Limits and known gaps")
    before = card
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
    assert table(["a", "b:"], [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"

"""Explore: true numbers in the profile, plots of any table without a warning, the most important columns first."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.explore import merge_profiles, profile_part
from stages.plotting.labels import shortened, told_apart, wrapped
from stages.plotting.small_multiples import are_codes
from stages.plotting.univariate import fit_trend, level_means
from stages.table.parts import list_parts
from stages.table.schema import read_schema
from tests.helpers.pictures import check_picture, pictures
from tests.helpers.project import ROOT, Project

EXPLORED = ("ingest", "validate", "split", "explore")
WIDE = 26  # columns: more than two pages of twelve hold
LONG = [f"{'a rather long name of a level that goes on and on until the ':.57}{n:03d}" for n in range(3)]


def explored(
    project: Project, table: pd.DataFrame, fields: list[dict[str, Any]], *stages: str, **params: Any
) -> dict[str, Path]:
    """Run the stages up to explore (and more) on a table, with warnings as errors; return the plots by name."""
    project.use_table(table, fields, **params)
    for name in (*EXPLORED, *stages):
        project.stage(name, check=True)
        log = (project.path / f"logs/{name}.log").read_text()
        assert "WARNING" not in log, log
    found = pictures(project.path / "plots/explore") + pictures(project.path / "plots/report") * ("report" in stages)
    for path in found:
        check_picture(path)
    return {f"{path.parent.name}/{path.stem}": path for path in found}


def profile(project: Project) -> Any:
    """Read the profile that explore wrote."""
    return json.loads((project.path / "plots/explore/profile.json").read_text())


def test_every_plot_is_there_and_shows_something() -> None:
    found = {path.stem for path in pictures(ROOT / "plots/explore")}
    levels = {"level_counts", "target_by_level"}
    assert found == {"rows", "distributions", "target_by_number", "correlation", "outliers", *levels}
    for path in pictures(ROOT / "plots/explore"):
        check_picture(path)


# ---------------------------------------------------------------- tables of all kinds


@pytest.mark.slow
def test_many_columns_come_in_pages_with_the_most_important_first(project: Project) -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.standard_normal((400, WIDE)).round(4), columns=[f"column {n}" for n in range(WIDE)])
    table["y"] = (3 * table["column 20"] + table["column 10"] + 0.1 * random.standard_normal(400)).round(4)
    fields: list[dict[str, Any]] = [{"name": name, "type": "number", "unit": "m"} for name in table.columns[:-1]]
    fields.append({"name": "y", "type": "number", "role": "target"})
    found = explored(
        project,
        table,
        fields,
        "features",
        "interactions",
        "train",
        "evaluate",
        "report",
        explore__pages=2,
        report__pages=2,
        features__interactions=0,  # to search so many columns for pairs takes as long as to draw them
    )
    assert {f"explore/target_by_number{end}" for end in ("", "_2")} <= set(found)
    assert "explore/target_by_number_3" not in found, "explore.pages is 2"
    assert "column 20 alone explains" in (project.path / "logs/explore.log").read_text().splitlines()[-3]
    explains = {name: entry.get("explains") for name, entry in profile(project)["columns"].items()}
    assert max(explains, key=lambda name: explains[name] or 0) == "column 20"


@pytest.mark.slow
def test_no_numeric_column_and_levels_of_sixty_characters(project: Project) -> None:
    random = np.random.default_rng(1)
    kind = random.integers(0, 3, 300)
    table = pd.DataFrame({"kind": [LONG[n] for n in kind], "hour": random.integers(0, 24, 300)})
    table["flag"] = random.choice(["true", "false"], 300)
    table.loc[:30, "kind"] = ""
    table["y"] = (kind * 2.0 + table["hour"] / 5 + random.standard_normal(300)).round(3)
    fields: list[dict[str, Any]] = [
        {
            "name": "kind",
            "type": "string",
            "title": "A title of a column that goes on and on, beyond any panel's width",
        },
        {"name": "hour", "type": "integer", "categories": list(range(24))},
        {"name": "flag", "type": "boolean"},
        {"name": "y", "type": "number", "role": "target"},
    ]
    assert {len(level) for level in LONG} == {60}
    found = explored(project, table, fields, "features", "interactions", "train", "evaluate", "report")
    assert {"explore/missing", "explore/level_counts", "explore/target_by_level", "report/effects"} <= set(found)
    missing = profile(project)["columns"]["kind"]
    rows = project.frame("data/train")
    gaps = rows["kind"].isna()
    assert missing["missing"] == gaps.sum() > 0
    assert missing["target_where_missing"]["mean"] == pytest.approx(rows["y"][gaps].mean())
    assert missing["target_where_missing"]["error"] == pytest.approx(rows["y"][gaps].sem())


@pytest.mark.slow
def test_dates_gaps_constants_outliers_and_quarantine(project: Project) -> None:
    random = np.random.default_rng(2)
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 700, 300), "D")
    table = pd.DataFrame(
        {"day": days.strftime("%Y-%m-%d"), "constant": 1.0, "tail": np.exp(4 * random.standard_normal(300))}
    )
    table["empty"] = table["never"] = ""
    table["one"] = "same"
    table["y"] = random.standard_normal(300).round(3)
    table.loc[3:8, "tail"] = -1.0
    fields: list[dict[str, Any]] = [
        {"name": "day", "type": "date"},
        {"name": "constant", "type": "number"},
        {"name": "tail", "type": "number", "constraints": {"minimum": 0}},
        {"name": "empty", "type": "number"},
        {"name": "never", "type": "date"},
        {"name": "one", "type": "string"},
        {"name": "y", "type": "number", "role": "target"},
    ]
    found = explored(project, table, fields)
    assert "explore/outliers" in found
    assert profile(project)["columns"]["empty"] == {
        **dict.fromkeys(("mean", "sd", "min", "max")),
        "explains": 0.0,
        "missing": profile(project)["rows"],
        "quantiles": [None] * 5,
        "target_where_missing": profile(project)["columns"]["empty"]["target_where_missing"],
    }
    never = profile(project)["columns"]["never"]
    assert (never["min"], never["max"]) == (None, None)  # and not the text "None"


@pytest.mark.slow
def test_profile_does_not_depend_on_the_parts(
    built_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built_template)
    schema, [part] = read_schema(), list_parts(Path("data/train"))
    rows = pd.read_parquet(part)
    for number, start in enumerate(range(0, len(rows), 100)):
        rows.iloc[start : start + 100].to_parquet(tmp_path / f"part-{number:05}.parquet")
    whole, merged = (
        merge_profiles([profile_part(path, schema) for path in paths], schema)
        for paths in ([part], list_parts(tmp_path))
    )
    assert merged.keys() == whole.keys()
    for name, entry in whole["columns"].items():
        assert merged["columns"][name].keys() == entry.keys()
        for key, value in entry.items():
            assert merged["columns"][name][key] == pytest.approx(value, rel=1e-10), (name, key)
    assert whole["rows"] == len(rows)
    written = json.loads(Path("plots/explore/profile.json").read_text())["columns"]
    assert written["bmi"]["mean"] == pytest.approx(rows["bmi"].mean())
    assert written["bmi"]["sd"] == pytest.approx(rows["bmi"].std(ddof=0))
    assert written["sex"]["commonest"] == rows["sex"].value_counts().to_dict()


# ---------------------------------------------------------------- trends and labels


def test_trend_is_least_squares_and_its_band_holds_the_truth() -> None:
    random = np.random.default_rng(3)
    x = random.uniform(0, 10, 1000)
    trend = fit_trend(x, 0.5 * x + random.standard_normal(1000))
    assert trend is not None
    assert trend.explains == pytest.approx(0.25 * x.var() / (0.25 * x.var() + 1), abs=0.05)
    assert (np.abs(trend.mean - 0.5 * trend.x) < 4 * trend.error).all()
    assert trend.error.mean() == pytest.approx(np.sqrt(6 / 1000), rel=0.3)
    line = fit_trend(x, 2 * x + 1)
    assert line is not None
    np.testing.assert_allclose(line.mean, 2 * line.x + 1, atol=1e-9)
    assert line.explains == pytest.approx(1)


@pytest.mark.parametrize("x", [np.ones(50), np.empty(0), np.array([1.0, 2.0])])
def test_no_trend_without_values_to_fit(x: np.ndarray) -> None:
    assert fit_trend(x, np.arange(len(x), dtype=float)) is None


def test_levels_explain_what_remains_after_their_number_is_allowed_for() -> None:
    random = np.random.default_rng(4)
    y = pd.Series(random.standard_normal(200))
    by_chance = pd.Series([f"level {n // 2}" for n in range(200)], dtype="str")
    _, explains = level_means(by_chance, y)
    assert explains < 0.35, "half of the variance, before it is adjusted"
    table, explains = level_means(pd.Series(["a", "b"] * 100, dtype="str"), pd.Series([1.0, 3.0] * 100))
    assert explains == pytest.approx(1)
    assert table["mean"].to_dict() == {"a": 1.0, "b": 3.0}


def test_labels_stay_short_and_told_apart() -> None:
    cut = [shortened(level, 40) for level in LONG]
    assert len(set(cut)) == 3
    assert max(map(len, cut)) <= 40
    alike = [f"a prefix that is too long to be shown {end} and a suffix too" for end in ("north", "south")]
    assert told_apart(["short", *alike], 30) == ["short", "…north and a suffix too", "…south and a suffix too"]
    assert wrapped("one two three four", 9) == "one two\nthree …"


@pytest.mark.parametrize(
    "labels",
    [
        ["a" * 50, "a" * 50 + "b"],  # one begins with the other
        ["same", "same", "other"],
        [f"{'a' * 40}{n}{'b' * 40}" for n in range(12)],
        [f"{'a' * 20}{'x' * n}{'b' * 40}" for n in range(3)],
    ],
)
def test_no_two_labels_are_alike(labels: list[str]) -> None:
    assert len(set(told_apart(labels, 30))) == len(labels)
    assert max(map(len, told_apart(labels, 30))) <= 31


def test_codes_are_many_whole_numbers() -> None:
    assert are_codes([str(hour) for hour in range(24)])
    assert not are_codes(["1", "2", "3"])
    assert not are_codes([f"level {n}" for n in range(24)])

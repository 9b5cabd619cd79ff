"""The report's plots and the points behind them: all there, not blank, the same bytes; experiments overlay."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.evaluation.error_groups import (
    MISSING,
    OTHER,
    find_groups,
    group_names,
    group_sums,
    residuals_by_group,
    worst_coverage,
)
from stages.plotting.report.regularization_path import apart
from stages.plotting.style import factor_axis, save, titled_figure
from stages.table.schema import Column, TableSchema
from tests.helpers.pictures import check_picture, pictures
from tests.helpers.project import ROOT, Project

NAMES = {
    "coverage",
    "coverage_by_width",
    "cv_surface",
    "effects",
    "importance",
    "predicted_actual",
    "regularization_path",
    "residuals",
    "residuals_by_group",
    "scores",
}
SCHEMA = TableSchema.model_validate(
    {
        "fields": [
            {"name": "size", "type": "number"},
            {"name": "colour", "type": "string"},
            {"name": "day", "type": "date"},
            {"name": "y", "type": "number", "role": "target"},
        ]
    }
)


def test_every_plot_is_there_and_shows_something() -> None:
    assert {path.stem for path in (ROOT / "plots/report").iterdir()} == NAMES
    for path in pictures(ROOT / "plots/report"):
        check_picture(path)


@pytest.mark.slow
def test_plots_name_the_target(built: Project) -> None:
    before = {path.name: path.read_bytes() for path in pictures(built.path / "plots/report")}
    schema = built.path / "schema.yaml"
    schema.write_text(schema.read_text().replace("Disease progression after one year", "Progress"))
    built.stage("report", check=True)
    after = {path.name: path.read_bytes() for path in pictures(built.path / "plots/report")}
    assert {name for name in before if after[name] != before[name]} == {
        f"{name}.png" for name in NAMES - {"cv_surface"}
    }


def test_groups_are_counted_whatever_the_parts() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"size": random.standard_normal(400), "y": random.standard_normal(400)})
    frame["colour"] = pd.Series(random.choice(["red", "blue", "NA"], 400), dtype="str")
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 100, 400), "D")
    frame.loc[:9, ["size", "colour", "day"]] = None
    frame["day"] = frame["day"].astype("datetime64[us]")
    groups = find_groups(frame.iloc[:200], SCHEMA)
    residual = frame["y"].to_numpy()
    inside = (np.abs(residual) < 1).astype(float)
    whole = residuals_by_group(group_sums(frame, residual, inside, groups), groups, SCHEMA)
    parts = [
        group_sums(frame.iloc[part], residual[part], inside[part], groups) for part in (slice(150), slice(150, 400))
    ]
    pd.testing.assert_frame_equal(whole, residuals_by_group(pd.concat(parts), groups, SCHEMA))
    for name in ("size", "colour", "day"):
        assert whole.loc[whole["column"] == name, "rows"].sum() == 400
    red = frame.loc[frame["colour"] == "red", "y"]
    [found] = whole[(whole["column"] == "colour") & (whole["group"] == "red")].to_dict("records")
    assert found["rows"] == len(red)
    assert found["bias"] == pytest.approx(red.mean())
    assert found["se"] == pytest.approx(red.std(ddof=1) / np.sqrt(len(red)))
    assert found["rmse"] == pytest.approx(np.sqrt((red**2).mean()))
    assert found["coverage"] == pytest.approx((red.abs() < 1).mean())
    worst = worst_coverage(whole)
    assert worst is not None
    assert worst.coverage == whole.loc[whole["rows"] >= 50, "coverage"].min()
    assert (whole["group"] == MISSING).sum() == 3
    other = frame.assign(colour=pd.Series(["green"] * 400, dtype="str"))
    assert OTHER in residuals_by_group(group_sums(other, residual, inside, groups), groups, SCHEMA)["group"].tolist()


@pytest.mark.parametrize(
    ("column", "limits", "names"),
    [
        ({"type": "number"}, [1e6, 1e6 + 0.5], ["below 1,000,000", "1,000,000 to 1,000,000.5", "from 1,000,000.5"]),
        ({"type": "number"}, [-2.0, 0.25], ["below −2", "−2 to 0.25", "from 0.25"]),
        ({"type": "number"}, [], ["all"]),
        ({"type": "boolean"}, [0.5], ["false", "true"]),
        ({"type": "date"}, [0.0, 864e11], ["below 1970-01-01", "1970-01-01 to 1970-01-02", "from 1970-01-02"]),
        (
            {"type": "datetime"},
            [0.0, 3.6e12],
            ["below 1970-01-01 00:00:00", "1970-01-01 00:00:00 to 1970-01-01 01:00:00", "from 1970-01-01 01:00:00"],
        ),
        ({"type": "string"}, ["a", "", "missing"], ["a", '""', '"missing"', OTHER]),
        (
            {"type": "integer", "categories": [{"value": n, "label": "yes" if n else "no"} for n in (0, 1, 2)]},
            ["0", "1", "2"],
            ["no", "yes (1)", "yes (2)", OTHER],
        ),
    ],
)  # fmt: skip
def test_groups_have_names_of_their_own(column: dict[str, Any], limits: Any, names: list[str]) -> None:
    edges = limits if column["type"] in ("string", "integer") else np.array(limits)
    assert group_names(edges, Column.model_validate({"name": "x", **column})) == [*names, MISSING]


def test_axes_of_logarithms_show_factors() -> None:
    _, axes = titled_figure(3, "title", "subtitle")
    for low, high, texts in (
        (-3.0, 1.0, ["×0.05", "×0.1", "×0.2", "×0.5", "×1", "×2"]),
        (-0.1, 0.1, ["×0.95", "×1", "×1.05", "×1.1"]),
    ):
        factor_axis(axes[0, 0].yaxis, low, high)
        assert [label.get_text() for label in axes[0, 0].get_yticklabels()] == texts


def test_residuals_by_group_add_up_to_the_test_rows() -> None:
    groups = pd.read_csv(ROOT / "plots/residuals_by_group.csv")
    test, split = (json.loads((ROOT / f"metrics/{name}.json").read_text()) for name in ("test", "split"))
    for _, column in groups.groupby("column"):
        assert column["rows"].sum() == split["test"]
        rmse = np.sqrt((column["rmse"] ** 2 * column["rows"]).sum() / split["test"])
        assert rmse == pytest.approx(test["model"]["rmse"], rel=1e-9)


def test_labels_are_moved_apart() -> None:
    assert apart([3.0, 1.0, 1.0, 1.05], 0.5) == [3.0, 1.0, 1.5, 2.0]


@pytest.mark.slow
def test_two_experiments_overlay(built: Project) -> None:
    built.dvc("exp", "run", "-S", "train.alpha=0.5", "evaluate")
    shown = built.dvc("plots", "diff", "HEAD", "--json")
    assert "failed to load" not in shown.stderr
    data = json.loads(shown.stdout)["data"]
    drawn = {name: plot for name, plots in data.items() for plot in plots if plot["type"] == "vega"}
    assert {Path(name).name for name in drawn} == {path.name for path in (built.path / "plots").glob("*.csv")}
    for name, plot in drawn.items():
        assert sorted(plot["revisions"]) == ["HEAD", "workspace"], name
        points = plot["content"]["data"]["values"]
        assert {point["rev"] for point in points} == {"HEAD", "workspace"}
        assert plot["content"]["title"]["text"], name
        assert "<DVC_METRIC" not in json.dumps(plot["content"]), name


def test_places_of_axes_are_round(tmp_path: Path) -> None:
    """Their last digits, which the solver leaves to chance, would change a pixel now and then."""
    figure, _ = titled_figure(3, "A title", "A subtitle", columns=3)
    save(figure, tmp_path / "picture.png")
    for axes in figure.axes:
        bounds = axes.get_position().bounds
        assert bounds == pytest.approx([round(end, 6) for end in bounds], abs=1e-12)

"""Export: the scorecard says in plain Python what the model says, on whatever row, or it is not written."""

import datetime
import itertools
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline

from stages.exporting.columns import make_column
from stages.exporting.effects import effects_of, width_effects
from stages.exporting.parity import as_cells, largest_difference, odd_rows
from stages.modelling import elasticnet
from stages.modelling.axes import axes_of
from stages.modelling.feature_map import fit_feature_map, signs_of
from stages.modelling.moments import Moments
from stages.modelling.pipeline import as_pipeline, pairs_of, weights_of
from stages.modelling.target_scale import from_scale, to_scale
from stages.pairs.grids import Grid, make_grid
from stages.pairs.tables import pair_table
from stages.pairs.terms import Pair, PairTerms, cell_rows, make_pair
from stages.table.schema import TableSchema
from stages.utils.errors import ExportError
from stages.utils.params import TargetTransform
from tests.helpers.modelling import features_params
from tests.helpers.project import ROOT, Project
from webapp.scoring.effects import as_datetime, in_table, on_curve
from webapp.scoring.grammar import as_level
from webapp.scoring.scorecard import Column, Curve, Histogram, Intervals, Levels, Scorecard, Target
from webapp.scoring.scorer import make_scorer, score

FIELDS: dict[str, dict[str, Any]] = {
    "number": {"type": "number"},
    "whole": {"type": "integer"},
    "yes": {"type": "boolean"},
    "level": {"type": "string"},
    "code": {"type": "integer", "categories": [1, 2, 3, 99]},
    "rises": {"type": "number", "monotone": "increasing"},
    "ordered": {"type": "string", "categories": ["low", "mid", "high", "top"], "categoriesOrdered": True},
    "day": {"type": "date"},
    "when": {"type": "datetime", "role": "time"},
}
FACTOR = 1.07  # of a model on another scale
MOST_PAIRS = 8
CONSTANT: dict[str, Any] = {"coverage": 0.9, "edges": [], "lower": [-1.0], "upper": [2.0]}
LEVEL_NAMES = ["", "a", "b", "Äpfel & Birnen", "rare"]


def schema_of(*names: str) -> TableSchema:
    fields = [{"name": name, **FIELDS[name]} for name in names]
    return TableSchema.model_validate({"fields": [*fields, {"name": "y", "type": "number", "role": "target"}]})


def table_of(schema: TableSchema, n: int, seed: int) -> pd.DataFrame:
    """Typed rows, in each feature some missing; levels rare and frequent, numbers with heavy tails."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2020-02-28T00:00:00", "us")
    columns: dict[str, Any] = {
        "number": rng.standard_t(2, n) * 10.0 ** rng.integers(-3, 6),
        "whole": rng.integers(-5, 40, n).astype(float),
        "yes": rng.integers(0, 2, n).astype(float),
        "level": pd.Series(rng.choice(LEVEL_NAMES, n, p=[0.1, 0.4, 0.3, 0.18, 0.02]), dtype="str"),
        "code": pd.Series(rng.choice(["1", "2", "3"], n), dtype="str"),
        "rises": rng.choice([rng.normal(size=n), np.round(rng.normal(size=n))]),
        "ordered": pd.Series(rng.choice(["low", "mid", "high"], n), dtype="str"),
        "day": pd.Series(start + rng.integers(0, 900, n).astype("m8[D]")),
        "when": pd.Series(start + rng.integers(0, 10**9, n).astype("m8[s]")),
    }  # fmt: skip
    frame = pd.DataFrame({name: columns[name] for name in schema.names("feature", "time")})
    frame["y"] = rng.normal(size=n) * 3 + 100
    for column in schema.inputs:
        if column.role == "feature":
            gaps = rng.random(n) < rng.choice([0, 0.2])
            frame[column.name] = frame[column.name].mask(gaps)
        if column.kind == "number":
            frame["y"] += frame[column.name].rank().fillna(0) / n
        elif column.kind == "level":
            frame["y"] += (frame[column.name] == frame[column.name].mode().iloc[0]) * 2
        else:
            frame["y"] += frame[column.name].dt.month.fillna(0)
    return frame


def fitted(
    frame: pd.DataFrame,
    schema: TableSchema,
    alpha: float,
    knots: int = 6,
    transform: TargetTransform = "none",
    resolution: int | None = None,
) -> Pipeline:
    """The pipeline that train would write, with a surface for each of a few pairs if they are given a resolution."""
    feature_map = fit_feature_map(frame, schema, features_params(clip=0.01, min_frequency=5), knots)
    axes = axes_of(feature_map)
    values = np.array([axis.values(frame) for axis in axes])
    grids = [make_grid(axis, value) for axis, value in zip(axes, values, strict=True)]
    pairs = [] if resolution is None else surfaces_between(grids, values, resolution)
    terms = PairTerms(axes, grids, pairs, [cell_rows(values, grids, pair) for pair in pairs])
    y = to_scale(frame["y"].to_numpy(), transform)
    total = Moments.of(np.column_stack([feature_map.transform(frame), terms.transform(frame), y]))
    fit = elasticnet.fit(elasticnet.problem_of(total, signs_of(feature_map)), alpha, 0.5, 1e-6, 10_000)
    model = as_pipeline(feature_map, terms, fit, total, transform, "mean")
    model["elasticnet"].factor_ = 1.0 if transform == "none" else FACTOR
    return model


def surfaces_between(grids: list[Grid], values: npt.NDArray[np.float64], resolution: int) -> list[Pair]:
    """Some pairs of two axes, at about a resolution; every axis of a table of few is in one."""
    pairs = []
    every = list(itertools.combinations(range(len(grids)), 2))
    for i, j in every[:: math.ceil(len(every) / MOST_PAIRS) or 1]:
        first, second = grids[i], grids[j]
        sides = tuple(min(grid.merged, key=lambda r: abs(r - resolution)) for grid in (first, second))
        fold = np.zeros(values.shape[1], np.intp)
        bins = (first.locate(values[i]), second.locate(values[j]))
        rows = pair_table(bins, (first.bins, second.bins), fold, np.zeros(len(fold)), 1).rows[0]
        pairs.append(make_pair((i, j), (sides[0], sides[1]), rows, grids))
    return pairs


def scorecard_of(
    model: Pipeline,
    frame: pd.DataFrame,
    schema: TableSchema,
    transform: TargetTransform = "none",
    intervals: dict[str, Any] = CONSTANT,
) -> Scorecard:
    """The model's scorecard, with metrics of no meaning, after a round trip through JSON."""
    known = {column.name: column.levels or [] for column in schema.inputs}
    effects = effects_of(model, known, frame, [0.5] * len(pairs_of(model).pairs))
    coef = intervals.get("factor_coef", [])
    widths = width_effects(effects.axes, coef, weights_of(model)[1], known)
    card = Scorecard(
        version=2,
        title=None,
        description=None,
        target=Target(
            name="y",
            title=None,
            description=None,
            unit=None,
            transform=transform,
            factor=model["elasticnet"].factor_,
            quantiles=[0.0, 1.0],
            histogram=Histogram(low=0.0, high=1.0, shares=[1.0]),
        ),
        intercept=float(model["elasticnet"].intercept_),
        columns=[
            make_column(column, frame[column.name], effects.columns[column.name], [""], widths.get(column.name))
            for column in schema.inputs
        ],
        surfaces=effects.surfaces,
        intervals=Intervals(**{key: value for key, value in intervals.items() if key != "factor_coef"}),
        training={},
        metrics={},
        made_from={},
    )
    return Scorecard.model_validate_json(card.model_dump_json())


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from(list(FIELDS)), min_size=1, max_size=5, unique=True),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-4, 0.05, 100.0]),
    st.sampled_from([2, 6]),
    st.sampled_from(["none", "sqrt", "log", "log1p"]),
    st.sampled_from([None, 2, 8, 32]),
)
def test_scorer_says_what_the_model_says(
    names: list[str], seed: int, alpha: float, knots: int, transform: TargetTransform, resolution: int | None
) -> None:
    if set(names) == {"when"}:  # a table needs a feature
        names = ["when", "number"]
    schema = schema_of(*names)
    frame = table_of(schema, 150, seed)
    model = fitted(frame, schema, alpha, knots, transform, resolution)
    additive = sum(len(axis.places) for axis in pairs_of(model).axes)
    weights = np.random.default_rng(seed).normal(size=additive) / model["scale"].scale_[:additive] / 10
    intervals = CONSTANT | {"edges": [100.0], "lower": [-1.0, -2.0], "upper": [2.0, 3.0],
                            "factor_coef": weights.tolist(), "factor_limits": [0.8, 1.3]}  # fmt: skip
    card = scorecard_of(model, frame, schema, transform, intervals)
    rows = pd.concat([frame, *odd_rows(frame, schema)], ignore_index=True)
    assert largest_difference(card, model, intervals, rows, frame["y"].to_numpy()) <= 1e-9

    cells = zip(*(as_cells(frame[column.name]) for column in card.columns), strict=True)
    scores = [*map(make_scorer(card), (dict(zip(schema.names("feature", "time"), row, strict=True)) for row in cells))]
    for found in scores:
        total = card.intercept + math.fsum(found.contributions.values()) + math.fsum(found.pairs.values())
        prediction = float(from_scale(np.array(total), transform)) * (1 if transform == "none" else FACTOR)
        assert found.prediction == pytest.approx(prediction, rel=1e-12)
    parts = [[found.contributions[column.name] for found in scores] for column in card.columns]
    parts += [[found.pairs[surface.name] for found in scores] for surface in card.surfaces]
    for part in parts:  # centred: contributions add up to nothing over the training rows
        assert math.fsum(part) / len(part) == pytest.approx(0, abs=1e-9 * max(1.0, *map(abs, part)))
    for surface, part in zip(card.surfaces, parts[len(card.columns) :], strict=True):
        assert surface.sd == pytest.approx(np.std(part), rel=1e-9, abs=1e-12)
        values, rows = np.array(surface.values), np.array(surface.rows)
        assert np.abs((values * rows).sum(axis=0)).max() <= 1e-9 * max(1.0, np.abs(values).max()) * len(frame)
        assert np.abs((values * rows).sum(axis=1)).max() <= 1e-9 * max(1.0, np.abs(values).max()) * len(frame)


def test_a_scorer_that_disagrees_is_refused() -> None:
    schema = schema_of("number", "level")
    frame = table_of(schema, 200, 1)
    model = fitted(frame, schema, 0.01)
    card = scorecard_of(model, frame, schema)
    bent = card.model_copy(update={"intercept": card.intercept * (1 + 1e-8)})
    with pytest.raises(ExportError, match=r"models/scorecard.json: not written: for the row \{'number'.*effects.py"):
        largest_difference(bent, model, CONSTANT, frame, frame["y"].to_numpy())
    with pytest.raises(ExportError, match="with its interval"):
        largest_difference(card, model, CONSTANT | {"upper": [2.01]}, frame, frame["y"].to_numpy())


# ---------------------------------------------------------------- the scorer, case by case

CURVE = Curve(knots=[0.0, 1.0, 3.0], values=[10.0, 20.0, 0.0], missing=-7.0)
LEVELS = Levels(values={"1": 1.0, "a": 2.0, "True": 3.0}, other=-1.0, missing=-2.0)


@pytest.mark.parametrize(
    ("x", "value"),
    [(-5.0, 10), (0.0, 10), (0.25, 12.5), (1.0, 20), (2.0, 10), (3.0, 0), (1e300, 0), (math.inf, 0), (-math.inf, 10),
     (None, -7), (math.nan, -7)],
)  # fmt: skip
def test_curve(x: float | None, value: float) -> None:
    assert on_curve(CURVE, x) == value


def test_curve_of_one_knot_is_constant() -> None:
    flat = Curve(knots=[2.0], values=[5.0], missing=0.0)
    assert [on_curve(flat, x) for x in (1.0, 2.0, 3.0)] == [5, 5, 5]


@pytest.mark.parametrize(("knots", "values"), [([1.0, 1.0], [0.0, 0.0]), ([2.0, 1.0], [0.0, 0.0]), ([1.0], [0.0, 1.0])])
def test_a_curve_that_is_no_function_is_refused(knots: list[float], values: list[float]) -> None:
    with pytest.raises(ValueError, match="knots ascend"):
        Curve(knots=knots, values=values, missing=0.0)


@pytest.mark.parametrize(
    ("cell", "value"), [("a", 2), (1, 1), (1.0, 1), ("1", 1), (1.5, -1), ("b", -1), ("", -1), (None, -2)]
)
def test_levels(cell: Any, value: float) -> None:
    assert in_table(LEVELS, None if cell is None else as_level(cell)) == value


def test_dates_are_in_utc() -> None:
    east = datetime.timezone(datetime.timedelta(hours=2))
    expected = datetime.datetime(2020, 1, 1, 23, 30)
    assert as_datetime("2020-01-02T01:30:00+02:00") == expected
    assert as_datetime(datetime.datetime(2020, 1, 2, 1, 30, tzinfo=east)) == expected
    assert as_datetime(datetime.date(2020, 1, 1)) == datetime.datetime(2020, 1, 1)
    assert as_datetime("2020-01-01") == datetime.datetime(2020, 1, 1)
    assert as_datetime(None) is None
    for cell in ("yesterday", 5):
        with pytest.raises(ValueError, match=r"yesterday|not a date"):
            as_datetime(cell)


def test_interval_is_that_of_the_bin_and_of_the_row() -> None:
    """The offsets of the prediction's bin, times the product of the columns' factors, held between the limits."""
    schema = schema_of("number", "level")
    frame = table_of(schema, 60, 0)
    card = scorecard_of(fitted(frame, schema, 100.0), frame, schema)
    line = Curve(knots=[0.0, 1.0, 2.0], values=[0.0, 1.0, 2.0], missing=7.0)
    widths = (
        line.model_copy(update={"values": [0.0, math.log(2), math.log(8)], "missing": 0.0}),
        Levels(values={"a": math.log(2)}, other=0.0, missing=-9.0),
    )
    tables = (line, Levels(values={}, other=0.0, missing=0.0))
    columns = [
        column.model_copy(update={"effect": effect, "width": width})
        for column, effect, width in zip(card.columns, tables, widths, strict=True)
    ]
    intervals = Intervals(coverage=0.9, edges=[1.0], lower=[-1.0, -2.0], upper=[1.0, 3.0], factor_limits=(0.5, 10.0))
    card = card.model_copy(update={"intercept": 0.0, "columns": columns, "intervals": intervals})
    ends = {(0.0, "b"): (-1, 1), (0.0, "a"): (-2, 2), (1.0, "b"): (-3, 7), (1.0, "a"): (-7, 13),
            (2.0, "a"): (-18, 32), (0.0, None): (-0.5, 0.5), (None, "b"): (5, 10)}  # fmt: skip
    for (number, level), wanted in ends.items():
        row = {"number": number, "level": level}
        found = score(card, row)
        assert found[1:3] == pytest.approx(wanted)
        factor = math.exp(sum(found.widths.values()))
        assert min(max(factor, 0.5), 10) * (2 if number == 0 else 5) == pytest.approx(wanted[1] - wanted[0])


def test_a_width_has_the_knots_of_the_effect() -> None:
    schema = schema_of("number")
    frame = table_of(schema, 60, 0)
    [column] = scorecard_of(fitted(frame, schema, 0.1), frame, schema).columns
    content = column.model_dump() | {"width": CURVE.model_dump()}
    with pytest.raises(ValueError, match="effect and width are of the same kind, with the same knots"):
        Column.model_validate(content)


def test_text_for_a_number_is_an_error() -> None:
    schema = schema_of("number", "level")
    frame = table_of(schema, 60, 0)
    card = scorecard_of(fitted(frame, schema, 0.1), frame, schema)
    with pytest.raises(ValueError, match="could not convert"):
        score(card, {"number": "many", "level": "a"})
    assert score(card, {"level": "a"}) == score(card, {"level": "a", "number": None, "unknown": 5})


# ---------------------------------------------------------------- the stage


@pytest.mark.slow
def test_scorecard_of_the_default_table_is_what_its_json_schema_says(project: Project) -> None:
    project.stages("ingest", "validate", "split", "features", "interactions", "train", "evaluate")
    schema = json.loads((ROOT / "schemas/scorecard.schema.json").read_text())

    scorer = project.path / "webapp/scoring/scorer.py"
    right = scorer.read_text()
    scorer.write_text(right.replace("total += part", "total += part * 1.001"))
    refused = project.stage("export")
    assert refused.returncode == 6
    assert "the scorer predicts" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert [path.name for path in (project.path / "models").glob("*scorecard*")] == []

    scorer.write_text(right)
    project.stages("export")
    content = json.loads((project.path / "models/scorecard.json").read_text())
    jsonschema.validate(content, schema)
    assert content["metrics"]["gate_passed"] is True
    assert sorted(content["made_from"]) == [
        "metrics/test.json", "metrics/train.json", "models/intervals.json", "models/model.joblib", "schema.yaml",
    ]  # fmt: skip
    described = {column["name"]: column for column in content["columns"]}
    assert described["bmi"]["unit"] == "kg/m²"
    assert described["sex"]["effect"]["kind"] == "levels"
    assert described["bmi"]["quantiles"][10] == described["bmi"]["default"]
    assert str(Path.cwd()) not in json.dumps(content)

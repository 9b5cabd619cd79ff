"""The feature map of every kind of column, and the audit that looks for columns that give the target away."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.features import accumulate
from stages.modelling import feature_map as features
from stages.modelling import sums
from stages.modelling.axes import axes_of, with_terms_of
from stages.modelling.budget import within_budget
from stages.modelling.feature_map import KNOTS, blocks, count_terms, fit_feature_map
from stages.modelling.leakage import check_leaks, correlated, find_leaks
from stages.modelling.moments import Moments
from stages.modelling.sums import add_up, term_moments, vertex_blocks
from stages.modelling.target_scale import check_scale, check_target
from stages.table import parts
from stages.table.parts import write_part
from stages.table.schema import TableSchema
from stages.utils.arrays import Floats
from stages.utils.errors import DataError, LeakageError
from tests.helpers.modelling import features_params
from tests.helpers.project import Project

START = pd.Timestamp("2021-01-01").as_unit("us")


def schema_of(types: dict[str, str | dict[str, Any]]) -> TableSchema:
    """A schema of these columns (a type, or more properties of the field) and of the number `y`, the target."""
    fields = [{"name": name, **({"type": kind} if isinstance(kind, str) else kind)} for name, kind in types.items()]
    return TableSchema.model_validate({"fields": [*fields, {"name": "y", "type": "number", "role": "target"}]})


def typed(columns: dict[str, Any], schema: TableSchema) -> pd.DataFrame:
    """The columns as validate would leave them; the target is random where there is none."""
    rows = len(next(iter(columns.values())))
    columns = {"y": np.random.default_rng(99).normal(size=rows), **columns}
    dtypes = {"number": "float64", "level": "str", "date": "datetime64[us]"}
    return pd.DataFrame(
        {field.name: pd.Series(columns[field.name]).astype(dtypes[field.kind]) for field in schema.fields}
    )


def terms_of(kind: str | dict[str, Any], values: Any, new: Any, knots: int = 6, **params: Any) -> Floats:
    """The terms of new cells of one column, its map fitted to `values`."""
    schema = schema_of({"x": kind})
    feature_map = fit_feature_map(typed({"x": values}, schema), schema, features_params(**params), knots)
    terms: Floats = feature_map.transform(typed({"x": new}, schema))
    assert terms.dtype == np.float64
    assert terms.shape == (len(new), count_terms(feature_map))
    return terms


def fitted(frame: pd.DataFrame, schema: TableSchema, alpha: float = 1e-3, knots: int = 6, **params: Any) -> Pipeline:
    """Feature map and ElasticNet."""
    feature_map = fit_feature_map(frame, schema, features_params(**params), knots)
    model = make_pipeline(feature_map, StandardScaler(), ElasticNet(alpha=alpha, l1_ratio=0.5, max_iter=10_000))
    return model.fit(frame, frame["y"])


# ---------------------------------------------------------------- numbers


def test_number_is_clipped_to_its_percentiles() -> None:
    x = np.random.default_rng(0).normal(size=5000)
    low, high = np.quantile(x, [0.01, 0.99])
    terms = terms_of("number", x, [-1e9, low - 1, low, 0, high, high + 1, 1e9], clip=0.01)
    assert terms[:, 0].tolist() == pytest.approx([low, low, low, 0, high, high, high])
    np.testing.assert_allclose(terms[0], terms[2], atol=1e-12)
    np.testing.assert_allclose(terms[6], terms[4], atol=1e-12)
    assert (terms[3] != terms[2]).any()


def test_number_is_a_line_and_a_curve() -> None:
    x = np.random.default_rng(0).gamma(2, size=2000)
    terms = terms_of("number", x, x, knots=6, clip=0)
    assert terms.shape[1] == 1 + 5  # a line, and the hats of 6 knots but one
    np.testing.assert_array_equal(terms[:, 0], x)
    assert (terms[:, 1:] >= 0).all()
    assert (terms[:, 1:] <= 1 + 1e-12).all()
    order = np.argsort(x)
    slopes = np.diff(terms[order], axis=0) / np.diff(x[order])[:, None]
    for column in range(1, 6):  # piecewise linear: at most three segments' slopes, zero, up and down
        assert len(np.unique(slopes[:, column].round(4))) <= 3 + 2 * 3  # segments that hold a knot mix two slopes
    assert terms_of("number", x, x, knots=2).shape[1] == 1


def test_fewer_knots_are_among_more() -> None:
    """So that the terms of fewer follow from the moments of the most."""
    rng = np.random.default_rng(0)
    schema = schema_of({"x": "number", "few": "number", "level": "string", "day": "datetime"})
    columns = {
        "x": rng.gamma(2, size=700),
        "few": np.where(rng.random(700) < 0.1, np.nan, rng.integers(0, 6, 700)),
        "level": rng.choice(["a", "b", "c"], 700),
        "day": START + pd.to_timedelta(rng.integers(0, 9000, 700), unit="h"),
    }
    frame = typed(columns, schema)
    maps = [fit_feature_map(frame, schema, features_params(), knots) for knots in KNOTS]
    axes = axes_of(maps[-1])
    values = np.array([axis.values(frame) for axis in axes])
    at_vertices = add_up(partial(vertex_blocks, axes=axes), values, frame["y"].to_numpy(), 0.0)
    for feature_map in maps:
        found = term_moments(at_vertices, with_terms_of(feature_map, axes))
        expected = Moments.of(np.column_stack([feature_map.transform(frame), frame["y"]]))
        np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(found.scatter, expected.scatter, rtol=1e-9, atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([0.1 + 0.2, 0.3, 1e6, -5.0, 0.0, 7.0, float("nan")]), min_size=1), st.integers(2, 9))
def test_axes_expand_rows_as_the_map_does(values: list[float], knots: int) -> None:
    schema = schema_of({"x": "number"})
    frame = typed({"x": values}, schema)
    feature_map = fit_feature_map(frame, schema, features_params(), knots)
    [axis] = axes_of(feature_map)
    new = typed({"x": [*values, -1e300, 1e300, 0.0, 3.3, np.nan]}, schema)
    places, weights = axis.hats(axis.values(new))
    found = np.einsum("nk,nkp->np", weights, axis.terms[places])
    np.testing.assert_allclose(found, feature_map.transform(new), rtol=1e-12, atol=1e-9)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_a_map_fitted_to_few_rows_is_that_of_all_rows(seed: int, min_frequency: int) -> None:
    rng = np.random.default_rng(seed)
    schema = schema_of({"x": "number", "level": "string", "day": "datetime"})
    level = rng.choice(np.array(["a", "b", "c", "d", None], object), 300, p=[0.6, 0.25, 0.1, 0.03, 0.02])
    days = START + pd.to_timedelta(rng.integers(0, 5000, 300), unit="h")
    frame = typed({"x": rng.normal(size=300), "level": level, "day": days.where(rng.random(300) < 0.95)}, schema)
    params = features_params(min_frequency=min_frequency)
    feature_map = fit_feature_map(frame, schema, params, 5)
    of_all = [
        features.column_map(column, frame[column.name], params, 5, None).fit_transform(frame[[column.name]])
        for column in schema.inputs
    ]
    np.testing.assert_array_equal(feature_map.transform(frame), np.concatenate(of_all, axis=1))
    new = typed({"x": [0.0, np.nan], "level": ["unseen", None], "day": [START, pd.NaT]}, schema)
    for rows in (frame, new):
        blocks_ = vertex_blocks(np.array([axis.values(rows) for axis in axes_of(feature_map)]), axes_of(feature_map))
        found = [np.einsum("nk,nkp->np", block.weights, axis.terms[block.places])
                 for block, axis in zip(blocks_, axes_of(feature_map), strict=True)]  # fmt: skip
        np.testing.assert_allclose(np.concatenate(found, axis=1), feature_map.transform(rows), rtol=1e-12, atol=1e-12)


def test_rare_levels_are_merged_until_the_terms_fit() -> None:
    rng = np.random.default_rng(0)
    schema = schema_of({"x": "number", "many": "string", "more": "string", "few": "string"})
    columns = {name: np.minimum(rng.geometric(share, 2000), 90).astype(str) for name, share in
               (("many", 0.05), ("more", 0.1), ("few", 0.8))}  # fmt: skip
    frame = typed({"x": rng.normal(size=2000), **columns}, schema)
    assert within_budget(frame, schema, features_params(max_terms=500, knots="auto")) == ([4, 7, 10, 19], 10)
    for most in (60, 50, 12):
        params = features_params(max_terms=most, knots="auto")
        counts, rarest = within_budget(frame, schema, params)
        terms = []
        for least in (rarest, rarest - 1):
            merged = params.model_copy(update={"min_frequency": least})
            terms.append(count_terms(fit_feature_map(frame, schema, merged, counts[-1])))
        assert terms[0] <= most
        assert terms[1] >= most  # no more than necessary: one term is kept for missing cells of x
    assert counts == [4]


def test_knots_of_ties_are_one() -> None:
    x = np.repeat([0.0, 1.0], [500, 300])
    assert terms_of("boolean", x, [0, 1]).tolist() == [[0], [1]]
    three = terms_of("number", np.repeat([0.0, 1.0, 2.0], 300), [0, 0.5, 1, 2], clip=0)
    assert three.shape[1] == 3
    assert np.linalg.matrix_rank(np.column_stack([three, np.ones(4)])) == 3  # 2 slopes and a constant


def test_missing_number_is_the_median_with_a_term() -> None:
    x = np.append(np.arange(1001.0) ** 2, [np.nan] * 10)
    terms = terms_of("number", x, [np.nan, 500.0**2, 7])
    assert terms[:, -1].tolist() == [1, 0, 0]
    np.testing.assert_allclose(terms[0, :-1], terms[1, :-1])
    without = terms_of("number", x[:1001], [np.nan, 500.0**2])  # nothing missing in training: no term for it
    np.testing.assert_allclose(without[0], without[1])
    assert without.shape[1] == terms.shape[1] - 1


@pytest.mark.parametrize("outlier", [1e9, -1e9])
def test_an_outlier_does_not_move_predictions_out_of_range(outlier: float) -> None:
    rng = np.random.default_rng(0)
    schema = schema_of({"x": "number", "z": "number"})
    frame = typed({"x": rng.normal(size=3000), "z": rng.normal(size=3000)}, schema)
    frame["y"] = 10 * frame["x"] + frame["z"]
    model = fitted(frame, schema)
    end = frame["x"].max() if outlier > 0 else frame["x"].min()
    np.testing.assert_allclose(model.predict(frame.assign(x=outlier)), model.predict(frame.assign(x=end)), rtol=1e-12)

    spoilt = frame.copy()
    spoilt.loc[7, "x"] = outlier  # also in training: the rest is fitted as before
    again = fitted(spoilt, schema)
    rest = frame.drop(index=7)
    rest = rest[rest["x"].abs() < 2.5]  # beyond lie the percentiles that an outlier shifts
    np.testing.assert_allclose(again.predict(rest), model.predict(rest), atol=1.0)
    assert np.sqrt(np.mean((again.predict(rest) - rest["y"]) ** 2)) < 0.2


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from([0.1 + 0.2, 0.3, 1e9, 1e9 + 1, -5.0, 1e-300, 0.0, 7.0, float("nan")]), min_size=1),
    st.integers(2, 9),
    st.sampled_from([0, 0.001, 0.2, 0.49]),
)
def test_terms_are_finite_and_bounded(values: list[float], knots: int, clip: float) -> None:
    terms = terms_of("number", values, [*values, -1e300, 1e300, 0, np.nan], knots=knots, clip=clip)
    assert np.isfinite(terms).all()
    assert (np.abs(terms[:, 1:]) <= 1 + 1e-9).all()
    assert np.abs(terms[:, 0]).max() <= np.nanmax(np.abs([*values, 0]))


def test_constant_and_all_missing_columns() -> None:
    assert terms_of("number", [3.0] * 50, [3, 4, np.nan]).tolist() == [[3], [3], [3]]
    assert terms_of("number", [np.nan] * 50, [np.nan, 4]).tolist() == [[0, 1], [0, 0]]
    assert (terms_of("string", ["a"] * 50, ["a", "b", None])[0] == [1]).all()
    assert np.isfinite(terms_of("string", [None] * 50, ["a", None])).all()
    assert np.isfinite(terms_of("date", [pd.NaT] * 50, [START, pd.NaT])).all()
    assert np.isfinite(terms_of("date", [START] * 50, [START, pd.NaT, START + pd.Timedelta(days=900)])).all()


# ---------------------------------------------------------------- levels


def test_rare_levels_are_taken_together() -> None:
    values = ["a"] * 30 + ["b"] * 20 + ["r1"] * 9 + ["r2"] * 3 + [None] * 15
    terms = terms_of("string", values, ["a", "b", None, "r1", "r2", "new", ""])
    assert terms.shape[1] == 4
    assert (terms.sum(axis=1) == 1).all()
    assert len(np.unique(terms[:4], axis=0)) == 4
    for other in (4, 5, 6):
        np.testing.assert_array_equal(terms[3], terms[other])


def test_few_missing_cells_are_a_rare_level() -> None:
    terms = terms_of("string", ["a"] * 30 + ["r"] * 9 + [None] * 3, ["a", "r", None])
    np.testing.assert_array_equal(terms[1], terms[2])


def test_unseen_level_gives_a_prediction() -> None:
    rng = np.random.default_rng(0)
    schema = schema_of({"x": "string"})
    frame = typed({"x": rng.choice(["a", "b", "c"], 300)}, schema)  # none is rare
    frame["y"] = frame["x"].map({"a": 1.0, "b": 2.0, "c": 6.0}) + rng.normal(size=300) / 100
    model = fitted(frame, schema)
    new = model.predict(typed({"x": ["a", "b", "c", "new", None]}, schema))
    assert new[:3].tolist() == pytest.approx([1, 2, 6], abs=0.1)
    assert np.isfinite(new).all()
    assert 1 < new[3] < 6
    assert new[3] == new[4]


def test_integer_categories_are_levels() -> None:
    kind = {"type": "integer", "categories": [1, 2, 30]}
    terms = terms_of(kind, ["1"] * 20 + ["2"] * 20 + ["30"] * 20, ["30", "2", "1"])
    assert terms.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


# ---------------------------------------------------------------- dates


def test_date_has_month_weekday_hour_and_trend() -> None:
    hours = pd.Series(START + pd.to_timedelta(np.arange(0, 400 * 24, 5), unit="h"))
    new = pd.to_datetime(
        ["2021-03-01T05:00", "2021-03-01T05:59", "2021-03-08T05:00", "2021-03-01T06:00", "2021-08-02T05:00"]
    )
    terms = terms_of("datetime", hours, new)
    assert terms.shape[1] == 6 + 12 + 7 + 24
    trend, month, weekday, hour = np.split(terms, [6, 18, 25], axis=1)
    for part, numbers in ((month, [3, 3, 3, 3, 8]), (weekday, [0] * 5), (hour, [5, 5, 5, 6, 5])):
        assert (part.sum(axis=1) == 1).all()
        for row, number in enumerate(numbers):
            assert (part[row] == part[0]).all() == (number == numbers[0])
    days = (new - START) / pd.Timedelta(days=1)
    np.testing.assert_allclose(trend[:, 0], days, rtol=1e-12)


def test_time_column_has_no_trend() -> None:
    hours = pd.Series(START + pd.to_timedelta(np.arange(0, 400 * 24, 5), unit="h"))
    kind = {"type": "datetime", "role": "time"}
    schema = schema_of({"x": kind, "z": "number"})
    feature_map = fit_feature_map(typed({"x": hours, "z": np.arange(len(hours))}, schema), schema, features_params(), 6)
    assert {name: len(block) for name, block in blocks(feature_map).items()} == {"x": 12 + 7 + 24, "z": 6}
    later = typed({"x": [START, START + pd.Timedelta(days=28 * 365 + 7)], "z": [0, 0]}, schema)
    terms = feature_map.transform(later)[:, : 12 + 7 + 24]
    np.testing.assert_array_equal(terms[0], terms[1])  # 28 years on the calendar repeats itself


def test_missing_date() -> None:
    days = pd.Series(START + pd.to_timedelta(np.arange(400), unit="D")).where(np.arange(400) % 10 > 0)
    terms = terms_of("date", days, [pd.NaT, days[1]])
    assert np.isfinite(terms).all()
    assert terms[:, 6].tolist() == [1, 0]  # the trend's own term for a missing date
    assert (terms[0] != terms[1]).any()


# ---------------------------------------------------------------- whole tables


NAMES = [
    "a b",
    "a__b",
    "it's",
    'say "x"',
    "größe 😀",
    "transformers",
    "self",
    "0",
    "remainder",
    "passthrough",
    "%s{}",
    "index",
]


def test_names_of_columns() -> None:
    rng = np.random.default_rng(0)
    schema = schema_of({name: ("string" if position % 3 == 0 else "number") for position, name in enumerate(NAMES)})
    values = {name: rng.choice(["u", "v"], 200) if name in NAMES[::3] else rng.normal(size=200) for name in NAMES}
    frame = typed(values, schema)
    feature_map = fit_feature_map(frame, schema, features_params(), 6)
    assert list(blocks(feature_map)) == NAMES
    whole = feature_map.transform(frame.iloc[:, ::-1])  # columns go by name
    for name, block in blocks(feature_map).items():
        expected = terms_of("string" if name in NAMES[::3] else "number", frame[name], frame[name])
        np.testing.assert_array_equal(whole[:, list(block)], expected)


def accumulated(tmp_path: Path, frame: pd.DataFrame, schema: TableSchema, numbers: dict[str, float], **of: Any) -> Any:
    """The findings of `accumulate` in a part of these rows, and its axes and map."""
    feature_map = fit_feature_map(frame, schema, features_params(), 6)
    write_part(frame, tmp_path / "train", 0)
    axes = axes_of(feature_map)
    found = accumulate(tmp_path / "train/part-00000.parquet", axes, schema, numbers, of["folds"], of["transform"], 0.5)
    return found, axes, feature_map


def test_a_part_adds_up_to_the_moments_of_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    schema = schema_of({"x": "number", "level": "string", "z": "number"})
    columns = {"x": rng.normal(size=200), "level": rng.choice(["u", "v"], 200), "z": rng.normal(size=200)}
    frame = typed(columns, schema).assign(_fold=(np.arange(200) % 3).astype("int16"))
    frame.loc[::7, "z"] = np.nan
    monkeypatch.setattr(sums, "CHUNK", 30)
    monkeypatch.setattr(parts, "CHUNK_ROWS", 70)
    numbers = {"x": 0.5, "z": -1.0}
    found, axes, feature_map = accumulated(tmp_path, frame, schema, numbers, folds=4, transform="none")
    rows = np.column_stack([feature_map.transform(frame), frame["y"]])
    assert [fold.n for fold in found.folds] == [67, 67, 66, 0]
    for k in range(3):
        in_terms = term_moments(found.folds[k].moments(), axes)
        np.testing.assert_allclose(in_terms.scatter, Moments.of(rows[k::3]).scatter, rtol=1e-9, atol=1e-9)
    raw = Moments.of(frame[["x", "z", "y"]].fillna({"z": -1.0}).to_numpy())
    np.testing.assert_allclose(found.raw.mean, raw.mean, rtol=1e-9)
    np.testing.assert_allclose(found.raw.scatter, raw.scatter, rtol=1e-9, atol=1e-9)


def test_moments_of_a_logarithm_and_the_target_as_it_is(tmp_path: Path) -> None:
    schema = schema_of({"x": "number"})
    frame = typed({"x": np.arange(50.0), "y": np.exp(np.arange(50.0) / 7)}, schema).assign(_fold=np.int16(0))
    found, *_ = accumulated(tmp_path, frame, schema, {"x": 0.0}, folds=1, transform="log")
    assert found.folds[0].moments().mean[-1] == pytest.approx((np.arange(50) / 7).mean())
    assert found.raw.mean[-1] == pytest.approx(frame["y"].mean())
    assert found.smallest == 1


def test_a_logarithm_needs_a_positive_target() -> None:
    schema = schema_of({"x": "number"})
    check_scale(-1.0, "none", schema)
    check_scale(1e-9, "log", schema)
    with pytest.raises(DataError, match=r"target y is 0 in a training row, and params.yaml: features.target: log"):
        check_scale(0.0, "log", schema)


def test_constant_target() -> None:
    schema = schema_of({"x": "number"})
    check_target(np.array([1.0, 1.0, 1.5]), schema)
    with pytest.raises(DataError, match="target y is 2 in every training row"):
        check_target(np.full(3, 2.0), schema)


# ---------------------------------------------------------------- the audit


def audit_of(
    columns: dict[str, Any], kinds: dict[str, str | dict[str, Any]], y: Floats, **params: Any
) -> dict[str, Any]:
    """The findings of the audit in a table."""
    schema, settings_ = schema_of(kinds), features_params(**params)
    frame = typed({**columns, "y": y}, schema)
    feature_map = fit_feature_map(frame, schema, settings_, 6)
    numbers = [column.name for column in schema.inputs if column.kind == "number"]
    terms = Moments.of(np.column_stack([feature_map.transform(frame), frame["y"]]))
    raw = Moments.of(frame[[*numbers, "y"]].fillna(frame[numbers].median()).to_numpy())
    return find_leaks(terms, blocks(feature_map), raw, numbers, settings_)


def named(audit: dict[str, Any], kinds: dict[str, str | dict[str, Any]]) -> str:
    """The message of the audit, or nothing."""
    try:
        check_leaks(audit, schema_of(kinds))
    except LeakageError as error:
        return str(error)
    return ""


def innocent(rows: int = 1000) -> tuple[dict[str, Any], dict[str, str | dict[str, Any]], Floats]:
    """Columns that explain some nine tenths of the target together, with their types."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {name: rng.normal(size=rows) for name in ("u", "v", "w")}
    columns["level"] = rng.choice(["a", "b", "c"], rows)
    columns["day"] = START + pd.to_timedelta(rng.integers(0, 700, rows), unit="D")
    columns["flag"] = (rng.random(rows) < 0.3).astype(float)
    y = 3 * columns["u"] - columns["v"] + (columns["level"] == "a") + rng.normal(size=rows)
    kinds: dict[str, Any] = {**dict.fromkeys("uvw", "number"), "level": "string", "day": "date", "flag": "boolean"}
    return columns, kinds, y


def test_innocent_columns_are_not_named() -> None:
    columns, kinds, y = innocent()
    audit = audit_of(columns, kinds, y)
    assert audit["columns"] == []
    assert audit["sets"] == []
    assert list(audit["r2"]) == list(kinds)
    assert audit["r2"]["u"] == pytest.approx(0.8, abs=0.04)
    assert audit["r2"]["w"] < 0.02
    assert named(audit, kinds) == ""


@pytest.mark.parametrize(
    "leak",
    [
        pytest.param(lambda y: y, id="copy"),
        pytest.param(lambda y: -1000 * y + 7e6, id="other unit"),
        pytest.param(lambda y: y + np.random.default_rng(5).normal(size=len(y)) * 0.1, id="with noise"),
        pytest.param(lambda y: np.exp(y / 3), id="exponential"),
        pytest.param(lambda y: np.where(np.arange(len(y)) == 5, 1e9, y), id="with an outlier"),
        pytest.param(lambda y: np.where(np.arange(len(y)) % 400 == 5, np.nan, y), id="with missing cells"),
    ],
)
def test_a_column_that_copies_the_target(leak: Callable[[Floats], Floats]) -> None:
    columns, kinds, y = innocent(4000)
    kinds = {"w": kinds["w"], "copy": "number", "level": "string", "u": "number"}
    audit = audit_of({**columns, "copy": leak(y)}, kinds, y)
    assert audit["columns"] == ["copy"]
    assert audit["r2"]["copy"] > 0.99
    message = named(audit, kinds)
    assert message.startswith(("schema.yaml: copy explains 99.", "schema.yaml: copy explains 100."))
    assert "of y" in message
    assert " and " not in message
    assert named(audit, {**kinds, "copy": {"type": "number", "leak": "acknowledged"}}) == ""


def test_columns_that_say_nearly_the_same() -> None:
    length, noise, other = np.random.default_rng(3).normal(size=(3, 2000))
    columns = [length, other, 0.1 * noise - length, np.ones(2000), length + 0.2 * noise, noise + 2 * other]
    groups = correlated(Moments.of(np.column_stack(columns)), ["length", "w", "minus", "one", "about"], 0.95)
    assert groups == [["length", "minus", "about"]]


def test_levels_and_dates_can_give_the_target_away() -> None:
    columns, kinds, _ = innocent()
    day = pd.Series(columns["day"])
    y = ((day - START) / pd.Timedelta(days=1)).to_numpy() / 7
    audit = audit_of(columns, kinds, y)
    assert audit["columns"] == ["day"]
    y = pd.Series(columns["level"]).map({"a": 1.0, "b": 5.0, "c": 7.0}).to_numpy()
    assert audit_of(columns, kinds, y)["columns"] == ["level"]


def counts(rows: int = 2000) -> tuple[dict[str, Any], dict[str, str | dict[str, Any]], Floats]:
    """Rentals: two numbers that add up to the target, beside innocent columns."""
    rng = np.random.default_rng(1)
    columns, kinds, _ = innocent(rows)
    columns |= {"casual": rng.poisson(80, rows), "registered": rng.poisson(200, rows) + 30 * columns["flag"]}
    return columns, {**kinds, "casual": "integer", "registered": "integer"}, columns["casual"] + columns["registered"]


def test_columns_that_add_up_to_the_target() -> None:
    columns, kinds, y = counts()
    audit = audit_of(columns, kinds, y)
    assert audit["columns"] == []
    assert [found["columns"] for found in audit["sets"]] == [["casual", "registered"]]
    assert audit["sets"][0]["r2"] == pytest.approx(1, abs=1e-12)
    message = named(audit, kinds)
    assert "casual and registered explain 100.0000% of y" in message
    for name in ("casual", "registered"):  # one that is known beforehand is enough
        assert named(audit, {**kinds, name: {"type": "integer", "leak": "acknowledged"}}) == ""
    assert named(audit, {**kinds, "u": {"type": "number", "leak": "acknowledged"}}) == message


def test_three_columns_with_weights_of_both_signs() -> None:
    rng = np.random.default_rng(2)
    columns, kinds, _ = innocent()
    columns |= {name: rng.normal(size=1000) * 10 for name in ("gross", "tax", "fee")}
    y = columns["gross"] - 0.2 * columns["tax"] - 2 * columns["fee"] + 3
    kinds = {**kinds, **dict.fromkeys(("gross", "tax", "fee"), "number")}
    audit = audit_of(columns, kinds, y)
    assert [found["columns"] for found in audit["sets"]] == [["gross", "tax", "fee"]]


def test_outliers_in_the_sum() -> None:
    columns, kinds, y = counts()
    columns["w"] = np.where(np.arange(2000) == 11, 1e9, columns["w"])  # in a column that has nothing to do with it
    audit = audit_of(columns, kinds, y)
    assert [found["columns"] for found in audit["sets"]] == [["casual", "registered"]]
    columns["casual"] = np.where(np.arange(2000) == 11, 10**6, columns["casual"])  # in the sum and its parts
    audit = audit_of(columns, kinds, columns["casual"] + columns["registered"])
    assert "casual" in named(audit, kinds)


def test_two_findings_are_two() -> None:
    columns, kinds, y = counts()
    columns["again"] = columns["casual"] * 2.0 + 1
    kinds = {**kinds, "copy": "number", "again": "number"}
    audit = audit_of({**columns, "copy": y * 3}, kinds, y)
    assert audit["columns"] == ["copy"]
    assert [found["columns"] for found in audit["sets"]] == [["casual", "registered"]] or [
        found["columns"] for found in audit["sets"]
    ] == [["registered", "again"]]
    message = named(audit, kinds)
    assert "copy explains 99.99" in message  # clipped, so not all
    assert " explain 100.0000% of y" in message
    acknowledged = {**kinds, "copy": {"type": "number", "leak": "acknowledged"}}
    assert "copy" not in named(audit, acknowledged)
    assert "registered" in named(audit, acknowledged)


# ---------------------------------------------------------------- the stage


def put(project: Project, frame: pd.DataFrame, kinds: dict[str, Any], cuts: list[int] | None = None) -> None:
    """Give the project training rows, cut before the rows `cuts`, and their schema."""
    (project.path / "data").mkdir(exist_ok=True)
    for number, rows in enumerate(np.split(np.arange(len(frame)), cuts or [])):
        write_part(frame.iloc[rows], project.path / "data/train", number)
    fields = [{"name": name, **({"type": kind} if isinstance(kind, str) else kind)} for name, kind in kinds.items()]
    project.write_schema([*fields, {"name": "y", "type": "number", "role": "target"}])
    project.edit("config.yaml", compute__workers=1)


def training_rows(columns: dict[str, Any], kinds: dict[str, Any]) -> pd.DataFrame:
    frame = typed(columns, schema_of(kinds))
    hashes = np.random.default_rng(3).integers(0, 2**63, len(frame)).astype("uint64")
    return frame.assign(_hash=hashes, _fold=(np.arange(len(frame)) % 3).astype("int16"))


def test_stage_refuses_a_leak(project: Project) -> None:
    columns, kinds, y = counts(300)
    put(project, training_rows({**columns, "y": y}, kinds), kinds)
    done = project.stage("features")
    lines = done.stderr.splitlines()
    assert done.returncode == 5, done.stderr
    assert len(lines) == 2
    assert lines[0].startswith("features  schema.yaml: casual and registered explain 100.0000% of y: ")
    assert not (project.path / "models/features.joblib").exists()
    assert not (project.path / "data/moments.npz").exists()
    assert '"casual"' in (project.path / "metrics/audit.json").read_text()  # to see why


@pytest.mark.slow
def test_table_without_a_numeric_column(project: Project) -> None:
    columns, kinds, y = innocent(200)
    kinds = {"level": "string"}
    put(project, training_rows({"level": columns["level"], "y": y}, kinds), kinds, cuts=[120])
    project.stages("features", "interactions", "train")
    assert '"sets": []' in (project.path / "metrics/audit.json").read_text()


@pytest.mark.slow
def test_parts_without_training_rows(project: Project) -> None:
    """As a split by time leaves them when a part of the source lies wholly after the cut."""
    columns, kinds, y = innocent(200)
    put(project, training_rows({**columns, "y": y}, kinds), kinds, cuts=[0, 150, 200])
    done = project.stage("features")
    assert done.returncode == 0, done.stderr
    with np.load(project.path / "data/moments.npz") as moments:
        assert moments["n"].tolist() == [67, 67, 66]

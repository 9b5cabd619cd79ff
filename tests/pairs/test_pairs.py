"""Pairs: found where they are, and only there; chosen from sums alone; honest in cross-validation."""

import logging
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.exporting.purify import purify
from stages.modelling import elasticnet
from stages.modelling.axes import axes_of
from stages.modelling.comparison import (
    ALPHAS,
    EPS,
    L1_RATIO,
    MAX_ITER,
    TOL,
    candidate_of,
    is_better,
    quick_path,
)
from stages.modelling.feature_map import fit_feature_map, signs_of
from stages.modelling.moments import Moments, merge_all
from stages.modelling.sums import add_up, term_moments, vertex_blocks
from stages.modelling.training_sets import additive_sets, memberships
from stages.pairs import rounds
from stages.pairs.grids import make_grid
from stages.pairs.rounds import find_pairs, unit_errors
from stages.pairs.search import Rows, rows_of, search_of
from stages.pairs.tables import pair_table
from stages.pairs.terms import PairTerms, model_blocks, with_terms
from stages.table.schema import TableSchema
from tests.helpers.modelling import features_params

LOG = logging.getLogger("test")
FOLDS = 4


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do the work of every training set here: no config.yaml is needed."""

    def in_turn(function: Any, items: list[Any], *shared: Any, small: bool = False, unit: str = "") -> Any:
        return (function(item, *shared) for item in items)

    monkeypatch.setattr(rounds, "map_parts", in_turn)


def table_of(seed: int, n: int = 1500) -> pd.DataFrame:
    """Columns of every kind, and a target that they add up to."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": rng.gamma(2, size=n),
            "c": rng.integers(0, 5, n).astype(float),
            "level": pd.Series(rng.choice(["u", "v", "w"], n), dtype="str"),
            "constant": 3.0,
        }
    )
    frame["copy"] = frame["a"] + rng.normal(size=n) / 100
    frame["y"] = frame["a"] + np.log(frame["b"]) + (frame["level"] == "u") + rng.normal(size=n)
    return frame.assign(_fold=np.arange(n) % FOLDS)


def schema_of(**interactions: Any) -> TableSchema:
    fields = [{"name": name, "type": "number"} for name in ("a", "b", "c", "constant", "copy")]
    fields += [{"name": "level", "type": "string"}, {"name": "y", "type": "number", "role": "target"}]
    return TableSchema.model_validate({"fields": fields, "interactions": interactions})


class Found:
    """The pairs that the search finds in a table."""

    def __init__(self, frame: pd.DataFrame, schema: TableSchema | None = None, **params: Any) -> None:
        schema, settings_ = schema or schema_of(), features_params(**params)
        self.feature_map = fit_feature_map(frame, schema, settings_, 4)
        self.axes, self.members = axes_of(self.feature_map), memberships(FOLDS, forward=False)
        self.rows = rows_of(frame, self.axes, schema, "none")
        grids = [make_grid(axis, values) for axis, values in zip(self.axes, self.rows.values, strict=True)]
        self.search = search_of(self.axes, grids, signs_of(self.feature_map), self.rows, schema, settings_, LOG)
        folds = [self.rows.fold == k for k in range(FOLDS)]
        expand = partial(vertex_blocks, axes=self.axes)
        moments = [
            term_moments(add_up(expand, self.rows.values[:, inside], self.rows.target[inside], 0.0), self.axes)
            for inside in folds
        ]
        sets = additive_sets(moments, self.members)
        self.additive = candidate_of([quick_path(one, signs_of(self.feature_map)) for one in sets])
        self.pairs, self.best = find_pairs(self.rows, self.members, self.additive, self.search, LOG)

    @property
    def names(self) -> list[set[str]]:
        """The columns of the model's pairs."""
        return [{self.axes[axis].column for axis in pair.axes} for pair in self.pairs[-1]]


PLANTED = {
    "two numbers": ({"a", "b"}, lambda t: 2 * np.sign(t["a"]) * (t["b"] > 1.5)),
    "number and level": ({"b", "level"}, lambda t: t["b"] * (t["level"] == "v") * 2),
    "a step": ({"c", "level"}, lambda t: 3.0 * ((t["c"] > 2) & (t["level"] == "w"))),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_pair_is_found_and_it_alone(planted: str) -> None:
    columns, effect = PLANTED[planted]
    frame = table_of(2)
    found = Found(frame.assign(y=frame["y"] + effect(frame)))
    as_named = [{"a" if name == "copy" else name for name in names} for names in found.names]  # either copy will do
    assert as_named[0] == columns
    assert all(names == columns for names in as_named)
    assert found.best.errors.mean() < 0.9 * found.additive.errors.mean()
    assert found.pairs[0][0].axes == found.pairs[-1][0].axes


@pytest.mark.slow
def test_tables_without_pairs_get_hardly_any() -> None:
    used = [len(Found(table_of(seed, 600)).names) for seed in range(20)]
    assert sum(count > 0 for count in used) <= 1
    assert max(used) <= 1


def test_a_pair_is_refined_when_the_budget_allows_it() -> None:
    rng = np.random.default_rng(0)
    frame = table_of(1, 4000).assign(a=rng.random(4000), b=rng.random(4000))
    waves = np.sin(16 * frame["a"]) * np.sin(16 * frame["b"])
    found = Found(frame.assign(y=2 * waves + frame["y"] / 10), interaction_terms=300)
    assert found.names[0] == {"a", "b"}
    assert found.pairs[-1][0].terms > 100  # a third of the budget, which is all that the first round may use
    assert len({pair.axes for pair in found.pairs[-1]}) == len(found.pairs[-1])


def test_errors_in_the_targets_unit_are_those_of_predictions_of_means() -> None:
    rng = np.random.default_rng(0)
    target, linear, fold = np.exp(rng.normal(size=300)), rng.normal(size=300), np.arange(300) % FOLDS
    rows = Rows(np.empty((0, 300)), np.log(target), fold, None, "log", 0.0)
    members = memberships(FOLDS, forward=False)
    found = unit_errors(rows, members, np.array([np.log(target) - linear + 7] * len(members)))
    for k, error in enumerate(found):
        train, test = fold != k, fold == k
        predicted = np.exp(linear) * target[train].sum() / np.exp(linear[train]).sum()
        assert error == pytest.approx(((target - predicted)[test] ** 2).mean(), rel=1e-10)


def test_near_copies_do_not_eat_the_budget() -> None:
    frame = table_of(1)
    found = Found(frame.assign(y=frame["y"] + 2 * frame["a"] * (frame["level"] == "v")))
    wanted = [names for names in found.names if "level" in names and names & {"a", "copy"}]
    assert len(wanted) == 1


def test_what_a_person_asks_for() -> None:
    frame = table_of(2)
    with_pair = frame.assign(y=frame["y"] + 2 * np.sign(frame["a"]) * (frame["level"] == "v"))
    assert Found(frame, schema_of(require=[["c", "b"]])).names[0] == {"b", "c"}
    excluded = Found(with_pair, schema_of(exclude=["level"])).names
    assert all("level" not in names for names in excluded)
    assert len(Found(with_pair, interactions=1).names) == 1


@pytest.mark.parametrize(
    ("interactions", "message"),
    [
        ({"require": [["a", "a"]]}, "a is paired with itself"),
        ({"require": [["a", "z"]]}, "interactions: z is not a feature; choose from a, b, c"),
        ({"exclude": ["y"]}, "y is not a feature"),
        ({"require": [["a", "b"]], "exclude": ["b"]}, "is required, and one of them excluded"),
        ({"require": ["a"]}, r"a list of pairs of columns, such as \[\[temperature, hour\]\]; found \['a'\]"),
    ],
)
def test_pairs_that_make_no_sense_are_refused(interactions: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        schema_of(**interactions)


def test_terms_are_never_more_than_half_the_rows() -> None:
    frame = table_of(3, 60)
    found = Found(frame.assign(y=frame["y"] + 5 * np.sign(frame["a"]) * (frame["level"] == "v")), interactions=5)
    assert sum(pair.terms for pair in found.pairs[-1]) <= 30


def test_no_pair_of_a_table_with_one_column() -> None:
    fields = [{"name": "a", "type": "number"}, {"name": "y", "type": "number", "role": "target"}]
    assert Found(table_of(1, 100)[["a", "y", "_fold"]], TableSchema.model_validate({"fields": fields})).names == []


def test_tables_of_parts_add_up_to_the_table_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    bins, fold = (rng.integers(0, 5, 300), rng.integers(0, 7, 300)), rng.integers(0, 3, 300)
    residual = rng.normal(size=300)
    whole = pair_table(bins, (5, 7), fold, residual, 3)
    halves = [
        pair_table((bins[0][s], bins[1][s]), (5, 7), fold[s], residual[s], 3) for s in (slice(110), slice(110, 300))
    ]
    merged = halves[0] + halves[1]
    np.testing.assert_array_equal(merged.rows, whole.rows)
    np.testing.assert_allclose(merged.sums, whole.sums, atol=1e-12)
    assert whole.rows[1, 2, 3] == ((fold == 1) & (bins[0] == 2) & (bins[1] == 3)).sum()


def test_cross_validation_equals_a_refit_that_repeats_the_selection() -> None:
    """Without a fold's rows nothing about its model changes: neither its pairs nor its coefficients."""
    frame = table_of(1, 800)
    frame["y"] += 2 * np.sign(frame["a"]) * (frame["level"] == "v")
    found = Found(frame, interactions=2)
    changed = frame.assign(y=np.where(frame["_fold"] == 1, -frame["y"] * 7, frame["y"]))
    other = Found(changed, interactions=2)
    first = [(pair.axes, pair.resolutions) for pair in found.pairs[1]]
    assert len(first) == 2

    held_out = found.rows.fold == 1
    terms = PairTerms(found.axes, found.search.grids, found.pairs[1], [])
    X = np.column_stack([found.feature_map.transform(frame), terms.transform(frame)])
    by_hand = Moments.of(np.column_stack([X, frame["y"]])[~held_out])
    problem = elasticnet.problem_of(by_hand, signs_of(found.feature_map))
    alphas = elasticnet.largest_alpha(problem, L1_RATIO) * np.geomspace(1, EPS, ALPHAS)
    paths = elasticnet.path(problem, alphas, L1_RATIO, TOL, MAX_ITER).coef
    errors = [
        np.mean((frame["y"] - by_hand.mean[-1] - (X - by_hand.mean[:-1]) @ coef)[held_out] ** 2) for coef in paths
    ]
    assert np.isclose(errors, found.best.errors[1], rtol=1e-6).any()
    one_round = [(pair.axes, pair.resolutions) for pair in other.pairs[1]]
    assert one_round[:1] == first[:1]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_purified_parts_add_up_and_have_no_mean(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-3, 4)
    density = rng.random((rows, columns)) * (rng.random((rows, columns)) < 0.8) * 100
    density[rng.integers(rows), rng.integers(columns)] += 1
    pure = purify(values, density)
    size = np.abs(values).max()
    again = pure.constant + pure.first[:, None] + pure.second + pure.surface
    np.testing.assert_allclose(again, values, rtol=0, atol=1e-10 * size)
    assert np.abs((density * pure.surface).sum(axis=0)).max() <= 1e-8 * size * density.sum()
    assert np.abs((density * pure.surface).sum(axis=1)).max() <= 1e-8 * size * density.sum()
    assert abs(density.sum(axis=1) @ pure.first) <= 1e-9 * size * density.sum()


def test_moments_are_those_of_the_terms() -> None:
    frame = table_of(4, 400)
    found = Found(frame.assign(y=frame["y"] + 3 * np.sign(frame["a"]) * (frame["level"] == "v")), interactions=3)
    pairs = found.pairs[-1]
    pairs = [
        with_terms(pairs[0], np.zeros_like(pairs[0].places, bool)),
        *pairs,
    ]  # the first has no cell with enough rows
    expand = partial(model_blocks, axes=found.axes, grids=found.search.grids, pairs=pairs)
    cuts = np.split(np.arange(400), [130, 131, 390])
    parts = [add_up(expand, found.rows.values[:, some], found.rows.target[some], 0.5) for some in cuts]
    merged = term_moments(merge_all(parts), found.axes)
    terms = PairTerms(found.axes, found.search.grids, pairs, []).transform(frame)
    expected = Moments.of(np.column_stack([found.feature_map.transform(frame), terms, found.rows.target]))
    np.testing.assert_allclose(merged.mean, expected.mean, atol=1e-10)
    np.testing.assert_allclose(merged.scatter, expected.scatter, rtol=1e-10, atol=1e-8)


def test_the_simpler_model_stays_within_one_standard_error() -> None:
    simple = np.array([1.0, 2.0, 3.0, 4.0])
    assert is_better(simple - [0.1, 0.12, 0.08, 0.1], simple)
    assert not is_better(simple - [1.0, -0.9, 0.8, -0.7], simple)
    assert not is_better(simple, simple)

"""Moments say all that a linear model needs: they merge, and ElasticNet from them is ElasticNet on the rows."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.modelling import elasticnet
from stages.modelling.cross_validation import choose, cv_surface
from stages.modelling.elasticnet import Problem
from stages.modelling.feature_map import blocks, fit_feature_map
from stages.modelling.moments import Moments, explained, load_moments, merge_all, save_moments
from stages.modelling.pipeline import TermScaler, as_pipeline
from stages.modelling.target_scale import ScaledElasticNet
from stages.modelling.training_sets import additive_sets, load_sets, memberships, save_sets
from stages.pairs.terms import PairTerms
from stages.table.schema import TableSchema
from stages.train import regularization_path
from stages.utils.arrays import Floats
from stages.utils.params import TrainParams
from tests.helpers.modelling import features_params

PROPERTY = settings(max_examples=60, deadline=None)
TOL, MAX_ITER = 1e-10, 20_000

TRAIN_PARAMS: dict[str, Any] = {
    "alpha": "auto",
    "l1_ratio": "auto",
    "rule": "best",
    "alphas": 6,
    "eps": 0.01,
    "l1_ratios": [0.3, 0.9],
    "tol": TOL,
    "max_iter": MAX_ITER,
}


@st.composite
def tables(draw: st.DrawFn, smallest: int = 4) -> tuple[Floats, Floats]:
    """Rows (n, p) and targets (n,): n below or above p, scales of 1e-6 to 1e6, means within 100 standard deviations,
    constant columns, columns that repeat others, columns of zeros and ones.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, p = draw(st.integers(smallest, 60)), draw(st.integers(1, 14))
    X = rng.normal(size=(n, p)) + rng.uniform(-100, 100, p)
    for column in range(p):
        match draw(st.sampled_from(["normal", "normal", "constant", "duplicate", "binary", "heavy"])):
            case "constant":
                X[:, column] = rng.choice([0, 0.1, 1e5 / 3])
            case "duplicate":
                X[:, column] = X[:, rng.integers(p)] * rng.choice([1, -3])
            case "binary":
                X[:, column] = rng.random(n) < 0.3
            case "heavy":
                X[:, column] = rng.standard_t(2, n)
    X = X * 10.0 ** rng.integers(-6, 7, p)
    spread = np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    weights = rng.normal(size=p) * (rng.random(p) < 0.6)
    signal = ((X - X.mean(axis=0)) / spread) @ weights
    y = (signal + rng.normal(size=n) * draw(st.sampled_from([0.01, 1.0, 10.0]))) * 10.0 ** rng.integers(-6, 7)
    return X, y + rng.uniform(-100, 100) * y.std()


def moments_of(X: Floats, y: Floats) -> Moments:
    return Moments.of(np.column_stack([X, y]))


def problem_of(moments: Moments) -> Problem:
    """The problem of terms of columns only."""
    return elasticnet.problem_of(moments, np.zeros(len(moments.mean) - 1))


def surface_from(moments: list[Moments], params: TrainParams, forward: bool = False) -> pd.DataFrame:
    """The CV surface of folds whose training sets share their terms."""
    sets = list(additive_sets(moments, memberships(len(moments), forward)))
    return cv_surface(sets, [problem_of(one.train) for one in sets], params)


def folded(X: Floats, y: Floats, folds: int) -> tuple[npt.NDArray[np.int64], list[Moments]]:
    """The fold of every row, and the moments of the folds."""
    fold = np.arange(len(y)) % folds
    return fold, [moments_of(X[fold == k], y[fold == k]) for k in range(folds)]


def reference(X: Floats, y: Floats, alpha: float, l1_ratio: float, tol: float = TOL) -> Pipeline:
    """The same model by scikit-learn alone, from the rows."""
    model = ScaledElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=tol, max_iter=MAX_ITER)
    return make_pipeline(StandardScaler(), model).fit(X, y)


def train_params(**changes: Any) -> TrainParams:
    return TrainParams(**{**TRAIN_PARAMS, **changes})


# ---------------------------------------------------------------- moments


@PROPERTY
@given(tables(smallest=1), st.lists(st.integers(0, 60), max_size=6))
def test_merging_in_any_cut_equals_direct_moments(table: tuple[Floats, Floats], cuts: list[int]) -> None:
    rows = np.column_stack(table)
    merged = merge_all(Moments.of(part) for part in np.split(rows, sorted(min(cut, len(rows)) for cut in cuts)))
    direct, spread = Moments.of(rows), np.sqrt((rows**2).mean(axis=0))
    assert merged.n == direct.n == len(rows)
    np.testing.assert_allclose(merged.mean, direct.mean, rtol=1e-10, atol=0)
    scale = np.sqrt(np.outer(np.diag(direct.scatter), np.diag(direct.scatter)))
    rounding = np.outer(spread, spread) * len(rows) * 1e-13  # of a constant column, whose scatter is nothing else
    assert (np.abs(merged.scatter - direct.scatter) <= 1e-10 * scale + rounding).all()
    np.testing.assert_array_equal(merged.scatter, merged.scatter.T)
    np.testing.assert_allclose(direct.mean, rows.mean(axis=0), rtol=1e-14)
    if len(rows) > 1:
        expected = np.atleast_2d(np.cov(rows.T, ddof=0)) * len(rows)
        assert (np.abs(direct.scatter - expected) <= 1e-10 * scale + rounding).all()


def test_large_means_cost_no_digits() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(10_000, 2)) + np.array([1e9, -1e7])
    merged = merge_all(Moments.of(part) for part in np.array_split(rows, 17))
    np.testing.assert_allclose(np.diag(merged.scatter), rows.var(axis=0) * len(rows), rtol=1e-7)


def test_moments_of_few_rows() -> None:
    none, one = Moments.of(np.empty((0, 3))), Moments.of(np.array([[1.0, 2.0, 3.0]]))
    assert none.n == 0
    assert not np.isnan(none.mean).any()
    for merged in (none.merge(one), one.merge(none), merge_all([none, one, none])):
        assert merged.n == 1
        assert merged.mean.tolist() == [1, 2, 3]
        assert not merged.scatter.any()
    two = one.merge(Moments.of(np.array([[3.0, 2.0, 7.0]])))
    assert two.mean.tolist() == [2, 2, 5]
    assert two.scatter.tolist() == [[2, 0, 4], [0, 0, 0], [4, 0, 8]]
    assert two.select([2, 0]).scatter.tolist() == [[8, 4], [4, 2]]
    assert two.select(range(0)).mean.shape == (0,)


def test_saved_moments_come_back_the_same(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 4))
    folds = [Moments.of(rows[:20]), Moments.of(rows[20:]), Moments.none(4)]
    save_moments(tmp_path / "moments.npz", folds)
    for saved, fold in zip(load_moments(tmp_path / "moments.npz"), folds, strict=True):
        assert saved.n == fold.n
        assert type(saved.n) is int
        np.testing.assert_array_equal(saved.mean, fold.mean)
        np.testing.assert_array_equal(saved.scatter, fold.scatter)


@PROPERTY
@given(tables())
def test_explained_is_r2_of_least_squares(table: tuple[Floats, Floats]) -> None:
    X, y = table
    spread = np.where(X.std(axis=0) > 1e-12 * np.abs(X).max(axis=0), X.std(axis=0), np.inf)
    scaled = (X - X.mean(axis=0)) / spread  # of constant columns nothing is left
    expected = LinearRegression().fit(scaled, y).score(scaled, y)
    assert explained(moments_of(X, y)) == pytest.approx(expected, abs=1e-7)


def test_explained_without_anything_to_explain() -> None:
    x = np.arange(10.0)
    assert explained(moments_of(x[:, None], np.full(10, 3.0))) == 0
    assert explained(moments_of(np.full((10, 2), 3.0), x)) == 0
    assert explained(moments_of(x[:, None], -2 * x + 1)) == pytest.approx(1, abs=1e-12)


# ---------------------------------------------------------------- ElasticNet


@PROPERTY
@given(tables(), st.sampled_from([0.1, 0.5, 0.9, 0.99]), st.floats(-3, 0.1))
def test_elasticnet_equals_scikit_learn_on_the_rows(
    table: tuple[Floats, Floats], l1_ratio: float, log_alpha: float
) -> None:
    """Relative to the largest weight; just below the alpha at which every weight is zero (where they are differences of
    nearly equal numbers) to a hundredth of the target's standard deviation.
    """
    X, y = table
    problem = problem_of(moments_of(X, y))
    alpha = max(elasticnet.largest_alpha(problem, l1_ratio), 1e-9) * 10**log_alpha
    fit = elasticnet.fit(problem, alpha, l1_ratio, TOL, MAX_ITER)
    expected = reference(X, y, alpha, l1_ratio)
    scaled = expected["scaledelasticnet"].coef_
    np.testing.assert_allclose(problem.scale, expected["standardscaler"].scale_, rtol=1e-10)
    if np.linalg.cond(problem.gram) < 1e6:  # of columns that repeat, the weights say little
        assert np.abs(fit.coef * problem.scale - scaled).max() <= 1e-8 * max(np.abs(scaled).max(), 0.01 * y.std())
    passes = expected["scaledelasticnet"].n_iter_
    if passes == MAX_ITER:  # it gave up
        return
    predicted = X @ fit.coef + fit.intercept
    assert np.abs(predicted - expected.predict(X)).max() <= 1e-6 * (y.std() + np.abs(X * fit.coef).max() * 1e-6)
    if log_alpha < -0.01 and passes < elasticnet.PASSES_PER_STEP:
        assert fit.iterations == passes
    assert fit.alpha == alpha
    assert fit.l1_ratio == l1_ratio


def test_lasso_equals_scikit_learn_on_the_rows() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 6)) * [1e-6, 1, 1e6, 3, 5, 7] + 2
    y = X @ [1e6, 1, 1e-6, 0, 0, 2] + rng.normal(size=80)
    for alpha in (0.001, 0.03, 0.5):
        problem, expected = problem_of(moments_of(X, y)), reference(X, y, alpha, 1.0)
        fit = elasticnet.fit(problem, alpha, 1.0, TOL, MAX_ITER)
        np.testing.assert_allclose(fit.coef * problem.scale, expected["scaledelasticnet"].coef_, rtol=0, atol=1e-9)
        assert fit.intercept == pytest.approx(expected.predict(np.zeros((1, 6)))[0], rel=1e-9)


def splines(n: int = 300) -> tuple[Floats, Floats]:
    """Collinear terms as the feature map makes them: lines beside piecewise-linear curves."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.gamma(2, size=n) for name in "abc"})
    fields = [{"name": name, "type": "number"} for name in "abc"] + [{"name": "y", "type": "number", "role": "target"}]
    schema = TableSchema.model_validate({"fields": fields})
    y = np.log1p(frame["a"]) * 5 - frame["b"] ** 2 / 4 + rng.normal(size=n)
    return fit_feature_map(frame.assign(y=y), schema, features_params(), 8).transform(frame), y.to_numpy()


@pytest.mark.parametrize("tol", [1e-2, 1e-3])
def test_stops_where_scikit_learn_stops(tol: float) -> None:
    X, y = splines()
    problem = problem_of(moments_of(X, y))
    fit = elasticnet.fit(problem, 0.005, 0.7, tol, MAX_ITER)
    expected = reference(X, y, 0.005, 0.7, tol)["scaledelasticnet"]
    assert fit.iterations == expected.n_iter_ > 1  # fewer than those after which a Newton step is taken
    assert fit.dual_gap == pytest.approx(expected.dual_gap_, rel=1e-6)
    np.testing.assert_allclose(
        fit.coef * problem.scale, expected.coef_, rtol=0, atol=1e-9 * np.abs(expected.coef_).max()
    )


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_converges_where_coordinate_descent_crawls(l1_ratio: float) -> None:
    X, y = splines()
    fit = elasticnet.fit(problem_of(moments_of(X, y)), 1e-5, l1_ratio, 1e-8, 2000)
    assert fit.converged
    slow = ScaledElasticNet(alpha=1e-5, l1_ratio=l1_ratio, tol=1e-8, max_iter=2000)
    with pytest.warns(ConvergenceWarning):
        slow.fit(StandardScaler().fit_transform(X), y)
    assert slow.dual_gap_ > 1e4 * fit.dual_gap


@pytest.mark.parametrize("unit", [1e-3, 1e6])
def test_a_penalty_means_the_same_in_any_unit_of_the_target(unit: float) -> None:
    X, y = splines()
    one, other = (elasticnet.fit(problem_of(moments_of(X, y * k)), 0.01, 0.5, TOL, MAX_ITER) for k in (1, unit))
    np.testing.assert_allclose(other.coef, one.coef * unit, rtol=1e-6, atol=1e-9 * unit)


def test_rare_terms_of_pairs_are_penalised_more() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.random(5000) < share for share in (0.1, 0.1, 0.01, 0.01)]).astype(float)
    moments = moments_of(X, X.sum(axis=1) + rng.normal(size=5000))
    deviations = X.std(axis=0)
    scale = elasticnet.problem_of(moments, np.zeros(2)).scale
    np.testing.assert_allclose(scale, [*deviations[:2], *np.sqrt(0.3 * deviations[2:])], rtol=1e-9)
    frequent, rare = elasticnet.fit(elasticnet.problem_of(moments, np.zeros(0)), 0.03, 0.5, TOL, MAX_ITER).coef[[0, 2]]
    assert rare < frequent
    expected = TermScaler(2).fit(X)
    np.testing.assert_allclose(scale, expected.scale_, rtol=1e-9)


def test_says_when_it_has_not_converged() -> None:
    X, y = splines()
    fit = elasticnet.fit(problem_of(moments_of(X, y)), 1e-6, 0.5, 1e-12, 5)
    assert not fit.converged
    assert fit.iterations == 5


def test_largest_alpha() -> None:
    X, y = splines()
    problem = problem_of(moments_of(X, y))
    for l1_ratio in (0.1, 1.0):
        top = elasticnet.largest_alpha(problem, l1_ratio)
        assert not elasticnet.fit(problem, top * (1 + 1e-9), l1_ratio, TOL, MAX_ITER).coef.any()
        assert np.count_nonzero(elasticnet.fit(problem, top * 0.99, l1_ratio, TOL, MAX_ITER).coef) >= 1


def test_path_equals_single_fits() -> None:
    X, y = splines()
    problem = problem_of(moments_of(X, y))
    alphas = elasticnet.largest_alpha(problem, 0.5) * np.geomspace(1, 1e-2, 5)
    coef = elasticnet.path(problem, alphas, 0.5, TOL, MAX_ITER).coef
    assert coef.shape == (5, X.shape[1])
    for row, alpha in enumerate(alphas):
        fit = elasticnet.fit(problem, alpha, 0.5, TOL, MAX_ITER)
        np.testing.assert_allclose(coef[row] * problem.scale, fit.coef * problem.scale, rtol=0, atol=1e-7 * y.std())


@PROPERTY
@given(tables())
def test_mean_squared_errors_equal_direct_errors(table: tuple[Floats, Floats]) -> None:
    X, y = table
    half = len(y) // 2
    past, future = moments_of(X[:half], y[:half]), moments_of(X[half:], y[half:])
    problem = problem_of(past)
    alpha = max(elasticnet.largest_alpha(problem, 0.5), 1e-9)
    fits = [elasticnet.fit(problem, alpha * share, 0.5, 1e-6, MAX_ITER) for share in (1.01, 0.3, 0.03)]
    found = elasticnet.mean_squared_errors(future, np.array([fit.coef for fit in fits]), past)
    centre = X[:half].mean(axis=0)
    for fit, error in zip(fits, found, strict=True):
        predicted = y[:half].mean() + (X[half:] - centre) @ fit.coef
        size = np.abs((X[half:] - centre) * fit.coef).max(initial=0) + np.abs(y[half:] - y[:half].mean()).max()
        assert error == pytest.approx(mean_squared_error(y[half:], predicted), rel=1e-8, abs=1e-9 * size**2)


@PROPERTY
@given(tables())
def test_least_squares_equals_lstsq(table: tuple[Floats, Floats]) -> None:
    X, y = table
    coef, intercept = elasticnet.least_squares(moments_of(X, y))
    scaler = StandardScaler().fit(X)
    weights = np.linalg.lstsq(scaler.transform(X), y - y.mean(), rcond=1e-10)[0]
    expected = scaler.transform(X) @ weights + y.mean()
    found = (X - X.mean(axis=0)) @ coef + y.mean()
    assert np.abs(found - expected).max() <= 1e-6 * y.std()
    assert intercept == pytest.approx(y.mean() - X.mean(axis=0) @ coef, rel=1e-9, abs=1e-9 * np.abs(X * coef).max())


# ---------------------------------------------------------------- cross-validation


@pytest.mark.parametrize("forward", [False, True])
def test_training_sets(forward: bool, tmp_path: Path) -> None:
    X, y = splines(60)
    fold, moments = folded(X, y, 4)
    *sets, whole = additive_sets(moments, memberships(4, forward))
    assert [one.held_out for one in sets] == ([1, 2, 3] if forward else [0, 1, 2, 3])
    for one in sets:
        rows = fold < one.held_out if forward else fold != one.held_out
        assert one.train.n == rows.sum()
        np.testing.assert_allclose(one.train.scatter, moments_of(X[rows], y[rows]).scatter, rtol=1e-9, atol=1e-9)
        assert one.test is moments[one.held_out]
    assert (whole.held_out, whole.train.n, whole.test) == (None, 60, None)
    save_sets(tmp_path / "sets.npz", [*sets, whole])
    for saved, one in zip(load_sets(tmp_path / "sets.npz"), [*sets, whole], strict=True):
        assert saved.held_out == one.held_out
        np.testing.assert_array_equal(saved.train.scatter, one.train.scatter)
        assert (saved.test is None) == (one.test is None)


@pytest.mark.parametrize("forward", [False, True])
def test_cv_surface_equals_refitting_scikit_learn(forward: bool) -> None:
    X, y = splines(150)
    fold, moments = folded(X, y, 4)
    total = merge_all(moments)
    surface = surface_from(moments, train_params(), forward)
    assert surface["l1_ratio"].unique().tolist() == [0.3, 0.9]
    for point in surface.groupby("l1_ratio").head(6).itertuples():
        errors = []
        for k in range(1 if forward else 0, 4):
            train = fold < k if forward else fold != k
            model = reference(X[train], y[train], point.alpha, point.l1_ratio)
            errors.append(mean_squared_error(y[fold == k], model.predict(X[fold == k])))
        assert point.mse == pytest.approx(np.mean(errors), rel=1e-7)
        assert point.rmse == pytest.approx(np.sqrt(np.mean(errors)), rel=1e-7)
        assert point.mse_se == pytest.approx(np.std(errors, ddof=1) / np.sqrt(len(errors)), rel=1e-6)
        assert point.nonzero == np.count_nonzero(reference(X, y, point.alpha, point.l1_ratio)["scaledelasticnet"].coef_)
    for l1_ratio, rows in surface.groupby("l1_ratio"):
        assert rows["alpha"].is_monotonic_decreasing
        top = elasticnet.largest_alpha(problem_of(total), l1_ratio)
        assert rows["alpha"].iloc[[0, 5]].tolist() == pytest.approx([top, top * 0.01], rel=1e-5)  # and on, if need be


def test_surface_holds_the_fixed_values() -> None:
    X, y = splines(100)
    _, moments = folded(X, y, 3)
    params = train_params(alpha=0.123456789, l1_ratio=0.55)
    surface = surface_from(moments, params)
    assert surface["l1_ratio"].unique().tolist() == [0.3, 0.55, 0.9]
    assert (surface["alpha"] == 0.123456789).groupby(surface["l1_ratio"]).sum().tolist() == [1, 1, 1]
    chosen = choose(surface, params)
    assert (chosen.alpha, chosen.l1_ratio) == (0.123456789, 0.55)


def test_two_folds_forward_have_one_error() -> None:
    X, y = splines(100)
    _, moments = folded(X, y, 2)
    surface = surface_from(moments, train_params(), forward=True)
    assert (surface["mse_se"] == 0).all()
    assert (surface["mse"] > 0).all()


def test_ridge_can_be_asked_for() -> None:
    X, y = splines(100)
    _, moments = folded(X, y, 3)
    params = train_params(l1_ratio=0.0, alpha=0.05, tol=1e-6)
    surface = surface_from(moments, params)
    chosen = choose(surface, params)
    assert chosen.l1_ratio == 0
    problem = problem_of(merge_all(moments))
    fit = elasticnet.fit(problem, 0.05, 0.0, 1e-10, MAX_ITER)
    expected = reference(X, y, 0.05, 0.0)["scaledelasticnet"]
    np.testing.assert_allclose(
        fit.coef * problem.scale, expected.coef_, rtol=0, atol=1e-6 * np.abs(expected.coef_).max()
    )


def test_features_that_are_all_constant() -> None:
    y = np.random.default_rng(0).normal(size=30)
    _, moments = folded(np.full((30, 2), 0.1), y, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        surface = surface_from(moments, train_params())
        chosen = choose(surface, train_params())
        fit = elasticnet.fit(problem_of(merge_all(moments)), chosen.alpha, chosen.l1_ratio, TOL, MAX_ITER)
    assert not fit.coef.any()
    assert fit.intercept == pytest.approx(y.mean())
    assert chosen.mse == pytest.approx(y.var(), rel=0.2)


def surface_of(*points: tuple[float, float, float, float, int]) -> pd.DataFrame:
    """A surface of (alpha, l1_ratio, mse, mse_se, nonzero)."""
    return pd.DataFrame(points, columns=["alpha", "l1_ratio", "mse", "mse_se", "nonzero"])


SURFACE = surface_of(
    (8.0, 0.5, 30.0, 2.0, 0),
    (4.0, 0.5, 21.0, 1.0, 3),
    (2.0, 0.5, 20.5, 1.0, 6),
    (1.0, 0.5, 20.2, 1.0, 9),
    (6.0, 1.0, 23.0, 5.0, 1),
    (4.0, 1.0, 22.0, 5.0, 2),
    (2.0, 1.0, 20.9, 5.0, 3),
    (1.0, 1.0, 20.0, 1.5, 5),
)


@pytest.mark.parametrize(
    ("changes", "alpha", "l1_ratio"),
    [
        ({}, 1, 1.0),
        ({"l1_ratio": 0.5}, 1, 0.5),
        ({"alpha": 4.0}, 4, 0.5),
        ({"alpha": 4.0, "l1_ratio": 1.0}, 4, 1.0),
        ({"rule": "one_se"}, 4, 0.5),  # 3 terms at 21.0 and 20.9, both within 21.5: the larger alpha
        ({"rule": "one_se", "l1_ratio": 1.0}, 2, 1.0),
        ({"rule": "one_se", "l1_ratio": 0.5}, 4, 0.5),  # within 20.2 + 1.0
        ({"rule": "one_se", "alpha": 2.0}, 2, 1.0),  # within 20.5 + 1.0: 3 terms rather than 6
    ],
)
def test_choose(changes: dict[str, Any], alpha: float, l1_ratio: float) -> None:
    chosen = choose(SURFACE.sample(frac=1, random_state=3), train_params(**changes))
    assert (chosen.alpha, chosen.l1_ratio) == (alpha, l1_ratio)


def test_ties_go_to_the_sparser_then_the_more_penalised() -> None:
    surface = surface_of((1.0, 0.5, 7.0, 0, 3), (3.0, 0.5, 7.0, 0, 2), (5.0, 0.9, 7.0, 0, 2), (9.0, 0.9, 7.0, 0, 4))
    for rule in ("best", "one_se"):
        assert choose(surface, train_params(rule=rule)).alpha == 5


# ---------------------------------------------------------------- what is saved


def test_the_pipeline_is_what_scikit_learn_would_have_fitted() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.gamma(2, size=200), "level": pd.Series(rng.choice(["a", "b"], 200), dtype="str")})
    frame["y"] = np.sqrt(frame["x"]) + (frame["level"] == "a") + rng.normal(size=200) / 5
    fields = [{"name": "x", "type": "number"}, {"name": "level", "type": "string"}]
    schema = TableSchema.model_validate({"fields": [*fields, {"name": "y", "type": "number", "role": "target"}]})
    feature_map = fit_feature_map(frame, schema, features_params(), 5)
    X, y = feature_map.transform(frame), frame["y"].to_numpy()
    total = moments_of(X, y)
    problem = problem_of(total)
    fit = elasticnet.fit(problem, 0.01, 0.8, TOL, MAX_ITER)
    found = as_pipeline(feature_map, PairTerms([], [], [], []), fit, total, "none", "mean")
    expected = reference(X, y, 0.01, 0.8)
    np.testing.assert_allclose(found.predict(frame), expected.predict(X), rtol=1e-9)
    fitted = expected["scaledelasticnet"]
    for name in ("alpha", "l1_ratio", "n_features_in_"):
        assert getattr(found["elasticnet"], name) == getattr(fitted, name)
    assert found["elasticnet"].intercept_ == pytest.approx(fitted.intercept_, rel=1e-12)
    for name in ("mean_", "scale_", "var_", "n_samples_seen_"):
        np.testing.assert_allclose(getattr(found["scale"], name), getattr(expected["standardscaler"], name), rtol=1e-9)

    surface = surface_of((0.1, 0.8, 0, 0, 0), (0.01, 0.8, 0, 0, 0), (5.0, 0.2, 0, 0, 0))
    path = regularization_path(total, problem, 0.8, blocks(feature_map), surface, train_params())
    assert sorted(path["alpha"].unique()) == [0.01, 0.1]
    for name, block in blocks(feature_map).items():
        [sd] = path.loc[(path["alpha"] == 0.01) & (path["column"] == name), "sd"]
        assert sd == pytest.approx((X[:, list(block)] @ fit.coef[list(block)]).std(), rel=1e-6)


def test_the_grid_goes_on_while_its_best_alpha_is_its_smallest() -> None:
    X, y = splines(200)
    _, moments = folded(X, y, 3)
    surface = surface_from(moments, train_params(eps=0.5, l1_ratios=[0.5]))
    whole = surface_from(moments, train_params(eps=1e-4, alphas=60, l1_ratios=[0.5]))
    assert len(surface) > 6
    assert surface["alpha"].is_monotonic_decreasing
    assert surface["mse"].min() == pytest.approx(whole["mse"].min(), rel=3e-3)

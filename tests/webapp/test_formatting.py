"""Numbers as people read them: rounded where that helps, to the last digit where it must not mislead."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.formatting import (
    compact,
    distinct,
    exact,
    factor_ticks,
    fixed,
    nice_step,
    percent,
    plain,
    scale_name,
    short,
    ticks,
    typical_amount,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "in_short", "in_full"),
    [
        (0, "0", "0"),
        (-0.0, "0", "0"),
        (1.5, "1.5", "1.5"),
        (-1234.56, "−1,235", "−1,234.56"),
        (-0.25, "−0.25", "−0.25"),
        (1_234_567, "1,234,567", "1,234,567"),
        (12_345_678.9, "12,345,679", "12,345,678.9"),
        (1.2e13, "1.2e13", "12,000,000,000,000"),
        (5e-13, "5e−13", "0.0000000000005"),
        (1e300, "1e300", "1e300"),
    ],
)
def test_short_and_exact(value: float, in_short: str, in_full: str) -> None:
    assert (short(value), exact(value)) == (in_short, in_full)


def test_fixed_and_percent() -> None:
    assert (fixed(-0.001, 1, sign=True), fixed(-1.25, 1), fixed(1234.5, 0)) == ("+0.0", "−1.2", "1,234")
    assert fixed(1e300, 2) == "1e300"
    assert (percent(0.9), percent(0.12345, 1)) == ("90%", "12.3%")


@pytest.mark.parametrize(("value", "text"), [(2.5e6, "2.5M"), (-2e4, "−20k"), (9000, "9000"), (0.25, "0.25"), (0, "0")])
def test_axes_have_compact_numbers(value: float, text: str) -> None:
    assert compact(value) == text


def test_metrics_come_with_their_interval() -> None:
    scores = {"rmse": 54.732, "rmse_low": 47.1724, "rmse_high": 1e5, "r2": -2e-5, "r2_low": -0.1, "r2_high": None}
    assert with_interval(scores, "rmse") == "54.7 (47.2 to 100,000)"
    assert with_interval(scores, "r2") == "undefined"
    assert with_interval({**scores, "r2_high": 0.5}, "r2") == "0.000 (−0.100 to 0.500)"


def test_contributions_to_a_logarithm_are_factors() -> None:
    assert [typical_amount(0.5, transform) for transform in ("none", "sqrt", "log")] == ["± 0.5", "± 0.5", "×/÷ 1.65"]
    assert scale_name("log", "price ($)") == "logarithm of price ($)"


@pytest.mark.parametrize(
    ("low", "high", "most", "factors"),
    [(-0.1, 0.1, 8, [0.95, 1, 1.05, 1.1]), (-3, 1, 8, [0.05, 0.1, 0.2, 0.5, 1, 2]), (-3, 1, 4, [0.1, 0.3, 1]),
     (-9, 9, 4, [1e-3, 0.1, 10, 1000])],
)  # fmt: skip
def test_factors_on_an_axis_are_round(low: float, high: float, most: int, factors: list[float]) -> None:
    assert [math.exp(place) for place in factor_ticks(low, high, most)] == pytest.approx(factors)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_plain_reads_back(value: float) -> None:
    assert float(plain(value)) == value
    assert float(exact(value).replace(",", "").replace("−", "-")) == value


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8))
def test_different_numbers_have_different_labels(values: list[float]) -> None:
    labels = distinct(values)
    assert len(set(labels)) == len(set(values))
    assert distinct([1234567.0, 1234568.0, 1.5]) == ["1,234,567", "1,234,568", "1.5"]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9), st.integers(1, 10))
def test_ticks_are_round_and_inside(low: float, width: float, most: int) -> None:
    high = low + width
    marks = ticks(low, high, most)
    assert len(marks) <= most + 1
    step = nice_step(high - low, most)
    assert all(low - step * 1e-6 <= mark <= high + step * 1e-6 for mark in marks)

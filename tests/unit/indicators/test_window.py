"""Windows against exact arithmetic, and against the two things that ruin running sums: time and redenomination."""

from __future__ import annotations

from fractions import Fraction
from math import fsum, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.indicators import batch
from tests.unit.indicators.sample_bars import Floats

VALUES = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, 1e-6]), min_size=1, max_size=80)
PERIODS = st.integers(1, 25)


def exact_mean_and_std(window: Floats) -> tuple[float, float]:
    """Return mean and population standard deviation by rational arithmetic."""
    values = [Fraction(value) for value in window.tolist()]
    mean = sum(values) / len(values)
    return float(mean), sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def windows(values: Floats, period: int) -> Floats:
    return np.lib.stride_tricks.sliding_window_view(values, period)


@given(values=VALUES, period=PERIODS)
def test_extremes_are_those_of_each_window(values: list[float], period: int) -> None:
    high, low = batch.rolling_high(values, period), batch.rolling_low(values, period)
    assert np.isnan(high[: period - 1]).all()
    assert np.isnan(low[: period - 1]).all()
    if len(values) >= period:
        expected = windows(np.array(values), period)
        assert np.array_equal(high[period - 1 :], expected.max(axis=1))
        assert np.array_equal(low[period - 1 :], expected.min(axis=1))


@given(values=VALUES, period=PERIODS)
def test_moments_are_those_of_each_window(values: list[float], period: int) -> None:
    mean, std = batch.rolling_mean(values, period), batch.rolling_std(values, period)
    for end in range(period, len(values) + 1):
        window = np.array(values[end - period : end])
        expected_mean, expected_std = exact_mean_and_std(window)
        size = float(np.max(np.abs(window)))
        assert mean[end - 1] == pytest.approx(expected_mean, rel=0.0, abs=1e-14 * period * size)
        assert std[end - 1] == pytest.approx(expected_std, rel=1e-9, abs=1e-14 * period * size)
        assert std[end - 1] >= 0.0


@given(values=VALUES, period=PERIODS)
def test_the_mean_lies_between_low_and_high(values: list[float], period: int) -> None:
    low, mean, high = (f(values, period)[period - 1 :] for f in (batch.rolling_low, batch.sma, batch.rolling_high))
    slack = 1e-14 * period * max(map(abs, values))
    assert (low - slack <= mean).all()
    assert (mean <= high + slack).all()


@given(values=VALUES, period=PERIODS, exponent=st.integers(-30, 30))
def test_deviation_scales_with_the_unit_and_ignores_the_sign(values: list[float], period: int, exponent: int) -> None:
    std = batch.rolling_std(values, period)
    assert np.array_equal(
        batch.rolling_std(np.ldexp(values, exponent), period), np.ldexp(std, exponent), equal_nan=True
    )
    assert np.array_equal(batch.rolling_std(np.negative(values), period), std, equal_nan=True)


@pytest.mark.parametrize("period", [1, 2, 14, 20, 333])
def test_a_million_bars_and_a_redenomination_by_a_million_leave_no_drift(period: int) -> None:
    rng = np.random.default_rng(5)
    price = 1000.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-4, 1_000_000)))
    price[500_007:] /= 1e6
    mean, std = batch.rolling_mean(price, period), batch.rolling_std(price, period)
    around = np.arange(500_000, 500_000 + 2 * period + 20)
    for bar in [*around, *rng.integers(period, len(price), 200), len(price) - 1]:
        expected_mean, expected_std = exact_mean_and_std(price[bar - period + 1 : bar + 1])
        assert mean[bar] == pytest.approx(expected_mean, rel=1e-13)
        # Prices carry 1e-16 of themselves; a deviation smaller than the price by 1e4 carries 1e-12 of itself.
        assert std[bar] == pytest.approx(expected_std, rel=1e-10, abs=1e-15 * expected_mean)


@pytest.mark.parametrize("period", [2, 14, 333])
def test_sums_of_ranges_and_of_gains_do_not_drift_either(period: int) -> None:
    rng = np.random.default_rng(6)
    close = 1000.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-4, 100_000)))
    close[50_007:] /= 1e6
    change = np.diff(close)
    ranges, strength = batch.atr_simple(close, close, close, period), batch.rsi_simple(close, period)
    for bar in [*range(50_000, 50_000 + 2 * period + 20), len(close) - 1]:
        window = change[bar - period : bar].tolist()
        gains, moves = fsum(x for x in window if x > 0.0), fsum(map(abs, window))
        assert ranges[bar] == pytest.approx(moves / period, rel=1e-13)
        assert strength[bar] == pytest.approx(100.0 * gains / moves, rel=1e-12)


def test_equal_values_have_no_deviation_however_far_they_fell_before() -> None:
    price = np.concatenate([np.linspace(900.0, 1000.0, 37), np.full(60, 0.001)])
    assert set(batch.rolling_std(price, 20)[37 + 19 :]) == {0.0}
    assert set(batch.rolling_mean(price, 20)[37 + 19 :]) == {0.001}

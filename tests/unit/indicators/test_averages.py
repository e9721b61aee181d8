from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.indicators import batch

PRICES = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60)
PERIODS = st.integers(1, 20)


def test_short_and_long_averages_part_in_a_late_rise() -> None:
    close = [100.0] * 15 + [102.0, 104.0, 106.0, 108.0, 110.0]
    assert batch.sma(close, 20)[-1] == pytest.approx(101.5, rel=1e-15)
    assert batch.sma(close, 5)[-1] == pytest.approx(106.0, rel=1e-15)


def test_ema_starts_from_the_mean_and_moves_by_two_parts_in_period_plus_one() -> None:
    expected = [Fraction(2), Fraction(2) + (8 - 2) * Fraction(1, 2), Fraction(5) + (1 - 5) * Fraction(1, 2)]
    assert batch.ema([1.0, 2.0, 3.0, 8.0, 1.0], 3)[2:].tolist() == [float(value) for value in expected]


def test_rolling_mean_is_another_name_of_the_simple_average() -> None:
    close = np.linspace(1.0, 2.0, 30)
    assert np.array_equal(batch.rolling_mean(close, 7), batch.sma(close, 7), equal_nan=True)


@given(price=st.floats(1e-9, 1e9), period=PERIODS)
def test_the_averages_of_a_flat_market_are_its_price_to_the_bit(price: float, period: int) -> None:
    for average in (batch.sma, batch.ema):
        assert set(average(np.full(3 * period, price), period)[period - 1 :]) == {price}


@given(close=PRICES, period=PERIODS)
def test_averages_lie_between_the_lowest_and_the_highest_price(close: list[float], period: int) -> None:
    for average in (batch.sma, batch.ema):
        values = average(close, period)[period - 1 :]
        assert (values >= min(close) * (1 - 1e-12)).all()
        assert (values <= max(close) * (1 + 1e-12)).all()


@given(close=PRICES, period=PERIODS, exponent=st.integers(-30, 30))
def test_averages_do_not_know_the_unit_of_price(close: list[float], period: int, exponent: int) -> None:
    for average in (batch.sma, batch.ema):
        scaled = average(np.ldexp(close, exponent), period)
        assert np.array_equal(scaled, np.ldexp(average(close, period), exponent), equal_nan=True)


@given(close=PRICES, period=PERIODS, shift=st.floats(-1e6, 1e6))
def test_averages_move_with_the_price(close: list[float], period: int, shift: float) -> None:
    for average in (batch.sma, batch.ema):
        moved = average(np.add(close, shift), period)
        np.testing.assert_allclose(moved, average(close, period) + shift, atol=1e-8)

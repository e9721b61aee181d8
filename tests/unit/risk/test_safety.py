"""The safety factor's bands, and the range that they are read off."""

from __future__ import annotations

from itertools import pairwise
from math import isnan, nan, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from ballast.risk.safety import UNKNOWN_ATR_PCT, Volatility, safety_factor, take_bar
from tests.unit.risk.accounts import MINUTE, SAFE, SECOND, settings


def after(*closes: float, interval_ns: int = MINUTE, chosen: Any = SAFE) -> Any:
    volatility = Volatility.new()  # type: ignore[attr-defined]
    for i, close in enumerate(closes):
        take_bar(volatility, chosen, i * interval_ns, interval_ns, close, close, close)
    return volatility


@pytest.mark.parametrize(
    ("atr_pct", "factor"),
    [(0.0, 1.17), (0.99, 1.17), (1.0, 1.20), (1.47, 1.20), (1.99, 1.20), (2.0, 1.25), (9.0, 1.25)],
)
def test_the_factor_is_exactly_that_of_its_band(atr_pct: float, factor: float) -> None:
    assert safety_factor(atr_pct) == factor


def test_noise_below_a_bound_counts_as_the_bound() -> None:
    assert safety_factor(2.0 - 1e-12) == 1.25
    assert safety_factor(1.0 - 1e-12) == 1.20


def test_an_unknown_range_has_no_factor() -> None:
    assert isnan(safety_factor(nan))


def test_the_worked_example_is_in_the_middle_band() -> None:
    volatility = after(100.0, 102.0, 101.0, 103.0, 102.0)
    assert volatility.atr_pct == pytest.approx(1.5 / 102.0 * 100.0, rel=1e-12)
    assert volatility.atr_pct == pytest.approx(1.470588, abs=1e-6)
    assert safety_factor(volatility.atr_pct) == 1.20


@pytest.mark.parametrize("closes", [(), (100.0,)])
def test_fewer_than_two_bars_count_as_the_middle_band(closes: tuple[float, ...]) -> None:
    assert after(*closes).atr_pct == UNKNOWN_ATR_PCT == 1.5


def test_only_the_last_bars_of_the_period_count() -> None:
    steady = after(*([50.0, 150.0] * 10), *([100.0] * 21))
    assert steady.atr_pct == 0.0


def test_the_range_spans_the_gap_to_the_close_before() -> None:
    volatility = Volatility.new()  # type: ignore[attr-defined]
    take_bar(volatility, SAFE, 0, MINUTE, 101.0, 99.0, 100.0)
    take_bar(volatility, SAFE, MINUTE, MINUTE, 112.0, 108.0, 110.0)
    assert volatility.atr_pct == pytest.approx(12.0 / 110.0 * 100.0)


def test_coarser_bars_are_scaled_by_the_square_root_of_their_length() -> None:
    hourly = after(100.0, 102.0, interval_ns=60 * MINUTE)
    assert hourly.atr_pct == pytest.approx(2.0 / 102.0 * 100.0 / sqrt(60.0))


def test_finer_bars_are_joined_before_they_count() -> None:
    volatility = Volatility.new()  # type: ignore[attr-defined]
    prices = [100.0] * 4 + [103.0, 99.0, 101.0, 102.0] + [102.0]
    for i, price in enumerate(prices):
        take_bar(volatility, SAFE, i * 15 * SECOND, 15 * SECOND, price, price, price)
    assert volatility.count == 1
    assert volatility.atr_pct == pytest.approx(4.0 / 102.0 * 100.0)


def test_a_missing_bar_is_no_bar() -> None:
    volatility = after(100.0, 102.0)
    before = volatility.tobytes()
    take_bar(volatility, SAFE, 2 * MINUTE, MINUTE, nan, nan, nan)
    assert volatility.tobytes() == before


@given(closes=st.lists(st.floats(1.0, 1e6), min_size=2, max_size=80), period=st.integers(1, 64))
@tried(deadline=None, max_examples=60)
def test_the_range_is_the_mean_of_the_last_moves(closes: list[float], period: int) -> None:
    moves = [abs(b - a) for a, b in pairwise(closes)][-period:]
    expected = sum(moves) / len(moves) / closes[-1] * 100.0
    assert after(*closes, chosen=settings(atr_period=period)).atr_pct == pytest.approx(expected, rel=1e-9)

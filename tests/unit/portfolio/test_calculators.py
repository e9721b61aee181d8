"""Volatility and correlation from closed bars, beside NumPy's own."""

from __future__ import annotations

from math import isnan, nan, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.errors import ConfigError, DataError
from ballast.portfolio.calculators import BarRiskCalculator, WeightCalculator

HOUR_NS = 3_600_000_000_000


def walk(seed: int, n: int = 100) -> Any:
    return 100.0 * np.cumprod(1.0 + np.random.default_rng(seed).normal(0.0, 0.02, n))


def calculator(closes: dict[str, Any], **settings: Any) -> BarRiskCalculator:
    return BarRiskCalculator(closes, interval_ns=HOUR_NS, **settings)


def volatility(made: WeightCalculator, weights: dict[str, float]) -> float:
    return made.get_portfolio_risk_metrics(weights)["volatility"]


def average(made: WeightCalculator, weights: dict[str, float]) -> float:
    return made.correlation_sizer.get_correlation_report(weights)["average_correlation"]


def test_volatility_is_worked_by_hand() -> None:
    # Returns +10 %, -10 %: mean 0, squares 0.02, n - 1 = 1; half in cash halves it; 8 760 hours a year.
    made = calculator({"A": [100.0, 110.0, 99.0]}, window_bars=3)
    assert volatility(made, {"A": 1.0}) == pytest.approx(sqrt(0.02) * sqrt(8_760.0))
    assert volatility(made, {"A": 0.5, "USDT": 0.5}) == pytest.approx(sqrt(0.02) * sqrt(8_760.0) / 2)


def test_correlation_is_worked_by_hand() -> None:
    # A: +10 %, -10 %, 0; B the opposite; C: 0, +10 %, -10 %. rho(A, B) = -1, rho(A, C) = -1/2, rho(B, C) = 1/2.
    closes = {"A": [1.0, 1.1, 0.99, 0.99], "B": [1.0, 0.9, 0.99, 0.99], "C": [1.0, 1.0, 1.1, 0.99]}
    made = calculator(closes, window_bars=4)
    assert average(made, {"A": 0.5, "B": 0.5}) == pytest.approx(-1.0)
    assert average(made, {"A": 0.3, "B": 0.3, "C": 0.4}) == pytest.approx(-1.0 / 3.0)


@given(st.integers(0, 1_000), st.integers(3, 99))
def test_both_are_numpys(seed: int, window: int) -> None:
    closes = {name: walk(seed + 1_000 * k) for k, name in enumerate("ABC")}
    weights = {"A": 0.5, "B": 0.2, "C": 0.1}
    made = calculator(closes, window_bars=window)
    returns = np.array([closes[name][-window:][1:] / closes[name][-window:][:-1] - 1.0 for name in "ABC"])
    expected = np.std(np.array(list(weights.values())) @ returns, ddof=1) * sqrt(8_760.0)
    assert volatility(made, weights) == pytest.approx(expected, rel=1e-9)
    rho = np.corrcoef(returns)
    assert average(made, weights) == pytest.approx((rho[0, 1] + rho[0, 2] + rho[1, 2]) / 3.0, abs=1e-9)


def test_sixty_closes_count_and_no_earlier_one() -> None:
    closes = walk(3)
    wild = closes.copy()
    wild[:40] *= np.linspace(1.0, 50.0, 40)
    assert volatility(calculator({"A": wild}), {"A": 1.0}) == volatility(calculator({"A": closes}), {"A": 1.0})
    wild[40] *= 1.01
    assert volatility(calculator({"A": wild}), {"A": 1.0}) != volatility(calculator({"A": closes}), {"A": 1.0})


def test_a_missing_bar_leaves_the_price_where_it_was() -> None:
    gap = calculator({"A": [100.0, nan, 110.0, 99.0]}, window_bars=4)
    flat = calculator({"A": [100.0, 100.0, 110.0, 99.0]}, window_bars=4)
    assert volatility(gap, {"A": 1.0}) == volatility(flat, {"A": 1.0})


def test_a_window_that_is_not_full_has_no_figure() -> None:
    short = calculator({"A": walk(1, 59), "B": walk(2, 59)})
    assert isnan(volatility(short, {"A": 0.5, "B": 0.5}))
    assert isnan(average(short, {"A": 0.5, "B": 0.5}))
    late = calculator({"A": walk(1, 60), "B": np.append([nan] * 5, walk(2, 55))})
    assert isnan(volatility(late, {"A": 0.5, "B": 0.5}))
    assert not isnan(volatility(late, {"A": 0.5, "B": 0.0}))


def test_assets_that_are_unknown_flat_or_alone_have_no_figure() -> None:
    made = calculator({"A": walk(1), "F": [1.0] * 100})
    assert isnan(volatility(made, {"X": 1.0}))
    assert isnan(volatility(made, {"USDT": 1.0}))
    assert isnan(average(made, {"A": 1.0}))
    assert isnan(average(made, {"A": 0.5, "F": 0.5}))
    assert volatility(made, {"F": 1.0}) == 0.0


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"interval_ns": 0}, ConfigError, "interval_ns = 0"),
        ({"window_bars": 2}, ConfigError, "window_bars = 2"),
        ({"closes": {"A": [1.0], "B": [1.0, 2.0]}}, DataError, "A has 1, B has 2"),
        ({"closes": {"A": [1.0, 0.0]}}, DataError, r"close 1 of A = 0\.0"),
        ({"closes": {"A": [-1.0]}}, DataError, r"close 0 of A = -1\.0"),
        ({"closes": {"A": [float("inf")]}}, DataError, "close 0 of A = inf"),
    ],
)
def test_impossible_input_is_refused_in_one_line(settings: dict[str, Any], error: Any, message: str) -> None:
    arguments: dict[str, Any] = {"closes": {}, "interval_ns": HOUR_NS} | settings
    with pytest.raises(error, match=message):
        BarRiskCalculator(**arguments)

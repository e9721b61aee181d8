"""How large a closed leg comes back."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.engine.view import View
from ballast.model.enums import MarginModel
from ballast.strategies.hedge_grid.reopen import documented_reopen_margin, reopen_cost, reopen_qty

PRICE, LEVERAGE = 100.0, 100.0


def view_of(available: float = 1e6, model: MarginModel = MarginModel.TEXTBOOK, fee: float = 0.0) -> Any:
    view = View.new(symbols=1, legs=2, features=8)  # type: ignore[attr-defined]
    view.leverage[0], view.available = LEVERAGE, available
    view.margin_model, view.taker_fee_rate = model, fee
    return view


@pytest.mark.parametrize(
    ("opposite", "expected"),
    [(0, 1), (3.99, 1), (4, 1.0), (7.99, 1.9975), (8, 4.0), (15.99, 7.995), (16, 16), (31, 31)],
)
def test_the_published_sizes(opposite: float, expected: float) -> None:
    assert documented_reopen_margin(opposite, 1.0) == pytest.approx(expected)
    qty = reopen_qty(view_of(), 0, opposite * LEVERAGE / PRICE, 1.0, PRICE, 0.8)
    assert qty == pytest.approx(expected * LEVERAGE / PRICE)


def test_an_initial_size_of_nothing_stays_nothing() -> None:
    assert documented_reopen_margin(5.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("available", "expected"),
    [(20.0, 16.0), (19.99, 8.0), (9.99, 4.0), (4.99, 1.0), (1.25, 1.0), (1.24, 0.0), (-5.0, 0.0)],
)
def test_what_does_not_fit_steps_down_to_the_initial_size(available: float, expected: float) -> None:
    assert reopen_qty(view_of(available), 0, 16.0, 1.0, PRICE, 0.8) == pytest.approx(expected)


def test_an_unknown_balance_fits_nothing() -> None:
    assert reopen_qty(view_of(nan), 0, 16.0, 1.0, PRICE, 0.8) == 0.0


def test_the_cost_counts_margin_both_fees_and_slippage() -> None:
    view = view_of(fee=0.00055)
    view.slippage_rate = 0.001
    assert reopen_cost(view, 0, 5.0, 0.0, 200.0) == pytest.approx(5 * 200 * (1 / 100 + 2 * 0.00055 + 0.001))


def test_what_the_bigger_leg_carries_already_is_free_where_only_that_is_charged() -> None:
    view = view_of(model=MarginModel.BYBIT_UNIFIED, fee=0.00055)
    assert reopen_cost(view, 0, 5.0, 8.0, 200.0) == pytest.approx(5 * 200 * 2 * 0.00055)
    assert reopen_cost(view, 0, 5.0, 3.0, 200.0) == pytest.approx(2 * 200 / 100 + 5 * 200 * 2 * 0.00055)


@given(st.floats(0.0, 1e4), st.floats(0.1, 100.0), st.floats(0.01, 1e4), st.floats(0.0, 1e5))
@settings(deadline=None)
def test_a_leg_never_comes_back_larger_than_the_other_or_dearer_than_its_budget(
    opposite: float, initial: float, price: float, available: float
) -> None:
    view = view_of(available, fee=0.00055)
    qty = reopen_qty(view, 0, opposite, initial, price, 0.8)
    assert qty <= max(opposite, initial * LEVERAGE / price) * (1 + 1e-9)
    assert reopen_cost(view, 0, qty, opposite, price) <= 0.8 * available * (1 + 1e-8) + 1e-8


@pytest.mark.parametrize(
    ("available", "expected"), [(16.04, 16.0), (16.03, 8.0), (8.01, 4.0), (4.005, 1.0), (1.0, 0.0)]
)
def test_no_more_comes_back_than_the_venue_takes_though_the_bigger_leg_carries_it(
    available: float, expected: float
) -> None:
    view = view_of(available, model=MarginModel.BYBIT_UNIFIED, fee=0.00001)
    assert reopen_qty(view, 0, 16.0, 1.0, PRICE, 0.8) == pytest.approx(expected)


def test_no_more_comes_back_than_the_tier_of_its_leverage_admits() -> None:
    view = View.new(symbols=1, legs=2, features=8, tiers=2)  # type: ignore[attr-defined]
    view.leverage[0], view.available, view.margin_model = LEVERAGE, 1e6, MarginModel.TEXTBOOK
    view.tiers["upper_value"], view.tiers["max_leverage"] = (900.0, inf), (LEVERAGE, LEVERAGE / 2.0)
    view.first_tier[0], view.end_tier[0] = 0, 2
    assert reopen_qty(view, 0, 16.0, 1.0, PRICE, 0.8) == pytest.approx(8.0)

"""From weights to trades: examples worked by hand, then what holds for every portfolio."""

from __future__ import annotations

from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ballast.portfolio import trades
from ballast.portfolio.drift import is_beyond, largest_drift
from ballast.portfolio.trades import affordable_part, plan_trades, priority_of, trade_value

FEE_RATE = 0.001


class Plan(NamedTuple):
    values: list[float]
    cash: float


def plan(
    weights: list[float],
    targets: list[float],
    cash: float,
    *,
    prices: list[float] | None = None,
    is_cash: list[bool] | None = None,
    value: float = 10_000.0,
    fee_rate: float = FEE_RATE,
    factor: float = 1.0,
    minimum: float = 10.0,
) -> Plan:
    n = len(weights)
    values = np.zeros(n)
    left = plan_trades(
        np.array(weights),
        np.array(targets),
        np.array(prices or [100.0] * n),
        np.array(is_cash or [False] * n),
        value,
        cash,
        fee_rate,
        factor,
        minimum,
        values,
    )
    return Plan(values.tolist(), left)


# 10 000 in BTC .5, ETH .25, cash .25; wanted .4, .3, .3. BTC is 1 000 over, ETH 500 under. Half of it: 500 and 250,
# together 750, which cost 0.75; cash 2 500 + 500 - 250 - 0.75.
@pytest.mark.parametrize(
    ("factor", "sold", "bought", "cash"),
    [(0.5, 500.0, 250.0, 2_749.25), (1.0, 1_000.0, 500.0, 2_998.5), (0.25, 250.0, 125.0, 2_624.625)],
)
def test_the_worked_example_at_each_factor(factor: float, sold: float, bought: float, cash: float) -> None:
    """E7."""
    found = plan([0.5, 0.25, 0.25], [0.4, 0.3, 0.3], 2_500.0, is_cash=[False, False, True], factor=factor)
    assert found.values == pytest.approx([-sold, bought, 0.0])
    assert found.cash == pytest.approx(cash)


def test_buys_share_the_cash_fees_included() -> None:
    """E8 a."""
    # 300 pay for 300 / 1.001 / 900 of the wanted 900.
    found = plan([0.0, 0.0], [0.05, 0.04], 300.0)
    assert found.values == pytest.approx([166.500167, 133.200133])
    assert found.cash == pytest.approx(0.0, abs=1e-9)


def test_sells_fund_buys_less_both_fees() -> None:
    """E8 b."""
    # 500 bring 499.5, which pay for 499.5 / 1.001.
    assert plan([0.05, 0.0], [0.0, 0.06], 0.0).values == pytest.approx([-500.0, 499.000999])


@pytest.mark.parametrize(
    ("weight", "factor", "sold"), [(0.12, 1.0, 700.0), (0.12, 0.5, 350.0), (0.09, 1.0, 400.0), (0.1005, 1.0, 505.0)]
)
def test_a_target_below_a_tenth_of_the_portfolio_is_reached_all_the_same(
    weight: float, factor: float, sold: float
) -> None:
    """E8 c."""
    assert plan([weight], [0.05], 0.0, factor=factor).values == pytest.approx([-sold])


@pytest.mark.parametrize(("value", "is_kept"), [(9_990.0, False), (10_000.0, True)])
@pytest.mark.parametrize("gap", [0.001, -0.001])
def test_a_trade_of_the_minimum_is_kept_and_a_cent_less_is_not(value: float, is_kept: bool, gap: float) -> None:
    """E8 d."""
    # 0.1 % of the portfolio: 9.99 and 10.00.
    found = plan([0.5], [0.5 + gap], 5_000.0, value=value)
    assert (found.values[0] != 0.0) == is_kept


def test_a_difference_below_a_thousandth_is_left_alone_however_much_money_it_is() -> None:
    assert plan([0.5, 0.5], [0.5009, 0.4991], 1e9, value=1e9).values == [0.0, 0.0]


def test_a_sell_below_the_minimum_funds_nothing() -> None:
    assert plan([0.0009, 0.0], [0.0, 0.002], 0.0).values == [0.0, 0.0]


def test_what_scaling_takes_below_the_minimum_is_dropped() -> None:
    # 15 pay for half of 20 and 10: 10 is the minimum, 5 is not.
    found = plan([0.0, 0.0], [0.002, 0.001], 15.0, fee_rate=0.0)
    assert found.values == pytest.approx([10.0, 0.0])
    assert found.cash == pytest.approx(5.0)


@pytest.mark.parametrize("price", [0.0, -1.0, nan, inf])
def test_an_asset_without_a_price_is_left_as_it_is(price: float) -> None:
    assert plan([0.5, 0.2], [0.2, 0.5], 3_000.0, prices=[price, 100.0]).values == pytest.approx([0.0, 3_000 / 1.001])


@pytest.mark.parametrize(
    ("gap", "priority"), [(0.06, 1), (-0.06, 1), (0.05, 2), (0.30 - 0.25, 2), (0.021, 2), (0.02, 3), (-0.01, 3)]
)
def test_priority_goes_by_the_whole_gap(gap: float, priority: int) -> None:
    assert priority_of(gap) == priority


def test_exactly_the_limit_is_not_beyond_it_whatever_the_noise() -> None:
    assert 0.30 - 0.25 != 0.05
    assert not is_beyond(0.30 - 0.25, 0.05)
    assert 0.4 - 0.3 > 0.1
    assert not is_beyond(0.4 - 0.3, 0.1)
    assert not is_beyond(0.5 - 0.4, 0.1)
    assert is_beyond(0.1 + 1e-8, 0.1)
    assert not is_beyond(nan, 0.1)


def test_drift_is_the_largest_in_either_direction() -> None:
    assert largest_drift(np.array([0.5, 0.2]), np.array([0.4, 0.5])) == pytest.approx(0.3)
    assert largest_drift(np.zeros(0), np.zeros(0)) == 0.0


shares = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6)
fee_rates = st.sampled_from([0.0, 0.001, 0.01])
factors = st.sampled_from([0.25, 0.5, 1.0])


def shared_out(raw: list[float]) -> list[float]:
    total = sum(raw)
    return [part / total for part in raw] if total > 0.0 else [1.0] + [0.0] * (len(raw) - 1)


@st.composite
def portfolios(draw: Any) -> tuple[list[float], list[float]]:
    """Return weights and targets that each sum to 1; the last leg is cash."""
    raw = draw(shares)
    other = draw(st.lists(st.floats(0.0, 1.0), min_size=len(raw), max_size=len(raw)))
    return shared_out(raw), shared_out(other)


def last_is_cash(weights: list[float], targets: list[float], **settings: Any) -> Plan:
    is_cash = [False] * (len(weights) - 1) + [True]
    value = settings.pop("value", 10_000.0)
    return plan(weights, targets, weights[-1] * value, is_cash=is_cash, value=value, **settings)


@given(both=portfolios(), fee_rate=fee_rates, factor=factors, value=st.floats(100.0, 1e9))
def test_value_is_conserved_but_for_the_fees(
    both: tuple[list[float], list[float]], fee_rate: float, factor: float, value: float
) -> None:
    weights, targets = both
    found = last_is_cash(weights, targets, fee_rate=fee_rate, factor=factor, value=value)
    held = sum(weight * value + trade for weight, trade in zip(weights[:-1], found.values[:-1], strict=True))
    fees = fee_rate * sum(abs(trade) for trade in found.values)
    assert held + found.cash == pytest.approx(value - fees, rel=1e-9)


@given(both=portfolios(), fee_rate=fee_rates, factor=factors, minimum=st.sampled_from([0.0, 10.0, 500.0]))
def test_no_weight_ends_further_from_its_target(
    both: tuple[list[float], list[float]], fee_rate: float, factor: float, minimum: float
) -> None:
    weights, targets = both
    found = last_is_cash(weights, targets, fee_rate=fee_rate, factor=factor, minimum=minimum)
    for weight, target, trade in zip(weights[:-1], targets[:-1], found.values[:-1], strict=True):
        after = weight + trade / 10_000.0
        assert abs(after - target) <= abs(weight - target) + 1e-12
        assert (after - target) * (weight - target) >= -1e-12


@given(both=portfolios())
def test_half_a_rebalance_halves_the_drift(both: tuple[list[float], list[float]]) -> None:
    weights, targets = both
    gaps = [abs(target - weight) for weight, target in zip(weights[:-1], targets[:-1], strict=True)]
    # A sell that is too small to be made leaves its buy without money.
    assume(all(gap == 0.0 or gap >= 0.001 for gap in gaps))
    found = last_is_cash(weights, targets, fee_rate=0.0, factor=0.5, minimum=0.0)
    for weight, target, trade in zip(weights[:-1], targets[:-1], found.values[:-1], strict=True):
        assert weight + trade / 10_000.0 - target == pytest.approx((weight - target) / 2, abs=1e-9)


@given(both=portfolios(), fee_rate=fee_rates, factor=factors)
def test_cash_is_never_a_trade_and_changes_only_by_its_counterparts(
    both: tuple[list[float], list[float]], fee_rate: float, factor: float
) -> None:
    weights, targets = both
    found = last_is_cash(weights, targets, fee_rate=fee_rate, factor=factor)
    assert found.values[-1] == 0.0
    sold = sum(-trade for trade in found.values if trade < 0.0)
    bought = sum(trade for trade in found.values if trade > 0.0)
    expected = weights[-1] * 10_000.0 + sold * (1.0 - fee_rate) - bought * (1.0 + fee_rate)
    assert found.cash == pytest.approx(expected, abs=1e-6)


@given(both=portfolios(), cash=st.floats(0.0, 20_000.0), fee_rate=fee_rates, factor=factors)
def test_cash_never_goes_below_zero(
    both: tuple[list[float], list[float]], cash: float, fee_rate: float, factor: float
) -> None:
    weights, targets = both
    assert plan(weights, targets, cash, fee_rate=fee_rate, factor=factor).cash >= -1e-8


@given(both=portfolios(), minimum=st.sampled_from([0.0, 10.0, 500.0]))
def test_no_trade_is_below_the_minimum(both: tuple[list[float], list[float]], minimum: float) -> None:
    found = last_is_cash(*both, minimum=minimum)
    assert all(trade == 0.0 or abs(trade) >= minimum - 1e-9 for trade in found.values)


@given(
    both=portfolios(),
    fee_rate=fee_rates,
    factor=factors,
    prices=st.lists(st.sampled_from([nan, 0.0, 5.0]), min_size=6, max_size=6),
)
def test_the_compiled_plan_is_the_interpreted_one(
    both: tuple[list[float], list[float]], fee_rate: float, factor: float, prices: list[float]
) -> None:
    weights, targets = map(np.array, both)
    n = len(weights)
    plain = getattr(plan_trades, "py_func", plan_trades)
    outcomes = []
    for function in (plan_trades, plain):
        values = np.zeros(n)
        arguments = (weights, targets, np.array(prices[:n]), np.arange(n) == n - 1, 1e4, 900.0, fee_rate, factor, 10.0)
        outcomes.append((function(*arguments, values), values.tolist()))
    assert outcomes[0] == outcomes[1]


def test_pure_pieces_do_what_the_plan_is_made_of() -> None:
    assert trade_value(0.5, 0.4, 10_000.0, 0.5) == pytest.approx(-500.0)
    assert trade_value(0.5, 0.5009, 10_000.0, 1.0) == 0.0
    assert affordable_part(100.0, 1_000.0, 0.001) == 1.0
    assert affordable_part(100.0, -5.0, 0.001) == 0.0
    assert trades.SMALLEST_GAP == 0.001

"""Equal weights: what is bought when, a month's end worked by hand, and cash that never goes below zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, Setup
from ballast.strategies.registry import load
from tests.conformance.markets import HOUR_NS, Quote, lay_out, random_market
from tests.unit.strategies.basket import cash, orders, quantity, reasons, shape

DAY_NS = 24 * HOUR_NS
STRATEGY = load("equal_weight")


def nanoseconds(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1_000_000_000


def held(market: Any, capital: float = 1_000.0, costs: Costs | None = None, **values: Any) -> Session:
    session = Session(
        Setup(
            frames=market,
            strategy=STRATEGY,
            params=STRATEGY.params(values, len(market.symbols)),
            initial_capital=capital,
            costs=costs or Costs(slippage_bps=0.0),
        )
    )
    session.run()
    return session


def days(bars: Mapping[str, Sequence[Quote]], year: int, month: int, day: int) -> Any:
    return lay_out(bars, interval_ns=DAY_NS, start_ns=nanoseconds(year, month, day))


# Day 0 decides the purchase, day 1 fills it. A doubles on day 2, the last of February; the close of day 3 is March's
# first. Each asset got 500 / 1.001 = 499.500500; A is then worth 999.000999, B 499.500500, their mean is 749.250749.
# A sells 249.750250, which brings 249.500499 after its fee and buys 249.251248 of B with the fee of that.
def month_end(year: int, day: int) -> Session:
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0, 10.0, (10.0, 20.0), 20.0, 20.0, 20.0], "B": [10.0] * 6}
    return held(days(bars, year, 2, day), rebalance="monthly")


@pytest.mark.parametrize(("year", "day"), [(2024, 27), (2023, 26), (2000, 27), (2100, 26)])
def test_a_month_ends_on_its_last_day_in_leap_years_too(year: int, day: int) -> None:
    session = month_end(year, day)
    assert shape(session) == [(1, "BUY", "A"), (1, "BUY", "B"), (4, "SELL", "A"), (4, "BUY", "B")]
    assert reasons(session) == ["start", "start", "monthly_sell", "monthly_buy"]
    notionals = [notional for _, _, notional in orders(session)]
    assert notionals == pytest.approx([499.500500, 499.500500, 249.750250, 249.251248], rel=1e-8)
    assert 0.0 <= cash(session) < 1e-6


def test_buy_and_hold_buys_once() -> None:
    session = held(days({"A": [10.0, 20.0] * 40, "B": [10.0] * 80}, 2024, 1, 1))
    assert shape(session) == [(1, "BUY", "A"), (1, "BUY", "B")]
    assert cash(session) == pytest.approx(0.0, abs=1e-9)


def test_a_late_listing_gets_the_share_that_was_kept_for_it() -> None:
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0] * 60, "B": [None] * 45 + [5.0] * 15}
    for rebalance in ("never", "monthly"):
        session = held(days(bars, 2024, 1, 20), rebalance=rebalance)
        assert shape(session)[:2] == [(1, "BUY", "A"), (46, "BUY", "B")]
        assert quantity(session, "B") == pytest.approx(500.0 / 1.001 / 5.0, rel=1e-9)


def test_the_fees_of_levelling_are_not_paid_from_what_a_late_listing_is_owed() -> None:
    rising: Sequence[Quote] = [10.0, 10.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0]
    bars: Mapping[str, Sequence[Quote]] = {"A": rising, "B": [10.0] * 8, "C": [None] * 6 + [5.0] * 2}
    session = held(days(bars, 2024, 2, 27), rebalance="monthly")
    assert shape(session)[2:] == [(4, "SELL", "A"), (4, "BUY", "B"), (7, "BUY", "C")]
    assert quantity(session, "C") == pytest.approx(1_000.0 / 3.0 / 1.001 / 5.0, rel=1e-9)


def test_a_purchase_that_a_gap_dropped_is_asked_for_again() -> None:
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0] * 4, "B": [10.0, None, 10.0, 10.0]}
    assert shape(held(days(bars, 2024, 1, 20))) == [(1, "BUY", "A"), (3, "BUY", "B")]


def test_differences_below_the_minimum_are_left_alone() -> None:
    bars: Mapping[str, Sequence[Quote]] = {"A": [10.0, 10.0, 10.02, 10.02, 10.02], "B": [10.0] * 5}
    assert len(shape(held(days(bars, 2024, 1, 29), rebalance="monthly", min_order_value=1.0))) == 2


@given(
    seed=st.integers(0, 10_000), fee_rate=st.sampled_from([0.0, 0.001, 0.01]), slippage_bps=st.sampled_from([0.0, 50.0])
)
def test_cash_never_goes_below_zero(seed: int, fee_rate: float, slippage_bps: float) -> None:
    costs = Costs(maker_fee_rate=fee_rate, taker_fee_rate=fee_rate, slippage_bps=slippage_bps)
    session = held(random_market(seed, n_symbols=3, n_frames=80, interval_ns=DAY_NS), costs=costs, rebalance="monthly")
    money = session.setup.initial_capital
    for fill in session.engine.fills[: session.engine.log.n_fills]:
        money -= fill["side"] * fill["qty"] * fill["price"] + fill["fee"]
        assert money >= -1e-9

"""The ledger's identities: L1 money, L2 realised profit, L3 flat legs; W1 and W3 of the literature's accounts."""

from __future__ import annotations

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.kernel.fills import total_value
from ballast.kernel.ledger import cash_after, entry_after, increases, leg_index, realised
from ballast.model.enums import PositionSide
from tests.unit.kernel.scenario import BUY, SELL, Scenario, flat, make_venue, market, play

PRICES = st.floats(min_value=1e-8, max_value=1e6)
QTYS = st.floats(min_value=-1e6, max_value=1e6).filter(lambda qty: abs(qty) > 1e-6)
TRADES = st.lists(st.tuples(QTYS, PRICES), min_size=1, max_size=12)


@given(TRADES, st.floats(min_value=0.0, max_value=0.01))
def test_l1_a_fill_at_the_mark_costs_exactly_its_fee(trades: list[tuple[float, float]], fee_rate: float) -> None:
    cash, qty = 1e6, 0.0
    for signed_qty, price in trades:
        before = cash + qty * price
        fee = abs(signed_qty) * price * fee_rate
        cash, qty = cash_after(cash, signed_qty, price, fee), qty + signed_qty
        scale = 1.0 + abs(before) + abs(qty * price) + abs(signed_qty * price) + abs(cash)
        assert cash + qty * price == pytest.approx(before - fee, abs=1e-12 * scale)


@given(TRADES)
def test_l2_realised_and_open_profit_are_the_profit(trades: list[tuple[float, float]]) -> None:
    qty, entry, cash, profit, scale = 0.0, nan, 0.0, 0.0, 1.0
    for signed_qty, price in trades:
        profit += realised(qty, entry, signed_qty, price)
        entry = entry_after(qty, entry, signed_qty, price)
        qty += signed_qty
        cash -= signed_qty * price
        scale += abs(signed_qty) * price + abs(qty) * price
    last = trades[-1][1]
    open_profit = 0.0 if qty == 0.0 else qty * (last - entry)
    assert profit + open_profit == pytest.approx(cash + qty * last, abs=1e-8 * scale)


@given(QTYS, PRICES, PRICES)
def test_l3_a_flat_leg_has_no_entry_price(qty: float, entry: float, price: float) -> None:
    assert isnan(entry_after(qty, entry, -qty, price))
    assert entry_after(0.0, nan, qty, price) == price


@given(QTYS, PRICES, PRICES, st.floats(min_value=0.01, max_value=0.99))
def test_a_reduction_leaves_the_entry_price(qty: float, entry: float, price: float, part: float) -> None:
    assert entry_after(qty, entry, -qty * part, price) == entry


@given(QTYS, PRICES, PRICES)
def test_through_zero_the_rest_was_opened_by_the_fill(qty: float, entry: float, price: float) -> None:
    assert entry_after(qty, entry, -2.0 * qty, price) == price
    assert realised(qty, entry, -2.0 * qty, price) == pytest.approx(qty * (price - entry), rel=1e-12)


@given(QTYS, QTYS)
def test_only_a_reduction_realises(held: float, signed_qty: float) -> None:
    if increases(held, signed_qty):
        assert realised(held, 100.0, signed_qty, 110.0) == 0.0


def test_legs_of_accounts_and_symbols_are_apart() -> None:
    legs = {leg_index(a, 3, s, p) for a in range(2) for s in range(3) for p in (PositionSide.LONG, PositionSide.SHORT)}
    assert legs == set(range(12))
    assert leg_index(1, 3, 2, PositionSide.NONE) == leg_index(1, 3, 2, PositionSide.LONG)


def test_equity_is_cash_and_holdings_at_the_mark() -> None:
    """Start 100 000, buy 500 at 100 for 0.1 %: 99 950 at 100, 109 950 at 120; selling unowned coins is refused."""
    scenario = Scenario("W1", [flat(), flat(), flat(120)], {}, [], cash=100_000.0)
    venue = make_venue(scenario)
    assert total_value(venue, 0) == 100_000.0
    _, venue = play(Scenario("W1", [flat(), flat()], {"bar 0": [market(BUY, 500)]}, [], cash=100_000.0))
    # The scenarios' taker fee is 0.2 %: 100 instead of 50.
    assert venue.accounts[0].cash == 49_900.0
    assert total_value(venue, 0) == 99_900.0
    bars = [flat(), flat(), flat(120)]
    _, venue = play(Scenario("W1", bars, {"bar 0": [market(BUY, 500)], "bar 1": [market(BUY, -1)]}, [], cash=100_000.0))
    assert venue.accounts[0].cash + venue.positions[0].qty * 120 == 109_900.0
    log, venue = play(Scenario("W1", bars, {"bar 0": [market(SELL, 500)]}, [], cash=100_000.0))
    assert log == ["60 rejected insufficient_position 500"]
    assert venue.accounts[0].cash == 100_000.0


def test_two_round_trips_realise_a_hundred_and_lose_fifty() -> None:
    plan = {f"bar {n}": [market(side, 10)] for n, side in enumerate((BUY, SELL, BUY, SELL))}
    _, venue = play(Scenario("W3", [flat(), flat(), flat(110), flat(110), flat(105)], plan, []))
    account = venue.accounts[0]
    assert account.realised_pnl == pytest.approx(100.0 - 50.0)
    assert account.fees == pytest.approx(0.002 * 10 * (100 + 110 + 110 + 105))
    assert account.cash == pytest.approx(10_000.0 + account.realised_pnl - account.fees)
    assert venue.positions[0].qty == 0.0
    assert isnan(venue.positions[0].entry_price)


def test_selling_all_leaves_no_dust() -> None:
    """0.1 + 0.2 is not 0.3 in binary; a position that was sold whole is flat all the same."""
    plan = {"bar 0": [market(BUY, 0.1), market(BUY, 0.2)], "bar 1": [market(SELL, 0.3)]}
    _, venue = play(Scenario("dust", [flat(), flat(), flat()], plan, [], instrument={"lot": 0.1}))
    assert venue.accounts[0].n_fills == 3
    assert venue.positions[0].qty == 0.0

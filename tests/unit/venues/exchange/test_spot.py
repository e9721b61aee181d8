"""Spot accounts at the venue: what is locked, what is refused, and what market orders by money do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.model.enums import AccountKind, OrderType, QtyUnit, Side, TimeInForce
from ballast.venues.exchange.operator import state
from ballast.venues.exchange.orders import Order, OrderRequest, OrderState, Trigger
from ballast.venues.exchange.pace import parse_pace
from ballast.venues.exchange.refusals import Refusal, Refused
from ballast.venues.exchange.venue import LocalVenue
from tests.unit.venues.exchange.markets import MINUTE_NS, START_NS, Bar, flat, line, market, venue

FEE = 0.0005


def spot(*columns: list[Bar], n_accounts: int = 1, **terms: Any) -> LocalVenue:
    terms = {"leverage": 1.0, "maker_fee_rate": 0.0, "taker_fee_rate": FEE} | terms
    return venue(market(*(columns or (flat(100.0, 3),))), kind=AccountKind.SPOT, n_accounts=n_accounts, **terms)


def send(at: LocalVenue, side: Side, qty: float, price: float | None = None, *, account: int = 0, **more: Any) -> Order:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    price = float("nan") if price is None else price
    return at.place(account, OrderRequest("AAAUSDT", side, kind, qty, price, **more))


def refused(at: LocalVenue, *arguments: Any, **more: Any) -> Refusal:
    with pytest.raises(Refused) as caught:
        send(at, *arguments, **more)
    return caught.value.refusal


def test_a_resting_buy_locks_its_value_with_the_dearer_fee_and_a_sell_its_coins() -> None:
    at = spot()
    send(at, Side.BUY, 20.0)
    buy, sell = send(at, Side.BUY, 10.0, 90.0), send(at, Side.SELL, 5.0, 110.0)
    assert at.spot.money(0).total == pytest.approx(10_000 - 2_000 * (1 + FEE))
    assert at.spot.money(0).locked == pytest.approx(900 * (1 + FEE))
    assert at.spot.coins(0, 0) == (20.0, 5.0)
    at.cancel(buy)
    at.cancel(sell)
    assert [holding.locked for holding in at.spot.holdings(0).values()] == [0.0, 0.0]


def test_what_is_locked_cannot_be_spent_again() -> None:
    at = spot()
    send(at, Side.BUY, 89.0, 99.99)
    assert refused(at, Side.BUY, 20.0, 99.0) == Refusal.INSUFFICIENT_FUNDS
    assert refused(at, Side.BUY, 20.0) == Refusal.INSUFFICIENT_FUNDS
    send(at, Side.BUY, 10.0)
    send(at, Side.SELL, 8.0, 120.0)
    assert refused(at, Side.SELL, 3.0) == Refusal.INSUFFICIENT_FUNDS
    send(at, Side.SELL, 2.0)
    assert at.spot.coins(0, 0) == (8.0, 8.0)


def test_orders_of_every_symbol_lock_the_same_money() -> None:
    at = spot(flat(100.0, 3), flat(50.0, 3))
    send(at, Side.BUY, 60.0, 90.0)
    assert at.place(0, OrderRequest("BBBUSDT", Side.BUY, OrderType.LIMIT, 40.0, 45.0)).is_live
    assert at.spot.money(0).locked == pytest.approx((5_400 + 1_800) * (1 + FEE))
    assert refused(at, Side.BUY, 40.0, 90.0) == Refusal.INSUFFICIENT_FUNDS


def test_a_market_buy_must_be_paid_at_what_it_will_cost() -> None:
    at = spot(slippage_rate=0.05)
    send(at, Side.BUY, 50.0, 95.0)
    # There is money for 50 at the price of 100, but not at the 105 that a taker pays.
    assert refused(at, Side.BUY, 50.0) == Refusal.INSUFFICIENT_FUNDS
    assert send(at, Side.BUY, 49.0).average_price == pytest.approx(105.0)


def test_a_market_order_by_money_trades_whole_lots_for_no_more_than_that() -> None:
    at = spot(flat(70.0, 3))
    order = send(at, Side.BUY, 1_000.0, qty_unit=QtyUnit.QUOTE)
    assert (order.state, order.qty, order.filled_qty) == (OrderState.FILLED, 14.285, 14.285)
    sold = send(at, Side.SELL, 500.0, qty_unit=QtyUnit.QUOTE)
    assert (sold.state, sold.filled_qty) == (OrderState.FILLED, 7.142)
    assert at.spot.money(0).total == pytest.approx(10_000 - 7.143 * 70.0 - (14.285 + 7.142) * 70.0 * FEE)


@pytest.mark.parametrize(
    ("money", "refusal"),
    [
        (4.99, Refusal.BELOW_MINIMUM_NOTIONAL),
        (0.0, Refusal.INVALID_QTY),
        (float("nan"), Refusal.INVALID_QTY),
        (10_000.0, Refusal.INSUFFICIENT_FUNDS),
    ],
)
def test_money_that_cannot_be_traded_is_refused(money: float, refusal: Refusal) -> None:
    assert refused(spot(), Side.BUY, money, qty_unit=QtyUnit.QUOTE) == refusal


def test_a_market_order_while_the_symbol_has_no_bar_is_refused_and_a_limit_waits() -> None:
    nan = float("nan")
    at = spot([*flat(100.0, 1), (nan,) * 4, *flat(50.0, 2)])
    at.advance_to(START_NS + MINUTE_NS + 1)
    assert refused(at, Side.BUY, 1.0) == Refusal.NO_PRICE
    order = send(at, Side.BUY, 1.0, 60.0)
    assert at.spot.money(0).locked == pytest.approx(60.0 * (1 + FEE))
    at.advance_to(START_NS + 2 * MINUTE_NS + 1)
    assert (order.state, at.spot.money(0).locked) == (OrderState.FILLED, 0.0)


def test_the_operator_sees_a_spot_account_at_its_value() -> None:
    at = spot(line(100, 200, 200))
    send(at, Side.BUY, 10.0)
    send(at, Side.BUY, 1.0, 50.0)
    at.advance_to(START_NS + 2 * MINUTE_NS - 1)
    account = state(at, parse_pace("step"))["accounts"][0]
    assert account["equity"] == pytest.approx(10_000 + 1_000 - 1_000 * FEE)
    assert account["available"] == pytest.approx(9_000 - 1_000 * FEE - 50 * (1 + FEE))
    assert (account["initial_margin"], account["is_liquidated"]) == (0.0, False)


def way_to(at: LocalVenue, price: float) -> Trigger:
    return Trigger.RISES if price > at.last_price(0) else Trigger.FALLS


SIDES = st.sampled_from([Side.BUY, Side.SELL])
ACTIONS = st.lists(
    st.tuples(
        st.integers(0, 1), SIDES, st.floats(0.2, 150.0), st.sampled_from([None, 96.0, 99.0, 100.0, 101.0, 104.0]),
        st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC]), st.integers(0, 40),
        st.sampled_from([None, None, 95.0, 98.5, 102.0, 105.0]), st.sampled_from([None, None, 0.5, 3.0]),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_nothing_that_was_accepted_ever_fails_for_money_and_none_is_made(actions: list[Any]) -> None:
    """Two accounts trade with each other and with the market, across gaps; some orders wait, some are amended."""
    bars = [(100.0, 103.0, 97.0, 101.0), (95.0, 99.0, 94.0, 98.0), (106.0, 107.0, 99.0, 100.0)] * 3
    at = spot(bars, n_accounts=2)
    for account, side, qty, price, tif, seconds, trigger, change in actions:
        waits = {} if trigger is None else {"trigger": way_to(at, trigger), "trigger_price": trigger}
        try:
            order = send(at, side, round(qty, 3), price, account=account, time_in_force=tif, **waits)
            if change is not None:
                at.amend(order, qty=round(order.qty * change, 3))
        except Refused:
            continue
        at.advance_to(at.now_ns + seconds * 1_000_000_000)
    at.advance_to(at.market.end_ns)
    for account in range(2):
        trades = [fill for fill in at.fills if fill.order.account == account]
        signed = [fill.qty * fill.order.request.side for fill in trades]
        spent = sum(qty * fill.price for qty, fill in zip(signed, trades, strict=True)) + sum(one.fee for one in trades)
        money, coins = at.spot.money(account), at.spot.coins(account, 0)
        assert money.total == pytest.approx(10_000.0 - spent)
        assert coins.total == pytest.approx(sum(signed))
        assert money.total >= money.locked - 1e-5
        assert coins.total >= coins.locked - 1e-9
    ended = [order for order in at.orders.all.values() if order.reason]
    assert {order.reason.name for order in ended if not order.is_conditional} <= {"IMMEDIATE_UNFILLED"}
    # What has waited is judged when its price is met, and has no claim to money before.
    assert {order.reason.name for order in ended} <= {"IMMEDIATE_UNFILLED", "INSUFFICIENT_CASH"}
    assert all(not order.filled_qty for order in ended if order.reason.name == "INSUFFICIENT_CASH")

"""The venue without a wire: accounts, orders and their money, on small markets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from math import isclose, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ballast.model.enums import AccountKind, OrderType, PositionMode, PositionSide, Reason, Side, TimeInForce
from ballast.model.errors import ConfigError
from ballast.venues.exchange import accounts, quotes
from ballast.venues.exchange.market import Market
from ballast.venues.exchange.orders import Fill, OrderChanged, OrderRequest, OrderState, Origin, Trigger
from ballast.venues.exchange.refusals import Refusal, Refused
from ballast.venues.exchange.venue import LocalVenue
from tests.unit.venues.exchange.markets import MINUTE_NS, SECOND_NS, START_NS, flat, line, market, venue

MAKER, TAKER = 0.0002, 0.00055
BUY, SELL = Side.BUY, Side.SELL


def limit(side: Side, qty: float, price: float, **more: Any) -> OrderRequest:
    return OrderRequest("AAAUSDT", side, OrderType.LIMIT, qty, price, **more)


def taker(side: Side, qty: float, **more: Any) -> OrderRequest:
    return OrderRequest("AAAUSDT", side, OrderType.MARKET, qty, **more)


def states(of: LocalVenue, number: int) -> list[OrderState]:
    return [
        update.order.state
        for update in of.take_updates()
        if isinstance(update, OrderChanged) and update.order.number == number
    ]


def refusal_of(of: LocalVenue, request: OrderRequest, account: int = 0) -> Refusal:
    with pytest.raises(Refused) as caught:
        of.place(account, request)
    return caught.value.refusal


def test_a_market_order_fills_at_the_price_where_the_path_stands() -> None:
    of = venue(market(line(100, 103, 100)))
    of.advance_to(START_NS + 30 * SECOND_NS)
    order = of.place(0, taker(BUY, 2.0))
    # Low, the open itself, comes first; then from 20 s to 40 s the price climbs to the high.
    assert (order.state, order.average_price) == (OrderState.FILLED, 101.5)
    assert of.record.accounts[0].cash == 10_000.0 - 2.0 * 101.5 * TAKER
    assert of.leg(0, 0, PositionSide.NONE).qty == 2.0


def test_a_resting_limit_fills_at_its_price_as_maker_when_the_path_passes_it() -> None:
    of = venue(market(line(100, 98, 100)))
    order = of.place(0, limit(BUY, 1.0, 99.0))
    assert states(of, order.number) == [OrderState.NEW]
    of.advance_to(START_NS + MINUTE_NS)
    (fill,) = of.fills
    assert (fill.price, fill.fee, fill.is_maker) == (99.0, 99.0 * MAKER, True)
    assert states(of, order.number) == [OrderState.FILLED]


def test_two_accounts_trade_with_each_other_before_the_recorded_market_and_no_money_is_lost() -> None:
    of = venue(market(flat(100.0, 3)), n_accounts=2, slippage_rate=0.001)
    of.place(0, limit(BUY, 3.0, 99.95))
    sold = of.place(1, taker(SELL, 2.0))
    # The recorded market would have paid 99.90.
    assert sold.average_price == 99.95
    assert (of.leg(0, 0, 0).qty, of.leg(1, 0, 0).qty) == (2.0, -2.0)
    of.place(1, limit(BUY, 2.0, 99.98))
    of.place(0, taker(SELL, 2.0))
    cash = [float(of.record.accounts[k].cash) for k in range(2)]
    fees = sum(fill.fee for fill in of.fills)
    assert fees == pytest.approx(2 * (99.95 + 99.98) * (MAKER + TAKER), abs=1e-12)
    assert abs(sum(cash) + fees - 20_000.0) < 1e-8
    assert cash[0] == pytest.approx(10_000.0 + 2 * 0.03 - 2 * 99.95 * MAKER - 2 * 99.98 * TAKER, abs=1e-9)


def test_an_incoming_order_meets_clients_by_price_and_then_by_time_and_then_the_market() -> None:
    of = venue(market(flat(100.0, 3)), n_accounts=4, slippage_rate=0.001)
    late_best = of.place(0, limit(BUY, 1.0, 99.96))
    first, second = (of.place(k, limit(BUY, 1.0, 99.95)) for k in (1, 2))
    worse = of.place(0, limit(BUY, 1.0, 99.80))
    sold = of.place(3, taker(SELL, 3.5))
    assert [(fill.price, fill.qty) for fill in of.fills if fill.order.account == 3] == [
        (99.96, 1.0),
        (99.95, 1.0),
        (99.95, 1.0),
        (99.9, 0.5),
    ]
    assert [order.state for order in (late_best, first, second)] == [OrderState.FILLED] * 3
    assert (worse.state, sold.state) == (OrderState.NEW, OrderState.FILLED)


actions = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([BUY, SELL]),
        st.sampled_from([OrderType.MARKET, OrderType.LIMIT]),
        st.integers(60, 4_000),
        st.integers(-30, 30),
        st.integers(0, 25),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(actions)
def test_every_account_holds_what_its_fills_say_whoever_trades_with_whom(asked: list[Any]) -> None:
    of = venue(market(line(100, 101, 99.5, 100)), n_accounts=3, slippage_rate=0.002)
    for account, side, kind, lots, ticks, seconds in asked:
        price = round(of.last_price(0) + ticks * 0.01, 2) if kind == OrderType.LIMIT else nan
        try:
            of.place(account, OrderRequest("AAAUSDT", side, kind, lots / 1_000, price))
        except Refused:
            continue
        of.advance_to(of.now_ns + seconds * SECOND_NS)
    mark = of.mark_price(0)
    for account in range(3):
        mine = [fill for fill in of.fills if fill.order.account == account]
        held = sum(fill.qty * fill.order.request.side for fill in mine)
        spent = sum(fill.qty * fill.order.request.side * fill.price + fill.fee for fill in mine)
        assert isclose(held, float(of.leg(account, 0, 0).qty), abs_tol=1e-9)
        assert abs(10_000.0 - spent + held * mark - accounts.figures(of, account).equity) < 1e-8
        kernel = of.record.orders[: of.record.clock.n_orders]
        live = {order.number: round(order.left_qty, 9) for order in of.orders.live(account, 0)}
        assert live == {int(row.level): round(float(row.qty), 9) for row in kernel if row.account == account}


def test_at_the_moment_of_a_close_the_next_bar_has_opened_already() -> None:
    of = venue(market([*flat(100.0, 1), *flat(110.0, 1)]))
    of.advance_to(START_NS + MINUTE_NS)
    assert of.place(0, taker(BUY, 1.0)).average_price == 110.0


looks = st.lists(st.integers(0, 179_999) | st.integers(0, 9).map(lambda k: 20_000 * k), max_size=12)


@settings(max_examples=40, deadline=None)
@given(looks, st.integers(9_700, 10_300), st.integers(9_700, 10_300))
def test_however_often_one_looks_the_same_happens(times_ms: list[int], bid: int, ask: int) -> None:
    def story(stops: list[int]) -> list[tuple[float, ...]]:
        of = venue(market(line(100, 103, 97, 102)), n_accounts=2)
        for account, side, price in ((0, BUY, bid), (1, SELL, ask)):
            of.place(account, limit(side, 1.0, price / 100))
        for stop in stops:
            of.advance_to(START_NS + stop * 1_000_000)
        of.advance_to(START_NS + 3 * MINUTE_NS)
        return [(fill.order.number, fill.time_ns, fill.qty, fill.price, fill.fee) for fill in of.fills]

    assert story(sorted(times_ms)) == story([])


def test_a_conditional_order_triggers_where_its_price_is_met_and_then_trades() -> None:
    of = venue(market(line(100, 104, 100)))
    order = of.place(0, taker(BUY, 1.0, trigger=Trigger.RISES, trigger_price=102.0))
    assert (order.state, of.record.clock.n_orders) == (OrderState.UNTRIGGERED, 0)
    of.advance_to(START_NS + MINUTE_NS)
    assert states(of, order.number) == [
        OrderState.UNTRIGGERED,
        OrderState.TRIGGERED,
        OrderState.NEW,
        OrderState.FILLED,
    ]
    assert order.average_price == 102.0


def test_a_conditional_limit_that_rests_after_its_trigger_is_told_of_as_new() -> None:
    of = venue(market(line(100, 104, 100)))
    order = of.place(0, limit(BUY, 1.0, 101.0, trigger=Trigger.RISES, trigger_price=103.0))
    of.advance_to(START_NS + MINUTE_NS - SECOND_NS)
    assert states(of, order.number) == [OrderState.UNTRIGGERED, OrderState.TRIGGERED, OrderState.NEW]


def test_a_conditional_order_without_margin_at_its_trigger_is_cancelled() -> None:
    of = venue(market(line(100, 104)), cash=100.0)
    order = of.place(0, taker(BUY, 50.0, trigger=Trigger.RISES, trigger_price=102.0))
    of.advance_to(START_NS + MINUTE_NS)
    assert (order.state, order.reason) == (OrderState.CANCELLED, Reason.INSUFFICIENT_MARGIN)


def test_a_conditional_order_may_be_moved_and_taken_back_before_its_trigger() -> None:
    of = venue(market(line(100, 104, 100)))
    gone = of.place(0, taker(BUY, 1.0, trigger=Trigger.RISES, trigger_price=103.0))
    moved = of.place(0, taker(BUY, 1.0, trigger=Trigger.RISES, trigger_price=102.0))
    of.amend(moved, trigger_price=103.5)
    of.cancel(gone)
    assert (gone.state, of.record.clock.n_watches) == (OrderState.DEACTIVATED, 1)
    of.advance_to(START_NS + MINUTE_NS)
    assert [fill.price for fill in of.fills] == [103.5]


@pytest.mark.parametrize(("origin", "price", "end"), [(Origin.TAKE_PROFIT, 103.0, 105), (Origin.STOP_LOSS, 97.0, 95)])
def test_protection_closes_the_whole_leg_and_the_other_side_of_it_goes(
    origin: Origin, price: float, end: float
) -> None:
    of = venue(market(line(100, 100, end)))
    of.place(0, taker(BUY, 1.0, take_profit=103.0, stop_loss=97.0))
    of.place(0, taker(BUY, 0.5))
    assert of.protection(0, 0, 0, origin) == price
    of.advance_to(START_NS + 2 * MINUTE_NS)
    assert of.leg(0, 0, 0).qty == 0.0
    closing = of.fills[-1]
    assert (closing.qty, closing.price, closing.order.request.origin) == (1.5, price, origin)
    assert of.record.clock.n_watches == 0
    assert [of.protection(0, 0, 0, one) for one in (Origin.TAKE_PROFIT, Origin.STOP_LOSS)] == [0.0, 0.0]


@pytest.mark.parametrize("more", [{"take_profit": 100.0}, {"stop_loss": 101.0}])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_protection_on_the_wrong_side_of_the_price_is_refused(side: Side, more: dict[str, float]) -> None:
    mirrored = more if side == BUY else {name: 200.0 - price for name, price in more.items()}
    of = venue(market(flat(100.0, 2)))
    for request in (taker(side, 1.0, **mirrored), limit(side, 1.0, 100.0, **mirrored)):
        with pytest.raises(Refused) as refused:
            of.place(0, request)
        assert refused.value.refusal == Refusal.WRONG_SIDE_OF_PRICE
    assert of.orders.all == {}


def test_the_protection_of_a_conditional_order_is_judged_from_its_trigger() -> None:
    of = venue(market(line(100, 104, 108)))
    at_104 = {"trigger": Trigger.RISES, "trigger_price": 104.0}
    with pytest.raises(Refused):
        of.place(0, taker(BUY, 1.0, take_profit=103.0, **at_104))
    of.place(0, taker(BUY, 1.0, stop_loss=102.0, **at_104))
    of.advance_to(START_NS + 2 * MINUTE_NS)
    assert of.protection(0, 0, 0, Origin.STOP_LOSS) == 102.0


def test_an_order_that_only_reduces_a_position_leaves_its_protection_alone() -> None:
    of = venue(market(flat(100.0, 2)))
    of.place(0, taker(BUY, 2.0, stop_loss=97.0))
    of.place(0, taker(SELL, 1.0, take_profit=90.0, stop_loss=103.0))
    assert [of.protection(0, 0, 0, one) for one in (Origin.TAKE_PROFIT, Origin.STOP_LOSS)] == [0.0, 97.0]


def test_what_no_tick_can_meet_is_refused_wherever_it_comes_from_and_the_venue_goes_on() -> None:
    of = venue(market(flat(100.0, 3)))
    waits = of.place(0, taker(BUY, 1.0, trigger=Trigger.FALLS, trigger_price=0.01))
    rests = of.place(0, limit(BUY, 1.0, 100.5, stop_loss=0.5))
    for asked in ({"trigger_price": 0.009}, {"price": 0.009}):
        order = waits if "trigger_price" in asked else of.place(0, limit(BUY, 1.0, 99.0))
        with pytest.raises(Refused) as refused:
            of.amend(order, **asked)
        assert refused.value.refusal == Refusal.INVALID_PRICE
    with pytest.raises(Refused) as refused:
        of.protect(0, 0, PositionSide.NONE, Origin.STOP_LOSS, 0.009)
    assert refused.value.refusal == Refusal.INVALID_PRICE
    of.advance_to(START_NS + MINUTE_NS)
    assert (waits.state, rests.state) == (OrderState.UNTRIGGERED, OrderState.FILLED)
    assert of.protection(0, 0, 0, Origin.STOP_LOSS) == 0.5


def with_a_bar_missing() -> Market:
    """Return a market whose second minute has no bar."""
    return market([*flat(100.0, 1), (nan, nan, nan, nan), *flat(101.0, 1)], flat(50.0, 3))


def with_a_frame_missing() -> Market:
    """Return a market that pauses for a minute after the first."""
    of = market(flat(100.0, 2))
    of.feed.frames["ts_ns"][1] += MINUTE_NS
    return of


@pytest.mark.parametrize("make", [with_a_bar_missing, with_a_frame_missing])
@pytest.mark.parametrize("kind", [AccountKind.UNIFIED_MARGIN, AccountKind.SPOT])
def test_where_a_bar_is_missing_what_cannot_wait_is_refused_and_the_book_is_empty(
    make: Callable[[], Market], kind: AccountKind
) -> None:
    of = venue(make(), kind=kind, leverage=1.0)
    for second in (60, 90, 119):
        of.advance_to(START_NS + second * 1_000_000_000)
        for request in (taker(BUY, 1.0), limit(BUY, 1.0, 102.0, time_in_force=TimeInForce.IOC)):
            with pytest.raises(Refused) as refused:
                of.place(0, request)
            assert refused.value.refusal == Refusal.NO_PRICE
        assert quotes.book(of, 0, 5) == quotes.Book([], [])
    waits = of.place(0, limit(BUY, 1.0, 102.0))
    assert quotes.book(of, 0, 5).bids == [(102.0, 1.0)]
    of.advance_to(START_NS + 120_000_000_000)
    assert states(of, waits.number) == [OrderState.NEW, OrderState.FILLED]
    assert of.place(0, taker(BUY, 1.0)).state == OrderState.FILLED


def test_in_hedge_mode_each_leg_has_its_own_position() -> None:
    of = venue(market(flat(100.0, 2)), mode=PositionMode.HEDGE)
    of.place(0, taker(BUY, 2.0, position_side=PositionSide.LONG))
    of.place(0, taker(SELL, 3.0, position_side=PositionSide.SHORT))
    of.place(0, taker(SELL, 0.5, position_side=PositionSide.LONG))
    assert [float(of.leg(0, 0, side).qty) for side in (PositionSide.LONG, PositionSide.SHORT)] == [1.5, -3.0]
    assert of.fills[-1].closed_qty == 0.5


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (limit(BUY, 1.0, 99.0, position_side=PositionSide.LONG), Refusal.WRONG_POSITION_SIDE),
        (limit(BUY, 0.0005, 99.0), Refusal.INVALID_QTY),
        (limit(BUY, 1.0005, 99.0), Refusal.INVALID_QTY),
        (limit(BUY, nan, 99.0), Refusal.INVALID_QTY),
        (limit(BUY, 20_000.0, 99.0), Refusal.ABOVE_MAXIMUM_QTY),
        (limit(BUY, 0.05, 99.0), Refusal.BELOW_MINIMUM_NOTIONAL),
        (limit(BUY, 1.0, -1.0), Refusal.INVALID_PRICE),
        (taker(BUY, 2_000.0), Refusal.INSUFFICIENT_FUNDS),
        (limit(BUY, 2_000.0, 99.0), Refusal.INSUFFICIENT_FUNDS),
        (taker(SELL, 1.0, reduce_only=True), Refusal.NOTHING_TO_REDUCE),
        (taker(BUY, 1.0, trigger=Trigger.RISES, trigger_price=100.0), Refusal.TRIGGER_NOT_ABOVE),
        (taker(BUY, 1.0, trigger=Trigger.FALLS, trigger_price=100.0), Refusal.TRIGGER_NOT_BELOW),
        (taker(BUY, 1.0, trigger=Trigger.FALLS, trigger_price=0.006), Refusal.INVALID_PRICE),
        (taker(BUY, 1.0, stop_loss=0.006), Refusal.INVALID_PRICE),
        (taker(SELL, 1.0, take_profit=0.006), Refusal.INVALID_PRICE),
    ],
)
def test_what_is_wrong_is_refused_and_leaves_no_trace(request_: OrderRequest, refusal: Refusal) -> None:
    of = venue(market(flat(100.0, 2)))
    assert refusal_of(of, replace(request_, link_id="mine")) == refusal
    assert (of.take_updates(), of.orders.all, of.record.clock.n_orders) == ([], {}, 0)
    assert not of.orders.has_link(0, "mine")


def test_a_link_id_is_used_once_by_an_account_even_after_its_order_has_closed() -> None:
    of = venue(market(flat(100.0, 2)), n_accounts=2)
    of.cancel(of.place(0, limit(BUY, 1.0, 99.0, link_id="a")))
    assert refusal_of(of, limit(BUY, 1.0, 99.0, link_id="a")) == Refusal.DUPLICATE_LINK_ID
    assert of.place(1, limit(BUY, 1.0, 99.0, link_id="a")).state == OrderState.NEW


def test_post_only_that_would_take_is_taken_and_cancelled_at_once() -> None:
    of = venue(market(flat(100.0, 2)))
    order = of.place(0, limit(BUY, 1.0, 100.5, post_only=True))
    assert (order.state, order.reason) == (OrderState.CANCELLED, Reason.WOULD_CROSS)


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_immediate_order_away_from_the_price_is_cancelled(time_in_force: TimeInForce) -> None:
    of = venue(market(flat(100.0, 2)))
    order = of.place(0, limit(BUY, 1.0, 99.0, time_in_force=time_in_force))
    assert (order.state, order.reason) == (OrderState.CANCELLED, Reason.IMMEDIATE_UNFILLED)


def test_only_ten_conditional_orders_a_symbol_wait_at_once() -> None:
    of = venue(market(flat(100.0, 2), flat(50.0, 2)))
    waiting = taker(BUY, 1.0, trigger=Trigger.RISES, trigger_price=102.0)
    orders = [of.place(0, waiting) for _ in range(10)]
    assert refusal_of(of, waiting) == Refusal.TOO_MANY_CONDITIONAL_ORDERS
    assert of.place(0, replace(waiting, symbol="BBBUSDT")).state == OrderState.UNTRIGGERED
    of.cancel(orders[0])
    assert of.place(0, waiting).state == OrderState.UNTRIGGERED


def test_an_amended_order_rests_at_its_new_price_with_its_new_quantity() -> None:
    of = venue(market(line(100, 98)))
    order = of.place(0, limit(BUY, 2.0, 97.0))
    of.amend(order, qty=3.0, price=99.0)
    (row,) = of.record.orders[: of.record.clock.n_orders]
    assert (float(row.qty), float(row.price), order.qty, order.price) == (3.0, 99.0, 3.0, 99.0)
    with pytest.raises(Refused) as same:
        of.amend(order, qty=3.0, price=99.0)
    assert same.value.refusal == Refusal.NOT_MODIFIED
    of.advance_to(START_NS + MINUTE_NS)
    assert [(fill.qty, fill.price) for fill in of.fills] == [(3.0, 99.0)]
    with pytest.raises(Refused) as closed:
        of.amend(order, price=98.0)
    assert closed.value.refusal == Refusal.ORDER_CLOSED


def test_leverage_and_mode_change_only_where_they_may() -> None:
    of = venue(market(flat(100.0, 2)), leverage=10.0)
    of.set_leverage(0, 0, 20.0)
    assert of.leg(0, 0, PositionSide.NONE).leverage == 20.0
    for leverage, refusal in ((20.0, Refusal.NOT_MODIFIED), (60.0, Refusal.ABOVE_RISK_LIMIT)):
        with pytest.raises(Refused) as caught:
            of.set_leverage(0, 0, leverage)
        assert caught.value.refusal == refusal
    order = of.place(0, limit(BUY, 1.0, 99.0))
    with pytest.raises(Refused) as with_orders:
        of.set_position_mode(0, PositionMode.HEDGE)
    of.cancel(order)
    of.place(0, taker(BUY, 1.0))
    with pytest.raises(Refused) as with_position:
        of.set_position_mode(0, PositionMode.HEDGE)
    assert [one.value.refusal for one in (with_orders, with_position)] == [Refusal.HAS_ORDERS, Refusal.HAS_POSITION]


def test_funding_is_paid_by_what_is_held_at_the_stamp() -> None:
    of = venue(market(flat(100.0, 3), funding=[(60.0, 0.001)]))
    of.place(0, taker(BUY, 4.0))
    before = float(of.record.accounts[0].cash)
    of.advance_to(START_NS + 61 * SECOND_NS)
    (paid,) = of.funding
    assert (paid.payment, paid.qty, paid.position_side) == (0.4, 4.0, PositionSide.NONE)
    assert of.record.accounts[0].cash == before - 0.4


def test_an_account_that_its_margin_cannot_carry_is_liquidated_and_told_so() -> None:
    of = venue(market(line(100, 100, 88)), cash=1_000.0)
    of.place(0, taker(BUY, 98.0))
    resting = of.place(0, limit(SELL, 1.0, 110.0, reduce_only=True))
    of.advance_to(START_NS + 2 * MINUTE_NS)
    last = of.fills[-1]
    assert last.order.request.origin == Origin.LIQUIDATION
    assert of.leg(0, 0, 0).qty == 0.0
    assert (resting.state, resting.reason) == (OrderState.CANCELLED, Reason.LIQUIDATION)
    assert of.record.accounts[0].is_liquidated


def test_the_liquidation_price_is_where_the_account_is_liquidated() -> None:
    of = venue(market(line(100, 100, 88)), cash=1_000.0)
    of.place(0, taker(BUY, 98.0))
    told = accounts.position(of, 0, 0, PositionSide.NONE).liquidation_price
    of.advance_to(START_NS + 2 * MINUTE_NS)
    at = of.market.feed.frames[1]
    share = (of.fills[-1].time_ns - int(at.ts_ns) - MINUTE_NS / 3) / (MINUTE_NS / 3)
    assert 100.0 - 12.0 * share == pytest.approx(told, abs=1e-6)


def test_every_fill_is_told_between_its_order_and_the_wallet() -> None:
    of = venue(market(flat(100.0, 2)))
    of.place(0, taker(BUY, 1.0))
    names = [type(update).__name__ for update in of.take_updates()]
    assert names == [
        *("OrderChanged", "PositionChanged"),
        *("OrderChanged", "PositionChanged", "Fill", "PositionChanged", "WalletChanged", "TradePrinted"),
    ]
    fills = [fill for fill in of.fills if isinstance(fill, Fill)]
    assert (fills[0].order.state, fills[0].closed_qty) == (OrderState.FILLED, 0.0)


def test_money_comes_in_and_goes_out_as_far_as_it_is_there() -> None:
    of = venue(market(flat(100.0, 2)))
    of.transfer(0, -4_000.0)
    assert of.record.accounts[0].cash == 6_000.0
    with pytest.raises(Refused):
        of.transfer(0, -6_000.01)


def test_at_the_markets_end_the_venue_stands_still_and_still_trades() -> None:
    of = venue(market(line(100, 102)))
    of.advance_to(START_NS + 100 * MINUTE_NS)
    assert of.has_ended
    assert of.place(0, taker(BUY, 1.0)).average_price == pytest.approx(102.0, abs=0.01)


def test_history_before_the_start_is_there_and_is_not_traded() -> None:
    of = venue(market(line(100, 110, 120, 130), start_frame=2))
    assert (of.now_ns, of.last_price(0)) == (START_NS + 2 * MINUTE_NS, 120.0)


def test_a_symbol_without_a_grid_is_not_listed() -> None:
    plain = market(flat(100.0, 2))
    plain.instruments["tick_units"] = 0
    with pytest.raises(ConfigError, match="needs a tick and a lot_step"):
        dataclasses.replace(plain)

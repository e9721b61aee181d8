"""The venue on recorded trades and quotes: what clients see, and how they fill."""

from __future__ import annotations

from collections import deque
from math import nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.model.enums import AccountKind, OrderType, PositionSide, QtyUnit, Side, TimeInForce
from ballast.venues.exchange import quotes
from ballast.venues.exchange.orders import BestMoved, OrderRequest, OrderState, Origin, TradePrinted, Trigger
from ballast.venues.exchange.refusals import Refusal, Refused
from ballast.venues.exchange.venue import LocalVenue
from tests.unit.venues.exchange.markets import MINUTE_NS, SECOND_NS, START_NS, ticked, venue

BUY, SELL = Side.BUY, Side.SELL
BOOK = (0.5, "quote", 100.0, 5.0, 101.0, 4.0)


def limit(side: Side, qty: float, price: float, **more: Any) -> OrderRequest:
    return OrderRequest("AAAUSDT", side, OrderType.LIMIT, qty, price, **more)


def taker(side: Side, qty: float, **more: Any) -> OrderRequest:
    return OrderRequest("AAAUSDT", side, OrderType.MARKET, qty, **more)


def at(of: LocalVenue, second: float) -> LocalVenue:
    of.advance_to(START_NS + round(second * SECOND_NS))
    return of


def test_a_taker_pays_the_recorded_ask_and_gets_the_recorded_bid() -> None:
    of = at(venue(ticked(BOOK, (2.0, "quote", 100.5, 5.0, 101.5, 4.0))), 1.0)
    assert of.place(0, taker(BUY, 2.0)).average_price == 101.0
    assert at(of, 3.0).place(0, taker(SELL, 2.0)).average_price == 100.5


def test_protection_that_a_gap_has_passed_before_the_order_fills_closes_at_the_next_price() -> None:
    gap, after = (2.0, "quote", 95.0, 5.0, 96.0, 4.0), (3.0, "quote", 94.0, 5.0, 95.0, 4.0)
    of = at(venue(ticked(BOOK, gap, after)), 1.0)
    of.place(0, limit(BUY, 2.0, 99.0, stop_loss=98.0))
    at(of, 4.0)
    assert [(fill.order.request.origin, fill.qty) for fill in of.fills] == [
        (Origin.CLIENT, 2.0),
        (Origin.STOP_LOSS, 2.0),
    ]
    assert (of.fills[-1].price, of.leg(0, 0, 0).qty) == (94.0, 0.0)


def test_recorded_ticks_off_the_symbols_ticks_are_brought_to_them_and_never_cross() -> None:
    of = venue(ticked((0.5, "quote", 100.008, 5.0, 100.0081, 4.0), (1.0, "buy", 100.0064, 1.0)))
    best = at(of, 0.6).host.best(0)
    assert best is not None
    assert (best.bid, best.ask) == (100.0, 100.01)
    fill = of.place(0, taker(BUY, 2.0))
    assert fill.filled_value == 2.0 * 100.01
    at(of, 2.0)
    prints = [update.price for update in of.take_updates() if isinstance(update, TradePrinted)]
    assert prints == [100.01, 100.01]


def test_the_book_shows_the_recorded_best_prices_with_their_sizes() -> None:
    of = at(venue(ticked(BOOK)), 1.0)
    book = quotes.book(of, 0, 3)
    assert (book.bids[0], book.asks[0]) == ((100.0, 5.0), (101.0, 4.0))
    assert [len(book.bids), len(book.asks)] == [3, 3]
    of.place(0, limit(BUY, 1.0, 100.5))
    assert quotes.book(of, 0, 1).bids[0] == (100.5, 1.0)


def test_before_the_first_tick_a_market_order_is_refused_and_a_limit_waits_for_it() -> None:
    of = venue(ticked(BOOK))
    with pytest.raises(Refused) as refused:
        of.place(0, taker(BUY, 1.0))
    assert refused.value.refusal == Refusal.NO_PRICE
    with pytest.raises(Refused):
        of.place(0, limit(BUY, 1.0, 102.0, time_in_force=TimeInForce.IOC))
    order = of.place(0, limit(BUY, 1.0, 102.0))
    assert order.state == OrderState.NEW
    at(of, 1.0)
    assert (order.state, order.average_price) == (OrderState.FILLED, 101.0)


def test_ticks_of_the_history_have_told_the_prices_at_which_trading_begins() -> None:
    past = (BOOK, (1.0, "buy", 100.75, 1.0), (2.0, "quote", 100.5, 3.0, 101.25, 2.0), (3.0, "sell", 100.5, 1.0))
    of = venue(ticked(*past, (100.0, "buy", 105.0, 1.0), start_frame=1))
    assert (of.last_price(0), of.mark_price(0)) == (100.5, 100.5)
    assert quotes.book(of, 0, 1).bids == [(100.5, 3.0)]
    assert of.tape.trades[0] == deque()
    assert of.host.has_price(0)
    assert of.place(0, taker(BUY, 1.0)).average_price == 101.25


def test_prices_stand_from_one_frame_to_the_next() -> None:
    of = at(venue(ticked(BOOK, (170.0, "quote", 90.0, 1.0, 91.0, 1.0))), 130.0)
    assert of.host.has_price(0)
    assert of.place(0, taker(BUY, 1.0)).average_price == 101.0
    assert quotes.book(of, 0, 1).asks[0].price == 101.0


def filled_at(of: LocalVenue, number: int) -> list[tuple[float, float]]:
    """Return an order's maker fills as (seconds after the start, quantity), every price its own limit."""
    fills = [fill for fill in of.fills if fill.order.number == number]
    assert all(fill.is_maker and fill.price == fill.order.price for fill in fills)
    return [((fill.time_ns - START_NS) / SECOND_NS, fill.qty) for fill in fills]


def test_a_resting_limit_fills_as_the_documented_example_of_a_backtest_says() -> None:
    # "The queue", the first example of the page on fills.
    again = (61.0, "quote", 100.0, 5.0, 101.0, 5.0)
    sold = ((62.0, 3.0), (63.0, 2.0), (64.0, 0.5), (65.0, 9.0))
    of = venue(ticked((1.0, *again[1:]), again, *((second, "sell", 100.0, qty) for second, qty in sold)))
    order = at(of, 60.0).place(0, limit(BUY, 1.0, 100.0))
    at(of, 70.0)
    assert filled_at(of, order.number) == [(64.0, 0.5), (65.0, 0.5)]


def test_who_waits_moves_up_when_less_is_shown_as_the_documented_example_says() -> None:
    quotes_ = ((1.0, 5.0), (61.0, 5.0), (62.0, 2.0))
    shown = [(second, "quote", 100.0, qty, 101.0, 5.0) for second, qty in quotes_]
    of = venue(ticked(*shown, (63.0, "sell", 100.0, 3.0)))
    order = at(of, 60.0).place(0, limit(BUY, 1.0, 100.0))
    at(of, 70.0)
    assert filled_at(of, order.number) == [(63.0, 1.0)]


def test_a_spot_account_on_ticks_pays_the_ask_and_is_refused_where_nobody_sells() -> None:
    one_sided = (2.0, "quote", 100.0, 5.0, nan, nan)
    of = at(venue(ticked(BOOK, one_sided), kind=AccountKind.SPOT, leverage=1.0, cash=1_000.0), 1.0)
    with pytest.raises(Refused) as refused:
        of.place(0, taker(BUY, 9.9))
    assert refused.value.refusal == Refusal.INSUFFICIENT_FUNDS
    # 101 a unit, where the last price is 100.5.
    assert of.place(0, taker(BUY, 505.0, qty_unit=QtyUnit.QUOTE)).filled_qty == 5.0
    at(of, 3.0)
    with pytest.raises(Refused) as refused:
        of.place(0, taker(BUY, 1.0))
    assert refused.value.refusal == Refusal.NO_PRICE
    assert of.place(0, taker(SELL, 5.0)).average_price == 100.0


def test_everybody_hears_the_recorded_trades_with_their_own_times_and_what_clients_take_among_them() -> None:
    trades = ((1.5, "sell", 100.0, 3.0), (2.5, "buy", 101.0, 0.25), (2.75, "trade", 100.5, 1.0))
    of = at(venue(ticked(BOOK, *trades)), 2.0)
    of.place(0, taker(BUY, 2.0))
    at(of, 3.0)
    told = of.take_updates()
    assert BestMoved(0) in told
    trades_told = [one for one in told if isinstance(one, TradePrinted)]
    seen = [(one.side, one.price, one.qty, (one.time_ns - START_NS) / SECOND_NS) for one in trades_told]
    own = (BUY, 101.0, 2.0, 2.0)
    assert seen == [(SELL, 100.0, 3.0, 1.5), own, (BUY, 101.0, 0.25, 2.5), (SELL, 100.5, 1.0, 2.75)]


def test_a_conditional_order_is_met_by_a_trade_and_comes_after_it_on_the_tape() -> None:
    of = at(venue(ticked(BOOK, (2.0, "buy", 101.0, 1.0), (3.0, "buy", 103.0, 1.0), (4.0, "buy", 104.0, 1.0))), 2.5)
    of.place(0, taker(BUY, 1.0, trigger=Trigger.RISES, trigger_price=102.0))
    at(of, 5.0)
    assert [trade.price for trade in of.tape.trades[0]] == [101.0, 103.0, 101.0, 104.0]


def test_bars_are_those_of_the_trades_also_while_they_form() -> None:
    of = venue(ticked(BOOK, (2.0, "buy", 101.0, 1.0), (3.0, "sell", 99.0, 2.0), (61.0, "buy", 102.0, 0.5)))
    (forming,) = quotes.bars(at(of, 2.5), 0, MINUTE_NS)
    assert forming[1:6] == (101.0, 101.0, 101.0, 101.0, 1.0)
    closed, forming = quotes.bars(at(of, 62.0), 0, MINUTE_NS)
    assert closed[1:6] == (101.0, 101.0, 99.0, 99.0, 3.0)
    assert (forming.open_ns, forming.close, forming.volume) == (START_NS + MINUTE_NS, 102.0, 0.5)


def test_a_step_goes_to_the_next_tick() -> None:
    of = venue(ticked(BOOK, (2.0, "buy", 101.0, 1.0)))
    times = []
    for _ in range(3):
        of.advance_to(of.next_point_ns())
        times.append((of.now_ns - START_NS) / SECOND_NS)
    assert times == [0.5, 2.0, pytest.approx(180.0)]
    assert of.has_ended
    assert of.place(0, taker(SELL, 1.0)).average_price == 100.0


def test_a_market_of_ticks_is_told_at_other_times_as_it_was() -> None:
    of = venue(ticked(BOOK, (2.0, "buy", 101.0, 1.0)).moved_by(10 * MINUTE_NS))
    at(of, 603.0)
    assert [(one.price, one.time_ns - START_NS) for one in of.tape.trades[0]] == [(101.0, 602 * SECOND_NS)]


def test_a_symbol_without_a_price_fills_nothing_until_its_next_tick() -> None:
    of = at(venue(ticked(BOOK, (5.0, "quote", 103.0, 1.0, 104.0, 1.0))), 1.0)
    resting = of.place(0, limit(SELL, 1.0, 102.0))
    of.withdraw(0)
    assert quotes.book(of, 0, 5).bids == []
    with pytest.raises(Refused):
        of.place(0, taker(BUY, 1.0))
    waiting = of.place(0, limit(BUY, 1.0, 105.0))
    at(of, 4.0)
    assert of.fills == []
    assert of.last_price(0) == 100.5
    at(of, 6.0)
    assert [resting.average_price, waiting.average_price] == [102.0, 104.0]


def test_a_position_on_ticks_is_liquidated_where_a_trade_leaves_it_without_margin() -> None:
    of = at(venue(ticked(BOOK, (2.0, "sell", 50.0, 1.0)), cash=100.0, leverage=10.0), 1.0)
    of.place(0, taker(BUY, 9.0))
    at(of, 3.0)
    assert of.record.accounts[0].is_liquidated
    assert of.leg(0, 0, PositionSide.NONE).qty == 0.0


TICKS = st.lists(
    st.tuples(
        st.integers(0, 1_700),
        st.sampled_from(["quote", "buy", "sell", "trade"]),
        st.integers(195, 205),
        st.integers(1, 3),
        st.integers(1, 8),
    ),
    min_size=1,
    max_size=40,
)
ORDERS = st.lists(
    st.tuples(st.integers(0, 1_799), st.sampled_from([BUY, SELL]), st.integers(194, 206), st.integers(1, 6)),
    max_size=12,
)


@given(TICKS, ORDERS, st.lists(st.integers(0, 1_799), max_size=30))
@settings(max_examples=60)
def test_however_often_the_clock_stops_in_between_the_same_orders_fill_alike(
    ticks: list[tuple[int, str, int, int, int]], orders: list[tuple[int, Side, int, int]], stops: list[int]
) -> None:
    rows: list[tuple[float, str, *tuple[float, ...]]] = []
    for tenth, kind, price, spread, qty in sorted(ticks):
        other_side = ((price + spread) / 2, float(qty + 1)) if kind == "quote" else ()
        rows.append((tenth / 10, kind, price / 2, float(qty), *other_side))
    of = ticked(*rows)

    def fills_with(more: list[int]) -> list[tuple[Any, ...]]:
        one = venue(of, cash=1e6)
        for tenth in sorted({*more, *(order[0] for order in orders)}):
            at(one, tenth / 10)
            for due, side, price, qty in orders:
                if due == tenth:
                    one.place(0, limit(side, float(qty), price / 2))
        at(one, 180.0)
        return [(fill.order.number, fill.qty, fill.price, fill.is_maker, fill.time_ns) for fill in one.fills]

    assert fills_with(stops) == fills_with([])

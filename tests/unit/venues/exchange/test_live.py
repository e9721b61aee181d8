"""A live market: what a venue tells becomes ticks, and what it does not tell fills nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ballast.model.enums import OrderType, Side
from ballast.model.public_feed import (
    BookLevels,
    FeedEvent,
    FeedKind,
    FeedState,
    FeedStatus,
    FeedTopic,
    PublicBar,
    PublicTrade,
)
from ballast.venues.bybit_public import ENDPOINT, BybitHistory
from ballast.venues.bybit_stream import BybitDialect, BybitMender
from ballast.venues.exchange import growing, quotes
from ballast.venues.exchange.live import BarsAlone, LiveBooks, LiveFeed
from ballast.venues.exchange.market import Market
from ballast.venues.exchange.orders import OrderRequest, OrderState, TradePrinted
from ballast.venues.exchange.refusals import Refused
from ballast.venues.exchange.venue import LocalVenue
from ballast.venues.public_rest import PublicRest
from ballast.venues.public_socket import PublicSocket
from ballast.venues.reconnecting import ReconnectPlan
from tests.unit.venues.exchange.bybit.desks import desk
from tests.unit.venues.exchange.markets import MINUTE_NS, SECOND_NS, START_NS, flat, market, venue
from tests.unit.venues.exchange.servers import Client, with_exchange
from tests.unit.venues.proxy import Proxy, proxied

SYMBOL = "AAAUSDT"
HISTORY = 3
OPEN_NS = START_NS + HISTORY * MINUTE_NS
BEST = FeedTopic(FeedKind.BOOK, SYMBOL, 1)
DEPTH = FeedTopic(FeedKind.BOOK, SYMBOL, 50)
QUICK = ReconnectPlan(first_s=0.01, longest_s=0.05, attempts=1_000, stable_s=3_600.0)


class NoFeed:
    """A feed that says nothing: tests tell the events themselves."""

    def events(self) -> Any:
        raise AssertionError("nobody listens here")


class Told:
    """A venue on a live market of one symbol, and what it is told, at seconds after it began to trade."""

    def __init__(self, start_ns: int = START_NS) -> None:
        self.books = LiveBooks(1)
        self.feed = LiveFeed(NoFeed(), [SYMBOL], self.books, "somewhere")
        self.venue = venue(live_market(self.books, start_ns))

    def tell(self, second: float, *events: FeedEvent) -> LocalVenue:
        at_ns = OPEN_NS + round(second * SECOND_NS)
        for event in events:
            self.feed.hear(event, [self.venue], at_ns)
        self.venue.advance_to(at_ns + 1)
        return self.venue


def live_market(books: LiveBooks, start_ns: int) -> Market:
    of = market(flat(100.0, HISTORY + 1), start_frame=HISTORY)
    for name in ("open", "high", "low", "close", "volume"):
        of.feed.frames[name][HISTORY] = np.nan
    return replace(of.moved_by(start_ns - START_NS), is_live=True, books=books)


def best(bid: float, ask: float, qty: float = 5.0) -> BookLevels:
    return BookLevels(SYMBOL, 0, ((bid, qty),), ((ask, qty),), 1)


def trade(price: float, qty: float, side: Side = Side.SELL) -> PublicTrade:
    return PublicTrade(SYMBOL, 0, price, qty, side, f"{price}-{qty}")


def status(state: FeedState, topic: FeedTopic | None = None) -> FeedStatus:
    return FeedStatus(state, 0, topic, "")


def taker(side: Side, qty: float = 1.0) -> OrderRequest:
    return OrderRequest(SYMBOL, side, OrderType.MARKET, qty)


def limit(side: Side, price: float, qty: float = 1.0) -> OrderRequest:
    return OrderRequest(SYMBOL, side, OrderType.LIMIT, qty, price)


def test_what_is_told_is_what_clients_see_and_pay() -> None:
    told = Told()
    of = told.tell(1.0, best(99.5, 100.5), BookLevels(SYMBOL, 0, ((99.5, 5.0), (99.0, 7.0)), ((100.5, 5.0),), 50))
    assert of.place(0, taker(Side.BUY)).average_price == 100.5
    assert quotes.book(of, 0, 3).bids == [(99.5, 5.0), (99.0, 7.0)]
    told.tell(2.0, trade(99.5, 0.25))
    assert [(one.price, one.qty) for one in of.tape.trades[0]] == [(100.5, 1.0), (99.5, 0.25)]


def test_a_resting_order_waits_for_the_trades_that_eat_its_queue() -> None:
    told = Told()
    order = told.tell(1.0, best(99.5, 100.5)).place(0, limit(Side.BUY, 99.5))
    told.tell(2.0, trade(99.5, 5.0))
    assert order.filled_qty == 0.0
    told.tell(3.0, trade(99.5, 0.75))
    assert (order.filled_qty, told.venue.fills[0].is_maker) == (0.75, True)


@pytest.mark.parametrize(
    "loss", [status(FeedState.LOST), status(FeedState.STALE, BEST), status(FeedState.GAP, BEST)], ids=str
)
def test_on_a_feed_that_is_lost_or_stale_nothing_fills_and_nobody_is_shown_a_price(loss: FeedStatus) -> None:
    told = Told()
    of = told.tell(1.0, best(99.5, 100.5))
    resting = of.place(0, limit(Side.BUY, 99.0))
    told.tell(2.0, loss)
    with pytest.raises(Refused):
        of.place(0, taker(Side.BUY))
    waiting = of.place(0, limit(Side.BUY, 200.0))
    told.tell(30.0, trade(98.0, 50.0))
    assert of.fills == []
    assert quotes.book(of, 0, 5).asks == []
    assert [level.price for level in quotes.book(of, 0, 5).bids] == [200.0, 99.0]
    told.tell(31.0, best(97.0, 98.0))
    assert [resting.average_price, waiting.average_price] == [99.0, 98.0]
    # The trade that came while it was blind is on no tape.
    assert [one.price for one in of.tape.trades[0]] == [98.0]


def test_a_deeper_book_that_is_quiet_or_broken_leaves_the_best_prices_alone() -> None:
    told = Told()
    told.tell(1.0, best(99.5, 100.5), BookLevels(SYMBOL, 0, ((99.5, 5.0), (99.25, 7.0)), (), 50))
    of = told.tell(2.0, status(FeedState.STALE, DEPTH))
    assert (99.25, 7.0) in quotes.book(of, 0, 2).bids
    told.tell(3.0, status(FeedState.GAP, DEPTH))
    assert (99.25, 7.0) not in quotes.book(of, 0, 2).bids
    assert of.place(0, taker(Side.BUY)).average_price == 100.5


def test_frames_follow_each_other_and_close_with_the_bars_of_their_ticks() -> None:
    told = Told()
    told.tell(1.0, best(99.5, 100.5), trade(100.0, 1.0), trade(101.0, 2.0), trade(100.5, 1.0))
    of = told.tell(125.0)
    assert (of.last_price(0), of.mark_price(0)) == (100.5, 100.5)
    told.tell(130.0, trade(103.0, 1.0))
    bars = quotes.bars(of, 0, MINUTE_NS, start_ns=OPEN_NS)
    assert [bar[1:6] for bar in bars] == [(100.0, 101.0, 100.0, 100.5, 4.0), (103.0, 103.0, 103.0, 103.0, 1.0)]
    assert bars[1].open_ns == OPEN_NS + 2 * MINUTE_NS
    assert of.host.frame == HISTORY + 2


def test_a_closed_bar_that_the_venue_tells_stands_in_place_of_ours_but_one_that_is_open_does_not() -> None:
    told = Told()
    of = told.tell(70.0, best(99.5, 100.5), trade(100.0, 1.0))
    for minute in (0, 1):
        bar = PublicBar(
            SYMBOL, MINUTE_NS, OPEN_NS + minute * MINUTE_NS, 90.0, 110.0, 80.0, 95.0, 1_234.0, is_closed=True
        )
        told.tell(71.0, bar)
    first, second = quotes.bars(of, 0, MINUTE_NS, start_ns=OPEN_NS)
    assert first[1:6] == (90.0, 110.0, 80.0, 95.0, 1_234.0)
    assert second.close == 100.0
    assert np.isnan(of.host.feed.frames["close"][-1, 0])


def test_over_many_ticks_memory_does_not_grow_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "KEPT_TICKS", 16)
    told = Told()
    of, prices = told.tell(0.5, best(99.5, 100.5)), []
    for k in range(400):
        of = told.tell(1.0 + k, trade(100.0 + k % 7, 1.0))
        prices += [one.price for one in of.take_updates() if isinstance(one, TradePrinted)]
    assert prices == [100.0 + k % 7 for k in range(400)]
    assert len(of.host.feed.ticks) < 80
    volumes = [bar.volume for bar in quotes.bars(of, 0, MINUTE_NS, start_ns=OPEN_NS)]
    assert (volumes[0], volumes[1], sum(volumes)) == (59.0, 60.0, 400.0)


def test_the_state_of_the_feed_says_how_old_it_is_and_who_has_no_price() -> None:
    told = Told()
    assert told.feed.state(OPEN_NS)["symbols"][SYMBOL] == {"age_ms": None, "is_stale": True}
    told.tell(1.0, status(FeedState.CONNECTED), best(99.5, 100.5))
    state = told.feed.state(OPEN_NS + 4 * SECOND_NS)
    assert state["is_connected"]
    assert state["symbols"][SYMBOL] == {"age_ms": 3_000, "is_stale": False}
    told.tell(5.0, status(FeedState.LOST))
    state = told.feed.state(OPEN_NS + 6 * SECOND_NS)
    assert (state["is_connected"], state["symbols"][SYMBOL]["is_stale"]) == (False, True)


class Remembering:
    """Who could tell the trades and bars that were missed."""

    async def mend(self, topic: FeedTopic) -> list[FeedEvent]:
        return [trade(100.0, 1.0) if topic.kind is FeedKind.TRADES else status(FeedState.REPAIRED, topic)]


def test_bars_that_were_missed_are_asked_for_and_trades_never() -> None:
    bars = FeedTopic(FeedKind.BARS, SYMBOL, interval_ns=MINUTE_NS)
    mender = BarsAlone(Remembering())
    assert asyncio.run(mender.mend(bars)) == [status(FeedState.REPAIRED, bars)]
    assert asyncio.run(mender.mend(FeedTopic(FeedKind.TRADES, SYMBOL))) == []


def listening(proxy: Proxy, rest: PublicRest) -> PublicSocket:
    """Return who hears what another local exchange tells, through a door that can be shut."""
    topics = [FeedTopic(FeedKind.TRADES, SYMBOL), BEST, DEPTH]
    dialect = BybitDialect("linear", topics)
    mender = BarsAlone(BybitMender(dialect, BybitHistory(rest, "linear")))
    url = f"http://127.0.0.1:{proxy.own_port}/v5/public/linear"
    return PublicSocket(url, dialect, mender, QUICK, draw=lambda: 0.0)


def test_after_a_loss_the_market_goes_on_without_the_trades_that_nobody_heard() -> None:
    upstream_order = {"category": "linear", "symbol": SYMBOL, "side": "Buy", "orderType": "Market"}

    async def bought(client: Client, qty: str) -> None:
        status, answer = await client.post("/v5/order/create", json.dumps(upstream_order | {"qty": qty}))
        assert (status, answer["retCode"]) == (200, 0)

    async def act(client: Client) -> None:
        async with (
            proxied(client.server.port) as proxy,
            PublicRest(replace(ENDPOINT, base_url=client.url)) as rest,
        ):
            start_ns = time.time_ns() // MINUTE_NS * MINUTE_NS - HISTORY * MINUTE_NS
            told = Told(start_ns)
            heard = told.venue.tape.trades[0]
            async with aclosing(listening(proxy, rest).events()) as events:

                async def until(is_so: Callable[[], bool]) -> None:
                    while not is_so():
                        told.feed.hear(await anext(events), [told.venue], time.time_ns())
                        told.venue.advance_to(time.time_ns())

                await until(lambda: told.venue.host.has_price(0))
                assert told.venue.place(0, taker(Side.BUY)).state == OrderState.FILLED
                await bought(client, "1.5")
                await until(lambda: heard[-1].qty == 1.5)
                proxy.is_shut = True
                proxy.cut()
                await until(lambda: not told.feed.is_connected)
                assert not told.venue.host.has_price(0)
                await bought(client, "2.5")
                proxy.is_shut = False
                await until(lambda: told.venue.host.has_price(0))
                await bought(client, "3.5")
                await until(lambda: heard[-1].qty == 3.5)
            assert [one.qty for one in heard] == [1.0, 1.5, 3.5]
            assert proxy.n_clients == 2

    with_exchange(desk(market(flat(100.0, 30), flat(50.0, 30))), act)

"""The public client against the local exchange, on real sockets that break."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from ballast.model.errors import Disconnected, RejectedByVenue
from ballast.model.public_feed import (
    BookLevels,
    FeedEvent,
    FeedKind,
    FeedState,
    FeedStatus,
    FeedTopic,
    PublicBar,
    PublicTrade,
    TickerSeen,
)
from ballast.venues.bybit_public import ENDPOINT, BybitHistory
from ballast.venues.bybit_stream import BybitDialect, BybitMender
from ballast.venues.public_rest import Patience, PublicRest
from ballast.venues.public_socket import PublicSocket, Silence
from ballast.venues.reconnecting import ReconnectPlan
from tests.unit.venues.exchange.bybit.desks import desk
from tests.unit.venues.exchange.markets import flat, market
from tests.unit.venues.exchange.servers import Client, with_exchange
from tests.unit.venues.proxy import Proxy, proxied

MINUTE_NS = 60_000_000_000
SYMBOL = "AAAUSDT"
TRADES = FeedTopic(FeedKind.TRADES, SYMBOL)
BARS = FeedTopic(FeedKind.BARS, SYMBOL, interval_ns=MINUTE_NS)
BOOK = FeedTopic(FeedKind.BOOK, SYMBOL, depth=50)
TICKER = FeedTopic(FeedKind.TICKER, SYMBOL)
QUICK = ReconnectPlan(first_s=0.01, longest_s=0.05, attempts=4, stable_s=3_600.0)
ORDER = {"category": "linear", "symbol": SYMBOL, "side": "Buy", "orderType": "Market", "qty": "1"}
Next = Callable[[type[Any]], Awaitable[Any]]


def with_feed(
    talk: Callable[[Client, Proxy, Next], Awaitable[None]],
    *topics: FeedTopic,
    silence: Silence | None = None,
    plan: ReconnectPlan = QUICK,
) -> list[FeedEvent]:
    """Let ``talk`` act while a feed listens through a proxy; return all that the feed told."""
    told: list[FeedEvent] = []

    async def act(client: Client) -> None:
        endpoint = replace(ENDPOINT, base_url=client.url)
        async with proxied(client.server.port) as proxy, PublicRest(endpoint, patience=Patience(attempts=1)) as rest:
            dialect = BybitDialect("linear", topics)
            mender = BybitMender(dialect, BybitHistory(rest, "linear"))
            url = f"http://127.0.0.1:{proxy.own_port}/v5/public/linear"
            feed = PublicSocket(url, dialect, mender, plan, silence or Silence(), draw=lambda: 0.0)
            async with aclosing(feed.events()) as events:

                async def next_of(kind: type[Any]) -> Any:
                    async for event in events:
                        told.append(event)
                        if isinstance(event, kind):
                            return event
                    raise AssertionError("a feed does not end")

                await talk(client, proxy, next_of)

    # Bars of the made-up market begin in the past, so that those it closes are closed by the machine's clock, too.
    with_exchange(desk(market(flat(100.0, 30), flat(50.0, 30))), act)
    return told


async def bought(client: Client) -> None:
    status, answer = await client.post("/v5/order/create", json.dumps(ORDER))
    assert (status, answer["retCode"]) == (200, 0)


async def step(client: Client, minutes: int) -> None:
    async with client.session.post(f"{client.url}/operator/step", json={"by_ms": 60_000 * minutes}) as answer:
        assert answer.status == 200


async def closed_bar(client: Client, next_of: Next) -> PublicBar:
    """Let the exchange's clock run for two bars' time; return the first that closes."""
    await step(client, 2)
    while True:
        bar: PublicBar = await next_of(PublicBar)
        if bar.is_closed:
            return bar


async def until(next_of: Next, state: FeedState) -> FeedStatus:
    while True:
        status: FeedStatus = await next_of(FeedStatus)
        if status.state is state:
            return status


def test_trades_books_bars_and_tickers_are_told() -> None:
    async def talk(client: Client, proxy: Proxy, next_of: Next) -> None:
        book = await next_of(BookLevels)
        assert book.bids[0][0] < book.asks[0][0]
        await bought(client)
        trade = await next_of(PublicTrade)
        assert (trade.symbol, trade.qty, trade.side) == (SYMBOL, 1.0, 1)
        assert (await closed_bar(client, next_of)).close == 100.0

    told = with_feed(talk, TRADES, BOOK, BARS, TICKER)
    assert any(isinstance(event, TickerSeen) for event in told)


def test_what_happened_while_the_socket_was_down_is_told_once_and_in_order() -> None:
    async def talk(client: Client, proxy: Proxy, next_of: Next) -> None:
        await until(next_of, FeedState.CONNECTED)
        await next_of(BookLevels)
        await bought(client)
        first = await next_of(PublicTrade)
        await closed_bar(client, next_of)
        proxy.is_shut = True
        proxy.cut()
        await until(next_of, FeedState.LOST)
        await bought(client)
        await step(client, 5)
        await bought(client)
        proxy.is_shut = False
        await until(next_of, FeedState.REPAIRED)
        await until(next_of, FeedState.REPAIRED)
        await bought(client)
        last = await next_of(PublicTrade)
        assert last.trade_id > first.trade_id

    told = with_feed(talk, TRADES, BARS, BOOK)
    trades = [event for event in told if isinstance(event, PublicTrade)]
    ids = [trade.trade_id for trade in trades]
    assert ids == sorted(set(ids))
    assert sum(trade.side == 1 and trade.qty == 1.0 for trade in trades) == 4
    closed = [event.open_ns for event in told if isinstance(event, PublicBar) and event.is_closed]
    assert closed == list(range(closed[0], closed[0] + len(closed) * MINUTE_NS, MINUTE_NS))
    assert len(closed) >= 3


def test_a_socket_that_says_nothing_is_given_up() -> None:
    async def talk(client: Client, proxy: Proxy, next_of: Next) -> None:
        await next_of(BookLevels)
        proxy.is_silent = True
        assert "nothing came for 0.3 s" in (await until(next_of, FeedState.LOST)).text
        proxy.is_silent = False
        proxy.cut()
        await until(next_of, FeedState.CONNECTED)
        await next_of(BookLevels)
        assert proxy.n_clients >= 2

    with_feed(talk, BOOK, silence=Silence(ping_s=0.1, dead_s=0.3))


def test_pings_keep_a_quiet_connection_and_a_topic_without_news_is_stale() -> None:
    async def talk(client: Client, proxy: Proxy, next_of: Next) -> None:
        await next_of(BookLevels)
        await bought(client)
        await next_of(PublicTrade)
        assert (await until(next_of, FeedState.STALE)).topic == TRADES
        await bought(client)
        assert (await until(next_of, FeedState.FRESH)).topic == TRADES
        assert proxy.n_clients == 1

    told = with_feed(talk, BOOK, TRADES, silence=Silence(ping_s=0.05, dead_s=0.5, stale_s={FeedKind.TRADES: 0.7}))
    assert not any(isinstance(event, FeedStatus) and event.state is FeedState.LOST for event in told)


def test_a_venue_that_stays_away_is_given_up_after_the_last_attempt() -> None:
    async def talk(client: Client, proxy: Proxy, next_of: Next) -> None:
        await next_of(BookLevels)
        proxy.is_shut = True
        proxy.cut()
        with pytest.raises(Disconnected, match="4 attempts to connect failed, last: "):
            await until(next_of, FeedState.CONNECTED)

    told = with_feed(talk, BOOK)
    assert sum(isinstance(event, FeedStatus) and event.state is FeedState.LOST for event in told) == 5


def test_a_topic_that_the_venue_refuses_ends_the_feed() -> None:
    async def talk(client: Client, proxy: Proxy, next_of: Next) -> None:
        with pytest.raises(RejectedByVenue, match="check symbols and market"):
            await next_of(PublicTrade)

    with_feed(talk, FeedTopic(FeedKind.TRADES, "NOSUCHUSDT"))

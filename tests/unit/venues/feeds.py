"""The local exchange as one venue or the other, and the public client that listens to it."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ballast.model.public_feed import BookLevels, FeedEvent, FeedKind, FeedState, FeedStatus, FeedTopic, PublicBar
from ballast.venues import bybit_public, mexc_public
from ballast.venues.bybit_public import BybitHistory
from ballast.venues.bybit_stream import BybitDialect, BybitMender
from ballast.venues.exchange.bybit.house import BybitFace
from ballast.venues.exchange.faces import Face
from ballast.venues.exchange.market import Market
from ballast.venues.exchange.mexc.house import MexcFace
from ballast.venues.mexc_public import MexcHistory
from ballast.venues.mexc_stream import MexcDialect, MexcMender
from ballast.venues.public_rest import Endpoint, Patience, PublicRest
from ballast.venues.public_socket import Dialect, Mender, PublicSocket, Silence
from ballast.venues.reconnecting import ReconnectPlan
from tests.unit.venues.exchange.bybit.desks import desk as bybit_desk
from tests.unit.venues.exchange.markets import flat, market
from tests.unit.venues.exchange.mexc.desks import desk as mexc_desk
from tests.unit.venues.exchange.mexc.desks import signed
from tests.unit.venues.exchange.servers import Client, with_faces
from tests.unit.venues.proxy import Proxy, proxied

MINUTE_NS = 60_000_000_000
PATIENCE_S = 15.0
SYMBOL = "AAAUSDT"
TRADES = FeedTopic(FeedKind.TRADES, SYMBOL)
BARS = FeedTopic(FeedKind.BARS, SYMBOL, interval_ns=MINUTE_NS)
TICKER = FeedTopic(FeedKind.TICKER, SYMBOL)
QUICK = ReconnectPlan(first_s=0.01, longest_s=0.05, attempts=4, stable_s=3_600.0)
Levels = list[tuple[float, float]]


class House(ABC):
    """A venue: its name, its sockets' path, what its topics are called at the operator, and its book with changes."""

    name: ClassVar[str]
    path: ClassVar[str]
    book: ClassVar[FeedTopic]
    names: ClassVar[dict[FeedKind, str]]
    endpoint: ClassVar[Endpoint]

    @abstractmethod
    def face(self, of: Market) -> Face:
        """Return the venue over a market, with an account that has money."""

    @abstractmethod
    def listener(self, topics: Sequence[FeedTopic], rest: PublicRest) -> tuple[Dialect, Mender]:
        """Return how the venue is listened to."""

    @abstractmethod
    async def bought(self, client: Client, price: str = "") -> None:
        """Buy one unit: at the market, or with an order that rests at a price."""

    @abstractmethod
    async def fetched_book(self, client: Client) -> tuple[Levels, Levels]:
        """Return the book as REST tells it."""


class Bybit(House):
    name, path = "bybit", "/v5/public/linear"
    book, endpoint = FeedTopic(FeedKind.BOOK, SYMBOL, 50), bybit_public.ENDPOINT
    names: ClassVar = {
        FeedKind.BOOK: "orderbook.*",
        FeedKind.TRADES: "publicTrade.*",
        FeedKind.BARS: "kline.*",
        FeedKind.TICKER: "tickers.*",
    }

    def face(self, of: Market) -> Face:
        return BybitFace(bybit_desk(of))

    def listener(self, topics: Sequence[FeedTopic], rest: PublicRest) -> tuple[Dialect, Mender]:
        dialect = BybitDialect("linear", topics)
        return dialect, BybitMender(dialect, BybitHistory(rest, "linear"))

    async def bought(self, client: Client, price: str = "") -> None:
        order = {"category": "linear", "symbol": SYMBOL, "side": "Buy", "orderType": "Market", "qty": "1"}
        resting = {"orderType": "Limit", "price": price} if price else {}
        status, answer = await client.post("/v5/order/create", json.dumps(order | resting))
        assert (status, answer["retCode"]) == (200, 0), answer

    async def fetched_book(self, client: Client) -> tuple[Levels, Levels]:
        _, answer = await client.get(f"/v5/market/orderbook?category=linear&symbol={SYMBOL}&limit=50")
        return _levels(answer["result"]["b"]), _levels(answer["result"]["a"])


class Mexc(House):
    name, path = "mexc", "/ws"
    book, endpoint = FeedTopic(FeedKind.BOOK, SYMBOL, 1_000), mexc_public.ENDPOINT
    names: ClassVar = {
        FeedKind.BOOK: "*aggre.depth*",
        FeedKind.TRADES: "*aggre.deals*",
        FeedKind.BARS: "*kline*",
        FeedKind.TICKER: "*bookTicker*",
    }

    def face(self, of: Market) -> Face:
        return MexcFace(mexc_desk(of))

    def listener(self, topics: Sequence[FeedTopic], rest: PublicRest) -> tuple[Dialect, Mender]:
        dialect = MexcDialect(topics)
        return dialect, MexcMender(dialect, MexcHistory(rest))

    async def bought(self, client: Client, price: str = "") -> None:
        resting = {"type": "LIMIT", "price": price} if price else {"type": "MARKET"}
        asked = {"symbol": SYMBOL, "side": "BUY", "quantity": "1"} | resting
        url = f"{client.url}/api/v3/order?{signed(asked, stamp=int(client.stamp()))}"
        headers = {"X-MEXC-APIKEY": "key-0", "Content-Type": "application/json"}
        async with client.session.post(url, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def fetched_book(self, client: Client) -> tuple[Levels, Levels]:
        _, answer = await client.get(f"/api/v3/depth?symbol={SYMBOL}&limit=1000")
        return _levels(answer["bids"]), _levels(answer["asks"])


HOUSES: list[House] = [Bybit(), Mexc()]


@dataclass
class Listening:
    """A feed that listens through a proxy to an exchange, and what it has told."""

    house: House
    client: Client
    proxy: Proxy
    told: list[FeedEvent]
    events: Any

    async def next_of(self, kind: type[Any]) -> Any:
        async for event in self.events:
            self.told.append(event)
            if isinstance(event, kind):
                return event
        raise AssertionError("a feed does not end")

    async def until(self, state: FeedState) -> FeedStatus:
        while True:
            status: FeedStatus = await self.next_of(FeedStatus)
            if status.state is state:
                return status

    async def closed_bar(self) -> PublicBar:
        """Let the exchange's clock run for two bars' time; return the first that closes."""
        await self.step(120)
        while True:
            bar: PublicBar = await self.next_of(PublicBar)
            if bar.is_closed:
                return bar

    async def book_as_fetched(self) -> None:
        """Listen until the book is the one that REST tells."""
        expected = await self.house.fetched_book(self.client)
        while True:
            book: BookLevels = await self.next_of(BookLevels)
            if (list(book.bids), list(book.asks)) == expected:
                return

    async def bought(self, price: str = "") -> None:
        """Buy, a second after the last time: one venue tells equal trades of one millisecond as one."""
        await self.step(1)
        await self.house.bought(self.client, price)

    async def step(self, seconds: int) -> None:
        url = f"{self.client.url}/operator/step"
        async with self.client.session.post(url, json={"by_ms": 1_000 * seconds}) as answer:
            assert answer.status == 200, await answer.text()

    async def arm(self, kind: str, topic: FeedKind | None = None, **fault: Any) -> None:
        match = {} if topic is None else {"match": self.house.names[topic]}
        url = f"{self.client.url}/operator/faults"
        async with self.client.session.post(url, json={"faults": [{"kind": kind, **match, **fault}]}) as answer:
            assert answer.status == 200, await answer.text()

    async def struck(self) -> int:
        """Return how often the faults in force have struck."""
        _, answer = await self.client.get("/operator/faults")
        return sum(int(fault["n_struck"]) for fault in answer["faults"])


def with_feed(
    house: House,
    talk: Callable[[Listening], Awaitable[None]],
    *topics: FeedTopic,
    silence: Silence | None = None,
    plan: ReconnectPlan = QUICK,
) -> list[FeedEvent]:
    """Let ``talk`` act while a feed listens through a proxy; return all that the feed told."""
    told: list[FeedEvent] = []

    async def act(client: Client) -> None:
        endpoint = replace(house.endpoint, base_url=client.url)
        async with proxied(client.server.port) as proxy, PublicRest(endpoint, patience=Patience(attempts=1)) as rest:
            dialect, mender = house.listener(topics, rest)
            url = f"http://127.0.0.1:{proxy.own_port}{house.path}"
            feed = PublicSocket(url, dialect, mender, plan, silence or Silence(), draw=lambda: 0.0)
            async with aclosing(feed.events()) as events:
                async with asyncio.timeout(PATIENCE_S):
                    await talk(Listening(house, client, proxy, told, events))

    with_faces([house.face(market(flat(100.0, 30), flat(50.0, 30)))], act)
    return told


def _levels(side: list[list[str]]) -> Levels:
    return [(float(price), float(qty)) for price, qty in side]

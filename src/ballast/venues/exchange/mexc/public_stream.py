"""
Public channels: trades, books, best prices, bars and tickers, to whoever subscribes.

Changes go out as they happen; the speed in a channel's name is taken, and nothing is held back for it. A channel that
tells a state, not changes, tells it once at subscription.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ballast.venues import mexc_push
from ballast.venues.exchange import quotes
from ballast.venues.exchange.mexc.codes import Rejection
from ballast.venues.exchange.mexc.desk import Desk
from ballast.venues.exchange.mexc.market import PUSHED_INTERVALS, interval_ns
from ballast.venues.exchange.mexc.wire import millis, money, side_number
from ballast.venues.exchange.orders import BestMoved, OrderChanged, TradePrinted, Update

SPEEDS = {"10ms", "100ms"}
DEPTHS = {"5": 5, "10": 10, "20": 20}
ZONES = {"24H", *(f"UTC{hours:+d}" for hours in range(-12, 15))}
Fields = dict[str, Any]


class Subscriber(Protocol):
    """Somebody who hears: ``push`` never waits."""

    def push(self, data: bytes) -> None:
        """Send one message."""


@dataclass
class Topic:
    """
    What somebody listens to; ``said`` is the state that was told last, so that it is not told twice.

    ``symbol`` None is all symbols; ``option`` is what the channel's name says beside the symbol.
    """

    name: str
    kind: str
    symbol: int | None
    option: str
    listeners: list[Subscriber] = field(default_factory=list)
    said: Fields = field(default_factory=dict)
    length_ns: int = 0
    confirmed_ns: int = 0


@dataclass(frozen=True)
class News:
    """What has happened since the last look."""

    trades: dict[int, list[TradePrinted]]
    touched: set[int]
    has_moved: bool


class PublicStream:
    """All public channels and who listens to them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._topics: dict[str, Topic] = {}
        self._published_ns = desk.venue.now_ns

    def subscribe(self, listener: Subscriber, name: str) -> None:
        """Let somebody listen; raises ``Rejection`` for a channel that is none."""
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = self._parse(name)
        if listener in topic.listeners:
            return
        topic.listeners.append(listener)
        if topic.kind == "aggre.depth" and topic.symbol is not None:
            self._desk.books.follow(topic.symbol)
        for body, fields in self._state(topic):
            topic.said = fields
            listener.push(self._frame(topic, body, fields))

    def unsubscribe(self, listener: Subscriber, names: Iterable[str] | None = None) -> None:
        """Let somebody listen no more, to some channels or to any."""
        for name in list(self._topics) if names is None else names:
            topic = self._topics.get(name)
            if topic is not None and listener in topic.listeners:
                topic.listeners.remove(listener)
                if not topic.listeners:
                    del self._topics[name]
                    self._stop_following(topic)

    def publish(self, updates: Sequence[Update]) -> None:
        """Tell listeners what has changed."""
        if not self._topics:
            return
        news = self._news(updates)
        changes = {symbol: self._book_changes(symbol, news) for symbol in self._followed()}
        for topic in self._topics.values():
            for body, fields in self._messages(topic, news, changes):
                frame = self._frame(topic, body, fields)
                for listener in topic.listeners:
                    listener.push(frame)

    def _followed(self) -> set[int]:
        return {
            topic.symbol for topic in self._topics.values() if topic.kind == "aggre.depth" and topic.symbol is not None
        }

    def _stop_following(self, topic: Topic) -> None:
        if topic.kind == "aggre.depth" and topic.symbol is not None and topic.symbol not in self._followed():
            self._desk.books.forget(topic.symbol)

    def _book_changes(self, symbol: int, news: News) -> list[Fields]:
        if symbol in news.touched:
            self._desk.books.look(symbol)
        return [
            {
                "asks": _levels(change.asks.items()),
                "bids": _levels(change.bids.items()),
                "fromVersion": str(change.version),
                "toVersion": str(change.version),
            }
            for change in self._desk.books.take_changes(symbol)
        ]

    def _news(self, updates: Sequence[Update]) -> News:
        now_ns = self._desk.venue.now_ns
        news = News({}, set(), now_ns > self._published_ns)
        self._published_ns = now_ns
        for update in updates:
            if isinstance(update, TradePrinted):
                news.trades.setdefault(update.symbol, []).append(update)
                news.touched.add(update.symbol)
            elif isinstance(update, BestMoved):
                news.touched.add(update.symbol)
            elif isinstance(update, OrderChanged):
                news.touched.add(update.order.symbol)
        return news

    def _messages(self, topic: Topic, news: News, changes: dict[int, list[Fields]]) -> Iterator[tuple[str, Fields]]:
        if topic.kind == "aggre.deals":
            trades = news.trades.get(topic.symbol if topic.symbol is not None else -1)
            if trades:
                yield "publicAggreDeals", self._deals(topic, trades)
        elif topic.kind == "aggre.depth":
            event = _event_type(topic)
            for fields in changes.get(topic.symbol if topic.symbol is not None else -1, []):
                yield "publicAggreDepths", fields | {"eventType": event}
        elif topic.kind == "kline":
            if news.has_moved or topic.symbol in news.trades:
                yield from self._bars(topic)
        elif news.touched and (topic.symbol is None or topic.symbol in news.touched):
            for body, fields in self._state(topic):
                if fields != topic.said:
                    topic.said = fields
                    yield body, fields

    def _state(self, topic: Topic) -> list[tuple[str, Fields]]:
        """Return the state that a channel tells, none for one that tells of changes alone."""
        if topic.kind == "kline":
            return list(self._bars(topic))
        if topic.kind == "aggre.bookTicker" and topic.symbol is not None:
            return [("publicAggreBookTicker", self._best(topic.symbol))]
        if topic.kind == "bookTicker.batch" and topic.symbol is not None:
            return [("publicBookTickerBatch", {"items": [self._best(topic.symbol)]})]
        if topic.kind == "limit.depth" and topic.symbol is not None:
            return [("publicLimitDepths", self._limit_depth(topic, topic.symbol))]
        if topic.kind == "miniTicker" and topic.symbol is not None:
            return [("publicMiniTicker", self._mini_ticker(topic.symbol))]
        if topic.kind == "miniTickers":
            rows = [self._mini_ticker(symbol) for symbol in range(len(self._desk.venue.market.symbols))]
            return [("publicMiniTickers", {"items": rows})]
        return []

    def _parse(self, name: str) -> Topic:
        words = name.split("@")
        if len(words) < 3 or words[0] != "spot" or not words[1].startswith("public."):
            raise not_subscribed(name)
        kind, rest = words[1].removeprefix("public.").removesuffix(".v3.api.pb"), words[2:]
        if not words[1].endswith(".v3.api.pb"):
            raise not_subscribed(name)
        symbols = self._desk.venue.market.symbols
        if kind == "miniTickers" and len(rest) == 1 and rest[0] in ZONES:
            return Topic(name, kind, None, rest[0])
        if kind == "bookTicker.batch" and len(rest) == 1 and rest[0] in symbols:
            return Topic(name, kind, symbols.index(rest[0]), "")
        options: dict[str, Iterable[str]] = {
            "aggre.deals": SPEEDS,
            "aggre.depth": SPEEDS,
            "aggre.bookTicker": SPEEDS,
            "limit.depth": DEPTHS,
            "kline": PUSHED_INTERVALS,
            "miniTicker": ZONES,
        }
        # Where a channel has a speed, the symbol stands last; elsewhere it stands first.
        symbol, option = (rest[::-1] if kind.startswith("aggre.") else rest) if len(rest) == 2 else ("", "")
        if symbol not in symbols or option not in options.get(kind, ()):
            raise not_subscribed(name)
        topic = Topic(name, kind, symbols.index(symbol), option)
        if kind == "kline":
            topic.length_ns = interval_ns(self._desk, option, PUSHED_INTERVALS)
            topic.confirmed_ns = self._desk.venue.now_ns
        return topic

    def _deals(self, topic: Topic, trades: Sequence[TradePrinted]) -> Fields:
        listing = self._desk.listing(trades[0].symbol)
        rows = [
            {
                "price": listing.price(trade.price),
                "quantity": listing.qty(trade.qty),
                "tradeType": side_number(trade.side),
                "time": millis(trade.time_ns),
            }
            for trade in trades
        ]
        return {"deals": rows, "eventType": _event_type(topic)}

    def _best(self, symbol: int) -> Fields:
        listing, book = self._desk.listing(symbol), quotes.book(self._desk.venue, symbol, 1)
        fields = {}
        for name, side in (("bid", book.bids), ("ask", book.asks)):
            fields[f"{name}Price"] = listing.price(side[0].price) if side else ""
            fields[f"{name}Quantity"] = listing.qty(side[0].qty) if side else ""
        return fields

    def _limit_depth(self, topic: Topic, symbol: int) -> Fields:
        book, depth = self._desk.books.look(symbol), DEPTHS[topic.option]
        return {
            "asks": _levels(list(book.asks.items())[:depth]),
            "bids": _levels(list(book.bids.items())[:depth]),
            "eventType": "spot@public.limit.depth.v3.api.pb",
            "version": str(book.version),
        }

    def _mini_ticker(self, symbol: int) -> Fields:
        venue, listing = self._desk.venue, self._desk.listing(symbol)
        last, day = venue.last_price(symbol), quotes.day(venue, symbol)
        rate = f"{last / day.before - 1.0:.4f}" if day.before > 0.0 else "0"
        return {
            "symbol": listing.symbol,
            "price": listing.price(last),
            "rate": rate,
            "zonedRate": rate,
            "high": listing.price(day.high),
            "low": listing.price(day.low),
            "volume": money(day.turnover),
            "quantity": listing.qty(day.volume),
        }

    def _bars(self, topic: Topic) -> Iterator[tuple[str, Fields]]:
        """Return the bars that have closed since the last look, each once, and the one that is forming."""
        if topic.symbol is None:
            return
        listing = self._desk.listing(topic.symbol)
        for bar, is_closed in quotes.fresh_bars(self._desk.venue, topic.symbol, topic.length_ns, topic.confirmed_ns):
            end_ns = bar.open_ns + topic.length_ns
            topic.confirmed_ns = end_ns if is_closed else topic.confirmed_ns
            yield (
                "publicSpotKline",
                {
                    "interval": topic.option,
                    "windowStart": millis(bar.open_ns) // 1_000,
                    "openingPrice": listing.price(bar.open),
                    "closingPrice": listing.price(bar.close),
                    "highestPrice": listing.price(bar.high),
                    "lowestPrice": listing.price(bar.low),
                    "volume": listing.qty(bar.volume),
                    "amount": money(bar.turnover),
                    "windowEnd": millis(end_ns) // 1_000,
                },
            )

    def _frame(self, topic: Topic, body: str, fields: Fields) -> bytes:
        about: dict[str, str | int] = {"sendTime": millis(self._desk.venue.now_ns)}
        if topic.symbol is not None:
            about["symbol"] = self._desk.listing(topic.symbol).symbol
        return mexc_push.encode(topic.name, body, fields, **about)


def not_subscribed(name: str, reason: str = "Blocked") -> Rejection:
    """Return the rejection of a channel that is none, or that a socket may not have."""
    return Rejection(0, f"Not Subscribed successfully! [{name[:100]}].  Reason： {reason}! ")


def _event_type(topic: Topic) -> str:
    return topic.name.rpartition("@")[0]


def _levels(side: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"price": price, "quantity": qty} for price, qty in side]

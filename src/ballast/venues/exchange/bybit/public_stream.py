"""The public socket: books, trades, tickers and bars, to whoever subscribes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from ballast.model.durations import MILLISECOND_NS
from ballast.venues.exchange import quotes
from ballast.venues.exchange.bybit.codes import Rejection
from ballast.venues.exchange.bybit.desk import Body, Desk
from ballast.venues.exchange.bybit.market import book_sides, day_ticker, interval_ns, sequence, ticker, trade_id
from ballast.venues.exchange.bybit.wire import millis, money, side_word
from ballast.venues.exchange.orders import BestMoved, OrderChanged, TradePrinted, Update

BOOK_PERIODS_MS = {"1": 10, "50": 20, "200": 100, "500": 100, "1000": 200}
"""How often a book is told at most, by its depth."""
REPEAT_MS = 3_000
"""The best prices are told again when nothing has changed for so long."""
TICKER_PERIOD_MS = 100
Side = dict[str, str]


class Subscriber(Protocol):
    """Somebody who hears: ``send`` never waits."""

    def send(self, text: bytes) -> None:
        """Send one message."""


@dataclass
class Topic:
    """What somebody listens to, and what was last said there, so that only changes follow."""

    name: str
    kind: str
    symbol: int
    depth: int = 0
    interval_ns: int = 0
    interval: str = ""
    listeners: list[Subscriber] = field(default_factory=list)
    update_number: int = 0
    sides: tuple[Side, Side] = field(default_factory=lambda: ({}, {}))
    ticker: Body = field(default_factory=dict)
    confirmed_ns: int = 0
    period_ms: int = 0
    told_ms: int = 0
    is_due: bool = False


class PublicStream:
    """All public topics and who listens to them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._topics: dict[str, Topic] = {}
        self._published_ns = desk.venue.now_ns

    def subscribe(self, listener: Subscriber, names: Sequence[str]) -> list[bytes]:
        """Let somebody listen; return the snapshots to send first. Raises ``Rejection`` for a topic that is none."""
        topics = [self._topics.get(name) or self._parse(name) for name in names]
        snapshots = []
        for topic in topics:
            self._topics[topic.name] = topic
            if listener not in topic.listeners:
                topic.listeners.append(listener)
            snapshots += self._snapshot(topic)
        return snapshots

    def unsubscribe(self, listener: Subscriber, names: Iterable[str] | None = None) -> None:
        """Let somebody listen no more, to some topics or to any."""
        for name in list(self._topics) if names is None else names:
            topic = self._topics.get(name)
            if topic is not None and listener in topic.listeners:
                topic.listeners.remove(listener)
                if not topic.listeners:
                    del self._topics[name]

    def publish(self, updates: Sequence[Update], wall_ms: int | None = None) -> None:
        """
        Tell listeners what has changed.

        With the wall's time books and tickers are told no more often than the venue does, and what is held back comes
        with a later call; without, at once.
        """
        if not self._topics:
            return
        has_moved = self._desk.venue.now_ns > self._published_ns
        self._published_ns = self._desk.venue.now_ns
        trades: dict[int, list[TradePrinted]] = {}
        touched = set()
        for update in updates:
            if isinstance(update, TradePrinted):
                trades.setdefault(update.symbol, []).append(update)
            if isinstance(update, TradePrinted | BestMoved):
                touched.add(update.symbol)
            elif isinstance(update, OrderChanged):
                touched.add(update.order.symbol)
        for topic in self._topics.values():
            if topic.kind == "publicTrade":
                messages = self._trades(topic, trades.get(topic.symbol, []))
            elif topic.kind == "kline":
                messages = self._bars(topic) if has_moved or topic.symbol in trades else []
            else:
                topic.is_due = topic.is_due or topic.symbol in touched or _is_silent(topic, wall_ms)
                messages = self._delta(topic, wall_ms) if topic.is_due else []
            for message in messages:
                for listener in topic.listeners:
                    listener.send(message)

    def _parse(self, name: str) -> Topic:
        parts = name.split(".")
        symbols = self._desk.venue.market.symbols
        if len(parts) < 2 or parts[-1] not in symbols:
            raise _unknown(name)
        kind, symbol, middle = parts[0], symbols.index(parts[-1]), parts[1:-1]
        topic = Topic(name, kind, symbol)
        if kind in {"publicTrade", "tickers"} and not middle:
            return topic
        if kind == "orderbook" and len(middle) == 1 and middle[0] in BOOK_PERIODS_MS:
            topic.depth, topic.period_ms = int(middle[0]), BOOK_PERIODS_MS[middle[0]]
            return topic
        if kind == "kline" and len(middle) == 1:
            topic.interval, topic.interval_ns = middle[0], interval_ns(self._desk, middle[0])
            topic.confirmed_ns = self._desk.venue.now_ns
            return topic
        raise _unknown(name)

    def _snapshot(self, topic: Topic) -> list[bytes]:
        if topic.kind == "orderbook":
            if topic.update_number == 0:
                topic.sides, topic.update_number = self._sides(topic), 1
                topic.told_ms = self._desk.wall_ms if topic.depth == 1 else 0
            return [self._book_message(topic, "snapshot", *topic.sides)]
        if topic.kind == "tickers":
            topic.ticker = topic.ticker or self._ticker(topic)
            return [self._message(topic, "snapshot", topic.ticker)]
        return []

    def _sides(self, topic: Topic) -> tuple[Side, Side]:
        book = quotes.book(self._desk.venue, topic.symbol, topic.depth)
        bids, asks = book_sides(self._desk, topic.symbol, book)
        return dict(bids), dict(asks)

    def _delta(self, topic: Topic, wall_ms: int | None) -> list[bytes]:
        if wall_ms is not None and wall_ms < topic.told_ms + topic.period_ms:
            return []
        is_silent, topic.told_ms, topic.is_due = _is_silent(topic, wall_ms), wall_ms or 0, False
        if is_silent and topic.sides == self._sides(topic):
            return [self._book_message(topic, "snapshot", *topic.sides)]
        return self._book_delta(topic) if topic.kind == "orderbook" else self._ticker_delta(topic)

    def _book_delta(self, topic: Topic) -> list[bytes]:
        before, now = topic.sides, self._sides(topic)
        if before == now:
            return []
        topic.sides = now
        topic.update_number += 1
        if topic.depth == 1:
            return [self._book_message(topic, "snapshot", *now)]
        changes = (quotes.changed_levels(old, new) for old, new in zip(before, now, strict=True))
        return [self._book_message(topic, "delta", *changes)]

    def _book_message(self, topic: Topic, kind: str, bids: Side, asks: Side) -> bytes:
        data = {
            "s": self._desk.listing(topic.symbol).symbol,
            "b": list(bids.items()),
            "a": list(asks.items()),
            "u": topic.update_number,
            "seq": sequence(self._desk),
        }
        return self._message(topic, kind, data)

    def _ticker(self, topic: Topic) -> Body:
        is_spot = self._desk.category.is_spot
        return day_ticker(self._desk, topic.symbol) if is_spot else ticker(self._desk, topic.symbol)

    def _ticker_delta(self, topic: Topic) -> list[bytes]:
        now = self._ticker(topic)
        changed = {name: value for name, value in now.items() if topic.ticker.get(name) != value}
        topic.ticker = now
        if self._desk.category.is_spot:
            # There are no deltas of spot.
            return [self._message(topic, "snapshot", now)] if changed else []
        return [self._message(topic, "delta", {"symbol": now["symbol"], **changed})] if changed else []

    def _trades(self, topic: Topic, trades: Sequence[TradePrinted]) -> list[bytes]:
        if not trades:
            return []
        listing = self._desk.listing(topic.symbol)
        # The direction of the price is told of contracts alone.
        direction = {} if self._desk.category.is_spot else {"L": "ZeroPlusTick"}
        rows = [
            {
                "T": trade.time_ns // MILLISECOND_NS,
                "s": listing.symbol,
                "S": side_word(trade.side),
                "v": listing.qty(trade.qty),
                "p": listing.price(trade.price),
                **direction,
                "i": trade_id(trade),
                "BT": False,
                "RPI": False,
                "seq": trade.number,
            }
            for trade in trades
        ]
        return [self._message(topic, "snapshot", rows)]

    def _bars(self, topic: Topic) -> list[bytes]:
        """Return the bars that have closed since the last look, each once, and the one that is forming."""
        venue, listing, now = self._desk.venue, self._desk.listing(topic.symbol), self._desk.venue.now_ns
        messages = []
        for bar, is_closed in quotes.fresh_bars(venue, topic.symbol, topic.interval_ns, topic.confirmed_ns):
            end = bar.open_ns + topic.interval_ns
            topic.confirmed_ns = end if is_closed else topic.confirmed_ns
            row = {
                "start": bar.open_ns // MILLISECOND_NS,
                "end": end // MILLISECOND_NS - 1,
                "interval": topic.interval,
                "open": listing.price(bar.open),
                "close": listing.price(bar.close),
                "high": listing.price(bar.high),
                "low": listing.price(bar.low),
                "volume": listing.qty(bar.volume),
                "turnover": money(bar.turnover),
                "confirm": is_closed,
                "timestamp": now // MILLISECOND_NS,
            }
            messages.append(self._message(topic, "snapshot", [row]))
        return messages

    def _message(self, topic: Topic, kind: str, data: Any) -> bytes:
        now = int(millis(self._desk.venue.now_ns))
        return msgspec.json.encode({"topic": topic.name, "type": kind, "ts": now, "data": data, "cts": now})


def _is_silent(topic: Topic, wall_ms: int | None) -> bool:
    """Tell whether a book of best prices has told nothing for so long that it repeats itself."""
    return topic.depth == 1 and wall_ms is not None and wall_ms >= topic.told_ms + REPEAT_MS


def _unknown(name: str) -> Rejection:
    return Rejection(10001, f"error:handler not found,topic:{name[:60]}")

"""
Recorded public messages as a market: its ticks, and the books behind them.

A message a line, alone or after the time at which it came, nanoseconds; without such a time it came when it says that
it was made. Bybit's ``orderbook`` and ``publicTrade`` messages are read, and Binance's trades, best prices and books.

A symbol's best prices are those of its fastest book, the one with the fewest levels; its depth is its deepest book's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import TickKind
from ballast.model.errors import DataError, Disconnected
from ballast.model.market import Tick
from ballast.model.public_feed import BookLevels, FeedKind, FeedTopic, PublicTrade
from ballast.venues.binance_messages import BinanceMessages
from ballast.venues.bybit_stream import BybitDialect
from ballast.venues.exchange.recording.capture import read_lines
from ballast.venues.local_book import Levels
from ballast.venues.public_socket import Reading

_Row = tuple[int, int, int, float, float, float, float]


class _Message(NamedTuple):
    time_ns: int
    text: bytes


class _Reader(Protocol):
    def read(self, message: bytes, now_ns: int) -> Reading: ...


@dataclass(frozen=True)
class Capture:
    """
    Messages of one venue, ascending in time.

    Attributes
    ----------
    source : str
        Where they came from, for messages of our own.
    messages : sequence of (time_ns, text)
    names : tuple of str
        Bybit's topics, or none of Binance.
    symbols : tuple of str
        In the order of the alphabet.
    """

    source: str
    messages: Sequence[_Message]
    names: tuple[str, ...]
    symbols: tuple[str, ...]

    def readings(self) -> Iterator[tuple[int, Reading]]:
        """Give each message's time and meaning; raises ``DataError`` where one cannot be read."""
        reader: _Reader = BybitDialect("linear", _topics(self.names)) if self.names else BinanceMessages(self.symbols)
        for time_ns, text in self.messages:
            try:
                reading = reader.read(text, time_ns)
            except (Disconnected, ValueError, msgspec.MsgspecError) as error:
                raise DataError(f"{self.source}: the message {text[:60]!r} cannot be read ({error})") from None
            yield time_ns, reading


@dataclass(frozen=True)
class RecordedMarket:
    """
    What a capture says of its symbols.

    Attributes
    ----------
    capture : Capture
    ticks : recarray of Tick
        Ascending in time; symbols by their place in the capture's.
    deepest : mapping of int to FeedTopic
        By symbol, where its depth is told; symbols without a book are absent.
    """

    capture: Capture
    ticks: Any
    deepest: Mapping[int, FeedTopic]

    def open(self, shift_ns: int) -> BooksWalk:
        """Return the books from their beginning, told ``shift_ns`` later than they were recorded."""
        return BooksWalk(self, shift_ns)


class BooksWalk:
    """The books of a capture, as they stood at one time and then at later ones."""

    def __init__(self, market: RecordedMarket, shift_ns: int) -> None:
        self._topics = {topic: symbol for symbol, topic in market.deepest.items()}
        self._readings, self._shift_ns = market.capture.readings(), shift_ns
        self._next = next(self._readings, None)
        self._sides: dict[int, tuple[Levels, Levels]] = {}

    def sides(self, symbol: int, now_ns: int) -> tuple[Levels, Levels]:
        """Return bids and asks as they stood at ``now_ns``, which never goes back; both empty before they are told."""
        while self._next is not None and self._next[0] + self._shift_ns <= now_ns:
            self._take(self._next[1])
            self._next = next(self._readings, None)
        return self._sides.get(symbol, ((), ()))

    def _take(self, reading: Reading) -> None:
        symbol = None if reading.topic is None else self._topics.get(reading.topic)
        for event in reading.events:
            if symbol is not None and isinstance(event, BookLevels):
                self._sides[symbol] = event.bids, event.asks


def read_market(path: Path) -> RecordedMarket:
    """
    Read a capture, which may be compressed by gzip.

    Raises
    ------
    DataError
        The file cannot be read, a line is no message, or nothing is traded or quoted in it.
    """
    capture = _read_capture(path)
    trades: list[tuple[int, _Row]] = []
    quotes: dict[FeedTopic, list[tuple[int, _Row]]] = {}
    for number, (time_ns, reading) in enumerate(capture.readings()):
        for event in reading.events:
            if isinstance(event, PublicTrade):
                place = capture.symbols.index(event.symbol)
                trades.append((number, (time_ns, place, int(event.side), event.price, event.qty, nan, nan)))
            elif isinstance(event, BookLevels) and reading.topic is not None:
                best, rows = event.best(), quotes.setdefault(reading.topic, [])
                if best is not None and (not rows or rows[-1][1][3:] != best):
                    place = capture.symbols.index(event.symbol)
                    rows.append((number, (time_ns, place, int(TickKind.QUOTE), *best)))
    by_depth = sorted(quotes, key=lambda topic: topic.depth)
    fastest = {topic.symbol: topic for topic in reversed(by_depth)}
    told = [*trades, *(row for topic in fastest.values() for row in quotes[topic])]
    if not told:
        raise DataError(f"{capture.source}: there is no trade and no book in it; name another capture")
    told.sort(key=itemgetter(0))
    ticks = Tick.array(len(told))  # type: ignore[attr-defined]
    ticks[:] = [row for _, row in told]
    return RecordedMarket(capture, ticks, {capture.symbols.index(topic.symbol): topic for topic in by_depth})


def _read_capture(path: Path) -> Capture:
    source = f"--data {path}"
    messages, names, symbols = [], set[str](), set[str]()
    for number, line in enumerate(read_lines(path, "--data"), 1):
        stamp, brace, rest = line.strip().partition(b"{")
        try:
            head = msgspec.json.decode(brace + rest, type=dict[str, Any])
            inner = head["data"] if isinstance(head.get("data"), dict) else head
            made_ms = head.get("ts") or inner.get("E") or 0
            messages.append(_Message(int(stamp) if stamp.strip() else int(made_ms) * MILLISECOND_NS, brace + rest))
        except (ValueError, TypeError, msgspec.DecodeError):
            raise DataError(f"{source}: line {number} is no message: {line[:40]!r}; name another file") from None
        name = str(head.get("topic", ""))
        names.add(name)
        symbols.add(name.rpartition(".")[2] or str(inner.get("s", "")))
    messages.sort(key=lambda message: message.time_ns)
    return Capture(source, messages, tuple(sorted(names - {""})), tuple(sorted(symbols - {""})))


def _topics(names: Sequence[str]) -> list[FeedTopic]:
    """Return those of Bybit's topics that tell trades or books."""
    topics = []
    for name in names:
        kind, *depth, symbol = name.split(".")
        if kind == "publicTrade":
            topics.append(FeedTopic(FeedKind.TRADES, symbol))
        elif kind == "orderbook" and depth:
            topics.append(FeedTopic(FeedKind.BOOK, symbol, int(depth[0])))
    return topics

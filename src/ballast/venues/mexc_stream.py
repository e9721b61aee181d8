"""
MEXC spot v3's public stream, in Protocol Buffers messages.

A book's changes are numbered by versions that follow each other, on top of a book that is asked for over REST. No
message says that a bar has closed: when the next one begins, those before it are asked for over REST. Nothing is asked
for that a message told already, and what was dropped in between is found by its absence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from ballast.model.durations import MILLISECOND_NS, SECOND_NS
from ballast.model.enums import Side
from ballast.model.errors import ConfigError, Disconnected, RejectedByVenue
from ballast.model.public_feed import (
    BookLevels,
    FeedEvent,
    FeedKind,
    FeedState,
    FeedStatus,
    FeedTopic,
    PublicBar,
    TickerSeen,
)
from ballast.venues import mexc_push
from ballast.venues.continuity import FeedMemory
from ballast.venues.local_book import Applied, LocalBook
from ballast.venues.mending import HistoryMender
from ballast.venues.mexc_public import BOOK_LIMIT, BookSnapshot, MexcHistory, interval_code, numbered_trades
from ballast.venues.public_socket import Reading

SUBSCRIPTIONS_A_SOCKET = 30
MOST_CHANGES_WAITING = 1_000
"""Changes of a book that are kept until the book is there that they follow on."""
WHOLE_BOOKS = (5, 10, 20)
"""Depths of which every message is the whole book."""
_SPEED = "100ms"
_INTERVALS = {
    "1m": "Min1",
    "5m": "Min5",
    "15m": "Min15",
    "30m": "Min30",
    "60m": "Min60",
    "4h": "Hour4",
    "1d": "Day1",
}
_SIDES = {1: Side.BUY, 2: Side.SELL}
_REFUSED = "Not Subscribed"


class _Answer(msgspec.Struct):
    code: int = 0
    msg: str = ""


class _Change(NamedTuple):
    """Arguments of ``LocalBook.change``."""

    first: int
    last: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


@dataclass
class _FollowedBook:
    """A book that is kept from its changes; ``is_broken`` says that somebody was told so."""

    book: LocalBook = field(default_factory=LocalBook)
    waiting: deque[_Change] = field(default_factory=lambda: deque(maxlen=MOST_CHANGES_WAITING))
    is_broken: bool = False


@dataclass
class MexcDialect:
    """
    The messages of one socket.

    Parameters
    ----------
    topics : sequence of FeedTopic
        At most ``SUBSCRIPTIONS_A_SOCKET``. Depths are those of ``WHOLE_BOOKS``, or 1000 for a book kept from its
        changes; tickers are the best prices.
    """

    topics: Sequence[FeedTopic]
    memory: FeedMemory = field(default_factory=FeedMemory)
    _names: dict[str, FeedTopic] = field(default_factory=dict)
    _books: dict[FeedTopic, _FollowedBook] = field(default_factory=dict)
    _missed: list[FeedTopic] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.topics) > SUBSCRIPTIONS_A_SOCKET:
            raise ConfigError(f"one socket of mexc takes {SUBSCRIPTIONS_A_SOCKET} topics, not {len(self.topics)}")
        for topic in self.topics:
            self._names[_name(topic)] = topic
            if topic.kind is FeedKind.BOOK and topic.depth not in WHOLE_BOOKS:
                self._books[topic] = _FollowedBook()

    def greeting(self) -> list[bytes]:
        """Return the subscription; what was known of books is forgotten."""
        for followed in self._books.values():
            followed.book.forget()
            followed.waiting.clear()
        self._missed = [*self.memory.interrupted(self.topics), *self._books]
        return [msgspec.json.encode({"method": "SUBSCRIPTION", "params": list(self._names)})]

    def ping(self) -> bytes:
        """Return what keeps a connection alive."""
        return b'{"method":"PING"}'

    def read(self, message: bytes, now_ns: int) -> Reading:
        """Return what a message means; see ``Dialect.read``."""
        try:
            if message.startswith(b"{"):
                return self._answer(msgspec.json.decode(message, type=_Answer))
            told = mexc_push.decode(message)
            topic = self._names.get(told.channel)
            return Reading() if topic is None else self._told(topic, told, now_ns)
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            raise Disconnected(f"a message of {len(message)} bytes that cannot be read ({error})") from None

    def restart(self, topic: FeedTopic, snapshot: BookSnapshot, now_ns: int) -> list[FeedEvent]:
        """Return the book that a snapshot and the changes after it make; nothing if there is a hole between them."""
        followed = self._books[topic]
        book, waiting = followed.book, followed.waiting
        book.restart(snapshot.number, _plain(snapshot.bids), _plain(snapshot.asks))
        if any(book.change(*change) is Applied.GAP for change in waiting):
            book.forget()
            return []
        waiting.clear()
        events: list[FeedEvent] = [BookLevels(topic.symbol, snapshot.time_ns, *book.levels(), topic.depth)]
        if followed.is_broken:
            followed.is_broken = False
            events.append(FeedStatus(FeedState.REPAIRED, now_ns, topic, f"the book as of change {book.number}"))
        return events

    def _answer(self, told: _Answer) -> Reading:
        if told.code or told.msg.startswith(_REFUSED):
            raise RejectedByVenue(f"mexc refused a subscription: {told.msg.strip()}; check symbols")
        if told.msg == "PONG":
            return Reading()
        # From here on nothing is missed, so that what was missed before, and books, can be asked for.
        missed, self._missed = self._missed, []
        return Reading(missed=missed)

    def _told(self, topic: FeedTopic, told: Any, now_ns: int) -> Reading:
        reading, time_ns = Reading(topic=topic), told.sendTime * MILLISECOND_NS
        if topic.kind is FeedKind.TRADES:
            rows = ((one.time, float(one.price), float(one.quantity), _SIDES[one.tradeType]) for one in _deals(told))
            reading.events += self.memory.trades[topic.symbol].unseen(numbered_trades(topic.symbol, rows))
        elif topic.kind is FeedKind.BARS:
            self._tell_bar(topic, _bar(topic, told.publicSpotKline), now_ns, reading)
        elif topic.kind is FeedKind.TICKER:
            best = told.publicAggreBookTicker
            fields = {name.name: value for name, value in best.ListFields()}
            reading.events.append(TickerSeen(topic.symbol, time_ns, fields))
        elif topic in self._books:
            self._tell_change(topic, _change(told.publicAggreDepths), time_ns, now_ns, reading)
        else:
            book, whole = LocalBook(), told.publicLimitDepths
            book.restart(0, _levels(whole.bids), _levels(whole.asks))
            reading.events.append(BookLevels(topic.symbol, time_ns, *book.levels(), topic.depth))
        return reading

    def _tell_bar(self, topic: FeedTopic, bar: PublicBar, now_ns: int, reading: Reading) -> None:
        memory = self.memory.bars[topic]
        if memory.closed_ns < 0:
            # What came before the first bar that is told is history.
            memory.closed_ns = bar.open_ns - bar.interval_ns
        n_missing = memory.missing(bar)
        if not n_missing:
            reading.events += memory.unseen([bar])
            return
        reading.missed.append(topic)
        memory.awaited_ns = bar.open_ns
        # One is always missing when the next begins: that it has closed is news.
        if n_missing > 1:
            memory.is_broken = True
            text = "bars are missing before the one that is told; asked for them"
            reading.events.append(FeedStatus(FeedState.GAP, now_ns, topic, text))

    def _tell_change(self, topic: FeedTopic, change: _Change, time_ns: int, now_ns: int, reading: Reading) -> None:
        followed = self._books[topic]
        had_book = followed.book.number is not None
        done = followed.book.change(*change)
        if done is Applied.YES:
            reading.events.append(BookLevels(topic.symbol, time_ns, *followed.book.levels(), topic.depth))
        elif done is Applied.GAP:
            followed.waiting.append(change)
            reading.missed.append(topic)
            if had_book:
                followed.is_broken = True
                text = f"change {change.first} does not follow the last one; asked for the book"
                reading.events.append(FeedStatus(FeedState.GAP, now_ns, topic, text))


@dataclass(frozen=True)
class MexcMender:
    """The port ``Mender`` over REST."""

    dialect: MexcDialect
    history: MexcHistory

    async def mend(self, topic: FeedTopic) -> list[FeedEvent]:
        """Return what was missed in a topic, in order; of a book, the book as it is."""
        clock = self.history.rest.clock
        if topic.kind is not FeedKind.BOOK:
            return await HistoryMender(self.dialect.memory, self.history, clock).mend(topic)
        snapshot = await self.history.book(topic.symbol)
        return self.dialect.restart(topic, snapshot, clock.wall_ms() * MILLISECOND_NS)


def _name(topic: FeedTopic) -> str:
    if topic.kind is FeedKind.TRADES:
        return f"spot@public.aggre.deals.v3.api.pb@{_SPEED}@{topic.symbol}"
    if topic.kind is FeedKind.TICKER:
        return f"spot@public.aggre.bookTicker.v3.api.pb@{_SPEED}@{topic.symbol}"
    if topic.kind is FeedKind.BARS:
        code = interval_code(topic.interval_ns // MILLISECOND_NS)
        return f"spot@public.kline.v3.api.pb@{topic.symbol}@{_INTERVALS[code]}"
    if topic.depth in WHOLE_BOOKS:
        return f"spot@public.limit.depth.v3.api.pb@{topic.symbol}@{topic.depth}"
    if topic.depth != BOOK_LIMIT:
        known = ", ".join(str(depth) for depth in (*WHOLE_BOOKS, BOOK_LIMIT))
        raise ConfigError(f"mexc has no book of {topic.depth} levels; choose {known}")
    return f"spot@public.aggre.depth.v3.api.pb@{_SPEED}@{topic.symbol}"


def _deals(told: Any) -> Iterable[Any]:
    return told.publicAggreDeals.deals  # type: ignore[no-any-return]


def _change(depth: Any) -> _Change:
    return _Change(int(depth.fromVersion), int(depth.toVersion), _levels(depth.bids), _levels(depth.asks))


def _levels(side: Iterable[Any]) -> list[tuple[str, str]]:
    return _plain((level.price, level.quantity) for level in side)


def _plain(levels: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return levels with prices in one spelling, so that REST and socket mean the same level."""
    return [(price.rstrip("0").rstrip(".") if "." in price else price, qty) for price, qty in levels]


def _bar(topic: FeedTopic, told: Any) -> PublicBar:
    return PublicBar(
        topic.symbol,
        topic.interval_ns,
        told.windowStart * SECOND_NS,
        float(told.openingPrice),
        float(told.highestPrice),
        float(told.lowestPrice),
        float(told.closingPrice),
        float(told.volume),
        is_closed=False,
    )

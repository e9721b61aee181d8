"""
Bybit V5's public stream: spot and linear contracts.

A book's changes are numbered by ``u``, each one more than the last; a message that skips one makes the book wait for
a snapshot, which a new subscription brings. ``u`` of 1 is a snapshot after the service's restart, whatever its type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ballast.model.durations import MILLISECOND_NS
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
    PublicTrade,
    TickerSeen,
)
from ballast.venues.bybit_public import BybitHistory, interval_code
from ballast.venues.continuity import FeedMemory
from ballast.venues.local_book import Applied, LocalBook
from ballast.venues.mending import HistoryMender
from ballast.venues.public_socket import Reading

_TOPICS_A_REQUEST = 10
_DEPTHS = {"spot": (1, 50, 200, 1000), "linear": (1, 50, 200, 500, 1000)}
_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}


class _Message(msgspec.Struct):
    topic: str = ""
    type: str = ""
    ts: int = 0
    data: msgspec.Raw = msgspec.Raw(b"null")
    op: str = ""
    success: bool | None = None
    ret_msg: str | None = None


class _Trade(msgspec.Struct):
    time_ms: int = msgspec.field(name="T")
    side: str = msgspec.field(name="S")
    qty: str = msgspec.field(name="v")
    price: str = msgspec.field(name="p")
    trade_id: str = msgspec.field(name="i")


class _Book(msgspec.Struct):
    bids: list[tuple[str, str]] = msgspec.field(name="b")
    asks: list[tuple[str, str]] = msgspec.field(name="a")
    number: int = msgspec.field(name="u")


class _Bar(msgspec.Struct):
    start: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    confirm: bool


@dataclass
class BybitDialect:
    """
    The messages of one socket.

    Parameters
    ----------
    market : str
        ``"spot"`` or ``"linear"``.
    topics : sequence of FeedTopic
        Depths are 1, 50, 200, 1000, on linear contracts 500, too.
    """

    market: str
    topics: Sequence[FeedTopic]
    memory: FeedMemory = field(default_factory=FeedMemory)
    _names: dict[str, FeedTopic] = field(default_factory=dict)
    _books: dict[str, LocalBook] = field(default_factory=dict)
    _tickers: dict[str, dict[str, str]] = field(default_factory=dict)
    _broken: set[FeedTopic] = field(default_factory=set)
    _interrupted: list[FeedTopic] = field(default_factory=list)
    _n_awaited: int = 0

    def __post_init__(self) -> None:
        if self.market not in _DEPTHS:
            raise ConfigError(f"bybit has no market {self.market!r} here; choose spot or linear")
        for topic in self.topics:
            self._names[self._name(topic)] = topic

    def greeting(self) -> list[bytes]:
        """Return the subscriptions; what was known of books and tickers is forgotten."""
        for book in self._books.values():
            book.forget()
        self._tickers.clear()
        names = list(self._names)
        requests = [
            _asked("subscribe", names[at : at + _TOPICS_A_REQUEST]) for at in range(0, len(names), _TOPICS_A_REQUEST)
        ]
        self._n_awaited, self._interrupted = len(requests), self.memory.interrupted(self.topics)
        return requests

    def ping(self) -> bytes:
        """Return what keeps a connection alive."""
        return b'{"op":"ping"}'

    def read(self, message: bytes, now_ns: int) -> Reading:
        """Return what a message means; see ``Dialect.read``."""
        try:
            told = msgspec.json.decode(message, type=_Message)
            if not told.topic:
                return self._answer(told)
            topic = self._names.get(told.topic)
            return Reading() if topic is None else self._told(topic, told, now_ns)
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            raise Disconnected(f"a message of {len(message)} bytes that cannot be read ({error})") from None

    def _answer(self, told: _Message) -> Reading:
        if told.op == "subscribe" and told.success is False:
            raise RejectedByVenue(f"bybit refused a subscription: {told.ret_msg}; check symbols and market")
        if told.op != "subscribe" or not self._n_awaited:
            return Reading()
        self._n_awaited -= 1
        # From the last answer on nothing is missed, so that what was missed before can be asked for.
        return Reading(missed=[] if self._n_awaited else self._interrupted)

    def _told(self, topic: FeedTopic, told: _Message, now_ns: int) -> Reading:
        reading = Reading(topic=topic)
        if topic.kind is FeedKind.TRADES:
            trades = (_trade(topic.symbol, one) for one in msgspec.json.decode(told.data, type=list[_Trade]))
            reading.events += self.memory.trades[topic.symbol].unseen(trades)
        elif topic.kind is FeedKind.BARS:
            self._tell_bars(topic, told, now_ns, reading)
        elif topic.kind is FeedKind.BOOK:
            self._tell_book(topic, told, now_ns, reading)
        else:
            self._tell_ticker(topic, told, reading)
        return reading

    def _tell_bars(self, topic: FeedTopic, told: _Message, now_ns: int, reading: Reading) -> None:
        memory = self.memory.bars[topic]
        for one in msgspec.json.decode(told.data, type=list[_Bar]):
            bar = _bar(topic, one)
            if memory.missing(bar):
                # Told when those before it have been: the venue tells a bar again and again while it forms.
                text = "bars are missing before the one that is told; asked for them"
                reading.events.append(FeedStatus(FeedState.GAP, now_ns, topic, text))
                reading.missed.append(topic)
                memory.awaited_ns, memory.is_broken = bar.open_ns, True
                return
            reading.events += memory.unseen([bar])

    def _tell_book(self, topic: FeedTopic, told: _Message, now_ns: int, reading: Reading) -> None:
        data = msgspec.json.decode(told.data, type=_Book)
        book = self._books.setdefault(told.topic, LocalBook())
        if told.type == "snapshot" or data.number == 1:
            book.restart(data.number, data.bids, data.asks)
        else:
            had_book = book.number is not None
            done = book.change(data.number, data.number, data.bids, data.asks)
            if done is Applied.GAP and had_book:
                text = f"change {data.number} does not follow the last one; asked for a snapshot"
                reading.events.append(FeedStatus(FeedState.GAP, now_ns, topic, text))
                reading.replies += [_asked("unsubscribe", [told.topic]), _asked("subscribe", [told.topic])]
                self._broken.add(topic)
            if done is not Applied.YES:
                return
        reading.events.append(BookLevels(topic.symbol, told.ts * MILLISECOND_NS, *book.levels(), topic.depth))
        if topic in self._broken:
            self._broken.discard(topic)
            text = f"the book as of change {book.number}"
            reading.events.append(FeedStatus(FeedState.REPAIRED, now_ns, topic, text))

    def _tell_ticker(self, topic: FeedTopic, told: _Message, reading: Reading) -> None:
        data = msgspec.json.decode(told.data, type=dict[str, str | int | float | None])
        changed = {name: str(value) for name, value in data.items() if value is not None}
        is_whole = told.type == "snapshot"
        fields = changed if is_whole else self._tickers.get(topic.symbol, {}) | changed
        if not is_whole and topic.symbol not in self._tickers:
            return
        self._tickers[topic.symbol] = fields
        reading.events.append(TickerSeen(topic.symbol, told.ts * MILLISECOND_NS, dict(fields)))

    def _name(self, topic: FeedTopic) -> str:
        if topic.kind is FeedKind.TRADES:
            return f"publicTrade.{topic.symbol}"
        if topic.kind is FeedKind.TICKER:
            return f"tickers.{topic.symbol}"
        if topic.kind is FeedKind.BARS:
            return f"kline.{interval_code(topic.interval_ns // MILLISECOND_NS)}.{topic.symbol}"
        if topic.depth not in _DEPTHS[self.market]:
            known = ", ".join(str(depth) for depth in _DEPTHS[self.market])
            raise ConfigError(f"bybit {self.market} has no book of {topic.depth} levels; choose {known}")
        return f"orderbook.{topic.depth}.{topic.symbol}"


@dataclass(frozen=True)
class BybitMender:
    """The port ``Mender`` over REST; a book that broke is mended by a new subscription."""

    dialect: BybitDialect
    history: BybitHistory

    async def mend(self, topic: FeedTopic) -> list[FeedEvent]:
        """Return the trades or bars that were missed, in order, and whether that is all of them."""
        return await HistoryMender(self.dialect.memory, self.history, self.history.rest.clock).mend(topic)


def _asked(op: str, names: list[str]) -> bytes:
    return msgspec.json.encode({"op": op, "args": names})


def _trade(symbol: str, one: _Trade) -> PublicTrade:
    return PublicTrade(
        symbol, one.time_ms * MILLISECOND_NS, float(one.price), float(one.qty), _SIDES[one.side], one.trade_id
    )


def _bar(topic: FeedTopic, one: _Bar) -> PublicBar:
    return PublicBar(
        topic.symbol,
        topic.interval_ns,
        one.start * MILLISECOND_NS,
        float(one.open),
        float(one.high),
        float(one.low),
        float(one.close),
        float(one.volume),
        one.confirm,
    )

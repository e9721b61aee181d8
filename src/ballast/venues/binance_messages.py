"""
Binance's public messages as they are recorded: trades, best prices, and books from a snapshot and changes.

A change of a futures book names the last update before it (``pu``), one of a spot book its own first (``U``). A
snapshot says what it is a snapshot of by its number alone, so that a capture with one holds one symbol's book.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ballast.model.enums import Side
from ballast.model.public_feed import BookLevels, FeedKind, FeedTopic, PublicTrade
from ballast.venues.local_book import Applied, Levels, LocalBook
from ballast.venues.public_socket import Reading

WHOLE_BOOK = 1_000
"""Levels that a snapshot has; the depth of a book that is kept from changes."""
_EARLY_CHANGES = 1_000
_Pairs = list[tuple[str, str]]


class _Message(msgspec.Struct, rename={"kind": "e", "made_ms": "E", "symbol": "s", "executed_as": "X"}):
    kind: str = ""
    made_ms: int = 0
    symbol: str = ""
    executed_as: str = "MARKET"
    data: msgspec.Raw = msgspec.Raw(b"null")
    lastUpdateId: int | None = None  # noqa: N815  # Binance's spelling.


class _Trade(msgspec.Struct):
    price: str = msgspec.field(name="p")
    qty: str = msgspec.field(name="q")
    is_maker_buyer: bool = msgspec.field(name="m")
    trade_id: int = msgspec.field(name="t", default=0)


class _Best(msgspec.Struct):
    bid: str = msgspec.field(name="b")
    bid_qty: str = msgspec.field(name="B")
    ask: str = msgspec.field(name="a")
    ask_qty: str = msgspec.field(name="A")


class _Change(msgspec.Struct):
    bids: _Pairs = msgspec.field(name="b")
    asks: _Pairs = msgspec.field(name="a")
    first: int = msgspec.field(name="U")
    last: int = msgspec.field(name="u")
    before: int | None = msgspec.field(name="pu", default=None)


class _Snapshot(msgspec.Struct):
    bids: _Pairs
    asks: _Pairs
    lastUpdateId: int  # noqa: N815


@dataclass
class BinanceMessages:
    """
    The messages of one capture, in order.

    Parameters
    ----------
    symbols : sequence of str
        Those of the capture; a snapshot is of the only one.
    """

    symbols: Sequence[str]
    _books: dict[str, LocalBook] = field(default_factory=dict)
    _early: dict[str, deque[_Change]] = field(default_factory=dict)

    def read(self, message: bytes, now_ns: int) -> Reading:
        """Return what a message means at ``now_ns``; raises ``ValueError`` or a msgspec error where it is none."""
        told = msgspec.json.decode(message, type=_Message)
        if told.lastUpdateId is not None:
            return self._snapshot(msgspec.json.decode(message, type=_Snapshot), now_ns)
        if not told.kind and bytes(told.data) != b"null":
            return self.read(bytes(told.data), now_ns)
        if told.kind == "trade" and told.executed_as == "MARKET":
            return _trade(told.symbol, msgspec.json.decode(message, type=_Trade), now_ns)
        if told.kind == "bookTicker":
            return _best(told.symbol, msgspec.json.decode(message, type=_Best), now_ns)
        if told.kind == "depthUpdate":
            return self._changed(told.symbol, msgspec.json.decode(message, type=_Change), now_ns)
        return Reading()

    def _snapshot(self, told: _Snapshot, now_ns: int) -> Reading:
        symbol, *others = self.symbols
        if others:
            raise ValueError(f"whose book a snapshot is nobody knows among {symbol}, {', '.join(others)}")
        book = self._books.setdefault(symbol, LocalBook())
        book.restart(told.lastUpdateId, told.bids, told.asks)
        # Asked for after the changes were listened to: those that it has not seen follow on it.
        for change in self._early.pop(symbol, ()):
            _apply(book, change)
        return _levels(symbol, book, now_ns)

    def _changed(self, symbol: str, change: _Change, now_ns: int) -> Reading:
        book = self._books.setdefault(symbol, LocalBook())
        if _apply(book, change) is Applied.GAP:
            self._early.setdefault(symbol, deque(maxlen=_EARLY_CHANGES)).append(change)
        return _levels(symbol, book, now_ns)


def _apply(book: LocalBook, change: _Change) -> Applied:
    first = change.first if change.before is None else change.before + 1
    return book.change(first, change.last, change.bids, change.asks)


def _levels(symbol: str, book: LocalBook, now_ns: int) -> Reading:
    topic = FeedTopic(FeedKind.BOOK, symbol, WHOLE_BOOK)
    return Reading(
        [BookLevels(symbol, now_ns, *book.levels(WHOLE_BOOK))] if book.number is not None else [], topic=topic
    )


def _trade(symbol: str, told: _Trade, now_ns: int) -> Reading:
    side = Side.SELL if told.is_maker_buyer else Side.BUY
    trade = PublicTrade(symbol, now_ns, float(told.price), float(told.qty), side, str(told.trade_id))
    return Reading([trade], topic=FeedTopic(FeedKind.TRADES, symbol))


def _best(symbol: str, told: _Best, now_ns: int) -> Reading:
    bids, asks = _one_level(told.bid, told.bid_qty), _one_level(told.ask, told.ask_qty)
    return Reading([BookLevels(symbol, now_ns, bids, asks)], topic=FeedTopic(FeedKind.BOOK, symbol, 1))


def _one_level(price: str, qty: str) -> Levels:
    return ((float(price), float(qty)),) if float(qty) > 0.0 else ()

"""What a venue tells everybody while it happens, in words that are the same for every venue."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from enum import Enum
from math import nan
from typing import NamedTuple, Protocol

from ballast.model.enums import Side


class FeedKind(Enum):
    """What a topic tells."""

    TRADES = "trades"
    BOOK = "book"
    BARS = "bars"
    TICKER = "ticker"


class FeedTopic(NamedTuple):
    """What to listen to: ``depth`` is a book's number of levels a side, ``interval_ns`` a bar's length."""

    kind: FeedKind
    symbol: str
    depth: int = 0
    interval_ns: int = 0


class PublicTrade(NamedTuple):
    """One trade; ``side`` is the taker's, ``time_ns`` UTC since 1970, ``trade_id`` unique in the symbol."""

    symbol: str
    time_ns: int
    price: float
    qty: float
    side: Side
    trade_id: str


class PublicBar(NamedTuple):
    """
    A bar as it stands; until ``is_closed`` it may change. Times are UTC since 1970, volume is base units.

    Closed bars of a topic come in order, each once, and none is left out: between two of them the venue has none.
    """

    symbol: str
    interval_ns: int
    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    is_closed: bool


class BookLevels(NamedTuple):
    """An order book after a change: (price, qty) a level, each side best first; ``depth`` is its topic's."""

    symbol: str
    time_ns: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    depth: int = 0

    def best(self) -> tuple[float, float, float, float] | None:
        """Return (bid, qty, ask, qty), NaN for a side that is empty; None where both are, or where they cross."""
        (bid, bid_qty), (ask, ask_qty) = (side[0] if side else (nan, nan) for side in (self.bids, self.asks))
        return None if bid >= ask or not (self.bids or self.asks) else (bid, bid_qty, ask, ask_qty)


class TickerSeen(NamedTuple):
    """What a ticker says by now, in the venue's own field names; fields it never told are absent."""

    symbol: str
    time_ns: int
    fields: Mapping[str, str]


class FeedState(Enum):
    """
    What happened to the feed itself.

    A topic is ``STALE`` when nothing came for longer than it may be silent, ``FRESH`` when something came again;
    ``GAP`` when messages are missing, ``REPAIRED`` when the missing ones are here, ``UNREPAIRED`` when nobody has
    them any more.
    """

    CONNECTED = "connected"
    LOST = "lost"
    STALE = "stale"
    FRESH = "fresh"
    GAP = "gap"
    REPAIRED = "repaired"
    UNREPAIRED = "unrepaired"


class FeedStatus(NamedTuple):
    """A change of the feed's state at ``time_ns`` by our clock; ``topic`` is None where it concerns all of them."""

    state: FeedState
    time_ns: int
    topic: FeedTopic | None
    text: str


FeedEvent = PublicTrade | PublicBar | BookLevels | TickerSeen | FeedStatus


class PublicFeed(Protocol):
    """A venue's public stream."""

    def events(self) -> AsyncGenerator[FeedEvent, None]:
        """
        Yield what happens, without end, reconnecting where that is needed.

        Raises ``Disconnected`` when the attempts to connect are used up, ``RejectedByVenue`` when a topic is none.
        """
        ...

"""
What the core asks of the world outside, as Protocols; adapters implement them and ``cli`` chooses.

No module here may import anything that opens a file or a socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from ballast.model.events import Alert


class RecordedBar(NamedTuple):
    """One bar as a venue reports it; ``open_time_ms`` in UTC, volume in base units."""

    open_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class FundingRate(NamedTuple):
    """The funding rate exchanged at ``time_ms`` UTC, a fraction of position value; longs pay when positive."""

    time_ms: int
    funding_rate: float


@dataclass(frozen=True)
class BarsPage:
    """
    A venue's answer to one question for bars.

    Attributes
    ----------
    bars : tuple of RecordedBar
        Ascending in time; the last one may still be forming.
    venue_time_ms : int or None
        The venue's clock when it answered; None where it does not say.
    """

    bars: tuple[RecordedBar, ...]
    venue_time_ms: int | None


class PublicHistory(Protocol):
    """
    The history that a venue shows to everybody.

    Every method raises ``RejectedByVenue`` for what the venue will never answer (an unknown symbol), and
    ``TemporaryVenueError`` once its own retries are used up.
    """

    @property
    def venue(self) -> str:
        """The venue's name in the catalog, such as ``bybit``."""

    @property
    def market(self) -> str:
        """The market's name in the catalog, such as ``spot`` or ``linear``."""

    @property
    def bars_per_page(self) -> int:
        """How many bars one question may span."""

    @property
    def funding_page_ms(self) -> int:
        """How long a time one question for funding may span."""

    async def bars(self, symbol: str, interval_ms: int, start_ms: int, end_ms: int) -> BarsPage:
        """Return the bars with ``start_ms <= open time < end_ms``, at most ``bars_per_page`` intervals apart."""

    async def marks(self, symbol: str, interval_ms: int, start_ms: int, end_ms: int) -> BarsPage:
        """Return the bars of the mark price, as ``bars`` does those of the price; their volume is 0."""

    async def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[FundingRate, ...]:
        """Return the rates with ``start_ms <= time < end_ms``, ascending, at most ``funding_page_ms`` apart."""


class AlertSink(Protocol):
    """Where alerts go; ``now_ns`` is UTC since 1970."""

    def send(self, alert: Alert, now_ns: int) -> None:
        """Pass ``alert`` on; a sink may withhold what it has just sent under the same key."""
        ...


class Impact(IntEnum):
    """How much a scheduled release can move a market."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


ALL_CURRENCIES = "ALL"
"""The currency of a release that concerns every market."""


class NewsItem(NamedTuple):
    """One scheduled release: ``time_ns`` in UTC, ``currency`` three capital letters or ``ALL_CURRENCIES``."""

    time_ns: int
    currency: str
    impact: Impact
    title: str


@dataclass(frozen=True)
class NewsCalendar:
    """
    The releases that one source knows of.

    Attributes
    ----------
    items : tuple of NewsItem
        Ascending in time, at least one.
    as_of_ns : int
        When the source made or confirmed it, UTC since 1970.
    covers_from_ns, covers_until_ns : int
        Between these (the first inclusive, the last not) what is not listed does not happen.
    """

    items: tuple[NewsItem, ...]
    as_of_ns: int
    covers_from_ns: int
    covers_until_ns: int


class NewsSource(Protocol):
    """
    Where the economic calendar comes from.

    ``calendar`` raises ``DataError`` where there is none; adapters raise its kinds for an empty, a malformed and a
    local-time calendar.
    """

    async def calendar(self, now_ns: int) -> NewsCalendar:
        """Return the calendar as it stands; ``now_ns`` is UTC since 1970."""
        ...

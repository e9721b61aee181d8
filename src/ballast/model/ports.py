"""
What the core asks of the world outside, as Protocols; adapters implement them and ``cli`` chooses.

No module here may import anything that opens a file or a socket.
"""

from __future__ import annotations

from dataclasses import dataclass
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

    async def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[FundingRate, ...]:
        """Return the rates with ``start_ms <= time < end_ms``, ascending, at most ``funding_page_ms`` apart."""


class AlertSink(Protocol):
    """Where alerts go; ``now_ns`` is UTC since 1970."""

    def send(self, alert: Alert, now_ns: int) -> None:
        """Pass ``alert`` on; a sink may withhold what it has just sent under the same key."""
        ...

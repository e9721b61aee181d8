"""What handlers work with: the venue, the wall's time, and the words that several of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ballast.model.durations import MILLISECOND_NS
from ballast.model.errors import ConfigError
from ballast.venues.exchange.keys import ApiKey
from ballast.venues.exchange.market import Listing
from ballast.venues.exchange.mexc.books import VersionedBooks
from ballast.venues.exchange.mexc.codes import BAD_SYMBOL, UNKNOWN_SYMBOL, Rejection, missing, wrong
from ballast.venues.exchange.mexc.limits import RateLimits
from ballast.venues.exchange.mexc.listen_keys import ListenKeys
from ballast.venues.exchange.spot import check_one_purse
from ballast.venues.exchange.venue import LocalVenue

Body = dict[str, Any] | list[Any]


@dataclass
class Desk:
    """
    The venue behind the counter; ``wall_ms`` is the wall's time at the request, ``quote`` the coin of all prices.

    ``closed`` are symbols that everybody sees and nobody trades by the API. Raises ``ConfigError`` for a market that
    one purse cannot trade, whose symbols are quoted in several coins or in each other, and for lots that the protocol
    has no word for: it counts quantities in decimals.
    """

    venue: LocalVenue
    keys: Mapping[str, ApiKey]
    limits: RateLimits = field(default_factory=RateLimits)
    closed: frozenset[str] = frozenset()
    wall_ms: int = 0

    def __post_init__(self) -> None:
        self.books, self.listen_keys = VersionedBooks(self.venue), ListenKeys()
        self.quote = check_one_purse(self.venue.market.listings)
        for listing in self.venue.market.listings:
            if abs(listing.lot * 10.0**listing.qty_decimals - 1.0) > 1e-9:
                raise ConfigError(
                    f"instruments.{listing.symbol}.lot_step = {listing.lot:g}: mexc counts quantities in decimals; "
                    "use a power of ten up to 1"
                )

    def symbol(self, name: str) -> int:
        """Return a symbol's number; raises ``Rejection``."""
        if not name:
            raise missing("symbol")
        if name not in self.venue.market.symbols:
            raise Rejection(UNKNOWN_SYMBOL, "Invalid symbol.")
        return self.venue.market.symbols.index(name)

    def symbols(self, names: str, most: int = 1_000) -> list[int]:
        """Return the numbers of symbols with commas between, all of them for ""; raises ``Rejection``."""
        if not names:
            return list(range(len(self.venue.market.symbols)))
        wanted = names.split(",")
        if len(wanted) > most:
            raise wrong(f"up to {most} symbols")
        return [self.symbol(name) for name in wanted]

    def open_symbol(self, name: str) -> int:
        """Return the number of a symbol that the API trades; raises ``Rejection``."""
        number = self.symbol(name)
        if name in self.closed:
            raise Rejection(BAD_SYMBOL, "symbol not support api")
        return number

    def listing(self, symbol: int) -> Listing:
        """Return a symbol as clients see it."""
        return self.venue.market.listings[symbol]


def within(limit: int, most: int) -> int:
    """Return how many rows were asked for; raises ``Rejection`` unless from 1 to ``most``."""
    if not 0 < limit <= most:
        raise wrong(f"limit must be from 1 to {most}")
    return limit


def time_ns(milliseconds: int | None) -> int | None:
    """Return a time; raises ``Rejection`` for one that is none."""
    if milliseconds is None:
        return None
    if not 0 <= milliseconds < 10**13:
        raise wrong("time is out of range")
    return milliseconds * MILLISECOND_NS

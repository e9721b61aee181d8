"""What handlers work with: the venue, the wall's time, and the words that several of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from ballast.venues.exchange.bybit.category import NAMES, category_of
from ballast.venues.exchange.bybit.codes import Rejection, wrong
from ballast.venues.exchange.bybit.limits import RateLimit, RateLimits
from ballast.venues.exchange.keys import ApiKey
from ballast.venues.exchange.market import Listing
from ballast.venues.exchange.venue import LocalVenue

T = TypeVar("T")
Body = dict[str, Any]


class Batch(NamedTuple):
    """What several requests at once are answered: their rows, and what became of each."""

    result: Body
    outcomes: Body


@dataclass
class Desk:
    """
    The venue behind the counter; ``wall_ms`` is the wall's time at the request, ``category`` what its accounts trade.

    Raises ``ConfigError`` for spot symbols that one purse cannot trade.
    """

    venue: LocalVenue
    keys: Mapping[str, ApiKey]
    limits: RateLimits = field(default_factory=RateLimits)
    wall_ms: int = 0

    def __post_init__(self) -> None:
        self.category = category_of(self.venue)

    def count(self, account: int, limit: RateLimit) -> dict[str, str]:
        """Count one request of an account and return the headers that tell of it; raises ``Rejection``."""
        return self.limits.count(account, self.budget(limit), self.wall_ms)

    def budget(self, limit: RateLimit) -> RateLimit:
        """Return what a budget is in this category."""
        return limit.in_spot if self.category.is_spot else limit

    def check_category(self, category: str) -> None:
        """Raise ``Rejection`` for what is not traded here."""
        if category != self.category.name:
            raise wrong(f"params error: category invalid; this exchange lists {self.category.name} alone")

    def check_contracts(self, category: str) -> None:
        """Raise ``Rejection`` for what is not traded here, and for spot, of which there are no positions."""
        self.check_category(category)
        if self.category.is_spot:
            raise wrong("category only support linear or inverse")

    def is_elsewhere(self, category: str) -> bool:
        """Tell whether the venue has a category that this exchange lists nothing of."""
        return category in NAMES and category != self.category.name

    def symbol(self, name: str, category: str) -> int:
        """Return a symbol's number; raises ``Rejection``."""
        self.check_category(category)
        symbol = self.venue.symbol(name)
        if symbol is None:
            raise Rejection(*self.category.invalid["symbol"]) if name else wrong("params error: symbol is required")
        return symbol

    def symbols(self, name: str, category: str) -> list[int]:
        """Return a symbol's number, or all of them where no name is given; raises ``Rejection``."""
        self.check_category(category)
        return [self.symbol(name, category)] if name else list(range(len(self.venue.market.symbols)))

    def scope(self, symbol: str, settle_coin: str, base_coin: str) -> list[int]:
        """Return the numbers of the symbols that a request means; raises ``Rejection`` if it does not say which."""
        if not symbol and not settle_coin and not base_coin and not self.category.is_spot:
            raise wrong("Missing some parameters that must be filled in, symbol or settleCoin or baseCoin")
        if symbol or settle_coin not in {"", self.category.coin}:
            return [self.symbol(symbol, self.category.name)] if symbol else []
        listings = enumerate(self.venue.market.listings)
        return [number for number, listing in listings if base_coin in {"", listing.base}]

    def listing(self, symbol: int) -> Listing:
        """Return a symbol as clients see it."""
        return self.venue.market.listings[symbol]


def page(rows: Sequence[T], limit: int, most: int, cursor: str) -> tuple[list[T], str]:
    """Return one page of rows, and the cursor of the next one, "" if there is none; raises ``Rejection``."""
    if not 0 < limit <= most:
        raise wrong(f"params error: limit must be from 1 to {most}")
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 12):
        raise wrong("params error: cursor invalid")
    start = int(cursor or 0)
    end = start + limit
    return list(rows[start:end]), str(end) if end < len(rows) else ""

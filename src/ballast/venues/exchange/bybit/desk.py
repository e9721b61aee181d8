"""What handlers work with: the venue, the wall's time, and the words that several of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from ballast.venues.exchange.bybit.codes import wrong
from ballast.venues.exchange.bybit.limits import RateLimits
from ballast.venues.exchange.bybit.wire import CATEGORY, COIN
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
    """The venue behind the counter; ``wall_ms`` is the wall's time at the request."""

    venue: LocalVenue
    keys: Mapping[str, ApiKey]
    limits: RateLimits = field(default_factory=RateLimits)
    wall_ms: int = 0

    def symbol(self, name: str, category: str) -> int:
        """Return a symbol's number; raises ``Rejection``."""
        check_category(category)
        symbol = self.venue.symbol(name)
        if symbol is None:
            raise wrong("params error: symbol invalid" if name else "params error: symbol is required")
        return symbol

    def symbols(self, name: str, category: str) -> list[int]:
        """Return a symbol's number, or all of them where no name is given; raises ``Rejection``."""
        check_category(category)
        return [self.symbol(name, category)] if name else list(range(len(self.venue.market.symbols)))

    def listing(self, symbol: int) -> Listing:
        """Return a symbol as clients see it."""
        return self.venue.market.listings[symbol]


def check_category(category: str) -> None:
    """Raise ``Rejection`` for what is not traded here."""
    if category != CATEGORY:
        raise wrong(f"params error: category invalid; this exchange lists {CATEGORY} contracts alone")


def check_scope(symbol: str, settle_coin: str, base_coin: str) -> bool:
    """Tell whether a request over several symbols means any of them; raises ``Rejection`` if it does not say which."""
    if not symbol and not settle_coin and not base_coin:
        raise wrong("Missing some parameters that must be filled in, symbol or settleCoin or baseCoin")
    return not settle_coin or settle_coin == COIN


def page(rows: Sequence[T], limit: int, most: int, cursor: str) -> tuple[list[T], str]:
    """Return one page of rows, and the cursor of the next one, "" if there is none; raises ``Rejection``."""
    if not 0 < limit <= most:
        raise wrong(f"params error: limit must be from 1 to {most}")
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 12):
        raise wrong("params error: cursor invalid")
    start = int(cursor or 0)
    end = start + limit
    return list(rows[start:end]), str(end) if end < len(rows) else ""

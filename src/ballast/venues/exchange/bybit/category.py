"""The categories of the protocol, as data: what sets contracts and spot apart wherever both are served by one code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ballast.venues.exchange.bybit.codes import CODES, PARAMETER_ERROR, SPOT_CODES
from ballast.venues.exchange.refusals import Refusal
from ballast.venues.exchange.spot import check_one_purse
from ballast.venues.exchange.venue import LocalVenue

NAMES = frozenset({"linear", "spot", "inverse", "option"})
"""All that the venue has; an exchange lists one of them."""


@dataclass(frozen=True)
class Category:
    """
    One category.

    Attributes
    ----------
    name : str
        As requests, topics and paths call it.
    is_spot : bool
        Whether accounts hold coins; else positions in contracts.
    coin : str
        In which fees are paid, and profits told.
    codes : mapping of Refusal to (int, str)
        What a client hears of a refusal, unless its endpoint has its own code for it.
    invalid : mapping of str to (int, str)
        What it hears of a parameter with a word that is none, by name.
    book_depth, trades : (int, int)
        Levels of a book, and trades, that REST tells: unless asked otherwise, and at most.
    most_topics : int
        That one message of the public socket may subscribe to; 0 for any number.
    """

    name: str
    is_spot: bool
    coin: str
    codes: Mapping[Refusal, tuple[int, str]]
    invalid: Mapping[str, tuple[int, str]]
    book_depth: tuple[int, int]
    trades: tuple[int, int]
    most_topics: int


LINEAR = Category(
    name="linear",
    is_spot=False,
    coin="USDT",
    codes=CODES,
    invalid={
        "symbol": (PARAMETER_ERROR, "params error: symbol invalid"),
        "side": (PARAMETER_ERROR, "Side invalid"),
        "orderType": (PARAMETER_ERROR, "OrderType invalid"),
        "timeInForce": (PARAMETER_ERROR, "TimeInForce invalid"),
    },
    book_depth=(25, 1_000),
    trades=(500, 1_000),
    most_topics=0,
)
SPOT = Category(
    name="spot",
    is_spot=True,
    coin="USDT",
    codes=SPOT_CODES,
    invalid={
        "symbol": (170121, "Invalid symbol."),
        "side": (170117, "Invalid side."),
        "orderType": (170116, "Invalid orderType."),
        "timeInForce": (170115, "Invalid timeInForce."),
    },
    book_depth=(1, 200),
    trades=(60, 60),
    most_topics=10,
)


def category_of(venue: LocalVenue) -> Category:
    """Return the category that a venue's accounts trade; raises ``ConfigError`` for spot in several quote coins."""
    if not venue.spot.has(0):
        return LINEAR
    return replace(SPOT, coin=check_one_purse(venue.market.listings))

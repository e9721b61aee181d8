"""Versioned books: every change of a symbol's book counts up by one, for REST and sockets alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ballast.venues.exchange import quotes
from ballast.venues.exchange.venue import LocalVenue

LEVELS = 1_000
"""Levels a side that are kept, and told of."""
Levels = dict[str, str]


class Change(NamedTuple):
    """Levels that changed, quantities as they now are by price; "0" where a level went."""

    version: int
    bids: Levels
    asks: Levels


@dataclass
class VersionedBook:
    """One book as it was last seen, and the changes that nobody has been told of yet."""

    version: int
    bids: Levels
    asks: Levels
    untold: list[Change] = field(default_factory=list)


class VersionedBooks:
    """
    The books as they were last seen, and what has changed since it was last told.

    Changes are kept for symbols that somebody :meth:`follow` s, from then on.
    """

    def __init__(self, venue: LocalVenue) -> None:
        self._venue = venue
        self._books: dict[int, VersionedBook] = {}
        self._followed: set[int] = set()

    def look(self, symbol: int) -> VersionedBook:
        """Return a book as it is now, its version counted up if it has changed."""
        book = self._books.get(symbol)
        bids, asks = self._sides(symbol)
        if book is None:
            book = self._books[symbol] = VersionedBook(1, bids, asks)
        elif bids != book.bids or asks != book.asks:
            change = Change(
                book.version + 1, quotes.changed_levels(book.bids, bids), quotes.changed_levels(book.asks, asks)
            )
            book.version, book.bids, book.asks = change.version, bids, asks
            if symbol in self._followed:
                book.untold.append(change)
        return book

    def follow(self, symbol: int) -> None:
        """Keep a symbol's changes from now on."""
        self.look(symbol)
        self._followed.add(symbol)

    def forget(self, symbol: int) -> None:
        """Keep a symbol's changes no more."""
        self._followed.discard(symbol)
        self.take_changes(symbol)

    def take_changes(self, symbol: int) -> list[Change]:
        """Return what has changed since the last call, oldest first."""
        book = self._books.get(symbol)
        if book is None:
            return []
        taken, book.untold = book.untold, []
        return taken

    def _sides(self, symbol: int) -> tuple[Levels, Levels]:
        listing, book = self._venue.market.listings[symbol], quotes.book(self._venue, symbol, LEVELS)
        bids, asks = ({listing.price(one.price): listing.qty(one.qty) for one in side} for side in book)
        return bids, asks

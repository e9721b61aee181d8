"""
A market that goes on: what a venue tells everybody becomes ticks of ours, as it comes.

1. A tick counts when it comes, so that nobody here trades on what has not been told yet.
2. A symbol whose book is silent, broken or gone has no price: nothing fills until its book comes again.
3. What was traded while nobody listened fills nothing, and is on no tape. The bars of that time are the venue's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import TickKind
from ballast.model.public_feed import (
    BookLevels,
    FeedEvent,
    FeedKind,
    FeedState,
    FeedStatus,
    FeedTopic,
    PublicBar,
    PublicFeed,
    PublicTrade,
)
from ballast.venues.exchange.growing import GrowingFeed
from ballast.venues.exchange.market import Levels
from ballast.venues.exchange.venue import LocalVenue
from ballast.venues.public_socket import Mender

BEST_ALONE = 1
"""The depth of a book of best prices and nothing else."""
NO_LEVELS: tuple[Levels, Levels] = ((), ())
_BLIND = {FeedState.STALE, FeedState.GAP, FeedState.LOST}


class LiveBooks:
    """The books as they are now; every venue reads the same."""

    def __init__(self, n_symbols: int) -> None:
        self._sides = [NO_LEVELS] * n_symbols

    def open(self, shift_ns: int) -> LiveBooks:  # noqa: ARG002  # Nothing here was recorded.
        """Return the books themselves: they have no beginning."""
        return self

    def sides(self, symbol: int, now_ns: int) -> tuple[Levels, Levels]:  # noqa: ARG002  # It is always now.
        """Return bids and asks; both empty while nobody knows."""
        return self._sides[symbol]

    def tell(self, symbol: int, sides: tuple[Levels, Levels]) -> None:
        """Put a symbol's book in place of the one before."""
        self._sides[symbol] = sides


@dataclass(frozen=True)
class BarsAlone:
    """Asks for bars that were missed, never for trades: see rule 3."""

    mender: Mender

    async def mend(self, topic: FeedTopic) -> list[FeedEvent]:
        """Return what was missed, of bars."""
        return await self.mender.mend(topic) if topic.kind is FeedKind.BARS else []


class LiveFeed:
    """
    What a venue tells, brought to ours.

    Parameters
    ----------
    feed : PublicFeed
        Trades, books and bars of all symbols.
    symbols : sequence of str
    books : LiveBooks
        What the markets of our venues were made with.
    source : str
        Where it comes from.

    Attributes
    ----------
    is_connected : bool
    """

    def __init__(self, feed: PublicFeed, symbols: Sequence[str], books: LiveBooks, source: str) -> None:
        self._feed, self._symbols, self._books, self._source = feed, tuple(symbols), books, source
        self._places = {name: place for place, name in enumerate(symbols)}
        self._best: list[tuple[float, ...] | None] = [None] * len(symbols)
        self._heard_ns = [0] * len(symbols)
        self.is_connected = False

    async def run(self, venues: Sequence[LocalVenue], now_ns: Callable[[], int]) -> None:
        """Listen until it is cancelled; raises as ``PublicFeed.events`` does."""
        async with aclosing(self._feed.events()) as events:
            async for event in events:
                at_ns = now_ns()
                self.hear(event, venues, at_ns)
                for venue in venues:
                    # Past the tick in any case: one that waits could bring back a price that is withdrawn.
                    venue.advance_to(max(at_ns, venue.now_ns + 1))

    def hear(self, event: FeedEvent, venues: Sequence[LocalVenue], at_ns: int) -> None:
        """Take in what was told at ``at_ns``, by the venues' clocks."""
        if isinstance(event, FeedStatus):
            self._hear_of_itself(event, venues)
            return
        symbol = self._places[event.symbol]
        if isinstance(event, BookLevels):
            self._hear_of_book(event, symbol, venues, at_ns)
        elif isinstance(event, PublicTrade):
            self._heard_ns[symbol] = at_ns
            if self._best[symbol] is not None:
                _tick(venues, at_ns, symbol, TickKind(event.side), event.price, event.qty)
        elif isinstance(event, PublicBar) and event.is_closed:
            prices = (event.open, event.high, event.low, event.close)
            for venue in venues:
                _growing(venue).set_bar(symbol, event.open_ns, prices, event.volume)

    def _hear_of_book(self, book: BookLevels, symbol: int, venues: Sequence[LocalVenue], at_ns: int) -> None:
        """Take the best prices from the topic that tells nothing else, and that repeats itself; depth from others."""
        if book.depth > BEST_ALONE:
            self._books.tell(symbol, (book.bids, book.asks))
            return
        self._heard_ns[symbol], best = at_ns, book.best()
        if best is not None and best != self._best[symbol]:
            self._best[symbol] = best
            _tick(venues, at_ns, symbol, TickKind.QUOTE, *best)

    def state(self, now_ns: int) -> dict[str, Any]:
        """Return whether it is connected, and for each symbol how old its last word is and whether it has a price."""
        return {
            "source": self._source,
            "is_connected": self.is_connected,
            "symbols": {
                name: {
                    "age_ms": (now_ns - heard_ns) // MILLISECOND_NS if heard_ns else None,
                    "is_stale": self._best[place] is None,
                }
                for place, (name, heard_ns) in enumerate(zip(self._symbols, self._heard_ns, strict=True))
            },
        }

    def _hear_of_itself(self, status: FeedStatus, venues: Sequence[LocalVenue]) -> None:
        if status.state in {FeedState.CONNECTED, FeedState.LOST}:
            self.is_connected = status.state is FeedState.CONNECTED
        topic = status.topic
        if status.state not in _BLIND or (topic is not None and topic.kind is not FeedKind.BOOK):
            return
        for symbol in range(len(self._symbols)) if topic is None else [self._places[topic.symbol]]:
            if topic is None or topic.depth == BEST_ALONE:
                self._go_blind(symbol, venues)
            elif status.state is FeedState.GAP:
                self._books.tell(symbol, NO_LEVELS)

    def _go_blind(self, symbol: int, venues: Sequence[LocalVenue]) -> None:
        self._best[symbol] = None
        self._books.tell(symbol, NO_LEVELS)
        for venue in venues:
            venue.withdraw(symbol)


def _tick(venues: Sequence[LocalVenue], at_ns: int, symbol: int, kind: TickKind, *sizes: float) -> None:
    for venue in venues:
        # After whatever has been done at this instant.
        _growing(venue).add(max(at_ns, venue.now_ns + 1), symbol, kind, *sizes)


def _growing(venue: LocalVenue) -> GrowingFeed:
    growing = venue.host.growing
    assert growing is not None, "a live feed needs venues whose market is live"
    return growing

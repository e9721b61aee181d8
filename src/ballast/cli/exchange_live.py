"""``ballast exchange --data live``: what Bybit tells the public, made the market of an exchange of ours."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ballast.cli.exchange_offers import TIERS_AND_MARKS, Offer, account_terms, stand_in_tiers
from ballast.model.durations import MILLISECOND_NS, MINUTE_MS
from ballast.model.errors import TemporaryVenueError, VenueError

if TYPE_CHECKING:
    from ballast.model.ports import RecordedBar
    from ballast.model.public_feed import FeedEvent
    from ballast.venues.bybit_public import ContractSteps
    from ballast.venues.exchange.live import LiveFeed
    from ballast.venues.exchange.market import Market
    from ballast.venues.public_rest import Endpoint

STREAM_URL = "wss://stream.bybit.com"
PUBLIC_PATH = "/v5/public/linear"
DEPTHS = (1, 50)
"""The best prices, which come again and again, and what lies behind them."""
MOST_HISTORY = 1_000
"""Bars that the venue tells at once."""
ATTEMPTS_TO_ASK = 2
ATTEMPTS_TO_CONNECT = 1_000_000
"""An exchange that has lost its market does not give up: nothing fills meanwhile, and everybody is told."""
Told = tuple["ContractSteps", tuple["RecordedBar", ...]]


@dataclass(frozen=True)
class LiveMarket:
    """
    Bybit's linear contracts while they trade; the port ``PublicFeed`` of them.

    Parameters
    ----------
    symbols : sequence of str
    url : str or None
        Of an exchange that speaks the same protocol, in place of the venue's own hosts.
    history : int
        Bars of a minute to begin with, at most ``MOST_HISTORY``.
    start_ms : int
        Where trading begins, a minute's open.
    """

    symbols: Sequence[str]
    url: str | None
    history: int
    start_ms: int

    def offer(self, kinds: Mapping[str, str], n_accounts: int) -> tuple[Offer, LiveFeed]:
        """
        Ask for steps and history; return an exchange on what follows, and who listens to it.

        Raises
        ------
        VenueError
            The venue cannot be reached, or has no such symbol.
        """
        import asyncio

        from ballast.venues.exchange.live import LiveBooks, LiveFeed
        from ballast.venues.exchange.market import FillTerms, Setup

        try:
            told = asyncio.run(self._ask())
        except TemporaryVenueError as error:
            raise type(error)(f"--data live: {error}, or name another exchange with --live-url") from None
        except VenueError as error:
            raise type(error)(f"--data live: {error}") from None
        books = LiveBooks(len(self.symbols))
        market = replace(self._market(told), books=books)
        # Who takes a price pays that price.
        fills = FillTerms(slippage_rate=0.0)
        setups = {name: Setup(market, account_terms(name, kind, n_accounts), fills) for name, kind in kinds.items()}
        assumptions = TIERS_AND_MARKS if "unified_margin" in kinds.values() else ()
        return Offer(setups, assumptions), LiveFeed(self, self.symbols, books, self._stream_url)

    async def events(self) -> AsyncGenerator[FeedEvent, None]:
        """Yield trades, books and bars; see ``PublicFeed.events``. Trades that nobody heard are not asked for."""
        from ballast.model.public_feed import FeedKind, FeedTopic
        from ballast.venues.bybit_public import BybitHistory
        from ballast.venues.bybit_stream import BybitDialect, BybitMender
        from ballast.venues.continuity import BarMemory, FeedMemory
        from ballast.venues.exchange.live import BarsAlone
        from ballast.venues.public_rest import PublicRest
        from ballast.venues.public_socket import PublicSocket
        from ballast.venues.reconnecting import PUBLIC_PLAN

        bars = [FeedTopic(FeedKind.BARS, name, interval_ns=MINUTE_MS * MILLISECOND_NS) for name in self.symbols]
        topics = [FeedTopic(FeedKind.TRADES, name) for name in self.symbols]
        topics += [FeedTopic(FeedKind.BOOK, name, depth) for name in self.symbols for depth in DEPTHS]
        # The bars that close until somebody listens are asked for, too.
        known = {topic: BarMemory(closed_ns=(self.start_ms - MINUTE_MS) * MILLISECOND_NS) for topic in bars}
        dialect = BybitDialect("linear", [*topics, *bars], memory=FeedMemory(bars=defaultdict(BarMemory, known)))
        async with PublicRest(self._endpoint) as rest:
            mender = BarsAlone(BybitMender(dialect, BybitHistory(rest, "linear")))
            plan = replace(PUBLIC_PLAN, attempts=ATTEMPTS_TO_CONNECT)
            async with aclosing(PublicSocket(self._stream_url, dialect, mender, plan).events()) as events:
                async for event in events:
                    yield event

    @property
    def _endpoint(self) -> Endpoint:
        from ballast.venues.bybit_public import ENDPOINT

        return ENDPOINT if self.url is None else replace(ENDPOINT, base_url=self.url)

    @property
    def _stream_url(self) -> str:
        return (STREAM_URL if self.url is None else self.url.replace("http", "ws", 1)) + PUBLIC_PATH

    async def _ask(self) -> list[Told]:
        """Return each symbol's steps and the bars before the start."""
        from ballast.venues.bybit_public import BybitHistory
        from ballast.venues.public_rest import Patience, PublicRest

        since_ms = self.start_ms - self.history * MINUTE_MS
        async with PublicRest(self._endpoint, patience=Patience(attempts=ATTEMPTS_TO_ASK)) as rest:
            venue = BybitHistory(rest, "linear")
            return [
                (await venue.steps(name), (await venue.bars(name, MINUTE_MS, since_ms, self.start_ms)).bars)
                for name in self.symbols
            ]

    def _market(self, told: Sequence[Told]) -> Market:
        import numpy as np

        from ballast.model.instrument import instruments, step_units
        from ballast.model.market import feed_of
        from ballast.venues.exchange.market import Market

        grids, frames = instruments(len(told)), self._frames()
        first_ms = self.start_ms - self.history * MINUTE_MS
        for symbol, (steps, bars) in enumerate(told):
            grid = grids[symbol]
            grid.tick_units, grid.tick_scale = step_units(steps.tick, "tick")
            grid.lot_units, grid.lot_scale = step_units(steps.lot, "lot_step")
            grid.min_qty, grid.max_qty, grid.min_notional = steps.min_qty, steps.max_qty, steps.min_notional
            rows = np.array([(bar.open_time_ms - first_ms) // MINUTE_MS for bar in bars], np.int64)
            for name in ("open", "high", "low", "close", "volume"):
                frames[name][rows, symbol] = [getattr(bar, name) for bar in bars]
        tiers = stand_in_tiers(len(told))
        names = tuple(self.symbols)
        return Market(names, feed_of(frames), MINUTE_MS * MILLISECOND_NS, grids, tiers, self.history, is_live=True)

    def _frames(self) -> Any:
        """Return empty frames: the history's, and the one in which trading begins."""
        import numpy as np

        from ballast.bars.of_ticks import empty_frames

        first_ms = self.start_ms - self.history * MINUTE_MS
        return empty_frames((first_ms + np.arange(self.history + 1) * MINUTE_MS) * MILLISECOND_NS, len(self.symbols))


def live_market(symbols: Sequence[str], url: str | None, history: int) -> LiveMarket:
    """Return the market that begins in the minute in which we are."""
    now_ms = time.time_ns() // MILLISECOND_NS
    return LiveMarket(
        symbols, None if url is None else url.rstrip("/"), min(history, MOST_HISTORY), now_ms // MINUTE_MS * MINUTE_MS
    )

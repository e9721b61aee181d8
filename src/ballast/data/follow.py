"""
Bars into the catalog as they close, told by a venue's stream.

What was stored is noted as covered, so that the next download asks only for what came after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from ballast.data.catalog import Catalog
from ballast.data.change import changing
from ballast.data.parts import bars_table
from ballast.data.series import Series
from ballast.model.durations import MILLISECOND_NS
from ballast.model.ports import RecordedBar
from ballast.model.public_feed import FeedStatus, PublicBar, PublicFeed


@dataclass(frozen=True)
class Appended:
    """What was stored at once: bars that were not there before, and the open time of the last one."""

    series: Series
    rows_new: int
    last_ms: int


def known_until_ms(catalog: Catalog, series: Series, start_ms: int) -> int:
    """Return up to which time everything from ``start_ms`` on has been asked for; ``start_ms`` where nothing has."""
    return next((end for start, end in catalog.entry(series).covered if start <= start_ms < end), start_ms)


async def follow_bars(
    feed: PublicFeed,
    catalog: Catalog,
    known_ms: Mapping[Series, int],
    show: Callable[[Appended | FeedStatus], None],
) -> None:
    """
    Store each bar that closes, until cancelled; what the feed has told is stored before this ends, however it ends.

    Parameters
    ----------
    feed : PublicFeed
        Tells the bars of all series, each from ``known_ms`` or from before it on; bars that are stored already are
        replaced by what it tells of them.
    catalog : Catalog
    known_ms : mapping of Series to int
        Of each series up to which time everything is there.
    show : callable
        Is told what was stored, and what happens to the feed.

    Raises
    ------
    VenueError
        The feed has come to its end; what it told is kept.
    OutputError
        The catalog cannot be written; the next download asks again for what is not there.
    """
    followed = _Followed(catalog, known_ms, show)
    try:
        async with aclosing(feed.events()) as events:
            async for event in events:
                if isinstance(event, PublicBar) and event.is_closed:
                    followed.keep(event)
                    continue
                # Bars that were missed come many at a time; they are written together.
                followed.store()
                if isinstance(event, FeedStatus):
                    show(event)
    finally:
        followed.store()


class _Followed:
    """Series, and the bars of each that wait to be stored."""

    def __init__(
        self, catalog: Catalog, known_ms: Mapping[Series, int], show: Callable[[Appended | FeedStatus], None]
    ) -> None:
        self._catalog, self._known_ms, self._show = catalog, dict(known_ms), show
        self._series = {series.symbol: series for series in known_ms}
        self._waiting: dict[Series, list[PublicBar]] = {}

    def keep(self, bar: PublicBar) -> None:
        self._waiting.setdefault(self._series[bar.symbol], []).append(bar)

    def store(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        stored = []
        with changing(self._catalog.root) as change:
            for series, bars in waiting.items():
                rows_new = change.put(series, bars_table(series.symbol, list(map(_recorded, bars))), replace=True)
                end_ms = (bars[-1].open_ns + bars[-1].interval_ns) // MILLISECOND_NS
                # Between two bars that it tells a feed leaves none out.
                change.cover(series, self._known_ms[series], end_ms)
                stored.append((Appended(series, rows_new, bars[-1].open_ns // MILLISECOND_NS), end_ms))
        for done, end_ms in stored:
            self._known_ms[done.series] = max(end_ms, self._known_ms[done.series])
            if done.rows_new:
                self._show(done)


def _recorded(bar: PublicBar) -> RecordedBar:
    return RecordedBar(bar.open_ns // MILLISECOND_NS, bar.open, bar.high, bar.low, bar.close, bar.volume)

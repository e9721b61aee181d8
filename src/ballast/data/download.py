"""
History from a venue into the catalog, page by page.

1. A finished page is in the catalog with a note of the time that it covers, both in one change: a process
   killed anywhere goes on behind its last finished page, and a finished download asks for nothing again.
2. A bar that may still be forming is never stored, and its time not noted as covered.
3. Where a coin has no bars yet, daily bars tell when it was listed, and the empty time is skipped. Empty
   pages after that are an outage or a halt: noted, reported, and gone past.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ballast.data import manifest as manifests
from ballast.data.catalog import Catalog
from ballast.data.change import changing
from ballast.data.intervals import interval_name
from ballast.data.parts import bars_table, funding_table, marks_table
from ballast.data.series import BARS, FUNDING, Series
from ballast.data.timestamps import utc_text
from ballast.model.durations import DAY_MS
from ballast.model.errors import ConfigError
from ballast.model.ports import BarsPage, PublicHistory, RecordedBar

# A venue may still correct a bar in the first moments after its close.
_SETTLING_MS = 5_000


Ask = Callable[[int, int], Awaitable[tuple[Any, int]]]
"""Given a page's start and end, returns its table and up to where the venue has answered for good."""


@dataclass(frozen=True)
class Progress:
    """How far a download is: milliseconds of history behind it, of all that was asked for, and new rows."""

    symbol: str
    done_ms: int
    total_ms: int
    rows_new: int


@dataclass(frozen=True)
class DownloadReport:
    """
    What a download did.

    Attributes
    ----------
    series : Series
    rows_new : int
        Rows that were not in the catalog before.
    pages : int
        Pages asked for; 0 if everything was there.
    listed_ms : int or None
        Open time of the first bar, if this download found that the venue has none before it.
    gaps : tuple of (int, int)
        Half-open time ranges without bars after the first one, as far as this download passed them.
    """

    series: Series
    rows_new: int
    pages: int
    listed_ms: int | None = None
    gaps: tuple[tuple[int, int], ...] = ()


def _ignore(progress: Progress) -> None:
    """Show nothing."""


async def download_bars(
    source: PublicHistory,
    catalog: Catalog,
    symbol: str,
    *,
    interval_ms: int,
    start_ms: int,
    end_ms: int | None = None,
    now_ms: Callable[[], int],
    progress: Callable[[Progress], None] = _ignore,
    kind: str = BARS,
) -> DownloadReport:
    """
    Download the bars with ``start_ms <= open time < end_ms`` that the catalog has not asked for yet.

    Parameters
    ----------
    source : PublicHistory
    catalog : Catalog
    symbol : str
        The venue's spelling.
    interval_ms, start_ms, end_ms : int
        The window is widened to whole bars; without an end it reaches to the last closed bar.
    now_ms : callable
        The wall clock, milliseconds UTC.
    progress : callable
        Called after every page.
    kind : str
        ``BARS``, or ``MARKS`` for the bars of the mark price.

    Raises
    ------
    ConfigError
        The window is empty, or the venue has no such interval or no mark price.
    VenueError
        The venue refused or stayed unreachable; what was finished is kept, the same call goes on.
    OutputError
        The catalog cannot be written; what was finished is kept, the same call goes on.
    """
    series = Series(kind, f"{source.venue}/{source.market}", symbol, interval_name(interval_ms))
    closed_ms = (now_ms() - _SETTLING_MS) // interval_ms * interval_ms
    start_ms = start_ms // interval_ms * interval_ms
    end_ms = closed_ms if end_ms is None else min(closed_ms, -(-end_ms // interval_ms) * interval_ms)
    pages = _Pages(catalog, series, start_ms, end_ms, progress)
    asked = _Bars(source, series, interval_ms, end_ms, closed_ms, pages.first_stored_ms)
    await pages.walk(source.bars_per_page * interval_ms, asked.ask)
    gaps = tuple(manifests.merged_ranges(asked.gaps))
    return DownloadReport(series, pages.rows_new, pages.count, asked.listed_ms, gaps)


async def download_funding(
    source: PublicHistory,
    catalog: Catalog,
    symbol: str,
    *,
    start_ms: int,
    end_ms: int | None = None,
    now_ms: Callable[[], int],
    progress: Callable[[Progress], None] = _ignore,
) -> DownloadReport:
    """
    Download the funding rates with ``start_ms <= time < end_ms`` that the catalog has not asked for yet.

    Parameters and errors are those of ``download_bars``; a venue without funding raises ``ConfigError``.
    """
    series = Series(FUNDING, f"{source.venue}/{source.market}", symbol)
    settled_ms = now_ms() - _SETTLING_MS
    pages = _Pages(catalog, series, start_ms, settled_ms if end_ms is None else min(end_ms, settled_ms), progress)

    async def ask(page_start_ms: int, page_end_ms: int) -> tuple[Any, int]:
        return funding_table(symbol, await source.funding(symbol, page_start_ms, page_end_ms)), page_end_ms

    # A venue without funding has no page; it is asked all the same, so that it can say so.
    await pages.walk(source.funding_page_ms or pages.length_ms, ask)
    return DownloadReport(series, pages.rows_new, pages.count)


class _Pages:
    """What is still to be asked for in a window, walked page by page, each stored with what it covers."""

    def __init__(
        self, catalog: Catalog, series: Series, start_ms: int, end_ms: int, progress: Callable[[Progress], None]
    ) -> None:
        if start_ms >= end_ms:
            raise ConfigError(
                f"nothing to download for {series}: the start {utc_text(start_ms)} is not before "
                f"{utc_text(end_ms)}, the end or the last closed bar; choose an earlier start"
            )
        entry = catalog.entry(series)
        self._catalog, self._series, self._progress = catalog, series, progress
        self._todo = manifests.uncovered(start_ms, end_ms, entry.covered)
        self._done_ms = end_ms - start_ms - sum(end - start for start, end in self._todo)
        self.length_ms = end_ms - start_ms
        self.first_stored_ms = min((part.first_ms for part in entry.parts.values()), default=None)
        self.rows_new = self.count = 0

    async def walk(self, page_ms: int, ask: Ask) -> None:
        if not self._todo:
            with changing(self._catalog.root) as change:
                change.tidy(self._series)
        for range_start_ms, range_end_ms in self._todo:
            at_ms = range_start_ms
            while at_ms < range_end_ms:
                page_end_ms = min(at_ms + page_ms, range_end_ms)
                table, answered_ms = await ask(at_ms, page_end_ms)
                answered_ms = min(answered_ms, range_end_ms)
                self._store(table, at_ms, answered_ms)
                if answered_ms < page_end_ms:
                    break
                at_ms = answered_ms

    def _store(self, table: Any, start_ms: int, answered_ms: int) -> None:
        with changing(self._catalog.root) as change:
            # A venue's later word on a bar counts: it corrects its history now and then.
            self.rows_new += change.put(self._series, table, replace=True)
            change.cover(self._series, start_ms, answered_ms)
        self.count += 1
        self._done_ms += answered_ms - start_ms
        self._progress(Progress(self._series.symbol, self._done_ms, self.length_ms, self.rows_new))


class _Bars:
    """Asks for pages of bars and judges what their emptiness means."""

    def __init__(
        self,
        source: PublicHistory,
        series: Series,
        interval_ms: int,
        end_ms: int,
        closed_ms: int,
        first_stored_ms: int | None,
    ) -> None:
        self._page = source.bars if series.kind == BARS else source.marks
        self._table = bars_table if series.kind == BARS else marks_table
        self._symbol, self._interval_ms, self._per_page = series.symbol, interval_ms, source.bars_per_page
        self._end_ms, self._closed_ms = end_ms, closed_ms
        self._first_ms = first_stored_ms
        self.listed_ms: int | None = None
        self._skipped_empty_time = False
        self.gaps: list[tuple[int, int]] = []

    async def ask(self, start_ms: int, end_ms: int) -> tuple[Any, int]:
        page = await self._page(self._symbol, self._interval_ms, start_ms, end_ms)
        bars, answered_ms = self._closed(page, start_ms, end_ms)
        is_leading = self._first_ms is None or start_ms < self._first_ms
        if bars and is_leading:
            self._meet_first(bars[0].open_time_ms, start_ms)
            self._note_gaps(bars, bars[0].open_time_ms, answered_ms)
        elif not is_leading:
            self._note_gaps(bars, start_ms, answered_ms)
        elif answered_ms == end_ms:
            self._skipped_empty_time = True
            answered_ms = await self._listing_day_ms(start_ms, end_ms)
        return self._table(self._symbol, bars), answered_ms

    def _closed(self, page: BarsPage, start_ms: int, end_ms: int) -> tuple[Sequence[RecordedBar], int]:
        """Return the bars that are closed by the venue's clock, too, and up to where the answer is final."""
        if page.venue_time_ms is not None:
            closed_ms = (page.venue_time_ms - _SETTLING_MS) // self._interval_ms * self._interval_ms
            end_ms = min(end_ms, closed_ms)
        bars = [bar for bar in page.bars if start_ms <= bar.open_time_ms < end_ms]
        if end_ms >= self._closed_ms:
            # The newest bars may only be late; what is missing at the end is asked for again next time.
            end_ms = bars[-1].open_time_ms + self._interval_ms if bars else start_ms
        return bars, max(end_ms, start_ms)

    def _meet_first(self, first_ms: int, start_ms: int) -> None:
        if self._skipped_empty_time or first_ms > start_ms:
            self.listed_ms = first_ms
        self._first_ms = first_ms

    def _note_gaps(self, bars: Sequence[RecordedBar], start_ms: int, end_ms: int) -> None:
        held = [(bar.open_time_ms, bar.open_time_ms + self._interval_ms) for bar in bars]
        self.gaps.extend(manifests.uncovered(start_ms, end_ms, held))

    async def _listing_day_ms(self, start_ms: int, end_ms: int) -> int:
        """Return where the first bars can be: the first day with a daily bar, or the end of the window."""
        if self._interval_ms >= DAY_MS:
            return end_ms
        at_ms = start_ms // DAY_MS * DAY_MS
        while at_ms < self._end_ms:
            page_end_ms = at_ms + self._per_page * DAY_MS
            page = await self._page(self._symbol, DAY_MS, at_ms, page_end_ms)
            if page.bars:
                return max(end_ms, page.bars[0].open_time_ms)
            at_ms = page_end_ms
        return self._end_ms

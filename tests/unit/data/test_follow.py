"""Bars that close, from a feed into the catalog."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from ballast.data.catalog import Catalog
from ballast.data.follow import Appended, follow_bars, known_until_ms
from ballast.data.series import BARS, Series
from ballast.model.errors import Disconnected
from ballast.model.public_feed import FeedEvent, FeedState, FeedStatus, PublicBar

MINUTE_MS = 60_000
START_MS = 1_777_593_600_000  # 2026-05-01
SERIES = [Series(BARS, "mexc/spot", name, "1m") for name in ("AUSDT", "BUSDT")]
CONNECTED = FeedStatus(FeedState.CONNECTED, 0, None, "there")


class Told:
    """A feed that tells what it is given, and then fails, or says nothing more."""

    def __init__(self, events: Sequence[FeedEvent], *, fails: bool = False) -> None:
        self._events, self._fails = events, fails
        self.is_over = asyncio.Event()

    async def events(self) -> AsyncGenerator[FeedEvent, None]:
        for event in self._events:
            yield event
        if self._fails:
            raise Disconnected("nobody there")
        self.is_over.set()
        await asyncio.Event().wait()


def bar(minute: int, symbol: str = "AUSDT", close: float = 1.0, *, is_closed: bool = True) -> PublicBar:
    open_ns = (START_MS + minute * MINUTE_MS) * 1_000_000
    return PublicBar(symbol, MINUTE_MS * 1_000_000, open_ns, 1.0, 2.0, 0.5, close, 7.0, is_closed)


def follow(root: Path, *events: FeedEvent, fails: bool = False) -> list[Appended | FeedStatus]:
    """Let a feed tell events until it has no more; return what was shown."""
    shown: list[Appended | FeedStatus] = []

    async def run() -> None:
        catalog, feed = Catalog(root), Told(events, fails=fails)
        known = {series: known_until_ms(catalog, series, START_MS) for series in SERIES}
        following = asyncio.create_task(follow_bars(feed, catalog, known, shown.append))
        over = asyncio.create_task(feed.is_over.wait())
        await asyncio.wait([following, over], return_when=asyncio.FIRST_COMPLETED)
        following.cancel()
        over.cancel()
        with suppress(asyncio.CancelledError):
            await following

    asyncio.run(run())
    return shown


def closes(root: Path, symbol: str = "AUSDT") -> list[float]:
    return [float(close) for close in Catalog(root).read("mexc/spot", [symbol], interval_ms=MINUTE_MS).close]


def covered(root: Path) -> list[list[int]]:
    """Return the minutes from the start between which each series is covered."""
    ranges = [Catalog(root).entry(series).covered for series in SERIES]
    return [[(at - START_MS) // MINUTE_MS for one in found for at in one] for found in ranges]


def test_closed_bars_are_stored_and_what_forms_is_not(tmp_path: Path) -> None:
    shown = follow(tmp_path, bar(0), bar(0, "BUSDT"), bar(1, is_closed=False), bar(1, close=3.0), CONNECTED)
    assert closes(tmp_path) == [1.0, 3.0]
    assert covered(tmp_path) == [[0, 2], [0, 1]]
    assert shown == [
        *(Appended(series, 1, START_MS) for series in SERIES),
        Appended(SERIES[0], 1, START_MS + MINUTE_MS),
        CONNECTED,
    ]


def test_bars_of_a_gap_are_written_together_and_minutes_without_any_are_covered(tmp_path: Path) -> None:
    shown = follow(tmp_path, bar(0), CONNECTED, bar(1), bar(2), bar(7), CONNECTED)
    assert [one for one in shown if isinstance(one, Appended)][1:] == [Appended(SERIES[0], 3, START_MS + 7 * MINUTE_MS)]
    assert covered(tmp_path)[0] == [0, 8]


def test_what_was_told_is_stored_however_it_ends(tmp_path: Path) -> None:
    follow(tmp_path, bar(0))
    assert closes(tmp_path) == [1.0]
    with pytest.raises(Disconnected):
        follow(tmp_path, bar(1), fails=True)
    assert closes(tmp_path) == [1.0, 1.0]


def test_a_bar_that_is_told_again_changes_nothing_unless_it_differs(tmp_path: Path) -> None:
    follow(tmp_path, bar(0), bar(1))
    before = (tmp_path / "manifest.json").read_bytes()
    assert follow(tmp_path, bar(1), bar(1, is_closed=False)) == []
    assert (tmp_path / "manifest.json").read_bytes() == before
    follow(tmp_path, bar(1, close=1.5), bar(2))
    assert closes(tmp_path) == [1.0, 1.5, 1.0]
    assert covered(tmp_path)[0] == [0, 3]


def test_what_is_known_reaches_to_the_first_hole(tmp_path: Path) -> None:
    assert known_until_ms(Catalog(tmp_path), SERIES[0], START_MS) == START_MS
    follow(tmp_path, bar(0), bar(4))
    assert known_until_ms(Catalog(tmp_path), SERIES[0], START_MS + MINUTE_MS) == START_MS + 5 * MINUTE_MS
    assert known_until_ms(Catalog(tmp_path), SERIES[0], START_MS - MINUTE_MS) == START_MS - MINUTE_MS

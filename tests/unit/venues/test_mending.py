"""What a stream missed of bars, asked for at a server with a made-up history."""

from __future__ import annotations

import asyncio

import pytest

from ballast.model.public_feed import FeedEvent, FeedKind, FeedState, FeedStatus, FeedTopic, PublicBar
from ballast.venues.continuity import BarMemory, FeedMemory
from ballast.venues.mending import HistoryMender
from ballast.venues.mexc_public import MexcHistory
from ballast.venues.public_rest import Endpoint, PublicRest
from tests.unit.venues.loopback import DAY_MS, MINUTE_MS, FakeClock, HistoryServer, Listing, bar_texts

MS, MINUTE_NS = 1_000_000, MINUTE_MS * 1_000_000
NOW_MS = 1_704_067_200_000 + 100 * DAY_MS
TOPIC = FeedTopic(FeedKind.BARS, "AUSDT", interval_ns=MINUTE_NS)


def mended(server: HistoryServer, memory: BarMemory) -> list[FeedEvent]:
    async def run() -> list[FeedEvent]:
        clock = FakeClock(NOW_MS)
        async with PublicRest(Endpoint("mexc", server.url, 1_000.0, 100), clock=clock) as rest:
            told = FeedMemory()
            told.bars[TOPIC] = memory
            return await HistoryMender(told, MexcHistory(rest), clock).mend(TOPIC)

    return asyncio.run(run())


def minutes(events: list[FeedEvent]) -> list[int]:
    """Return the open times of closed bars, in minutes from now; the last one told forms."""
    bars = [event for event in events if isinstance(event, PublicBar)]
    assert [bar.is_closed for bar in bars] == [True] * (len(bars) - 1) + [False]
    return [(bar.open_ns // MS - NOW_MS) // MINUTE_MS for bar in bars[:-1]]


def at(minute: int) -> int:
    return NOW_MS * MS + minute * MINUTE_NS


def test_bars_that_another_follows_are_told_and_the_last_is_not() -> None:
    with HistoryServer({"AUSDT": Listing(NOW_MS - DAY_MS)}, NOW_MS) as server:
        memory = BarMemory(closed_ns=at(-4), is_broken=True)
        *bars, status = mended(server, memory)
        assert minutes(list(bars)) == [-3, -2, -1]
        assert isinstance(bars[0], PublicBar)
        assert list(bars[0][3:8]) == [float(text) for text in bar_texts(NOW_MS - 3 * MINUTE_MS, MINUTE_MS)]
        assert isinstance(status, FeedStatus)
        assert (status.state, status.text, status.topic) == (FeedState.REPAIRED, "3 closed bars", TOPIC)
        assert (memory.closed_ns, memory.whole_ns) == (at(-1), at(-1))
        # Nobody was told that more is missing.
        (forming,) = mended(server, memory)
        assert isinstance(forming, PublicBar)
        assert (forming.open_ns, forming.is_closed) == (at(0), False)


def test_a_venue_that_is_behind_its_socket_is_asked_again() -> None:
    with HistoryServer({"AUSDT": Listing(NOW_MS - DAY_MS)}, NOW_MS) as server:
        memory = BarMemory(closed_ns=at(-1), awaited_ns=at(1))
        assert minutes(mended(server, memory)) == []
        assert memory.missing(PublicBar("AUSDT", MINUTE_NS, at(1), 1.0, 1.0, 1.0, 1.0, 0.0, is_closed=False)) == 1
        server.now_ms = NOW_MS + MINUTE_MS
        assert minutes(mended(server, memory)) == [0]


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_more_bars_than_a_page_holds_are_asked_for_page_by_page(pages: int) -> None:
    n_bars = MexcHistory.bars_per_page * pages
    with HistoryServer({"AUSDT": Listing(NOW_MS - 10 * DAY_MS)}, NOW_MS) as server:
        assert minutes(mended(server, BarMemory(closed_ns=at(-n_bars)))) == list(range(-n_bars + 1, 0))
        assert len(server.requests) == pages + 1


def test_an_outage_longer_than_a_page_is_gone_past_when_a_bar_behind_it_is_known() -> None:
    outage = (NOW_MS - 2_000 * MINUTE_MS, NOW_MS - 2 * MINUTE_MS)
    with HistoryServer({"AUSDT": Listing(NOW_MS - 10 * DAY_MS, (outage,))}, NOW_MS) as server:
        memory = BarMemory(closed_ns=at(-2_002))
        assert minutes(mended(server, memory)) == []
        memory.awaited_ns = at(0)
        assert minutes(mended(server, memory)) == [-2_001, -2, -1]
        assert memory.whole_ns == at(-1)

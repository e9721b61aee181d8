from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ballast.model.errors import ConfigError
from ballast.model.ports import BarsPage
from ballast.venues.mexc_public import MexcHistory
from ballast.venues.public_rest import Endpoint, PublicRest
from tests.unit.venues.loopback import DAY_MS, HOUR_MS, MINUTE_MS, FakeClock, HistoryServer, Listing, bar_texts

NOW_MS = 1_704_067_200_000 + 100 * DAY_MS


@pytest.fixture
def server() -> Iterator[HistoryServer]:
    with HistoryServer({"AUSDT": Listing(NOW_MS - 40 * DAY_MS)}, NOW_MS) as running:
        yield running


def bars(server: HistoryServer, interval_ms: int, start_ms: int, end_ms: int) -> BarsPage:
    async def run() -> BarsPage:
        async with PublicRest(Endpoint("mexc", server.url, 100.0, 10), clock=FakeClock(NOW_MS)) as rest:
            return await MexcHistory(rest).bars("AUSDT", interval_ms, start_ms, end_ms)

    return asyncio.run(run())


def test_a_full_page_of_bars_comes_oldest_first(server: HistoryServer) -> None:
    start_ms = NOW_MS - DAY_MS
    page = bars(server, MINUTE_MS, start_ms, start_ms + MexcHistory.bars_per_page * MINUTE_MS)
    assert [bar.open_time_ms for bar in page.bars] == [start_ms + n * MINUTE_MS for n in range(500)]
    assert page.bars[7][1:] == tuple(float(text) for text in bar_texts(start_ms + 7 * MINUTE_MS, MINUTE_MS))
    assert page.venue_time_ms is None


def test_the_question_is_asked_in_mexc_s_words(server: HistoryServer) -> None:
    bars(server, HOUR_MS, NOW_MS - 3 * HOUR_MS, NOW_MS)
    expected = {
        "symbol": "AUSDT",
        "interval": "60m",
        "startTime": str(NOW_MS - 3 * HOUR_MS),
        "endTime": str(NOW_MS - 1),
        "limit": "500",
    }
    assert server.requests == [("/api/v3/klines", expected)]


def test_an_unknown_interval_is_refused(server: HistoryServer) -> None:
    with pytest.raises(ConfigError, match="mexc has no bars of 180 s; choose 1m, 5m"):
        bars(server, 3 * MINUTE_MS, 0, 1)


def test_there_is_no_funding_and_the_message_says_where_there_is(server: HistoryServer) -> None:
    async def ask() -> None:
        async with PublicRest(Endpoint("mexc", server.url, 100.0, 10), clock=FakeClock(NOW_MS)) as rest:
            await MexcHistory(rest).funding("AUSDT", 0, 1)

    with pytest.raises(ConfigError, match=r"mexc spot has no funding rates.*use bybit's linear market"):
        asyncio.run(ask())
    assert server.requests == []

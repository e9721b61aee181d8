from __future__ import annotations

import asyncio
import gzip
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from ballast.model.errors import ConfigError, RejectedByVenue, TemporaryVenueError
from ballast.model.ports import BarsPage, FundingRate, RecordedBar
from ballast.venues.bybit_public import BybitHistory
from ballast.venues.public_rest import Endpoint, PublicRest
from tests.unit.venues.loopback import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    FakeClock,
    HistoryServer,
    Listing,
    bar_texts,
    funding_text,
    mark_texts,
)

NOW_MS = 1_704_067_200_000 + 100 * DAY_MS


@pytest.fixture
def server() -> Iterator[HistoryServer]:
    with HistoryServer({"AUSDT": Listing(NOW_MS - 40 * DAY_MS)}, NOW_MS) as running:
        yield running


def bars(
    server: HistoryServer, interval_ms: int, start_ms: int, end_ms: int, clock: FakeClock | None = None
) -> BarsPage:
    async def run() -> BarsPage:
        endpoint = Endpoint("bybit", server.url, 100.0, 10)
        async with PublicRest(endpoint, clock=clock or FakeClock(NOW_MS)) as rest:
            return await BybitHistory(rest, "linear").bars("AUSDT", interval_ms, start_ms, end_ms)

    return asyncio.run(run())


def funding(server: HistoryServer, start_ms: int, end_ms: int, market: str = "linear") -> tuple[FundingRate, ...]:
    async def run() -> tuple[FundingRate, ...]:
        async with PublicRest(Endpoint("bybit", server.url, 100.0, 10), clock=FakeClock(NOW_MS)) as rest:
            return await BybitHistory(rest, market).funding("AUSDT", start_ms, end_ms)

    return asyncio.run(run())


def marks(server: HistoryServer, start_ms: int, end_ms: int, market: str = "linear") -> BarsPage:
    async def run() -> BarsPage:
        async with PublicRest(Endpoint("bybit", server.url, 100.0, 10), clock=FakeClock(NOW_MS)) as rest:
            return await BybitHistory(rest, market).marks("AUSDT", HOUR_MS, start_ms, end_ms)

    return asyncio.run(run())


def test_bars_come_oldest_first_with_the_venue_s_clock(server: HistoryServer) -> None:
    start_ms = NOW_MS - DAY_MS
    page = bars(server, MINUTE_MS, start_ms, start_ms + 1000 * MINUTE_MS)
    assert [bar.open_time_ms for bar in page.bars] == [start_ms + n * MINUTE_MS for n in range(1000)]
    assert page.bars[7][1:] == tuple(float(text) for text in bar_texts(start_ms + 7 * MINUTE_MS, MINUTE_MS))
    assert page.venue_time_ms == NOW_MS


def test_the_question_is_asked_in_bybit_s_words(server: HistoryServer) -> None:
    bars(server, DAY_MS, NOW_MS - 3 * DAY_MS, NOW_MS)
    expected = {
        "category": "linear",
        "symbol": "AUSDT",
        "interval": "D",
        "start": str(NOW_MS - 3 * DAY_MS),
        "end": str(NOW_MS - 1),
        "limit": "1000",
    }
    assert server.requests == [("/v5/market/kline", expected)]


def test_a_spent_limit_is_waited_for_until_its_reset(server: HistoryServer) -> None:
    body = json.dumps({"retCode": 10006, "retMsg": "Too many visits!", "result": {}})
    headers = {"X-Bapi-Limit-Reset-Timestamp": str(NOW_MS + 3_500)}
    server.faults = deque([lambda _: web.Response(text=body, headers=headers)])
    clock = FakeClock(NOW_MS)
    assert len(bars(server, MINUTE_MS, NOW_MS - 5 * MINUTE_MS, NOW_MS, clock).bars) == 5
    assert clock.slept == [3.5]


@pytest.mark.parametrize("code", [10000, 10016])
def test_a_troubled_server_is_asked_again(server: HistoryServer, code: int) -> None:
    body = json.dumps({"retCode": code, "retMsg": "Server Timeout", "result": {}})
    server.faults = deque([lambda _: web.Response(text=body)])
    assert len(bars(server, MINUTE_MS, NOW_MS - 5 * MINUTE_MS, NOW_MS).bars) == 5


def test_other_return_codes_are_final(server: HistoryServer) -> None:
    body = json.dumps({"retCode": 10024, "retMsg": "compliance rules triggered", "result": {}})
    server.faults = deque([lambda _: web.Response(text=body)])
    with pytest.raises(RejectedByVenue, match=r"return code 10024 \(compliance rules triggered\)"):
        bars(server, MINUTE_MS, NOW_MS - 5 * MINUTE_MS, NOW_MS)


def test_marks_come_as_bars_without_volume(server: HistoryServer) -> None:
    start_ms = NOW_MS - DAY_MS
    page = marks(server, start_ms, start_ms + 3 * HOUR_MS)
    assert [bar.open_time_ms for bar in page.bars] == [start_ms + n * HOUR_MS for n in range(3)]
    assert page.bars[1][1:] == (*(float(text) for text in mark_texts(start_ms + HOUR_MS, HOUR_MS)), 0.0)
    assert server.requests[0][0] == "/v5/market/mark-price-kline"


def test_spot_has_no_mark_price(server: HistoryServer) -> None:
    with pytest.raises(ConfigError, match="bybit spot has no mark price; ask for the linear market"):
        marks(server, 0, HOUR_MS, market="spot")
    assert server.requests == []


def test_a_mark_that_is_no_bar_is_malformed(server: HistoryServer) -> None:
    body = json.dumps({"retCode": 0, "retMsg": "OK", "result": {"list": [["1", "2", "3"]]}})
    server.faults = deque([lambda _: web.Response(text=body)] * 10)
    with pytest.raises(TemporaryVenueError, match="mark-price-kline"):
        marks(server, NOW_MS - HOUR_MS, NOW_MS)


def test_funding_comes_oldest_first(server: HistoryServer) -> None:
    start_ms = NOW_MS - 3 * DAY_MS
    stamps = [start_ms + n * 8 * HOUR_MS for n in range(9)]
    assert funding(server, start_ms, NOW_MS) == tuple(FundingRate(at, float(funding_text(at))) for at in stamps)


def test_a_page_of_hourly_funding_is_complete() -> None:
    with HistoryServer({"AUSDT": Listing(0, funding_interval_ms=HOUR_MS)}, NOW_MS) as server:
        start_ms = NOW_MS - BybitHistory.funding_page_ms
        assert len(funding(server, start_ms, NOW_MS)) == 200


def test_spot_has_no_funding(server: HistoryServer) -> None:
    with pytest.raises(ConfigError, match="bybit spot has no funding; ask for the linear market"):
        funding(server, 0, 1, market="spot")
    assert server.requests == []


def test_an_unknown_market_or_interval_is_refused(server: HistoryServer) -> None:
    with pytest.raises(ConfigError, match="choose spot or linear"):
        funding(server, 0, 1, market="inverse")
    with pytest.raises(ConfigError, match="bybit has no bars of 420 s; choose 1m, 3m"):
        bars(server, 7 * MINUTE_MS, 0, 1)


class TestRecordedBodies:
    @pytest.fixture
    def bodies(self, recorded_data: Path) -> dict[str, object]:
        with gzip.open(recorded_data / "fixtures/bybit_v5_rest_ws.json.gz") as file:
            content: dict[str, object] = json.load(file)
        return content

    def test_klines_are_read(self, server: HistoryServer, bodies: dict[str, object]) -> None:
        server.faults = deque([lambda _: web.json_response(bodies["http_get_klines_linear.json"])])
        page = bars(server, MINUTE_MS, 1709891679000, 1709891679050)
        assert page == BarsPage(
            (RecordedBar(1709891679000, 27450.0, 27460.0, 27440.0, 27455.0, 123.45),), 1709891679050
        )

    def test_funding_is_read(self, server: HistoryServer, bodies: dict[str, object]) -> None:
        server.faults = deque([lambda _: web.json_response(bodies["http_get_funding_history.json"])])
        rates = funding(server, 1709856000000, 1709884800001)
        assert rates == (FundingRate(1709856000000, 0.00015), FundingRate(1709884800000, 0.0001))

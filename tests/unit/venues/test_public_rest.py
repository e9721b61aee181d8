from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator

import pytest
from aiohttp import web

from ballast.model.errors import Disconnected, RateLimited, RejectedByVenue, TemporaryVenueError
from ballast.model.ports import BarsPage, PublicHistory
from ballast.venues.bybit_public import BybitHistory
from ballast.venues.mexc_public import MexcHistory
from ballast.venues.public_rest import Answer, Endpoint, Patience, PublicRest, refuse_http_error, retry_after_s
from tests.unit.venues.loopback import DAY_MS, MINUTE_MS, FakeClock, Fault, HistoryServer, Listing

NOW_MS = 1_704_067_200_000 + 100 * DAY_MS
START_MS = NOW_MS - DAY_MS
VENUES = ["bybit", "mexc"]


@pytest.fixture
def server() -> Iterator[HistoryServer]:
    with HistoryServer({"AUSDT": Listing(NOW_MS - 10 * DAY_MS)}, NOW_MS) as running:
        yield running


def status(code: int, headers: dict[str, str] | None = None, text: str = "") -> Fault:
    return lambda _: web.Response(status=code, headers=headers, text=text)


def dropped(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def ask(
    server: HistoryServer, venue: str, clock: FakeClock, symbol: str = "AUSDT", patience: Patience | None = None
) -> BarsPage:
    async def run() -> BarsPage:
        endpoint = Endpoint(venue, server.url, requests_per_s=50.0, burst=10)
        async with PublicRest(endpoint, clock=clock, draw=lambda: 0.5, patience=patience or Patience()) as rest:
            history: PublicHistory = BybitHistory(rest, "spot") if venue == "bybit" else MexcHistory(rest)
            return await history.bars(symbol, MINUTE_MS, START_MS, START_MS + 3 * MINUTE_MS)

    return asyncio.run(run())


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "fault",
    [
        status(500),
        status(503),
        status(429, {"Retry-After": "7"}),
        status(403, {"Retry-After": "7"}),
        status(200, text='{"retCode": 0, "resu'),
        status(200, text="<html>busy</html>"),
        status(200, text='[["x", "1", "1", "1", "1", "1", "1", "1"]]'),
        dropped,
    ],
    ids=["500", "503", "429", "403", "cut", "html", "text for a time", "dropped"],
)
def test_what_may_pass_is_tried_again(server: HistoryServer, venue: str, fault: Fault) -> None:
    server.faults = deque([fault, fault])
    assert len(ask(server, venue, FakeClock(NOW_MS)).bars) == 3
    assert len(server.requests) == 3


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("code", [403, 429])
def test_retry_after_is_waited_for_to_the_second(server: HistoryServer, venue: str, code: int) -> None:
    server.faults = deque([status(code, {"Retry-After": "7"})])
    clock = FakeClock(NOW_MS)
    ask(server, venue, clock)
    assert clock.slept == [7.0]


def test_retry_after_as_a_date_is_waited_for(server: HistoryServer) -> None:
    server.faults = deque([status(429, {"Retry-After": "Wed, 10 Apr 2024 00:01:30 GMT"})])
    clock = FakeClock(NOW_MS)
    ask(server, "mexc", clock)
    assert clock.slept == [90.0]


def test_too_many_requests_without_a_hint_waits_longer_each_time(server: HistoryServer) -> None:
    server.faults = deque([status(429), status(429), status(429)])
    clock = FakeClock(NOW_MS)
    ask(server, "mexc", clock)
    assert clock.slept == [1.25, 2.5, 5.0]


@pytest.mark.parametrize("venue", VENUES)
def test_a_shut_door_without_a_hint_stays_shut_for_ten_minutes_and_then_we_give_up(
    server: HistoryServer, venue: str
) -> None:
    server.faults = deque([status(403)] * 9)
    clock = FakeClock(NOW_MS)
    with pytest.raises(RateLimited, match=r"failed 2 times, last with: HTTP 403.*country") as caught:
        ask(server, venue, clock)
    assert clock.slept == [600.0]
    assert caught.value.retry_after_s == 600.0


@pytest.mark.parametrize("venue", VENUES)
def test_after_six_failures_we_give_up_and_say_why(server: HistoryServer, venue: str) -> None:
    server.faults = deque([status(502)] * 9)
    with pytest.raises(
        TemporaryVenueError, match=rf"^{venue}: GET /.*klines? failed 6 times, last with: HTTP 502; try again"
    ):
        ask(server, venue, FakeClock(NOW_MS))
    assert len(server.requests) == 6


@pytest.mark.parametrize("venue", VENUES)
def test_an_unknown_symbol_is_refused_at_once(server: HistoryServer, venue: str) -> None:
    with pytest.raises(RejectedByVenue, match=rf"{venue} refused symbol 'WHAT': .*check its spelling"):
        ask(server, venue, FakeClock(NOW_MS), symbol="WHAT")
    assert len(server.requests) == 1


def test_nobody_listening_is_a_lost_connection() -> None:
    server = HistoryServer({}, NOW_MS)
    with server:
        pass
    with pytest.raises(Disconnected, match="failed 6 times"):
        ask(server, "mexc", FakeClock(NOW_MS))


def test_no_answer_in_time_is_a_lost_connection(server: HistoryServer) -> None:
    given_up = threading.Event()
    server.on_request = lambda _: given_up.wait(10)
    patience = Patience(attempts=1, timeout_s=0.05)
    with pytest.raises(Disconnected, match=r"failed once, last with: no answer within 0\.05 s"):
        ask(server, "mexc", FakeClock(NOW_MS), patience=patience)
    given_up.set()


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0.0), ("12", 12.0), ("", None), ("soon", None), ("Thu, 01 Jan 1970 00:00:05 GMT", 5.0)]
)
def test_retry_after_is_read_in_both_its_forms(text: str, expected: float | None) -> None:
    assert retry_after_s({"retry-after": text}, FakeClock(0)) == expected


@pytest.mark.parametrize("code", [400, 401, 404, 451])
def test_other_refusals_are_final(code: int) -> None:
    with pytest.raises(RejectedByVenue, match=f"HTTP {code}: no"):
        refuse_http_error(Answer(code, {}, b"no"), FakeClock(), 600.0)

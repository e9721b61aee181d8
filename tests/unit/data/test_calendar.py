"""The calendar in force: from a file or a feed, refreshed, kept, joined over midnight, and honest about its age."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ballast.config.operator_sections import NewsSection
from ballast.data.calendar import LARGEST_BYTES, FeedCalendar, FileCalendar, NewsDesk, desk_of
from ballast.data.calendar_formats import CalendarError
from ballast.model.durations import DAY_NS, HOUR_NS, MINUTE_NS
from ballast.model.errors import ConfigError, DataError
from ballast.model.ports import Impact, NewsCalendar, NewsItem
from ballast.risk.news import NewsLimits, NewsVerdict, news_verdict

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
MIDNIGHT_NS = int(MIDNIGHT.timestamp()) * 1_000_000_000
NOON_NS = MIDNIGHT_NS + 12 * HOUR_NS
FOLLOWED = (frozenset({"EUR", "USD"}), frozenset[str](), frozenset({"JPY"}))
EVENTS = [{"date": "2026-11-20T13:30:00Z", "country": "USD", "impact": "High", "title": "Payrolls"}]


def verdict(desk: NewsDesk, symbol: int, now_ns: int) -> NewsVerdict:
    limits = NewsLimits.new()  # type: ignore[attr-defined]
    return NewsVerdict(
        news_verdict(
            is_raising=True,
            now_ns=now_ns,
            currencies=desk.currencies[symbol],
            releases=desk.releases,
            state=desk.state,
            limits=limits,
        )
    )


def write(path: Path, content: bytes, changed_ns: int) -> Path:
    path.write_bytes(content)
    os.utime(path, ns=(changed_ns, changed_ns))
    return path


@dataclass
class Scripted:
    """A source that answers, or raises, as it is told."""

    answers: list[NewsCalendar | Exception]
    asked_ns: list[int] = field(default_factory=list)

    async def calendar(self, now_ns: int) -> NewsCalendar:
        self.asked_ns.append(now_ns)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def day(number: int, *offsets_ns: int, as_of_ns: int = NOON_NS) -> NewsCalendar:
    start_ns = MIDNIGHT_NS + number * DAY_NS
    items = tuple(NewsItem(start_ns + offset, "USD", Impact.HIGH, "x") for offset in offsets_ns)
    return NewsCalendar(items, as_of_ns, start_ns, start_ns + DAY_NS)


def refresh(desk: NewsDesk, now_ns: int) -> str | None:
    return asyncio.run(desk.refresh(now_ns))


def test_a_file_blocks_the_symbols_that_it_concerns(tmp_path: Path) -> None:
    path = write(tmp_path / "news.json", json.dumps(EVENTS).encode(), NOON_NS - HOUR_NS)
    desk = NewsDesk(FileCalendar(path), FOLLOWED)
    assert refresh(desk, NOON_NS) is None
    at = NOON_NS + 90 * MINUTE_NS
    assert [verdict(desk, symbol, at) for symbol in range(3)] == [
        NewsVerdict.RELEASE_NEAR,
        NewsVerdict.PASS,
        NewsVerdict.PASS,
    ]
    assert verdict(desk, 0, NOON_NS) == NewsVerdict.PASS


def test_a_file_that_nobody_renews_grows_old(tmp_path: Path) -> None:
    document = {"events": EVENTS, "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
    path = write(tmp_path / "news.json", json.dumps(document).encode(), NOON_NS)
    desk = NewsDesk(FileCalendar(path), FOLLOWED)
    for now_ns, expected in [
        (NOON_NS + 24 * HOUR_NS, NewsVerdict.PASS),
        (NOON_NS + 24 * HOUR_NS + 1, NewsVerdict.CALENDAR_OLD),
    ]:
        refresh(desk, now_ns)
        assert verdict(desk, 0, now_ns) == expected
        assert verdict(desk, 1, now_ns) == NewsVerdict.PASS


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, NewsVerdict.CALENDAR_MISSING),
        (b"", NewsVerdict.CALENDAR_EMPTY),
        (b"[]", NewsVerdict.CALENDAR_EMPTY),
        (b"{", NewsVerdict.CALENDAR_MALFORMED),
        (json.dumps(EVENTS).replace("Z", "").encode(), NewsVerdict.CALENDAR_IN_LOCAL_TIME),
        (b" " * (LARGEST_BYTES + 1), NewsVerdict.CALENDAR_MALFORMED),
    ],
    ids=["missing", "no bytes", "no events", "malformed", "in local time", "too large"],
)
def test_each_fault_of_a_file_has_its_own_reason(tmp_path: Path, content: bytes | None, expected: NewsVerdict) -> None:
    path = tmp_path / "news.json"
    if content is not None:
        write(path, content, NOON_NS)
    desk = NewsDesk(FileCalendar(path), FOLLOWED)
    problem = refresh(desk, NOON_NS)
    assert problem is not None
    assert problem.startswith(str(path))
    assert verdict(desk, 0, NOON_NS) == expected


def test_a_directory_is_no_calendar(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match="cannot be read"):
        asyncio.run(FileCalendar(tmp_path).calendar(NOON_NS))


def test_the_calendar_is_looked_at_every_quarter_of_an_hour() -> None:
    source = Scripted([day(0, HOUR_NS), day(0, HOUR_NS)])
    desk = NewsDesk(source, FOLLOWED)
    for minutes in (0, 1, 14, 15):
        refresh(desk, NOON_NS + minutes * MINUTE_NS)
    assert source.asked_ns == [NOON_NS, NOON_NS + 15 * MINUTE_NS]


def test_a_failed_look_leaves_the_last_good_calendar_until_it_is_old() -> None:
    broken = CalendarError("feed: broken", NewsVerdict.CALENDAR_MALFORMED)
    desk = NewsDesk(Scripted([day(0, 13 * HOUR_NS), broken, DataError("gone")]), FOLLOWED)
    refresh(desk, NOON_NS)
    assert refresh(desk, NOON_NS + 20 * MINUTE_NS) == "feed: broken"
    assert verdict(desk, 0, NOON_NS + 55 * MINUTE_NS) == NewsVerdict.RELEASE_NEAR
    assert verdict(desk, 0, NOON_NS + 3 * HOUR_NS) == NewsVerdict.PASS
    assert verdict(desk, 0, NOON_NS + 25 * HOUR_NS) == NewsVerdict.CALENDAR_MALFORMED
    assert refresh(desk, NOON_NS + HOUR_NS) == "gone"
    assert verdict(desk, 0, NOON_NS + 25 * HOUR_NS) == NewsVerdict.CALENDAR_MISSING


def test_a_withdrawn_release_blocks_no_more() -> None:
    desk = NewsDesk(Scripted([day(0, 13 * HOUR_NS), day(0, 20 * HOUR_NS)]), FOLLOWED)
    refresh(desk, NOON_NS)
    refresh(desk, NOON_NS + 15 * MINUTE_NS)
    assert verdict(desk, 0, MIDNIGHT_NS + 13 * HOUR_NS) == NewsVerdict.PASS


def test_midnight_hides_no_release_of_the_day_before() -> None:
    late = DAY_NS - 2 * MINUTE_NS
    tomorrow_ns = MIDNIGHT_NS + DAY_NS
    desk = NewsDesk(Scripted([day(0, HOUR_NS, late), day(1, 9 * HOUR_NS, as_of_ns=tomorrow_ns)]), FOLLOWED)
    refresh(desk, NOON_NS)
    assert verdict(desk, 0, tomorrow_ns - 20 * MINUTE_NS) == NewsVerdict.PASS
    refresh(desk, tomorrow_ns)
    assert verdict(desk, 0, tomorrow_ns + 8 * MINUTE_NS) == NewsVerdict.RELEASE_NEAR
    assert verdict(desk, 0, tomorrow_ns + 8 * MINUTE_NS + 1) == NewsVerdict.PASS


def test_the_end_of_a_day_is_unknown_until_the_next_day_is_known() -> None:
    desk = NewsDesk(Scripted([day(0, HOUR_NS)]), FOLLOWED)
    refresh(desk, NOON_NS)
    assert verdict(desk, 0, MIDNIGHT_NS + DAY_NS - 5 * MINUTE_NS) == NewsVerdict.CALENDAR_TOO_SHORT


def test_days_that_do_not_touch_are_not_joined() -> None:
    desk = NewsDesk(Scripted([day(0, HOUR_NS), day(2, HOUR_NS, as_of_ns=MIDNIGHT_NS + 2 * DAY_NS)]), FOLLOWED)
    refresh(desk, NOON_NS)
    refresh(desk, MIDNIGHT_NS + 2 * DAY_NS)
    assert verdict(desk, 0, MIDNIGHT_NS + 2 * DAY_NS + MINUTE_NS) == NewsVerdict.CALENDAR_TOO_SHORT


def test_only_two_days_are_ever_kept() -> None:
    days = [day(number, HOUR_NS, as_of_ns=MIDNIGHT_NS + number * DAY_NS) for number in range(9)]
    desk = NewsDesk(Scripted(list(days)), FOLLOWED)
    for number in range(9):
        refresh(desk, MIDNIGHT_NS + number * DAY_NS)
    assert len(desk.releases) == 2


def test_a_calendar_of_past_days_is_read_once_and_covers_what_it_is_said_to(tmp_path: Path) -> None:
    path = write(tmp_path / "news.json", json.dumps(EVENTS).encode(), NOON_NS + 500 * DAY_NS)
    start, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    section = NewsSection(calendar="news.json", covers_start=start, covers_end=end)
    desk = desk_of(section, ["EURUSD", "BTCUSDT", "USDJPY"], tmp_path)
    assert desk is not None
    refresh(desk, NOON_NS)
    path.unlink()
    assert refresh(desk, NOON_NS + DAY_NS) is None
    assert verdict(desk, 0, NOON_NS + 90 * MINUTE_NS) == NewsVerdict.RELEASE_NEAR
    assert verdict(desk, 0, NOON_NS + 8 * DAY_NS) == NewsVerdict.PASS
    assert verdict(desk, 0, NOON_NS + 20 * DAY_NS) == NewsVerdict.CALENDAR_TOO_SHORT


def test_no_calendar_in_the_file_means_no_filter(tmp_path: Path) -> None:
    assert desk_of(NewsSection(), ["EURUSD"], tmp_path) is None


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def served(answer: Answer, use: Callable[[str], Awaitable[Any]]) -> Any:
    """Serve ``answer`` on loopback while ``use`` runs."""

    async def run() -> Any:
        application = web.Application()
        application.router.add_get("/news", answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            return await use(f"http://127.0.0.1:{runner.addresses[0][1]}/news?key=canary123")
        finally:
            await runner.cleanup()

    return asyncio.run(run())


async def good(request: web.Request) -> web.StreamResponse:
    return web.json_response(EVENTS)


def test_a_feed_is_fetched_dated_and_kept_on_disk(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "news.json"
    calendar = served(good, lambda url: FeedCalendar(url, cache).calendar(NOON_NS))
    assert calendar.as_of_ns == NOON_NS
    assert json.loads(cache.read_bytes()) == EVENTS
    assert cache.stat().st_mtime_ns == NOON_NS
    assert [path.name for path in cache.parent.iterdir()] == ["news.json"]


async def error_page(request: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


async def elsewhere(request: web.Request) -> web.StreamResponse:
    if "moved" in request.query:
        return await good(request)
    raise web.HTTPFound("/news?moved=1")


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(LARGEST_BYTES // (1 << 16) + 2):
        await response.write(b" " * (1 << 16))
    return response


async def cut_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"[")
    assert request.transport is not None
    request.transport.abort()
    return response


async def silent(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


FAULTS: dict[str, tuple[Answer, NewsVerdict]] = {
    "an error": (error_page, NewsVerdict.CALENDAR_MISSING),
    "a redirect": (elsewhere, NewsVerdict.CALENDAR_MISSING),
    "more than it should": (endless, NewsVerdict.CALENDAR_MALFORMED),
    "half an answer": (cut_off, NewsVerdict.CALENDAR_MISSING),
    "silence": (silent, NewsVerdict.CALENDAR_MISSING),
}


@pytest.mark.parametrize(("answer", "expected"), FAULTS.values(), ids=list(FAULTS))
def test_a_feed_that_fails_says_so_without_its_key(answer: Answer, expected: NewsVerdict) -> None:
    with pytest.raises(CalendarError) as caught:
        served(answer, lambda url: FeedCalendar(url, timeout_s=0.3 if answer is silent else 10.0).calendar(NOON_NS))
    assert caught.value.verdict == expected
    assert "canary123" not in str(caught.value)


def test_a_start_without_the_feed_finds_the_kept_calendar_with_its_age(tmp_path: Path) -> None:
    cache = write(tmp_path / "news.json", json.dumps(EVENTS).encode(), NOON_NS - 20 * HOUR_NS)
    desk = served(error_page, lambda url: started(FeedCalendar(url, cache)))
    assert desk.state.as_of_ns == NOON_NS - 20 * HOUR_NS
    assert verdict(desk, 0, NOON_NS + HOUR_NS) == NewsVerdict.PASS
    assert verdict(desk, 0, NOON_NS + 5 * HOUR_NS) != NewsVerdict.PASS


async def started(source: FeedCalendar) -> NewsDesk:
    desk = NewsDesk(source, FOLLOWED)
    assert await desk.refresh(NOON_NS) is None
    assert await desk.refresh(NOON_NS + HOUR_NS) is not None, "a feed that goes on failing is reported"
    return desk


def test_a_spoilt_kept_calendar_is_none(tmp_path: Path) -> None:
    cache = write(tmp_path / "news.json", b"spoilt", NOON_NS)
    with pytest.raises(CalendarError, match="answered 503"):
        served(error_page, lambda url: FeedCalendar(url, cache).calendar(NOON_NS))


def test_a_calendar_that_cannot_be_kept_is_used_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    calendar = served(good, lambda url: FeedCalendar(url, tmp_path / "file" / "news.json").calendar(NOON_NS))
    assert len(calendar.items) == 1


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://example.org/news",
            "ftp://example.org/news",
            "https:///news",
            "https://me:pw@example.org/news",
            "x://",
        ),
        *("https://example.org/news?api_key=me:pw", "https://example.org/news?week=47&token=me:pw"),
    ],
)
def test_only_a_safe_url_without_a_password_is_taken(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"news\.calendar") as caught:
        desk_of(NewsSection(calendar=url), ["EURUSD"], tmp_path)
    assert "me:pw" not in str(caught.value)


def test_a_safe_url_and_a_path_are_told_apart(tmp_path: Path) -> None:
    for calendar, kind in [
        ("https://example.org/n.json", FeedCalendar),
        ("https://example.org/n.json?week=47", FeedCalendar),
        ("http://localhost:8/n", FeedCalendar),
        ("n.ics", FileCalendar),
    ]:
        desk = desk_of(NewsSection(calendar=calendar), ["EURUSD"], tmp_path)
        assert desk is not None
        assert isinstance(desk.source, kind)

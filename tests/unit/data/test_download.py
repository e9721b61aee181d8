from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from ballast.data.catalog import Catalog
from ballast.data.download import DownloadReport, Progress, download_bars, download_funding
from ballast.data.series import BARS, MARKS, Series
from ballast.model.errors import ConfigError, OutputError, RejectedByVenue, TemporaryVenueError
from ballast.model.ports import PublicHistory
from ballast.venues.bybit_public import BybitHistory
from ballast.venues.mexc_public import MexcHistory
from ballast.venues.public_rest import Endpoint, PublicRest
from tests.unit.data.test_catalog import files
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

# 2024-06-10 12:00:30 UTC, in the middle of a minute.
NOW_MS = 1_718_020_800_000 + 30_000
LAST_CLOSED_MS = NOW_MS - 30_000
VENUES = ["bybit", "mexc"]


@pytest.fixture
def server() -> Iterator[HistoryServer]:
    with HistoryServer({"AUSDT": Listing(NOW_MS - 400 * DAY_MS)}, NOW_MS) as running:
        yield running


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalog")


def history_of(venue: str, rest: PublicRest) -> PublicHistory:
    return BybitHistory(rest, "linear") if venue == "bybit" else MexcHistory(rest)


def download(
    server: HistoryServer, catalog: Catalog, venue: str, start_ms: int, end_ms: int | None, **options: Any
) -> DownloadReport:
    """Download minutes of AUSDT unless ``options`` say otherwise."""

    async def run() -> DownloadReport:
        endpoint = Endpoint(venue, server.url, 1000.0, 100)
        async with PublicRest(endpoint, clock=FakeClock(NOW_MS), draw=lambda: 0.0) as rest:
            arguments: dict[str, Any] = {"interval_ms": MINUTE_MS, "now_ms": lambda: NOW_MS} | options
            symbol = arguments.pop("symbol", "AUSDT")
            source = history_of(venue, rest)
            return await download_bars(source, catalog, symbol, start_ms=start_ms, end_ms=end_ms, **arguments)

    return asyncio.run(run())


def stored_minutes(catalog: Catalog, venue: str) -> list[int]:
    dataset = "bybit/linear" if venue == "bybit" else "mexc/spot"
    return catalog.read(dataset, ["AUSDT"]).ts_ms.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("venue", VENUES)
def test_every_bar_of_the_window_is_stored_as_the_venue_tells_it(
    server: HistoryServer, catalog: Catalog, venue: str
) -> None:
    start_ms, end_ms = LAST_CLOSED_MS - 3 * DAY_MS, LAST_CLOSED_MS - DAY_MS
    report = download(server, catalog, venue, start_ms, end_ms)
    assert (report.rows_new, report.pages) == (2880, 3 if venue == "bybit" else 6)
    assert (report.listed_ms, report.gaps) == (None, ())
    columns = catalog.read("bybit/linear" if venue == "bybit" else "mexc/spot", ["AUSDT"])
    assert columns.ts_ms.tolist() == list(range(start_ms, end_ms, MINUTE_MS))
    told = np.array([[float(text) for text in bar_texts(at, MINUTE_MS)] for at in range(start_ms, end_ms, MINUTE_MS)])
    for number, name in enumerate(("open", "high", "low", "close", "volume")):
        np.testing.assert_array_equal(getattr(columns, name), told[:, number])


@pytest.mark.parametrize("venue", VENUES)
def test_a_second_run_asks_for_nothing_and_changes_no_byte(server: HistoryServer, catalog: Catalog, venue: str) -> None:
    window = (LAST_CLOSED_MS - DAY_MS, LAST_CLOSED_MS - HOUR_MS)
    download(server, catalog, venue, *window)
    before, asked = files(catalog), len(server.requests)
    report = download(server, catalog, venue, *window)
    assert (report.rows_new, report.pages, len(server.requests)) == (0, 0, asked)
    assert files(catalog) == before


def test_a_wider_window_asks_only_for_what_is_missing(server: HistoryServer, catalog: Catalog) -> None:
    download(server, catalog, "mexc", LAST_CLOSED_MS - 5 * HOUR_MS, LAST_CLOSED_MS - 4 * HOUR_MS)
    report = download(server, catalog, "mexc", LAST_CLOSED_MS - 6 * HOUR_MS, LAST_CLOSED_MS - 2 * HOUR_MS)
    assert (report.rows_new, report.pages) == (180, 2)
    assert len(stored_minutes(catalog, "mexc")) == 240


def test_how_the_window_was_cut_leaves_no_trace(server: HistoryServer, tmp_path: Path) -> None:
    start_ms, end_ms = LAST_CLOSED_MS - 20 * HOUR_MS, LAST_CLOSED_MS - HOUR_MS
    whole, cut = Catalog(tmp_path / "whole"), Catalog(tmp_path / "cut")
    download(server, whole, "mexc", start_ms, end_ms)
    for part in ((12, 19), (0, 3), (2, 13)):
        download(server, cut, "mexc", start_ms + part[0] * HOUR_MS, start_ms + part[1] * HOUR_MS)
    assert files(cut) == files(whole)


class TestTheNewestBars:
    @pytest.mark.parametrize("venue", VENUES)
    def test_the_bar_that_is_forming_is_not_stored(self, server: HistoryServer, catalog: Catalog, venue: str) -> None:
        download(server, catalog, venue, LAST_CLOSED_MS - HOUR_MS, None)
        assert stored_minutes(catalog, venue)[-1] == LAST_CLOSED_MS - MINUTE_MS

    def test_a_bar_just_closed_is_left_to_settle(self, server: HistoryServer, catalog: Catalog) -> None:
        download(server, catalog, "mexc", LAST_CLOSED_MS - HOUR_MS, None, now_ms=lambda: LAST_CLOSED_MS + 4_999)
        assert stored_minutes(catalog, "mexc")[-1] == LAST_CLOSED_MS - 2 * MINUTE_MS

    def test_the_venue_s_clock_counts_when_ours_is_ahead(self, server: HistoryServer, catalog: Catalog) -> None:
        download(server, catalog, "bybit", LAST_CLOSED_MS - HOUR_MS, None, now_ms=lambda: NOW_MS + 10 * MINUTE_MS)
        assert stored_minutes(catalog, "bybit")[-1] == LAST_CLOSED_MS - MINUTE_MS

    def test_later_the_download_goes_on_where_it_was(self, server: HistoryServer, catalog: Catalog) -> None:
        download(server, catalog, "bybit", LAST_CLOSED_MS - HOUR_MS, None)
        server.now_ms += 5 * MINUTE_MS
        report = download(server, catalog, "bybit", LAST_CLOSED_MS - HOUR_MS, None, now_ms=lambda: server.now_ms)
        assert (report.rows_new, report.pages, report.gaps) == (5, 1, ())

    def test_a_bar_that_is_late_is_asked_for_again(self, server: HistoryServer, catalog: Catalog) -> None:
        late = (LAST_CLOSED_MS - 2 * MINUTE_MS, LAST_CLOSED_MS)
        server.listings["AUSDT"] = replace(server.listings["AUSDT"], outages=(late,))
        assert download(server, catalog, "mexc", LAST_CLOSED_MS - HOUR_MS, None).rows_new == 58
        server.listings["AUSDT"] = replace(server.listings["AUSDT"], outages=())
        assert download(server, catalog, "mexc", LAST_CLOSED_MS - HOUR_MS, None).rows_new == 2


class TestEmptyTime:
    @pytest.mark.parametrize("venue", VENUES)
    def test_the_time_before_a_listing_is_skipped(self, server: HistoryServer, catalog: Catalog, venue: str) -> None:
        listed_ms = LAST_CLOSED_MS - 2 * DAY_MS + 37 * MINUTE_MS
        server.listings["AUSDT"] = Listing(listed_ms)
        report = download(server, catalog, venue, LAST_CLOSED_MS - 300 * DAY_MS, LAST_CLOSED_MS)
        assert report.listed_ms == listed_ms == stored_minutes(catalog, venue)[0]
        assert report.gaps == ()
        assert report.rows_new == (LAST_CLOSED_MS - listed_ms) // MINUTE_MS
        # 300 days of minutes would be 432 pages of Bybit, 864 of MEXC.
        assert len(server.requests) < 12
        asked = len(server.requests)
        assert download(server, catalog, venue, LAST_CLOSED_MS - 300 * DAY_MS, LAST_CLOSED_MS - HOUR_MS).pages == 0
        assert len(server.requests) == asked

    @pytest.mark.parametrize("venue", VENUES)
    def test_an_outage_in_the_middle_is_a_gap_and_gone_past(
        self, server: HistoryServer, catalog: Catalog, venue: str
    ) -> None:
        outage = (LAST_CLOSED_MS - 4 * DAY_MS, LAST_CLOSED_MS - DAY_MS - 7 * MINUTE_MS)
        server.listings["AUSDT"] = Listing(0, outages=(outage,))
        start_ms, end_ms = LAST_CLOSED_MS - 5 * DAY_MS, LAST_CLOSED_MS - HOUR_MS
        report = download(server, catalog, venue, start_ms, end_ms)
        assert report.gaps == (outage,)
        assert report.listed_ms is None
        expected = [*range(start_ms, outage[0], MINUTE_MS), *range(outage[1], end_ms, MINUTE_MS)]
        assert stored_minutes(catalog, venue) == expected

    def test_a_short_hole_within_a_page_is_a_gap(self, server: HistoryServer, catalog: Catalog) -> None:
        hole = (LAST_CLOSED_MS - 5 * HOUR_MS, LAST_CLOSED_MS - 5 * HOUR_MS + 2 * MINUTE_MS)
        server.listings["AUSDT"] = Listing(0, outages=(hole,))
        report = download(server, catalog, "bybit", LAST_CLOSED_MS - 6 * HOUR_MS, LAST_CLOSED_MS - HOUR_MS)
        assert report.gaps == (hole,)

    def test_a_coin_that_is_not_listed_in_the_window_leaves_no_rows(
        self, server: HistoryServer, catalog: Catalog
    ) -> None:
        server.listings["AUSDT"] = Listing(LAST_CLOSED_MS - HOUR_MS)
        window = (LAST_CLOSED_MS - 60 * DAY_MS, LAST_CLOSED_MS - 30 * DAY_MS)
        report = download(server, catalog, "mexc", *window)
        assert (report.rows_new, report.listed_ms, report.gaps) == (0, None, ())
        assert catalog.summaries() == []
        assert download(server, catalog, "mexc", *window).pages == 0

    def test_daily_bars_walk_their_empty_pages(self, server: HistoryServer, catalog: Catalog) -> None:
        server.listings["AUSDT"] = Listing(LAST_CLOSED_MS - 10 * DAY_MS)
        options = {"interval_ms": DAY_MS}
        report = download(server, catalog, "mexc", LAST_CLOSED_MS - 1200 * DAY_MS, None, **options)
        assert (report.rows_new, report.pages) == (10, 3)


class TestFaults:
    @pytest.mark.parametrize("venue", VENUES)
    def test_what_passes_leaves_no_trace(self, server: HistoryServer, tmp_path: Path, venue: str) -> None:
        window = (LAST_CLOSED_MS - 2 * DAY_MS, LAST_CLOSED_MS - HOUR_MS)
        quiet, troubled = Catalog(tmp_path / "quiet"), Catalog(tmp_path / "troubled")
        download(server, quiet, venue, *window)
        server.faults = deque([
            lambda _: web.Response(status=429, headers={"Retry-After": "3"}),
            None,
            lambda _: web.Response(status=502),
            lambda _: web.Response(text='{"retCode": 0, "result": {"list": [["17'),
            None,
            lambda _: web.Response(status=403, headers={"Retry-After": "120"}),
        ])  # fmt: skip
        download(server, troubled, venue, *window)
        assert not server.faults
        assert files(troubled) == files(quiet)

    def test_giving_up_keeps_the_finished_pages_and_goes_on_behind_them(
        self, server: HistoryServer, tmp_path: Path
    ) -> None:
        window = (LAST_CLOSED_MS - DAY_MS, LAST_CLOSED_MS - HOUR_MS)
        broken, whole = Catalog(tmp_path / "broken"), Catalog(tmp_path / "whole")
        server.faults = deque([None, *[lambda _: web.Response(status=500)] * 6])
        with pytest.raises(TemporaryVenueError, match="failed 6 times, last with: HTTP 500"):
            download(server, broken, "mexc", *window)
        assert len(stored_minutes(broken, "mexc")) == 500
        assert download(server, broken, "mexc", *window).pages == 2
        download(server, whole, "mexc", *window)
        assert files(broken) == files(whole)

    def test_an_unknown_symbol_leaves_nothing(self, server: HistoryServer, catalog: Catalog) -> None:
        with pytest.raises(RejectedByVenue, match="mexc refused symbol 'WHAT'"):
            download(server, catalog, "mexc", LAST_CLOSED_MS - DAY_MS, None, symbol="WHAT")
        assert not catalog.root.exists()

    def test_an_unwritable_catalog_is_named(self, server: HistoryServer, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="the catalog cannot be written"):
            download(server, Catalog(tmp_path / "file/catalog"), "mexc", LAST_CLOSED_MS - DAY_MS, None)

    @pytest.mark.parametrize("start_ms", [LAST_CLOSED_MS, NOW_MS + DAY_MS])
    def test_a_window_without_a_closed_bar_is_refused(
        self, server: HistoryServer, catalog: Catalog, start_ms: int
    ) -> None:
        with pytest.raises(ConfigError, match=r"nothing to download for mexc/spot AUSDT 1m: .*choose an earlier start"):
            download(server, catalog, "mexc", start_ms, None)


# Kills itself before the n-th time that it moves or removes a file, if n is not 0.
DOWNLOAD_PROCESS = """
import asyncio, os, signal, sys
from pathlib import Path
from ballast.data.catalog import Catalog
from ballast.data.download import download_bars
from ballast.venues.mexc_public import MexcHistory
from ballast.venues.public_rest import Endpoint, PublicRest

url, root = sys.argv[1], Path(sys.argv[2])
start_ms, end_ms, now_ms, steps_left = map(int, sys.argv[3:])

def dying(operation):
    def wrapped(*arguments, **keywords):
        global steps_left
        steps_left -= 1
        if steps_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return operation(*arguments, **keywords)
    return wrapped

os.replace, Path.unlink = dying(os.replace), dying(Path.unlink)

async def main():
    async with PublicRest(Endpoint("mexc", url, 1000.0, 100)) as rest:
        await download_bars(MexcHistory(rest), Catalog(root), "AUSDT", interval_ms=60_000,
                            start_ms=start_ms, end_ms=end_ms, now_ms=lambda: now_ms)

asyncio.run(main())
"""


def start_process(server: HistoryServer, root: Path, window: tuple[int, int], step: int = 0) -> subprocess.Popen[bytes]:
    arguments = [server.url, str(root), *map(str, window), str(NOW_MS), str(step)]
    return subprocess.Popen([sys.executable, "-c", DOWNLOAD_PROCESS, *arguments])


def test_a_killed_download_goes_on_behind_its_last_page(server: HistoryServer, tmp_path: Path) -> None:
    window = (LAST_CLOSED_MS - 2 * DAY_MS, LAST_CLOSED_MS - HOUR_MS)
    killed, whole = Catalog(tmp_path / "killed"), Catalog(tmp_path / "whole")
    reached = threading.Event()
    # The fourth question is answered only when the process that asked is dead.
    dead = threading.Event()

    def wait_at_the_fourth(count: int) -> None:
        if count == 4:
            reached.set()
            dead.wait(60)

    server.on_request = wait_at_the_fourth
    process = start_process(server, killed.root, window)
    assert reached.wait(60)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    dead.set()

    series = Series(BARS, "mexc/spot", "AUSDT", "1m")
    assert killed.entry(series).covered == [(window[0], window[0] + 1500 * MINUTE_MS)]
    server.requests.clear()
    report = download(server, killed, "mexc", *window)
    assert report.rows_new == (window[1] - window[0]) // MINUTE_MS - 1500
    assert server.requests[0][1]["startTime"] == str(window[0] + 1500 * MINUTE_MS)
    download(server, whole, "mexc", *window)
    assert files(killed) == files(whole)


def test_killed_at_any_step_the_catalog_is_whole(server: HistoryServer, tmp_path: Path) -> None:
    window = (LAST_CLOSED_MS - 16 * HOUR_MS, LAST_CLOSED_MS - HOUR_MS)
    whole = Catalog(tmp_path / "whole")
    download(server, whole, "mexc", *window)
    for step in range(1, 100):
        catalog = Catalog(tmp_path / f"killed-{step}")
        exit_code = start_process(server, catalog.root, window, step).wait(60)
        catalog.verify()
        download(server, catalog, "mexc", *window)
        assert files(catalog) == files(whole), f"killed before step {step}"
        if exit_code == 0:
            break
        assert exit_code == -signal.SIGKILL
    # Two pages, each with a part and a manifest to move, and a part of the first to remove.
    assert step > 5


class TestFunding:
    def funding(self, server: HistoryServer, catalog: Catalog, venue: str, start_ms: int, end_ms: int | None) -> Any:
        async def run() -> DownloadReport:
            async with PublicRest(Endpoint(venue, server.url, 1000.0, 100), clock=FakeClock(NOW_MS)) as rest:
                source = history_of(venue, rest)
                return await download_funding(
                    source, catalog, "AUSDT", start_ms=start_ms, end_ms=end_ms, now_ms=lambda: NOW_MS
                )

        return asyncio.run(run())

    def test_every_rate_of_the_window_is_stored_once(self, server: HistoryServer, catalog: Catalog) -> None:
        start_ms = LAST_CLOSED_MS - 40 * DAY_MS
        report = self.funding(server, catalog, "bybit", start_ms, LAST_CLOSED_MS)
        first_ms = -(-start_ms // (8 * HOUR_MS)) * 8 * HOUR_MS
        expected = list(range(first_ms, LAST_CLOSED_MS, 8 * HOUR_MS))
        with catalog.connect() as connection:
            rows = connection.execute("SELECT epoch_ms(ts), funding_rate FROM funding ORDER BY ts").fetchall()
        assert rows == [(at, float(funding_text(at))) for at in expected]
        assert report.rows_new == len(expected)
        before = files(catalog)
        assert self.funding(server, catalog, "bybit", start_ms, LAST_CLOSED_MS).pages == 0
        assert files(catalog) == before

    def test_mexc_says_that_it_has_none(self, server: HistoryServer, catalog: Catalog) -> None:
        with pytest.raises(ConfigError, match="mexc spot has no funding rates"):
            self.funding(server, catalog, "mexc", LAST_CLOSED_MS - DAY_MS, None)
        assert not catalog.root.exists()


class TestMarks:
    def test_every_mark_of_the_window_is_stored_beside_its_bar(self, server: HistoryServer, catalog: Catalog) -> None:
        window = (LAST_CLOSED_MS - 30 * HOUR_MS, LAST_CLOSED_MS - HOUR_MS)
        download(server, catalog, "bybit", *window)
        report = download(server, catalog, "bybit", *window, kind=MARKS)
        assert (report.rows_new, str(report.series)) == (29 * 60, "bybit/linear AUSDT 1m marks")
        columns = catalog.read("bybit/linear", ["AUSDT"], marks="bars")
        told = np.array([[float(text) for text in mark_texts(int(at), MINUTE_MS)] for at in columns.ts_ms])
        for number, name in enumerate(("mark_open", "mark_high", "mark_low", "mark")):
            np.testing.assert_array_equal(getattr(columns, name), told[:, number])

    def test_a_second_run_asks_for_nothing(self, server: HistoryServer, catalog: Catalog) -> None:
        window = (LAST_CLOSED_MS - 3 * HOUR_MS, LAST_CLOSED_MS - HOUR_MS)
        download(server, catalog, "bybit", *window, kind=MARKS)
        before = files(catalog)
        assert download(server, catalog, "bybit", *window, kind=MARKS).pages == 0
        assert files(catalog) == before

    def test_the_time_before_a_listing_is_skipped(self, server: HistoryServer, catalog: Catalog) -> None:
        listed_ms = LAST_CLOSED_MS - 2 * HOUR_MS
        server.listings["AUSDT"] = Listing(listed_ms)
        report = download(server, catalog, "bybit", LAST_CLOSED_MS - 300 * DAY_MS, LAST_CLOSED_MS, kind=MARKS)
        assert (report.listed_ms, report.rows_new) == (listed_ms, 120)

    def test_mexc_says_that_it_has_none(self, server: HistoryServer, catalog: Catalog) -> None:
        with pytest.raises(ConfigError, match="mexc spot has no mark price"):
            download(server, catalog, "mexc", LAST_CLOSED_MS - DAY_MS, None, kind=MARKS)
        assert not catalog.root.exists()


def test_progress_runs_from_what_is_there_to_the_whole_window(server: HistoryServer, catalog: Catalog) -> None:
    start_ms, end_ms = LAST_CLOSED_MS - DAY_MS, LAST_CLOSED_MS - HOUR_MS
    download(server, catalog, "mexc", start_ms, start_ms + 10 * HOUR_MS)
    seen: list[Progress] = []
    download(server, catalog, "mexc", start_ms, end_ms, progress=seen.append)
    assert [one.done_ms for one in seen] == sorted(one.done_ms for one in seen)
    assert seen[0].done_ms > 10 * HOUR_MS
    assert (seen[-1].done_ms, seen[-1].total_ms, seen[-1].rows_new) == (23 * HOUR_MS, 23 * HOUR_MS, 780)

"""
A server on 127.0.0.1 that shows a made-up history in Bybit's and MEXC's own formats, with faults on demand.

Bars are a function of symbol and time, so that a test knows what a download must have brought.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000

BYBIT_INTERVALS = {"1": MINUTE_MS, "5": 5 * MINUTE_MS, "60": HOUR_MS, "D": DAY_MS}
MEXC_INTERVALS = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "60m": HOUR_MS, "1d": DAY_MS}

Fault = Callable[[web.Request], web.Response]


@dataclass(frozen=True)
class Listing:
    """A symbol that trades from its listing on, but for its outages (half-open ranges)."""

    listed_ms: int
    outages: tuple[tuple[int, int], ...] = ()
    funding_interval_ms: int = 8 * HOUR_MS

    def opens(self, start_ms: int, end_ms: int, interval_ms: int) -> list[int]:
        """Return the open times in [start, end] of bars in which there was a trade."""
        first = -(-max(start_ms, self.listed_ms // interval_ms * interval_ms) // interval_ms) * interval_ms
        return [at for at in range(first, end_ms + 1, interval_ms) if self._trades_in(at, at + interval_ms)]

    def _trades_in(self, start_ms: int, end_ms: int) -> bool:
        start_ms = max(start_ms, self.listed_ms)
        return not any(out_start <= start_ms and end_ms <= out_end for out_start, out_end in self.outages)


def bar_texts(open_time_ms: int, interval_ms: int) -> list[str]:
    """Open, high, low, close and volume of the bar at a time, as the venues write them."""
    n = open_time_ms // interval_ms
    open_ = 100 + n % 89
    close = 100 + (n + 1) % 89
    return [f"{open_}.5", f"{max(open_, close)}.75", f"{min(open_, close)}.25", f"{close}.5", f"{n % 1000}.125"]


def mark_texts(open_time_ms: int, interval_ms: int) -> list[str]:
    """Open, high, low and close of the mark price's bar at a time."""
    return [text.replace(".", ".1") for text in bar_texts(open_time_ms, interval_ms)[:4]]


def funding_text(time_ms: int) -> str:
    """Return the funding rate at a time."""
    return f"0.000{time_ms // HOUR_MS % 9 + 1}"


@dataclass
class HistoryServer:
    """A context manager; ``url`` while it runs. ``faults`` answer the next requests, None lets one through."""

    listings: dict[str, Listing]
    now_ms: int
    faults: deque[Fault | None] = field(default_factory=deque)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    on_request: Callable[[int], object] = lambda count: None
    url: str = ""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    async def _start(self) -> web.AppRunner:
        application = web.Application()
        application.router.add_get("/v5/market/kline", self._guarded(self._bybit_klines))
        application.router.add_get("/v5/market/mark-price-kline", self._guarded(self._bybit_marks))
        application.router.add_get("/v5/market/funding/history", self._guarded(self._bybit_funding))
        application.router.add_get("/api/v3/klines", self._guarded(self._mexc_klines))
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return runner

    def _guarded(self, answer: Fault) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            self.requests.append((request.path, dict(request.query)))
            self.on_request(len(self.requests))
            fault = self.faults.popleft() if self.faults else None
            return answer(request) if fault is None else fault(request)

        return handler

    def _bybit_klines(self, request: web.Request) -> web.Response:
        return self._bybit_bars(request, {"spot", "linear"}, lambda at, length: [*bar_texts(at, length), "1.0"])

    def _bybit_marks(self, request: web.Request) -> web.Response:
        return self._bybit_bars(request, {"linear"}, mark_texts)

    def _bybit_bars(
        self, request: web.Request, categories: set[str], texts: Callable[[int, int], list[str]]
    ) -> web.Response:
        query = request.query
        listing = self.listings.get(query["symbol"])
        if query["category"] not in categories or listing is None:
            return self._bybit({}, code=10001, message="params error: Symbol Is Invalid")
        interval_ms = BYBIT_INTERVALS[query["interval"]]
        opens = listing.opens(int(query["start"]), min(int(query["end"]), self.now_ms), interval_ms)
        newest_first = opens[::-1][: min(int(query["limit"]), 1000)]
        rows = [[str(at), *texts(at, interval_ms)] for at in newest_first]
        return self._bybit({"category": query["category"], "symbol": query["symbol"], "list": rows})

    def _bybit_funding(self, request: web.Request) -> web.Response:
        query = request.query
        listing = self.listings.get(query["symbol"])
        if query["category"] != "linear" or listing is None:
            return self._bybit({}, code=10001, message="params error: symbol invalid")
        step_ms = listing.funding_interval_ms
        start_ms = max(int(query["startTime"]), listing.listed_ms)
        stamps = range(-(-start_ms // step_ms) * step_ms, min(int(query["endTime"]), self.now_ms) + 1, step_ms)
        rows = [
            {"symbol": query["symbol"], "fundingRate": funding_text(at), "fundingRateTimestamp": str(at)}
            for at in list(stamps)[::-1][: min(int(query["limit"]), 200)]
        ]
        return self._bybit({"category": "linear", "list": rows})

    def _mexc_klines(self, request: web.Request) -> web.Response:
        query = request.query
        listing = self.listings.get(query["symbol"])
        if listing is None:
            return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
        interval_ms = MEXC_INTERVALS[query["interval"]]
        opens = listing.opens(int(query["startTime"]), min(int(query["endTime"]), self.now_ms), interval_ms)
        oldest_first = opens[: min(int(query.get("limit", "500")), 500)]
        return web.json_response([[at, *bar_texts(at, interval_ms), at + interval_ms, "1.0"] for at in oldest_first])

    def _bybit(self, result: dict[str, object], code: int = 0, message: str = "OK") -> web.Response:
        body = {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": self.now_ms}
        return web.json_response(body)


@dataclass
class FakeClock:
    """A clock that sleeping moves forward at once; ``slept`` keeps how long each sleep was."""

    wall_time_ms: int = 0
    slept: list[float] = field(default_factory=list)
    now_s: float = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_ms(self) -> int:
        return self.wall_time_ms + int(self.now_s * 1000)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)

"""
MEXC spot v3 public history: klines, the last trades and the book.

There is no funding: the public API of the spot market has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import Side
from ballast.model.errors import ConfigError, RejectedByVenue
from ballast.model.ports import BarsPage, FundingRate, RecordedBar
from ballast.model.public_feed import PublicTrade
from ballast.venues.public_rest import Answer, Endpoint, PublicRest, malformed, refuse_http_error

# 300 requests in 10 s per address is the smaller of the published figures; two thirds of it is used.
ENDPOINT = Endpoint("mexc", "https://api.mexc.com", requests_per_s=20.0, burst=10)
_SHUT_OUT_S = 600.0
_BARS_LIMIT = 500
_TRADES_LIMIT = 1000
BOOK_LIMIT = 1000
"""Levels a side of a book that is asked for."""

_INTERVALS = {
    60_000: "1m",
    300_000: "5m",
    900_000: "15m",
    1_800_000: "30m",
    3_600_000: "60m",
    14_400_000: "4h",
    86_400_000: "1d",
}


class BookSnapshot(NamedTuple):
    """A book at one moment: the number of its last change, and (price, qty) a level as the venue writes them."""

    time_ns: int
    number: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class _Depth(msgspec.Struct):
    number: int = msgspec.field(name="lastUpdateId")
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    timestamp: int = 0


class _RecentTrade(msgspec.Struct):
    price: str
    qty: str
    time: int
    is_buyer_maker: bool = msgspec.field(name="isBuyerMaker")


class _Refusal(msgspec.Struct):
    code: int
    msg: str = ""


@dataclass(frozen=True)
class MexcHistory:
    """
    The port ``PublicHistory`` on MEXC's spot market.

    Parameters
    ----------
    rest : PublicRest
        Entered; its endpoint is ``ENDPOINT`` or one that speaks the same protocol.
    """

    rest: PublicRest

    venue = "mexc"
    market = "spot"
    bars_per_page = _BARS_LIMIT
    funding_page_ms = 0

    async def bars(self, symbol: str, interval_ms: int, start_ms: int, end_ms: int) -> BarsPage:
        """Return the bars with ``start_ms <= open time < end_ms``, ascending; the last may still be forming."""
        query = {
            "symbol": symbol,
            "interval": interval_code(interval_ms),
            "startTime": str(start_ms),
            "endTime": str(end_ms - 1),
            "limit": str(_BARS_LIMIT),
        }

        def judge(answer: Answer) -> BarsPage:
            self._refuse(answer, symbol)
            try:
                rows = msgspec.json.decode(answer.body, type=list[list[Any]])
                bars = [RecordedBar(int(row[0]), *(float(value) for value in row[1:6])) for row in rows]
            except (msgspec.DecodeError, TypeError, ValueError, IndexError) as error:
                raise malformed(answer, error) from None
            # MEXC does not send its clock with klines.
            return BarsPage(tuple(sorted(bar for bar in bars if start_ms <= bar.open_time_ms < end_ms)), None)

        return await self.rest.get("/api/v3/klines", query, judge)

    async def recent_trades(self, symbol: str) -> tuple[PublicTrade, ...]:
        """Return the last trades, ascending; how many the venue still tells is its own affair."""

        def judge(answer: Answer) -> tuple[PublicTrade, ...]:
            self._refuse(answer, symbol)
            try:
                rows = msgspec.json.decode(answer.body, type=list[_RecentTrade])
                return tuple(numbered_trades(symbol, map(_figures, reversed(rows))))
            except (msgspec.DecodeError, ValueError) as error:
                raise malformed(answer, error) from None

        return await self.rest.get("/api/v3/trades", {"symbol": symbol, "limit": str(_TRADES_LIMIT)}, judge)

    async def book(self, symbol: str) -> BookSnapshot:
        """Return the book, to ``BOOK_LIMIT`` levels a side."""

        def judge(answer: Answer) -> BookSnapshot:
            self._refuse(answer, symbol)
            try:
                told = msgspec.json.decode(answer.body, type=_Depth)
                for price, qty in (*told.bids, *told.asks):
                    float(price), float(qty)
            except (msgspec.DecodeError, ValueError) as error:
                raise malformed(answer, error) from None
            return BookSnapshot(told.timestamp * MILLISECOND_NS, told.number, told.bids, told.asks)

        return await self.rest.get("/api/v3/depth", {"symbol": symbol, "limit": str(BOOK_LIMIT)}, judge)

    async def marks(
        self,
        symbol: str,
        interval_ms: int,  # noqa: ARG002  # The port's signature.
        start_ms: int,  # noqa: ARG002
        end_ms: int,  # noqa: ARG002
    ) -> BarsPage:
        """Raise ``ConfigError``: there is nothing to ask."""
        raise ConfigError(
            f"mexc spot has no mark price, so none can be downloaded for {symbol!r}; use bybit's linear market"
        )

    async def funding(
        self,
        symbol: str,
        start_ms: int,  # noqa: ARG002  # The port's signature.
        end_ms: int,  # noqa: ARG002
    ) -> tuple[FundingRate, ...]:
        """Raise ``ConfigError``: there is nothing to ask."""
        raise ConfigError(
            f"mexc spot has no funding rates, so none can be downloaded for {symbol!r} "
            "(spot positions pay none); use bybit's linear market for funding"
        )

    def _refuse(self, answer: Answer, symbol: str) -> None:
        if answer.status == 400:
            try:
                refusal = msgspec.json.decode(answer.body, type=_Refusal)
            except msgspec.DecodeError as error:
                raise malformed(answer, error) from None
            raise RejectedByVenue(
                f"mexc refused symbol {symbol!r}: code {refusal.code} ({refusal.msg}); check its spelling"
            )
        refuse_http_error(answer, self.rest.clock, forbidden_wait_s=_SHUT_OUT_S)


def interval_code(interval_ms: int) -> str:
    """Return the venue's word for a bar length; ``ConfigError`` for a length that it has not."""
    if interval_ms not in _INTERVALS:
        raise ConfigError(f"mexc has no bars of {interval_ms // 1000} s; choose 1m, 5m, 15m, 30m, 1h, 4h or 1d")
    return _INTERVALS[interval_ms]


Figures = tuple[int, float, float, Side]
"""A trade's time in milliseconds, price, quantity and the taker's side."""


def numbered_trades(symbol: str, rows: Iterable[Figures]) -> list[PublicTrade]:
    """
    Return trades, of one message, with names made of what they are: the venue gives its public trades none.

    Equal trades of one millisecond are told apart by their number within the message, so that a message told twice, or
    over REST and on a socket, names them alike; two such trades that come in different messages count as one.
    """
    seen: Counter[Figures] = Counter()
    trades = []
    for figures in sorted(rows, key=lambda row: row[0]):
        time_ms, price, qty, side = figures
        name = f"{time_ms}:{price!r}:{qty!r}:{side:+d}:{seen[figures]}"
        seen[figures] += 1
        trades.append(PublicTrade(symbol, time_ms * MILLISECOND_NS, price, qty, side, name))
    return trades


def _figures(row: _RecentTrade) -> Figures:
    return row.time, float(row.price), float(row.qty), Side.SELL if row.is_buyer_maker else Side.BUY

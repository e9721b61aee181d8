"""Bybit V5 public history: klines of spot and linear contracts, mark prices and funding of linear ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import msgspec

from ballast.model.durations import HOUR_MS, MILLISECOND_NS
from ballast.model.enums import Side
from ballast.model.errors import ConfigError, RateLimited, RejectedByVenue, TemporaryVenueError
from ballast.model.ports import BarsPage, FundingRate, RecordedBar
from ballast.model.public_feed import PublicTrade
from ballast.venues.pacing import Clock
from ballast.venues.public_rest import Answer, Endpoint, PublicRest, malformed, refuse_http_error

T = TypeVar("T")

# 600 requests in 5 s per address shut a client out; half of that leaves room for others behind the same address.
ENDPOINT = Endpoint("bybit", "https://api.bybit.com", requests_per_s=60.0, burst=20)
_SHUT_OUT_S = 600.0
_BARS_LIMIT = 1000
_FUNDING_LIMIT = 200
_TRADES_LIMIT = {"spot": 60, "linear": 1000}

_INTERVALS = {
    60_000: "1",
    180_000: "3",
    300_000: "5",
    900_000: "15",
    1_800_000: "30",
    HOUR_MS: "60",
    2 * HOUR_MS: "120",
    4 * HOUR_MS: "240",
    6 * HOUR_MS: "360",
    12 * HOUR_MS: "720",
    24 * HOUR_MS: "D",
}
_THROTTLED = frozenset({10006, 10018, 10403, 10429, 20003})
_PASSING = frozenset({10000, 10016, 10019})


class _Envelope(msgspec.Struct):
    retCode: int  # noqa: N815  # Bybit's spelling, as in the structs below.
    retMsg: str  # noqa: N815
    result: msgspec.Raw = msgspec.Raw(b"{}")
    time: int | None = None


class _Klines(msgspec.Struct):
    rows: list[tuple[str, str, str, str, str, str, str]] = msgspec.field(name="list")


class _MarkKlines(msgspec.Struct):
    """Without volume and turnover."""

    rows: list[tuple[str, str, str, str, str]] = msgspec.field(name="list")


class _Funding(msgspec.Struct):
    symbol: str
    fundingRate: str  # noqa: N815
    fundingRateTimestamp: str  # noqa: N815


class _RecentTrade(msgspec.Struct):
    execId: str  # noqa: N815
    price: str
    size: str
    side: str
    time: str


class _RecentTrades(msgspec.Struct):
    rows: list[_RecentTrade] = msgspec.field(name="list")


class _PriceFilter(msgspec.Struct):
    tickSize: str  # noqa: N815


class _LotFilter(msgspec.Struct):
    minOrderQty: str  # noqa: N815
    maxOrderQty: str  # noqa: N815
    qtyStep: str  # noqa: N815
    minNotionalValue: str = "0"  # noqa: N815


class _Contract(msgspec.Struct):
    priceFilter: _PriceFilter  # noqa: N815
    lotSizeFilter: _LotFilter  # noqa: N815


class _Contracts(msgspec.Struct):
    rows: list[_Contract] = msgspec.field(name="list")


class ContractSteps(NamedTuple):
    """Steps of a linear contract's prices and quantities, as the venue writes them, and the limits of an order."""

    tick: str
    lot: str
    min_qty: float
    max_qty: float
    min_notional: float


class _FundingList(msgspec.Struct):
    rows: list[_Funding] = msgspec.field(name="list")


@dataclass(frozen=True)
class BybitHistory:
    """
    The port ``PublicHistory`` on Bybit.

    Parameters
    ----------
    rest : PublicRest
        Entered; its endpoint is ``ENDPOINT`` or one that speaks the same protocol.
    market : str
        ``"spot"`` or ``"linear"``.
    """

    rest: PublicRest
    market: str

    venue = "bybit"
    bars_per_page = _BARS_LIMIT
    # Contracts settle once an hour at most, so that this span never holds more than a page.
    funding_page_ms = _FUNDING_LIMIT * HOUR_MS

    def __post_init__(self) -> None:
        if self.market not in {"spot", "linear"}:
            raise ConfigError(f"bybit has no market {self.market!r} here; choose spot or linear")

    async def bars(self, symbol: str, interval_ms: int, start_ms: int, end_ms: int) -> BarsPage:
        """Return the bars with ``start_ms <= open time < end_ms``, ascending; the last may still be forming."""
        return await self._klines("/v5/market/kline", _Klines, symbol, interval_ms, start_ms, end_ms)

    async def marks(self, symbol: str, interval_ms: int, start_ms: int, end_ms: int) -> BarsPage:
        """Return the bars of the mark price, as ``bars`` does those of the price; their volume is 0."""
        if self.market != "linear":
            raise ConfigError(f"bybit {self.market} has no mark price; ask for the linear market")
        return await self._klines("/v5/market/mark-price-kline", _MarkKlines, symbol, interval_ms, start_ms, end_ms)

    async def _klines(
        self,
        path: str,
        form: type[_Klines | _MarkKlines],
        symbol: str,
        interval_ms: int,
        start_ms: int,
        end_ms: int,
    ) -> BarsPage:
        query = {
            "category": self.market,
            "symbol": symbol,
            "interval": interval_code(interval_ms),
            # Both ends are inclusive.
            "start": str(start_ms),
            "end": str(end_ms - 1),
            "limit": str(_BARS_LIMIT),
        }

        def judge(answer: Answer) -> BarsPage:
            venue_time_ms, klines = _decoded(answer, form, symbol, self.rest.clock)
            bars = (_bar(row, answer) for row in klines.rows)
            return BarsPage(tuple(sorted(bar for bar in bars if start_ms <= bar.open_time_ms < end_ms)), venue_time_ms)

        return await self.rest.get(path, query, judge)

    async def recent_trades(self, symbol: str) -> tuple[PublicTrade, ...]:
        """Return the last trades, ascending; how many the venue still tells is its own affair."""
        query = {"category": self.market, "symbol": symbol, "limit": str(_TRADES_LIMIT[self.market])}

        def judge(answer: Answer) -> tuple[PublicTrade, ...]:
            _, told = _decoded(answer, _RecentTrades, symbol, self.rest.clock)
            return tuple(_recent_trade(symbol, row, answer) for row in reversed(told.rows))

        return await self.rest.get("/v5/market/recent-trade", query, judge)

    async def steps(self, symbol: str) -> ContractSteps:
        """Return a linear contract's steps and limits."""
        query = {"category": "linear", "symbol": symbol}

        def judge(answer: Answer) -> ContractSteps:
            _, told = _decoded(answer, _Contracts, symbol, self.rest.clock)
            if not told.rows:
                raise RejectedByVenue(f"bybit has no linear contract {symbol!r}; check its spelling")
            lots = told.rows[0].lotSizeFilter
            try:
                limits = (float(text) for text in (lots.minOrderQty, lots.maxOrderQty, lots.minNotionalValue))
                return ContractSteps(told.rows[0].priceFilter.tickSize, lots.qtyStep, *limits)
            except ValueError as error:
                raise malformed(answer, error) from None

        return await self.rest.get("/v5/market/instruments-info", query, judge)

    async def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[FundingRate, ...]:
        """Return the rates with ``start_ms <= time < end_ms``, ascending."""
        if self.market != "linear":
            raise ConfigError(f"bybit {self.market} has no funding; ask for the linear market")
        query = {
            "category": self.market,
            "symbol": symbol,
            "startTime": str(start_ms),
            "endTime": str(end_ms - 1),
            "limit": str(_FUNDING_LIMIT),
        }

        def judge(answer: Answer) -> tuple[FundingRate, ...]:
            _, funding = _decoded(answer, _FundingList, symbol, self.rest.clock)
            rates = (_rate(entry, answer) for entry in funding.rows)
            return tuple(sorted(rate for rate in rates if start_ms <= rate.time_ms < end_ms))

        return await self.rest.get("/v5/market/funding/history", query, judge)


def interval_code(interval_ms: int) -> str:
    """Return the venue's word for a bar length; ``ConfigError`` for a length that it has not."""
    if interval_ms not in _INTERVALS:
        raise ConfigError(
            f"bybit has no bars of {interval_ms // 1000} s; choose 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 12h or 1d"
        )
    return _INTERVALS[interval_ms]


def _decoded(answer: Answer, result_type: type[T], symbol: str, clock: Clock) -> tuple[int | None, T]:
    refuse_http_error(answer, clock, forbidden_wait_s=_SHUT_OUT_S)
    try:
        envelope = msgspec.json.decode(answer.body, type=_Envelope)
        _refuse_return_code(envelope, symbol, answer, clock)
        return envelope.time, msgspec.json.decode(envelope.result, type=result_type)
    except msgspec.DecodeError as error:
        raise malformed(answer, error) from None


def _refuse_return_code(envelope: _Envelope, symbol: str, answer: Answer, clock: Clock) -> None:
    if envelope.retCode == 0:
        return
    reason = f"return code {envelope.retCode} ({envelope.retMsg})"
    if envelope.retCode in _THROTTLED:
        raise RateLimited(reason, _until_reset_s(answer, clock))
    if envelope.retCode in _PASSING:
        raise TemporaryVenueError(reason)
    raise RejectedByVenue(f"bybit refused symbol {symbol!r}: {reason}; check its spelling and market")


def _until_reset_s(answer: Answer, clock: Clock) -> float | None:
    text = answer.headers.get("x-bapi-limit-reset-timestamp", "")
    return max(0.0, (int(text) - clock.wall_ms()) / 1000.0) if text.isdigit() else None


def _bar(row: tuple[str, ...], answer: Answer) -> RecordedBar:
    try:
        open_, high, low, close, volume = (float(text) for text in (*row[1:6], "0")[:5])
        return RecordedBar(int(row[0]), open_, high, low, close, volume)
    except ValueError as error:
        raise malformed(answer, error) from None


def _rate(entry: _Funding, answer: Answer) -> FundingRate:
    try:
        return FundingRate(int(entry.fundingRateTimestamp), float(entry.fundingRate))
    except ValueError as error:
        raise malformed(answer, error) from None


def _recent_trade(symbol: str, row: _RecentTrade, answer: Answer) -> PublicTrade:
    try:
        side = Side.BUY if row.side == "Buy" else Side.SELL
        return PublicTrade(symbol, int(row.time) * MILLISECOND_NS, float(row.price), float(row.size), side, row.execId)
    except ValueError as error:
        raise malformed(answer, error) from None

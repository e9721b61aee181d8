"""Endpoints that tell of the market; nobody has to sign for them."""

from __future__ import annotations

from math import isfinite, nan
from typing import Any

from ballast.model.durations import DAY_NS, MILLISECOND_NS, MINUTE_NS
from ballast.model.enums import Side
from ballast.venues.exchange import quotes
from ballast.venues.exchange.mexc import params
from ballast.venues.exchange.mexc.codes import wrong
from ballast.venues.exchange.mexc.desk import Body, Desk, time_ns, within
from ballast.venues.exchange.mexc.wire import millis, money
from ballast.venues.exchange.orders import TradePrinted

INTERVALS = {
    "1m": 1,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "60m": 60,
    "4h": 240,
    "8h": 480,
    "1d": 1440,
    "1W": 10_080,
}
"""Minutes of a bar by the protocol's names; months are not served."""
PUSHED_INTERVALS = dict(
    zip(("Min1", "Min5", "Min15", "Min30", "Min60", "Hour4", "Hour8", "Day1", "Week1"), INTERVALS.values(), strict=True)
)
AVERAGE_MINUTES = 5
MOST_MONEY = "1000000000000"
"""The largest order that is told of, in quote money; the kernel knows no such limit."""
_MOST_BARS = 100_000


def ping(_desk: Desk, _account: int, _asked: params.Params) -> Body:
    """Answer."""
    return {}


def server_time(desk: Desk, _account: int, _asked: params.Params) -> Body:
    """Return the wall's time, by which requests are signed."""
    return {"serverTime": desk.wall_ms}


def default_symbols(desk: Desk, _account: int, _asked: params.Params) -> Body:
    """List the symbols that the API trades."""
    listed = [name for name in desk.venue.market.symbols if name not in desk.closed]
    return {"code": 200, "data": listed, "msg": None}


def exchange_info(desk: Desk, _account: int, asked: params.Symbols) -> Body:
    """List symbols with their steps and limits."""
    symbols = desk.symbols(asked.symbol or asked.symbols)
    return {
        "timezone": "CST",
        "serverTime": desk.wall_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [_symbol(desk, symbol) for symbol in symbols],
    }


def _symbol(desk: Desk, symbol: int) -> dict[str, Any]:
    listing, instrument = desk.listing(symbol), desk.venue.record.instruments[symbol]
    terms = desk.venue.setup.accounts[0]
    least_money = f"{float(instrument.min_notional):.8g}"
    return {
        "symbol": listing.symbol,
        "status": "3" if symbol in desk.venue.delisted else "1",
        "baseAsset": listing.base,
        "baseAssetPrecision": listing.qty_decimals,
        "quoteAsset": listing.quote,
        "quotePrecision": listing.price_decimals,
        "quoteAssetPrecision": listing.price_decimals,
        "baseCommissionPrecision": listing.qty_decimals,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"],
        "quoteOrderQtyMarketAllowed": True,
        "isSpotTradingAllowed": listing.symbol not in desk.closed,
        "isMarginTradingAllowed": False,
        "permissions": ["SPOT"],
        "filters": [],
        "tickSize": listing.price(listing.tick),
        "baseSizePrecision": listing.qty(max(float(instrument.min_qty), listing.lot)),
        "quoteAmountPrecision": least_money,
        "quoteAmountPrecisionMarket": least_money,
        "maxQuoteAmount": MOST_MONEY,
        "maxQuoteAmountMarket": MOST_MONEY,
        "makerCommission": f"{terms.maker_fee_rate:.8g}",
        "takerCommission": f"{terms.taker_fee_rate:.8g}",
        "tradeSideType": 1,
        "fullName": listing.base,
        "contractAddress": "",
        "st": False,
    }


def depth(desk: Desk, _account: int, asked: params.OneSymbol) -> Body:
    """Return the book, and the version by which pushed changes follow on it."""
    symbol, limit = desk.symbol(asked.symbol), within(100 if asked.limit is None else asked.limit, 5_000)
    book = desk.books.look(symbol)
    return {
        "lastUpdateId": book.version,
        "bids": list(book.bids.items())[:limit],
        "asks": list(book.asks.items())[:limit],
        "timestamp": millis(desk.venue.now_ns),
    }


def trades(desk: Desk, _account: int, asked: params.OneSymbol) -> Body:
    """Return the last trades, newest first."""
    symbol, limit = desk.symbol(asked.symbol), within(500 if asked.limit is None else asked.limit, 1_000)
    listing = desk.listing(symbol)
    return [
        {
            "id": None,
            "price": listing.price(trade.price),
            "qty": listing.qty(trade.qty),
            "quoteQty": money(trade.price * trade.qty),
            "time": millis(trade.time_ns),
            "isBuyerMaker": trade.side == Side.SELL,
            "isBestMatch": True,
            "tradeType": "ASK" if trade.side == Side.SELL else "BID",
        }
        for trade in _tape(desk, symbol)[:limit]
    ]


def agg_trades(desk: Desk, _account: int, asked: params.Trades) -> Body:
    """Return the last trades in the aggregated form, newest first; each stands for itself."""
    symbol, limit = desk.symbol(asked.symbol), within(asked.limit, 1_000)
    if (asked.start_time is None) != (asked.end_time is None):
        raise wrong("startTime and endTime must be used at the same time")
    start, end = time_ns(asked.start_time), time_ns(asked.end_time)
    listing = desk.listing(symbol)
    rows = [
        trade
        for trade in _tape(desk, symbol)
        if start is None or end is None or start <= trade.time_ns // MILLISECOND_NS * MILLISECOND_NS <= end
    ]
    return [
        {
            "a": None,
            "f": None,
            "l": None,
            "p": listing.price(trade.price),
            "q": listing.qty(trade.qty),
            "T": millis(trade.time_ns),
            "m": trade.side == Side.SELL,
            "M": True,
        }
        for trade in rows[:limit]
    ]


def _tape(desk: Desk, symbol: int) -> list[TradePrinted]:
    return list(reversed(desk.venue.tape.trades[symbol]))


def klines(desk: Desk, _account: int, asked: params.Klines) -> Body:
    """Return bars, oldest first: of those from the start, where one is given, the first, else the last."""
    symbol, limit = desk.symbol(asked.symbol), within(asked.limit, 1_000)
    length, listing = interval_ns(desk, asked.interval, INTERVALS), desk.listing(symbol)
    start, end = time_ns(asked.start_time), time_ns(asked.end_time)
    before = None if end is None else end - 1
    found = quotes.bars(desk.venue, symbol, length, start_ns=start, end_ns=before, limit=_MOST_BARS)
    chosen = found[-limit:] if start is None else found[:limit]
    return [
        [
            millis(bar.open_ns),
            *(listing.price(one) for one in (bar.open, bar.high, bar.low, bar.close)),
            listing.qty(bar.volume),
            millis(bar.open_ns + length),
            money(bar.turnover),
        ]
        for bar in chosen
    ]


def interval_ns(desk: Desk, name: str, names: dict[str, int]) -> int:
    """Return the length of a bar by its name; raises ``Rejection`` where the market's own bars do not make it up."""
    length = names.get(name, 0) * MINUTE_NS
    own = desk.venue.market.interval_ns
    if not length or length % own:
        raise wrong(f"interval; this market's bars are {own / MINUTE_NS:g} minutes long")
    return length


def average_price(desk: Desk, _account: int, asked: params.OneSymbol) -> Body:
    """Return the average price of the last minutes, by volume."""
    symbol, venue = desk.symbol(asked.symbol), desk.venue
    since = venue.now_ns - AVERAGE_MINUTES * MINUTE_NS
    recent = quotes.bars(venue, symbol, venue.market.interval_ns, start_ns=since, limit=_MOST_BARS)
    volume, turnover = sum(bar.volume for bar in recent), sum(bar.turnover for bar in recent)
    price = turnover / volume if volume > 0.0 else venue.last_price(symbol)
    return {"mins": AVERAGE_MINUTES, "price": desk.listing(symbol).price(price)}


def ticker_day(desk: Desk, _account: int, asked: params.Symbols) -> Body:
    """Return the last 24 hours of a symbol, or of all."""
    return _one_or_all(asked, [_day(desk, symbol) for symbol in desk.symbols(asked.symbol or asked.symbols)])


def _day(desk: Desk, symbol: int) -> dict[str, Any]:
    venue, listing, now = desk.venue, desk.listing(symbol), desk.venue.now_ns
    last, day = venue.last_price(symbol), quotes.day(venue, symbol)
    change = last - day.before
    return {
        "symbol": listing.symbol,
        "priceChange": listing.price(change) or "0",
        "priceChangePercent": f"{change / day.before:.8f}" if isfinite(change) else "0",
        "prevClosePrice": _price(desk, symbol, day.before),
        "lastPrice": _price(desk, symbol, last),
        **{name: value for name, value in _best(desk, symbol).items() if name != "symbol"},
        "openPrice": _price(desk, symbol, day.before),
        "highPrice": _price(desk, symbol, day.high),
        "lowPrice": _price(desk, symbol, day.low),
        "volume": listing.qty(day.volume),
        "quoteVolume": money(day.turnover),
        "openTime": millis(max(now - DAY_NS, int(venue.market.feed.frames["ts_ns"][0]))),
        "closeTime": millis(now),
        "count": None,
    }


def ticker_price(desk: Desk, _account: int, asked: params.Symbols) -> Body:
    """Return the last price of a symbol, or of all."""
    rows = [
        {"symbol": desk.listing(symbol).symbol, "price": _price(desk, symbol, desk.venue.last_price(symbol))}
        for symbol in desk.symbols(asked.symbol or asked.symbols)
    ]
    return _one_or_all(asked, rows)


def ticker_book(desk: Desk, _account: int, asked: params.Symbols) -> Body:
    """Return the best prices of a symbol, or of all."""
    return _one_or_all(asked, [_best(desk, symbol) for symbol in desk.symbols(asked.symbol or asked.symbols)])


def _best(desk: Desk, symbol: int) -> dict[str, Any]:
    listing, book = desk.listing(symbol), quotes.book(desk.venue, symbol, 1)
    row: dict[str, Any] = {"symbol": listing.symbol}
    for name, side in (("bid", book.bids), ("ask", book.asks)):
        row[f"{name}Price"] = listing.price(side[0].price if side else nan) or None
        row[f"{name}Qty"] = listing.qty(side[0].qty) if side else None
    return row


def _price(desk: Desk, symbol: int, value: float) -> str | None:
    """Return a price; None before the first."""
    return desk.listing(symbol).price(value) or None


def _one_or_all(asked: params.Symbols, rows: list[dict[str, Any]]) -> Body:
    return rows[0] if asked.symbol else list(rows)


def contracts(_desk: Desk, _account: int, _asked: params.Params) -> Body:
    """List no contracts: clients of the spot market ask the contract market too."""
    return {"success": True, "code": 0, "data": []}

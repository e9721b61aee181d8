"""Endpoints that tell of the market; nobody has to sign for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ballast.model.durations import MILLISECOND_NS, MINUTE_NS
from ballast.venues.exchange import quotes
from ballast.venues.exchange.bybit import params
from ballast.venues.exchange.bybit.codes import wrong
from ballast.venues.exchange.bybit.desk import Body, Desk, page
from ballast.venues.exchange.bybit.wire import MOST_VALUE, millis, money, side_word
from ballast.venues.exchange.market import Listing, plain
from ballast.venues.exchange.orders import TradePrinted

INTERVALS = {
    **{str(minutes): minutes * MINUTE_NS for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": 1440 * MINUTE_NS,
    "W": 7 * 1440 * MINUTE_NS,
}
"""Lengths of bars by the protocol's names; months are not served."""
FUNDING_MINUTES = 480
MOST_MONEY = "1000000000000"
"""The largest order of spot that is told of, in quote money; the kernel knows no such limit."""


def server_time(desk: Desk, _account: int, _asked: params.ServerTime) -> Body:
    """Return the wall's time, by which requests are signed."""
    return {"timeSecond": str(desk.wall_ms // 1000), "timeNano": str(desk.wall_ms * MILLISECOND_NS)}


def instruments_info(desk: Desk, _account: int, asked: params.Instruments) -> Body:
    """List instruments."""
    if desk.is_elsewhere(asked.category):
        return {"category": asked.category, "list": [], "nextPageCursor": ""}
    symbols = desk.symbols(asked.symbol, asked.category)
    symbols = [symbol for symbol in symbols if asked.status in {"", _status(desk, symbol)}]
    if desk.category.is_spot:
        return {"category": desk.category.name, "list": [_pair(desk, symbol) for symbol in symbols]}
    rows, cursor = page(symbols, asked.limit, 1000, asked.cursor)
    listed = [_contract(desk, symbol) for symbol in rows]
    return {"category": desk.category.name, "list": listed, "nextPageCursor": cursor}


def _pair(desk: Desk, symbol: int) -> Body:
    """Return a symbol of spot; money is counted in hundred-millionths."""
    listing = desk.listing(symbol)
    largest, least = _largest_qty(listing), plain(listing.min_notional)
    return {
        "symbol": listing.symbol,
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "innovation": "0",
        "status": _status(desk, symbol),
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": listing.qty(listing.lot),
            "quotePrecision": "0.00000001",
            "minOrderQty": _least_qty(listing),
            "maxOrderQty": largest,
            "minOrderAmt": least,
            "maxOrderAmt": MOST_MONEY,
            "maxLimitOrderQty": largest,
            "maxMarketOrderQty": largest,
            "postOnlyMaxLimitOrderSize": largest,
        },
        "priceFilter": {"tickSize": listing.price(listing.tick)},
        "riskParameters": {"priceLimitRatioX": "", "priceLimitRatioY": ""},
        "symbolType": "",
    }


def _largest_qty(listing: Listing) -> str:
    return listing.qty(min(listing.max_qty, 1e9))


def _least_qty(listing: Listing) -> str:
    return listing.qty(max(listing.min_qty, listing.lot))


def _contract(desk: Desk, symbol: int) -> Body:
    listing, record = desk.listing(symbol), desk.venue.record
    first, largest = record.tiers[record.markets[symbol].first_tier], _largest_qty(listing)
    return {
        "symbol": listing.symbol,
        "contractType": "LinearPerpetual",
        "status": _status(desk, symbol),
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "settleCoin": desk.category.coin,
        "symbolType": "",
        "launchTime": millis(int(desk.venue.market.feed.frames["ts_ns"][0])),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(listing.price_decimals),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": f"{min(float(first.max_leverage), 1000.0):.2f}",
            "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": listing.price(listing.tick),
            "maxPrice": listing.price(listing.tick * 1e8),
            "tickSize": listing.price(listing.tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": largest,
            "maxMktOrderQty": largest,
            "postOnlyMaxOrderQty": largest,
            "minOrderQty": _least_qty(listing),
            "qtyStep": listing.qty(listing.lot),
            "minNotionalValue": plain(listing.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": FUNDING_MINUTES,
        "copyTrading": "none",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": False,
        "preListingInfo": None,
    }


def _status(desk: Desk, symbol: int) -> str:
    return "Closed" if symbol in desk.venue.delisted else "Trading"


def tickers(desk: Desk, _account: int, asked: params.OneSymbol) -> Body:
    """Return a symbol's ticker, or all."""
    if desk.is_elsewhere(asked.category):
        return {"category": asked.category, "list": []}
    rows = [ticker(desk, symbol) for symbol in desk.symbols(asked.symbol, asked.category)]
    return {"category": desk.category.name, "list": rows}


def ticker(desk: Desk, symbol: int) -> Body:
    """Return a symbol's ticker, with the best prices; the index price is the mark, for there is no other venue."""
    listing, book = desk.listing(symbol), quotes.book(desk.venue, symbol, 1)
    row = day_ticker(desk, symbol) if desk.category.is_spot else _contract_ticker(desk, symbol)
    for name, side in (("bid", book.bids), ("ask", book.asks)):
        row[f"{name}1Price"] = listing.price(side[0].price) if side else ""
        row[f"{name}1Size"] = listing.qty(side[0].qty) if side else ""
    return row


def day_ticker(desk: Desk, symbol: int) -> Body:
    """Return what every ticker tells of a symbol's price and last day, and of spot its index, which is that price."""
    row = _day_of(desk, symbol, quotes.day(desk.venue, symbol))
    return row | {"usdIndexPrice": row["lastPrice"]}


def _day_of(desk: Desk, symbol: int, day: quotes.Day) -> Body:
    last, listing = desk.venue.last_price(symbol), desk.listing(symbol)
    return {
        "symbol": listing.symbol,
        "lastPrice": listing.price(last),
        "prevPrice24h": listing.price(day.before),
        "price24hPcnt": f"{last / day.before - 1.0:.6f}" if day.before > 0.0 else "",
        "highPrice24h": listing.price(day.high),
        "lowPrice24h": listing.price(day.low),
        "volume24h": listing.qty(day.volume),
        "turnover24h": money(day.turnover),
    }


def _contract_ticker(desk: Desk, symbol: int) -> Body:
    venue, listing = desk.venue, desk.listing(symbol)
    mark, day, stamp = venue.mark_price(symbol), quotes.day(venue, symbol), quotes.next_funding(venue, symbol)
    return _day_of(desk, symbol, day) | {
        "markPrice": listing.price(mark),
        "indexPrice": listing.price(mark),
        "prevPrice1h": listing.price(day.hour_before),
        "openInterest": "0",
        "openInterestValue": "0",
        "fundingRate": f"{stamp[1]:.8f}" if stamp else "0",
        "nextFundingTime": millis(stamp[0]) if stamp else "0",
        "fundingIntervalHour": str(FUNDING_MINUTES // 60),
        "tickDirection": "ZeroPlusTick",
        "basis": "",
        "basisRate": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "predictedDeliveryPrice": "",
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }


def orderbook(desk: Desk, _account: int, asked: params.OneSymbol) -> Body:
    """Return the book."""
    symbol = desk.symbol(asked.symbol, asked.category)
    default, most = desk.category.book_depth
    depth = asked.limit or default
    if not 0 < depth <= most:
        raise wrong(f"params error: limit must be from 1 to {most}")
    book, number = quotes.book(desk.venue, symbol, depth), sequence(desk)
    sides = book_sides(desk, symbol, book)
    now = desk.venue.now_ns // MILLISECOND_NS
    return {"s": asked.symbol, "b": sides[0], "a": sides[1], "ts": now, "u": number, "seq": number, "cts": now}


def book_sides(desk: Desk, symbol: int, book: quotes.Book) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return both sides of a book as pairs of text."""
    listing = desk.listing(symbol)
    bids, asks = ([(listing.price(one.price), listing.qty(one.qty)) for one in side] for side in book)
    return bids, asks


def sequence(desk: Desk) -> int:
    """Return a count that never falls: of trades printed so far."""
    return desk.venue.tape.n_printed + 1


def recent_trade(desk: Desk, _account: int, asked: params.OneSymbol) -> Body:
    """Return the last trades, newest first."""
    symbol = desk.symbol(asked.symbol, asked.category)
    default, most = desk.category.trades
    rows, _ = page(list(reversed(desk.venue.tape.trades[symbol])), asked.limit or default, most, "")
    return {"category": desk.category.name, "list": [_trade_row(desk, trade) for trade in rows]}


def _trade_row(desk: Desk, trade: TradePrinted) -> Body:
    listing = desk.listing(trade.symbol)
    return {
        "execId": trade_id(trade),
        "symbol": listing.symbol,
        "price": listing.price(trade.price),
        "size": listing.qty(trade.qty),
        "side": side_word(trade.side),
        "time": millis(trade.time_ns),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(trade.number),
    }


def trade_id(trade: TradePrinted) -> str:
    """Return a public trade's id."""
    return f"00000000-0000-5000-9000-{trade.number:012d}"


def kline(desk: Desk, _account: int, asked: params.Klines) -> Body:
    """Return bars, newest first."""
    rows = _bars(desk, asked, of_mark=False)
    listing = desk.listing(desk.symbol(asked.symbol, asked.category))
    return {
        "category": desk.category.name,
        "symbol": asked.symbol,
        "list": [[*_prices(desk, asked, bar), listing.qty(bar.volume), money(bar.turnover)] for bar in rows],
    }


def mark_price_kline(desk: Desk, _account: int, asked: params.Klines) -> Body:
    """Return bars of the mark price, newest first; those of the index are the same."""
    desk.check_contracts(asked.category)
    rows = _bars(desk, asked, of_mark=True)
    return {"category": desk.category.name, "symbol": asked.symbol, "list": [_prices(desk, asked, bar) for bar in rows]}


def _bars(desk: Desk, asked: params.Klines, *, of_mark: bool) -> list[quotes.Bar]:
    symbol = desk.symbol(asked.symbol, asked.category)
    interval = interval_ns(desk, asked.interval)
    if not 0 < asked.limit <= 1000:
        raise wrong("params error: limit must be from 1 to 1000")
    start, end = (None if at is None else _time_ns(at) for at in (asked.start, asked.end))
    found = quotes.bars(desk.venue, symbol, interval, start_ns=start, end_ns=end, limit=asked.limit, of_mark=of_mark)
    return found[::-1]


def interval_ns(desk: Desk, name: str) -> int:
    """Return the length of a bar by its name; raises ``Rejection`` where the market's own bars do not make it up."""
    length = INTERVALS.get(name)
    if length is None or length % desk.venue.market.interval_ns:
        own = desk.venue.market.interval_ns / MINUTE_NS
        raise wrong(f"params error: interval invalid; this market's bars are {own:g} minutes long")
    return length


def _time_ns(milliseconds: int) -> int:
    if not 0 <= milliseconds < 10**13:
        raise wrong("params error: time invalid")
    return milliseconds * MILLISECOND_NS


def _prices(desk: Desk, asked: params.Klines, bar: quotes.Bar) -> list[str]:
    listing = desk.listing(desk.symbol(asked.symbol, asked.category))
    return [millis(bar.open_ns), *(listing.price(one) for one in (bar.open, bar.high, bar.low, bar.close))]


def funding_history(desk: Desk, _account: int, asked: params.FundingHistory) -> Body:
    """Return the stamps that have passed, newest first."""
    desk.check_contracts(asked.category)
    symbol = desk.symbol(asked.symbol, asked.category)
    stamps = desk.venue.market.feed.funding
    until = desk.venue.now_ns if asked.end_time is None else min(desk.venue.now_ns, _time_ns(asked.end_time))
    since = 0 if asked.start_time is None else _time_ns(asked.start_time)
    rows = np.flatnonzero((stamps["symbol"] == symbol) & (stamps["ts_ns"] >= since) & (stamps["ts_ns"] <= until))
    chosen, _ = page(rows[::-1].tolist(), asked.limit, 200, "")
    return {"category": desk.category.name, "list": [_stamp(asked.symbol, stamps[row]) for row in chosen]}


def _stamp(symbol: str, stamp: Any) -> Body:
    return {
        "symbol": symbol,
        "fundingRate": f"{float(stamp.rate):.8f}",
        "fundingRateTimestamp": millis(int(stamp.ts_ns)),
    }


def risk_limit(desk: Desk, _account: int, asked: params.OneSymbol) -> Body:
    """Return risk tiers, 15 symbols a page."""
    desk.check_contracts(asked.category)
    symbols, cursor = page(desk.symbols(asked.symbol, asked.category), 15, 15, asked.cursor)
    rows = [row for symbol in symbols for row in _tiers(desk, symbol)]
    return {"category": desk.category.name, "list": rows, "nextPageCursor": cursor}


def _tiers(desk: Desk, symbol: int) -> list[Body]:
    record = desk.venue.record
    market = record.markets[symbol]
    rows = record.tiers[market.first_tier : market.end_tier]
    return [
        {
            "id": k + 1,
            "symbol": desk.listing(symbol).symbol,
            "riskLimitValue": plain(min(float(tier.upper_value), MOST_VALUE)),
            "maintenanceMargin": f"{float(tier.maintenance_margin_rate):.8g}",
            "initialMargin": f"{1.0 / float(tier.max_leverage):.8g}",
            "isLowestRisk": int(k == 0),
            "maxLeverage": f"{min(float(tier.max_leverage), 1000.0):.2f}",
            "mmDeduction": plain(float(tier.deduction)) if tier.deduction else "",
        }
        for k, tier in enumerate(rows)
    ]


def coin_info(desk: Desk, _account: int, asked: params.Coins) -> Body:
    """List coins; nothing can be deposited or withdrawn here."""
    coins = sorted({desk.category.coin, *(listing.base for listing in desk.venue.market.listings)})
    rows = [
        {"name": coin, "coin": coin, "remainAmount": "0", "chains": []} for coin in coins if asked.coin in {"", coin}
    ]
    return {"rows": rows}

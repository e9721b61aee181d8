"""REST: what accounts hold, listen keys, and what everybody is told of the market."""

from __future__ import annotations

import pytest

from ballast.venues.exchange.faces import Request
from ballast.venues.exchange.mexc.endpoints import ENDPOINTS
from ballast.venues.exchange.mexc.face import answer
from ballast.venues.exchange.mexc.listen_keys import LIFE_MS, MOST_KEYS
from tests.unit.venues.exchange.markets import MINUTE_NS, SECOND_NS, START_NS, flat, line, market
from tests.unit.venues.exchange.mexc.desks import FEE_RATE, WALL_MS, ask, body, code, desk, get, order

START_MS = START_NS // 1_000_000
PRIVATE = [endpoint for endpoint in ENDPOINTS if endpoint.is_private]
KEY = {"X-MEXC-APIKEY": "key-0"}


def test_an_account_shows_free_and_locked_and_pays_in_quote_money() -> None:
    of = desk()
    order(of, type="MARKET", quantity="2", price="")
    order(of, side="SELL", quantity="0.5", price="110")
    order(of, quantity="1", price="90")
    balances = {row["asset"]: row for row in ask(of, "GET", "account")["balances"]}
    assert balances == {
        "USDT": {"asset": "USDT", "free": f"{9_799.9 - 0.1 - 90.045 + 0.1 - 0.0:.8f}", "locked": "90.04500000"},
        "AAA": {"asset": "AAA", "free": "1.500", "locked": "0.500"},
    }
    assert ask(of, "GET", "account", account=1)["balances"] == [
        {"asset": "USDT", "free": "10000.00000000", "locked": "0.00000000"}
    ]
    fee = ask(of, "GET", "tradeFee", symbol="AAAUSDT")["data"]
    assert fee == {"makerCommission": 0.0, "takerCommission": FEE_RATE}
    assert [row["coin"] for row in ask(of, "GET", "capital/config/getall")] == ["USDT", "AAA", "BBB"]


def test_a_listen_key_lives_an_hour_from_its_last_renewal() -> None:
    of = desk()
    key = ask(of, "POST", "userDataStream")["listenKey"]
    other = ask(of, "POST", "userDataStream")["listenKey"]
    assert ask(of, "GET", "userDataStream") == {"listenKey": [key, other]}
    assert code(ask(of, "PUT", "userDataStream", account=1, listenKey=key)) == 33333
    assert code(ask(of, "PUT", "userDataStream")) == 700004
    of.listen_keys.extend(0, key, WALL_MS + LIFE_MS - 1)
    assert of.listen_keys.of(0, WALL_MS + LIFE_MS) == [key]
    assert ask(of, "DELETE", "userDataStream", listenKey=key) == {"listenKey": key}
    assert code(ask(of, "DELETE", "userDataStream", listenKey=key)) == 33333


def test_an_account_has_up_to_60_listen_keys() -> None:
    of = desk()
    keys = {ask(of, "POST", "userDataStream")["listenKey"] for _ in range(MOST_KEYS)}
    assert len(keys) == MOST_KEYS
    assert code(ask(of, "POST", "userDataStream")) == 33333
    assert "listenKey" in ask(of, "POST", "userDataStream", account=1)
    of.wall_ms += LIFE_MS
    assert of.listen_keys.of(0, of.wall_ms) == []


def test_symbols_are_listed_with_their_steps_and_those_not_open_to_the_api_as_such() -> None:
    of = desk(closed=("BBBUSDT",))
    rows = get(of, "exchangeInfo")["symbols"]
    assert [(row["symbol"], row["status"], row["isSpotTradingAllowed"]) for row in rows] == [
        ("AAAUSDT", "1", True),
        ("BBBUSDT", "1", False),
    ]
    steps = ("tickSize", "baseSizePrecision", "quoteAmountPrecision", "baseAssetPrecision", "quoteAssetPrecision")
    assert [rows[0][name] for name in steps] == ["0.01", "0.001", "5", 3, 2]
    assert get(of, "defaultSymbols")["data"] == ["AAAUSDT"]
    assert [row["symbol"] for row in get(of, "exchangeInfo", symbols="BBBUSDT,AAAUSDT")["symbols"]] == [
        "BBBUSDT",
        "AAAUSDT",
    ]
    assert code(get(of, "exchangeInfo", symbol="NOUSDT")) == -1121
    assert body(answer(of, Request("GET", "/api/v1/contract/detail", "", {}))) == {
        "success": True,
        "code": 0,
        "data": [],
    }


def test_time_is_the_walls_and_ping_is_empty() -> None:
    assert get(desk(), "time") == {"serverTime": WALL_MS}
    assert get(desk(), "ping") == {}


def test_the_book_shows_clients_orders_and_counts_its_changes() -> None:
    of = desk()
    before = get(of, "depth", symbol="AAAUSDT", limit=5)
    assert (len(before["bids"]), len(before["asks"]), before["bids"][0][0], before["asks"][0][0]) == (
        5,
        5,
        "99.99",
        "100.00",
    )
    order(of, quantity="7", price="99.98")
    after = get(of, "depth", symbol="AAAUSDT", limit=5)
    gained = float(dict(after["bids"])["99.98"]) - float(dict(before["bids"])["99.98"])
    assert after["lastUpdateId"] - before["lastUpdateId"] == 1
    assert gained == pytest.approx(7.0)
    assert get(of, "depth", symbol="AAAUSDT")["lastUpdateId"] == after["lastUpdateId"]
    for limit in (0, -1, 5_001, "x"):
        assert code(get(of, "depth", symbol="AAAUSDT", limit=limit)) == 33333
    assert code(get(of, "depth")) == 700004


def test_bars_are_served_by_open_time_with_the_end_left_out() -> None:
    of = desk(market(line(100, 101, 102, 103), flat(50.0, 3)))
    of.venue.advance_to(START_NS + 2 * MINUTE_NS + 30 * SECOND_NS)
    rows = get(of, "klines", symbol="AAAUSDT", interval="1m")
    assert [row[0] for row in rows] == [START_MS, START_MS + 60_000, START_MS + 120_000]
    assert rows[0] == [START_MS, "100.00", "101.00", "100.00", "101.00", "600.000", START_MS + 60_000, "60600.00000000"]
    within = get(of, "klines", symbol="AAAUSDT", interval="1m", startTime=START_MS, endTime=START_MS + 60_000)
    assert [row[0] for row in within] == [START_MS]
    first = get(of, "klines", symbol="AAAUSDT", interval="1m", startTime=START_MS, limit=2)
    assert [row[0] for row in first] == [START_MS, START_MS + 60_000]
    last = get(of, "klines", symbol="AAAUSDT", interval="1m", limit=1)
    assert [row[0] for row in last] == [START_MS + 120_000]
    for interval in ("", "1M", "1h", "Min1"):
        assert code(get(of, "klines", symbol="AAAUSDT", interval=interval)) == 33333
    for odd in ({"startTime": -1}, {"endTime": 10**30}, {"limit": 1_001}):
        assert code(get(of, "klines", symbol="AAAUSDT", interval="1m", **odd)) == 33333


def test_trades_and_tickers_tell_what_the_market_did() -> None:
    of = desk(market(line(100, 104, 102), flat(50.0, 2)))
    of.venue.advance_to(START_NS + MINUTE_NS + 59 * SECOND_NS)
    order(of, account=1, type="MARKET", quantity="3", price="")
    newest = get(of, "trades", symbol="AAAUSDT", limit=1)[0]
    assert (newest["qty"], newest["isBuyerMaker"]) == ("3.000", False)
    agg = get(of, "aggTrades", symbol="AAAUSDT", startTime=newest["time"], endTime=newest["time"])
    assert agg[0]["q"] == "3.000"
    assert code(get(of, "aggTrades", symbol="AAAUSDT", startTime=1)) == 33333
    day = get(of, "ticker/24hr", symbol="AAAUSDT")
    assert (day["openPrice"], day["highPrice"], day["lastPrice"]) == ("100.00", "104.00", "102.00")
    assert float(day["priceChangePercent"]) == pytest.approx(0.02, abs=1e-5)
    assert [row["symbol"] for row in get(of, "ticker/24hr")] == ["AAAUSDT", "BBBUSDT"]
    assert get(of, "ticker/price", symbol="BBBUSDT") == {"symbol": "BBBUSDT", "price": "50.00"}
    book = get(of, "ticker/bookTicker", symbol="AAAUSDT")
    best = get(of, "depth", symbol="AAAUSDT", limit=1)
    assert ([book["bidPrice"], book["bidQty"]], [book["askPrice"], book["askQty"]]) == (
        best["bids"][0],
        best["asks"][0],
    )
    average = get(of, "avgPrice", symbol="AAAUSDT")
    assert average["mins"] == 5
    assert 102.0 <= float(average["price"]) <= 104.0


def test_a_symbol_without_a_price_has_empty_tickers_and_no_market_orders() -> None:
    nan = float("nan")
    of = desk(market(flat(100.0, 2), [(nan,) * 4, (50.0,) * 4]))
    assert get(of, "ticker/24hr", symbol="BBBUSDT")["lastPrice"] is None
    assert get(of, "ticker/bookTicker", symbol="BBBUSDT")["bidPrice"] is None
    assert get(of, "depth", symbol="BBBUSDT")["bids"] == []
    assert code(order(of, symbol="BBBUSDT", type="MARKET", price="")) == 30010

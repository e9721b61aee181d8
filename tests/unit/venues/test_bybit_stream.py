"""Bybit's public messages, without a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ballast.model.enums import Side
from ballast.model.errors import ConfigError, Disconnected, RejectedByVenue
from ballast.model.public_feed import (
    BookLevels,
    FeedKind,
    FeedState,
    FeedStatus,
    FeedTopic,
    PublicBar,
    PublicTrade,
    TickerSeen,
)
from ballast.venues.bybit_stream import BybitDialect
from ballast.venues.public_socket import Reading

MS, MINUTE_NS = 1_000_000, 60_000_000_000
TRADES = FeedTopic(FeedKind.TRADES, "BTCUSDT")
BOOK = FeedTopic(FeedKind.BOOK, "BTCUSDT", depth=50)
BARS = FeedTopic(FeedKind.BARS, "BTCUSDT", interval_ns=MINUTE_NS)
TICKER = FeedTopic(FeedKind.TICKER, "BTCUSDT")


def dialect() -> BybitDialect:
    return BybitDialect("linear", [TRADES, BOOK, BARS, TICKER])


def read(of: BybitDialect, topic: str, data: Any, kind: str = "snapshot") -> Reading:
    message = {"topic": topic, "type": kind, "ts": 1_758_841_135_824, "data": data, "cts": 1}
    return of.read(json.dumps(message).encode(), 7)


def trade(trade_id: str, time_ms: int = 1_758_841_135_823) -> dict[str, Any]:
    return {"T": time_ms, "s": "BTCUSDT", "S": "Sell", "v": "0.020", "p": "109378.90", "i": trade_id, "BT": False}


def bar(start_ms: int, *, confirm: bool) -> dict[str, Any]:
    figures = {"open": "1", "high": "4", "low": "0.5", "close": "2", "volume": "10", "turnover": "15"}
    return {"start": start_ms, "end": start_ms + 59_999, "interval": "1", "confirm": confirm, "timestamp": 1} | figures


def book(number: int, bids: list[list[str]], asks: list[list[str]]) -> dict[str, Any]:
    return {"s": "BTCUSDT", "b": bids, "a": asks, "u": number, "seq": number}


def test_topics_are_asked_for_ten_at_a_time_by_the_venues_names() -> None:
    asked = [json.loads(text) for text in dialect().greeting()]
    names = ["publicTrade.BTCUSDT", "orderbook.50.BTCUSDT", "kline.1.BTCUSDT", "tickers.BTCUSDT"]
    assert asked == [{"op": "subscribe", "args": names}]
    many = BybitDialect("spot", [FeedTopic(FeedKind.TRADES, f"A{k}USDT") for k in range(21)])
    assert [len(json.loads(text)["args"]) for text in many.greeting()] == [10, 10, 1]


def test_a_trade_is_told_once() -> None:
    of = dialect()
    expected = PublicTrade("BTCUSDT", 1_758_841_135_823 * MS, 109378.9, 0.02, Side.SELL, "x")
    assert read(of, "publicTrade.BTCUSDT", [trade("x")]).events == [expected]
    again = read(of, "publicTrade.BTCUSDT", [trade("x"), trade("y")])
    assert [event.trade_id for event in again.events if isinstance(event, PublicTrade)] == ["y"]
    assert again.topic == TRADES


def test_a_bar_changes_until_it_is_closed_and_never_after() -> None:
    of = dialect()
    forming = read(of, "kline.1.BTCUSDT", [bar(60_000, confirm=False)]).events
    assert forming == [PublicBar("BTCUSDT", MINUTE_NS, MINUTE_NS, 1.0, 4.0, 0.5, 2.0, 10.0, is_closed=False)]
    assert len(read(of, "kline.1.BTCUSDT", [bar(60_000, confirm=True), bar(120_000, confirm=False)]).events) == 2
    assert read(of, "kline.1.BTCUSDT", [bar(60_000, confirm=True)]).events == []


def test_a_bar_that_does_not_follow_waits_for_those_before_it() -> None:
    of = dialect()
    assert read(of, "kline.1.BTCUSDT", [bar(60_000, confirm=True)]).missed == []
    hole = read(of, "kline.1.BTCUSDT", [bar(180_000, confirm=False)])
    assert [event.state for event in hole.events if isinstance(event, FeedStatus)] == [FeedState.GAP]
    assert (len(hole.events), hole.missed) == (1, [BARS])
    # The venue was asked and has none: a minute without a trade.
    of.memory.bars[BARS].whole_ns = 2 * MINUTE_NS
    assert len(read(of, "kline.1.BTCUSDT", [bar(180_000, confirm=False)]).events) == 1


def test_a_book_with_a_hole_is_asked_for_anew() -> None:
    of = dialect()
    first = read(of, "orderbook.50.BTCUSDT", book(5, [["99", "1"]], [["101", "2"]]))
    assert first.events == [BookLevels("BTCUSDT", 1_758_841_135_824 * MS, ((99.0, 1.0),), ((101.0, 2.0),), 50)]
    assert len(read(of, "orderbook.50.BTCUSDT", book(6, [["98", "1"]], []), "delta").events) == 1
    hole = read(of, "orderbook.50.BTCUSDT", book(8, [["97", "1"]], []), "delta")
    assert [event.state for event in hole.events if isinstance(event, FeedStatus)] == [FeedState.GAP]
    assert [json.loads(text)["op"] for text in hole.replies] == ["unsubscribe", "subscribe"]
    # Until the snapshot comes there is neither a book nor a second request.
    waiting = read(of, "orderbook.50.BTCUSDT", book(9, [["97", "1"]], []), "delta")
    assert (waiting.events, waiting.replies) == ([], [])
    levels, status = read(of, "orderbook.50.BTCUSDT", book(9, [["97", "1"]], [])).events
    assert isinstance(levels, BookLevels)
    assert levels.bids == ((97.0, 1.0),)
    assert isinstance(status, FeedStatus)
    assert status.state is FeedState.REPAIRED


def test_a_service_that_restarts_numbers_from_one() -> None:
    of = dialect()
    read(of, "orderbook.50.BTCUSDT", book(500, [["99", "1"]], []))
    (levels,) = read(of, "orderbook.50.BTCUSDT", book(1, [["90", "1"]], []), "delta").events
    assert isinstance(levels, BookLevels)
    assert levels.bids == ((90.0, 1.0),)


def test_a_ticker_keeps_what_a_delta_leaves_out() -> None:
    of = dialect()
    assert read(of, "tickers.BTCUSDT", {"symbol": "BTCUSDT", "lastPrice": "9"}, "delta").events == []
    read(of, "tickers.BTCUSDT", {"symbol": "BTCUSDT", "lastPrice": "9", "markPrice": "8"})
    (now,) = read(of, "tickers.BTCUSDT", {"symbol": "BTCUSDT", "lastPrice": "10"}, "delta").events
    assert isinstance(now, TickerSeen)
    assert (now.fields["lastPrice"], now.fields["markPrice"]) == ("10", "8")


def test_what_was_missed_is_asked_for_once_the_venue_listens_again() -> None:
    of = dialect()
    ready = b'{"success":true,"ret_msg":"","op":"subscribe","conn_id":"c"}'
    of.greeting()
    assert of.read(ready, 7).missed == []
    read(of, "publicTrade.BTCUSDT", [trade("x")])
    read(of, "kline.1.BTCUSDT", [bar(60_000, confirm=False)])
    of.greeting()
    assert of.read(ready, 7).missed == [TRADES]
    assert of.read(ready, 7).missed == []
    read(of, "kline.1.BTCUSDT", [bar(60_000, confirm=True)])
    of.greeting()
    assert of.read(ready, 7).missed == [TRADES, BARS]


def test_nothing_is_asked_for_before_the_last_subscription_has_been_answered() -> None:
    of = BybitDialect("linear", [TRADES, *(FeedTopic(FeedKind.TRADES, f"A{k}USDT") for k in range(10))])
    ready = b'{"success":true,"ret_msg":"","op":"subscribe","conn_id":"c"}'
    read(of, "publicTrade.BTCUSDT", [trade("x")])
    assert len(of.greeting()) == 2
    assert [of.read(ready, 7).missed for _ in range(3)] == [[], [TRADES], []]


def test_refusals_and_rubbish_are_told_apart() -> None:
    of = dialect()
    with pytest.raises(RejectedByVenue, match="handler not found"):
        of.read(b'{"success":false,"ret_msg":"error:handler not found","op":"subscribe"}', 7)
    for rubbish in (b"{", b'{"topic":"publicTrade.BTCUSDT","data":[{"T":"x"}]}', b"\xff\xfe", b"[]"):
        with pytest.raises(Disconnected, match="cannot be read"):
            of.read(rubbish, 7)
    assert of.read(b'{"op":"pong"}', 7).events == []
    assert read(of, "publicTrade.OTHERUSDT", [trade("x")]).events == []


@pytest.mark.parametrize(
    ("market", "topic", "words"),
    [
        ("spot", FeedTopic(FeedKind.BOOK, "A", depth=500), "no book of 500 levels; choose 1, 50, 200, 1000"),
        ("linear", FeedTopic(FeedKind.BARS, "A", interval_ns=7_000_000_000), "no bars of 7 s"),
        ("options", TRADES, "no market 'options'"),
    ],
)
def test_what_the_venue_has_not_is_refused(market: str, topic: FeedTopic, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        BybitDialect(market, [topic])

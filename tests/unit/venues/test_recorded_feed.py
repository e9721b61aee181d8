"""Captures of public messages as a market: their ticks and their books."""

from __future__ import annotations

import gzip
import json
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ballast.model.enums import TickKind
from ballast.model.errors import DataError
from ballast.venues.recorded_feed import RecordedMarket, read_market

START_MS = 1_760_000_000_000
NS_PER_MS = 1_000_000
Levels = list[list[str]]


def bybit_book(depth: int, kind: str, at_ms: int, bids: Levels, asks: Levels, number: int = 1) -> dict[str, Any]:
    data = {"s": "AAAUSDT", "b": bids, "a": asks, "u": number, "seq": number}
    return {"topic": f"orderbook.{depth}.AAAUSDT", "type": kind, "ts": START_MS + at_ms, "data": data}


def bybit_trade(at_ms: int, side: str, price: str, qty: str) -> dict[str, Any]:
    row = {"T": START_MS + at_ms, "s": "AAAUSDT", "S": side, "v": qty, "p": price, "i": f"trade-{at_ms}"}
    return {"topic": "publicTrade.AAAUSDT", "type": "snapshot", "ts": START_MS + at_ms, "data": [row]}


def binance(kind: str, at_ms: int, **fields: Any) -> dict[str, Any]:
    return {"stream": "any", "data": {"e": kind, "E": START_MS + at_ms, "s": "AAAUSDT", **fields}}


def written(path: Path, *messages: dict[str, Any]) -> RecordedMarket:
    path.write_text("\n".join(json.dumps(message) for message in messages))
    return read_market(path)


def told(market: RecordedMarket) -> list[tuple[Any, ...]]:
    """Return each tick's time in ms after the start, its kind and its numbers without those that are unknown."""
    return [
        ((ts_ns // NS_PER_MS) - START_MS, TickKind(kind).name, *(one for one in numbers if not isnan(one)))
        for ts_ns, _, kind, *numbers in market.ticks.tolist()
    ]


def test_a_bybit_book_makes_a_quote_whenever_its_best_changes_and_trades_stand_between_in_order(tmp_path: Path) -> None:
    market = written(
        tmp_path / "book.jsonl",
        bybit_book(50, "snapshot", 0, [["99", "1"], ["98", "5"]], [["101", "2"]]),
        bybit_trade(10, "Buy", "101", "0.5"),
        bybit_book(50, "delta", 10, [], [["101", "1.5"]], 2),
        bybit_book(50, "delta", 20, [["98", "6"]], [], 3),
        bybit_book(50, "delta", 30, [["99", "0"]], [], 4),
    )
    assert told(market) == [
        (0, "QUOTE", 99.0, 1.0, 101.0, 2.0),
        (10, "BUY", 101.0, 0.5),
        (10, "QUOTE", 99.0, 1.0, 101.0, 1.5),
        (30, "QUOTE", 98.0, 6.0, 101.0, 1.5),
    ]


def test_a_walk_shows_each_book_as_it_stood_and_as_late_as_the_market_was_moved(tmp_path: Path) -> None:
    market = written(
        tmp_path / "book.jsonl",
        bybit_book(50, "snapshot", 0, [["99", "1"], ["98", "5"]], [["101", "2"]]),
        bybit_book(50, "delta", 30, [["99", "0"]], [], 2),
    )
    start_ns, shift_ns = START_MS * NS_PER_MS, 7_000 * NS_PER_MS
    walk = market.open(shift_ns)
    assert walk.sides(0, start_ns + shift_ns - 1) == ((), ())
    assert walk.sides(0, start_ns + shift_ns + 29 * NS_PER_MS) == (((99.0, 1.0), (98.0, 5.0)), ((101.0, 2.0),))
    assert walk.sides(0, start_ns + shift_ns + 30 * NS_PER_MS)[0] == ((98.0, 5.0),)
    # Another venue reads from the beginning.
    assert market.open(0).sides(0, start_ns)[0][0] == (99.0, 1.0)


def test_best_prices_come_from_the_fastest_book_and_depth_from_the_deepest(tmp_path: Path) -> None:
    market = written(
        tmp_path / "books.log",
        bybit_book(200, "snapshot", 0, [["99", "1"], ["98", "5"]], [["101", "2"]]),
        bybit_book(1, "snapshot", 5, [["99.5", "3"]], [["101", "2"]]),
    )
    assert told(market) == [(5, "QUOTE", 99.5, 3.0, 101.0, 2.0)]
    assert market.open(0).sides(0, (START_MS + 10) * NS_PER_MS)[0] == ((99.0, 1.0), (98.0, 5.0))


def test_binance_changes_that_came_before_their_snapshot_follow_on_it(tmp_path: Path) -> None:
    def change(at_ms: int, before: int, first: int, last: int, bids: Levels) -> dict[str, Any]:
        return binance("depthUpdate", at_ms, U=first, u=last, pu=before, b=bids, a=[])

    market = written(
        tmp_path / "binance.txt",
        change(0, 0, 1, 9, [["50", "9"]]),
        change(1, 9, 11, 14, [["99", "4"]]),
        {"lastUpdateId": 12, "E": START_MS + 2, "bids": [["99", "1"], ["98", "5"]], "asks": [["101", "2"]]},
        binance("bookTicker", 3, u=15, b="99.5", B="1", a="100", A="2"),
        binance("trade", 4, t=1, p="99.5", q="0.25", X="MARKET", m=True),
        binance("trade", 4, t=2, p="80", q="9", X="INSURANCE_FUND", m=True),
        change(5, 14, 16, 17, [["98", "0"]]),
    )
    assert told(market) == [(3, "QUOTE", 99.5, 1.0, 100.0, 2.0), (4, "SELL", 99.5, 0.25)]
    walk = market.open(0)
    assert walk.sides(0, (START_MS + 4) * NS_PER_MS)[0] == ((99.0, 4.0), (98.0, 5.0))
    assert walk.sides(0, (START_MS + 5) * NS_PER_MS)[0] == ((99.0, 4.0),)


def test_after_a_change_that_is_missing_nobody_shows_the_old_book_as_a_new_one(tmp_path: Path) -> None:
    market = written(
        tmp_path / "binance.txt",
        {"lastUpdateId": 12, "E": START_MS, "bids": [["99", "1"]], "asks": [["101", "2"]]},
        binance("depthUpdate", 1, s="AAAUSDT", U=20, u=21, b=[["100", "7"]], a=[]),
    )
    assert told(market) == [(0, "QUOTE", 99.0, 1.0, 101.0, 2.0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no message", "line 1 is no message"),
        ('12 {"topic": "tickers.AAAUSDT", "ts": 1, "data": {}}', "there is no trade and no book in it"),
        ('{"topic": "publicTrade.AAAUSDT", "ts": 1, "data": [{"p": "x"}]}', "cannot be read"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "capture.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=words) as refused:
        read_market(path)
    assert "\n" not in str(refused.value)


def test_a_compressed_file_is_read_and_a_stamp_before_a_message_is_its_time(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl.gz"
    path.write_bytes(gzip.compress(b"1760000000123456789 " + json.dumps(bybit_trade(9, "Sell", "5", "1")).encode()))
    assert read_market(path).ticks["ts_ns"].tolist() == [1_760_000_000_123_456_789]


def test_the_recorded_depth_of_binance_holds_the_best_prices_that_another_stream_tells(recorded_data: Path) -> None:
    market = read_market(recorded_data / "raw" / "binance_ws_usdm_btcusdt_20240718.txt.gz")
    ticks = market.ticks
    quotes = ticks[ticks["kind"] == TickKind.QUOTE]
    walk, n_same = market.open(0), 0
    for quote in quotes[::20]:
        bids, asks = walk.sides(0, int(quote.ts_ns))
        n_same += bool(bids) and (bids[0][0], asks[0][0]) == (quote.price, quote.ask)
        assert list(bids) == sorted(bids, reverse=True)
    # The streams are apart by as much as 50 ms.
    assert n_same > 0.8 * len(quotes[::20])
    assert np.all(np.diff(ticks["ts_ns"]) >= 0)

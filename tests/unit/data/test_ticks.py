"""Trades, quotes and books from files, and the bars that they make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.bars.of_ticks import frames_of_ticks
from ballast.cli.market import frames_of
from ballast.config import from_dict
from ballast.data.files import Layout
from ballast.data.tick_sample import TickMarket, sample_ticks, write_sample_trades
from ballast.data.ticks import Kind, frames_from_ticks, kind_of, read_ticks
from ballast.model.enums import TickKind
from ballast.model.errors import ConfigError, DataError, Error, SchemaError
from ballast.model.market import Tick

T0 = 1_704_067_200_000
NAN = float("nan")
RECORDED = os.environ.get("BALLAST_RECORDED_DATA", "")
needs_recorded = pytest.mark.skipif(not RECORDED, reason="BALLAST_RECORDED_DATA is not set")


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    times = pa.array([T0 + ms for ms in columns.pop("ts")], pa.timestamp("ms", "UTC"))
    pq.write_table(pa.table({"ts": times, **columns}), path)
    return path


def trades(path: Path, **other: list[Any]) -> Path:
    columns: dict[str, list[Any]] = {
        "ts": [1_000, 2_000, 2_000, 61_000],
        "symbol": ["AUSDT"] * 4,
        "price": [10.0, 11.0, 9.0, 10.5],
        "size": [1.0, 2.0, NAN, 4.0],
        "side": ["buy", "Sell", "sell", ""],
    }
    return write(path, columns | other)


def test_trades_become_ticks_and_bars(tmp_path: Path) -> None:
    ticks = read_ticks(trades(tmp_path / "t.parquet"), ["AUSDT"], "trades")
    assert ticks.records["kind"].tolist() == [TickKind.BUY, TickKind.SELL, TickKind.SELL, TickKind.TRADE]
    assert ticks.records["price"].tolist() == [10.0, 11.0, 9.0, 10.5]
    np.testing.assert_array_equal(ticks.records["qty"], [1.0, 2.0, NAN, 4.0])
    frames = frames_from_ticks(ticks, ["AUSDT"], 60_000)
    bars = [[frames.records[name][n, 0] for name in ("open", "high", "low", "close", "volume")] for n in (0, 1)]
    assert bars == [[10.0, 11.0, 9.0, 9.0, 3.0], [10.5, 10.5, 10.5, 10.5, 4.0]]
    assert (frames.records["ts_ns"] // 1_000_000 - T0).tolist() == [0, 60_000]


def test_quotes_make_bars_of_their_middle_without_volume(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q.parquet",
        {
            "ts": [1_000, 2_000],
            "symbol": ["AUSDT"] * 2,
            "bid": [9.0, 10.0],
            "ask": [11.0, 11.0],
            "bid_size": [5.0, NAN],
        },
    )
    ticks = read_ticks(path, ["AUSDT"], "quotes")
    np.testing.assert_array_equal(ticks.records["qty"], [5.0, NAN])
    assert np.isnan(ticks.records["ask_qty"]).all()
    frame = frames_from_ticks(ticks, ["AUSDT"], 60_000).records[0]
    assert [frame.open[0], frame.high[0], frame.low[0], frame.close[0], frame.volume[0]] == [
        10.0,
        10.5,
        10.0,
        10.5,
        0.0,
    ]


def test_the_best_level_of_a_book_is_a_quote_and_a_side_without_one_is_empty(tmp_path: Path) -> None:
    path = write(
        tmp_path / "b.parquet",
        {
            "ts": [1_000, 1_000, 1_000, 2_000],
            "symbol": ["AUSDT"] * 4,
            "side": ["ask", "ask", "bid", "bid"],
            "level": [0, 1, 0, 0],
            "price": [11.0, 12.0, 9.0, 9.5],
            "size": [1.0, 2.0, 3.0, 4.0],
        },
    )
    assert kind_of(path) == "quotes"
    records = read_ticks(path, ["AUSDT"], "quotes").records
    np.testing.assert_array_equal(records["price"], [9.0, 9.5])
    np.testing.assert_array_equal(records["qty"], [3.0, 4.0])
    np.testing.assert_array_equal(records["ask"], [11.0, NAN])
    np.testing.assert_array_equal(records["ask_qty"], [1.0, NAN])


def test_a_snapshot_is_whole_where_symbols_take_turns_and_where_the_file_is_cut(tmp_path: Path) -> None:
    rows = [
        (ts, symbol, side, level, price + (-level if side == "bid" else level), 5.0 + level)
        for ts in (1_000, 2_000)
        for side, price in (("bid", 100.0), ("ask", 101.0))
        for symbol in ("BUSDT", "AUSDT")
        for level in (0, 1)
    ]
    names = ("ts", "symbol", "side", "level", "price", "size")
    path = write(tmp_path / "b.parquet", dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    pq.write_table(pq.read_table(path), tmp_path / "cut.parquet", row_group_size=3)
    for file in (path, tmp_path / "cut.parquet"):
        records = read_ticks(file, ["AUSDT", "BUSDT"], "quotes").records
        # At one time in file order: here the second symbol's rows come first.
        assert records["symbol"].tolist() == [1, 0, 1, 0]
        assert records[["price", "qty", "ask", "ask_qty"]].tolist() == [(100.0, 5.0, 101.0, 5.0)] * 4


def test_rows_that_are_no_tick_are_counted_and_left_out(tmp_path: Path) -> None:
    path = trades(tmp_path / "t.parquet", price=[0.0, NAN, -1.0, 10.5])
    ticks = read_ticks(path, ["AUSDT"], "trades")
    assert (len(ticks), ticks.rows_skipped) == (1, 3)
    crossed = write(
        tmp_path / "q.parquet",
        {"ts": [1, 2, 3], "symbol": ["AUSDT"] * 3, "bid": [12.0, NAN, NAN], "ask": [11.0, NAN, 11.0]},
    )
    ticks = read_ticks(crossed, ["AUSDT"], "quotes")
    assert (len(ticks), ticks.rows_skipped) == (1, 2)


def test_ticks_are_sorted_by_time_and_keep_file_order_at_equal_times(tmp_path: Path) -> None:
    path = trades(tmp_path / "t.parquet", ts=[5_000, 1_000, 1_000, 2_000])
    assert read_ticks(path, ["AUSDT"], "trades").records["price"].tolist() == [11.0, 9.0, 10.5, 10.0]


def test_the_window_is_from_start_inclusive_to_end_exclusive(tmp_path: Path) -> None:
    path = trades(tmp_path / "t.parquet")
    found = read_ticks(path, ["AUSDT"], "trades", start_ms=T0 + 2_000, end_ms=T0 + 61_000)
    assert found.records["price"].tolist() == [11.0, 9.0]


def test_symbols_are_numbered_as_configured(tmp_path: Path) -> None:
    path = trades(tmp_path / "t.parquet", symbol=["AUSDT", "BUSDT", "AUSDT", "CUSDT"])
    assert read_ticks(path, ["BUSDT", "AUSDT"], "trades").records["symbol"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(("names", "kind"), [
    (("ts", "symbol", "open", "high", "low", "close", "volume"), "bars"),
    (("ts", "symbol", "price", "size", "side"), "trades"),
    (("ts", "symbol", "price"), "trades"),
    (("ts", "symbol", "bid", "ask"), "quotes"),
    (("ts", "symbol", "side", "level", "price", "size"), "quotes"),
    (("ts", "what"), "bars"),
])  # fmt: skip
def test_columns_say_what_a_file_holds(tmp_path: Path, names: tuple[str, ...], kind: Kind) -> None:
    pq.write_table(pa.table({name: [1.0] for name in names}), tmp_path / "one.parquet")
    assert kind_of(tmp_path / "one.parquet") == kind
    (tmp_path / "one.csv").write_text(",".join(names) + "\n")
    assert kind_of(tmp_path / "one.csv") == kind


def test_renamed_columns_count_by_our_names(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", {"ts": [1], "symbol": ["AUSDT"], "p": [1.0]})
    layout = Layout(rename={"p": "price"})
    assert kind_of(path, layout) == "trades"
    assert read_ticks(path, ["AUSDT"], "trades", layout=layout).records["price"].tolist() == [1.0]


def configured(path: Path, **data: Any) -> Any:
    section = {"path": str(path), "symbols": ["AUSDT"], "interval": "1m", **data}
    return from_dict({"data": section, "strategy": {"name": "range_maker"}})


def test_a_configuration_reads_ticks_as_it_reads_bars(tmp_path: Path) -> None:
    frames = frames_of(configured(trades(tmp_path / "t.parquet")))
    assert len(frames.ticks) == 4
    assert len(frames) == 2


def test_the_hash_covers_every_tick(tmp_path: Path) -> None:
    one = frames_of(configured(trades(tmp_path / "1.parquet"))).data_hash
    same = frames_of(configured(trades(tmp_path / "2.parquet"))).data_hash
    other = frames_of(configured(trades(tmp_path / "3.parquet", side=["buy", "sell", "sell", "sell"]))).data_hash
    assert one == same != other


@pytest.mark.parametrize(("data", "error", "words"), [
    ({"kind": "quotes"}, SchemaError, "no column 'bid'"),
    ({"kind": "bars"}, SchemaError, "no column 'open'"),
    ({"symbols": ["BUSDT"]}, DataError, "no usable trades of BUSDT.*AUSDT"),
    ({"start": "2030-01-01T00:00:00Z"}, DataError, "no usable trades of AUSDT in the window; widen it"),
])  # fmt: skip
def test_bad_requests_are_named(tmp_path: Path, data: Any, error: type[Error], words: str) -> None:
    path = trades(tmp_path / "t.parquet")
    if "start" in data:
        from datetime import datetime

        data = {"start": datetime.fromisoformat(data["start"])}
    with pytest.raises(error, match=words):
        frames_of(configured(path, **data))


def test_ticks_need_an_interval(tmp_path: Path) -> None:
    path = trades(tmp_path / "t.parquet")
    without = from_dict({"data": {"path": str(path), "symbols": ["AUSDT"]}, "strategy": {"name": "range_maker"}})
    with pytest.raises(ConfigError, match=r"data\.interval: missing, .* holds trades"):
        frames_of(without)
    with pytest.raises(ConfigError, match=r"data\.interval is missing"):
        from_dict({"data": {"path": "x", "kind": "trades", "symbols": ["A"]}, "strategy": {"name": "range_maker"}})
    with pytest.raises(ConfigError, match="datasets hold bars"):
        from_dict({"data": {"dataset": "a/b", "kind": "trades", "symbols": ["A"]}, "strategy": {"name": "range_maker"}})


def test_ticks_have_the_calendar_beside_them(tmp_path: Path) -> None:
    calendar = tmp_path / "news.json"
    event = '{"date": "2024-01-28T01:00:00Z", "country": "USD", "impact": "High", "title": "x"}'
    calendar.write_text(f'{{"from": "2024-01-01T00:00:00Z", "to": "2024-12-31T00:00:00Z", "events": [{event}]}}')
    raw = {
        "data": {"path": str(trades(tmp_path / "t.parquet")), "symbols": ["AUSDT"], "interval": "1m"},
        "strategy": {"name": "range_maker"},
        "news": {"calendar": str(calendar), "fail_mode": "allow"},
    }
    frames = frames_of(from_dict(raw))
    assert frames.ticks is not None
    assert frames.news is not None


@pytest.mark.parametrize("level", [0, 3])
def test_a_side_that_is_none_is_named(tmp_path: Path, level: int) -> None:
    columns: dict[str, list[Any]] = {"side": ["middle"], "level": [level], "price": [1.0], "size": [1.0]}
    path = write(tmp_path / "b.parquet", {"ts": [1], "symbol": ["AUSDT"], **columns})
    with pytest.raises(SchemaError, match="side = 'middle'"):
        read_ticks(path, ["AUSDT"], "quotes")
    taken = trades(tmp_path / "t.parquet", side=["buy", None, "bought", ""])
    with pytest.raises(SchemaError, match="side = 'bought' in trades; expected 'buy' or 'sell', or nothing where"):
        read_ticks(taken, ["AUSDT"], "trades")
    kinds = read_ticks(trades(tmp_path / "u.parquet", side=["BUY", None, "s", ""]), ["AUSDT"], "trades").records["kind"]
    assert kinds.tolist() == [TickKind.BUY, TickKind.TRADE, TickKind.SELL, TickKind.TRADE]


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), interval_ms=st.sampled_from([1_000, 7_000, 60_000]), has_quotes=st.booleans())
def test_bars_equal_a_plain_aggregation(seed: int, interval_ms: int, has_quotes: bool) -> None:
    ticks = sample_ticks(TickMarket(seed=seed, n_ticks=300, has_quotes=has_quotes))
    frames = frames_of_ticks(ticks, 1, interval_ms * 1_000_000)
    groups: dict[int, list[Any]] = {}
    for tick in ticks:
        groups.setdefault(int(tick["ts_ns"]) // (interval_ms * 1_000_000), []).append(tick)
    assert len(frames) == len(groups)
    for frame, (slot, members) in zip(frames, sorted(groups.items()), strict=True):
        made = [tick for tick in members if tick["kind"] != TickKind.QUOTE] or members
        prices = [
            float(tick["price"]) if tick["kind"] != TickKind.QUOTE else 0.5 * float(tick["price"] + tick["ask"])
            for tick in made
        ]
        volume = sum(float(tick["qty"]) for tick in made if tick["kind"] != TickKind.QUOTE)
        assert frame.ts_ns == slot * interval_ms * 1_000_000
        assert (frame.open[0], frame.close[0]) == (prices[0], prices[-1])
        assert (frame.high[0], frame.low[0]) == (max(prices), min(prices))
        assert frame.volume[0] == pytest.approx(volume, rel=1e-12)


def test_a_made_up_market_is_the_same_for_a_seed_and_stays_in_its_range() -> None:
    market = TickMarket(seed=3, n_ticks=5_000, reach=20)
    one, two = sample_ticks(market), sample_ticks(market)
    assert one.tobytes() == two.tobytes()
    quotes = one[one["kind"] == TickKind.QUOTE]
    assert quotes["price"].min() >= 999.8
    assert quotes["ask"].max() <= 1000.21
    assert (quotes["ask"] > quotes["price"]).all()


def test_made_up_trades_read_as_they_were_made(tmp_path: Path) -> None:
    market = TickMarket(n_ticks=500, has_quotes=False)
    assert write_sample_trades(tmp_path / "trades.parquet", market, "AUSDT") == 500
    read = read_ticks(tmp_path / "trades.parquet", ["AUSDT"], "trades")
    assert read.records.tobytes() == sample_ticks(market).tobytes()


def test_a_market_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(ConfigError, match="choose 0 or more"):
        TickMarket(seed=-1)
    with pytest.raises(ConfigError, match="ask for at least 1"):
        TickMarket(n_ticks=0)


def test_no_tick_is_no_frame() -> None:
    assert len(frames_of_ticks(Tick.array(0), 1, 1_000)) == 0  # type: ignore[attr-defined]


@needs_recorded
@pytest.mark.parametrize(("file", "symbol", "kind", "n_ticks", "n_skipped"), [
    ("binance_trades_2024-07-18_19", "BTCUSDT", "trades", 10_701, 0),
    ("bybit_spot_trades_1INCH_UNIUSDC_2025-05", "1INCHUSDT", "trades", 6_682, 0),
    ("fx_ticks_oanda_EURUSD_XAUUSD_2014-05-01_07", "XAUUSD", "quotes", 265_015, 0),
    ("mexc_spot_l2snap_JETUSDT_listing_2023-08-24", "JETUSDT", "quotes", 956, 0),
])  # fmt: skip
def test_recorded_files_read_as_they_are(file: str, symbol: str, kind: Kind, n_ticks: int, n_skipped: int) -> None:
    path = Path(RECORDED) / f"{file}.parquet"
    assert kind_of(path) == kind
    ticks = read_ticks(path, [symbol], kind)
    assert (len(ticks), ticks.rows_skipped) == (n_ticks, n_skipped)


@needs_recorded
def test_polled_prices_are_trades_of_unknown_size_without_those_before_the_listing() -> None:
    path = Path(RECORDED) / "mexc_spot_tickpoll_listings_2023-08.parquet"
    ticks = read_ticks(path, ["BRDUSDT"], kind_of(path))
    assert np.isnan(ticks.records["qty"]).all()
    assert ticks.rows_skipped > 0
    assert len(ticks) + ticks.rows_skipped == 3_595

"""Steps and limits: from tables, from files, and which of them counts."""

from __future__ import annotations

import gzip
import json
import re
from math import inf
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.config import Config, from_dict
from ballast.config.instruments import instruments_of
from ballast.model.errors import ConfigError

SPOT = {
    "symbol": "BTCUSDT",
    "lotSizeFilter": {"basePrecision": "0.000001", "minOrderQty": "0.000011", "maxOrderQty": "83", "minOrderAmt": "5"},
    "priceFilter": {"tickSize": "0.01"},
}
LINEAR = {
    "symbol": "BTCUSDT",
    "contractType": "LinearPerpetual",
    "lotSizeFilter": {"qtyStep": "0.001", "minOrderQty": "0.001", "maxOrderQty": "1190", "minNotionalValue": "5"},
    "priceFilter": {"tickSize": "0.10"},
}
PROPERTIES = [
    ("binance", "BTCUSDT", "crypto", "0.01", "0.00001", "5"),
    ("bybit", "BTCUSDT", "crypto", "0.1", "0.000001", "0.000011"),
    ("bybit", "BTCUSDT", "cryptofuture", "0.10", "0.001", "0.001"),
    ("bybit", "DOGEUSDT", "crypto", "0.00001", "0.1", None),
]
COLUMNS = ("market", "symbol", "type", "minimum_price_variation", "lot_size", "minimum_order_size")


def config(directory: Path, *symbols: str, instruments: dict[str, Any], **data: Any) -> Config:
    raw = {
        "data": {"path": "bars.parquet", "symbols": list(symbols), **data},
        "instruments": instruments,
        "strategy": {"name": "rsi_reversion"},
    }
    return from_dict(raw, directory=directory)


def properties(directory: Path, rows: list[tuple[str | None, ...]] = PROPERTIES) -> str:  # type: ignore[assignment]
    table = pa.table({name: [row[k] for row in rows] for k, name in enumerate(COLUMNS)})
    pq.write_table(table, directory / "instruments.parquet")
    return "instruments.parquet"


def body(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"retCode": 0, "result": {"category": "spot", "list": entries}}).encode()


def test_a_table_is_taken_as_exact_decimal_steps(tmp_path: Path) -> None:
    limits = {"tick": 0.0001, "lot_step": 0.1, "min_qty": 1.0, "min_notional": 5.0, "max_qty": 1e6}
    one = instruments_of(config(tmp_path, "DOGEUSDT", instruments={"DOGEUSDT": limits}))[0]
    assert (one.tick_units, one.tick_scale, one.lot_units, one.lot_scale) == (1, 10_000.0, 1, 10.0)
    assert (one.min_qty, one.min_notional, one.max_qty) == (1.0, 5.0, 1e6)


def test_without_anything_there_is_no_grid_and_no_limit(tmp_path: Path) -> None:
    array = instruments_of(config(tmp_path, "AUSDT", "BUSDT", instruments={}), 4)
    assert len(array) == 4
    assert {(one.tick_units, one.lot_units, one.min_qty, one.min_notional, one.max_qty) for one in array} == {
        (0, 0, 0.0, 0.0, inf)
    }


def test_execution_gives_the_steps_of_symbols_without_their_own(tmp_path: Path) -> None:
    raw = {
        "data": {"path": "bars.parquet", "symbols": ["AUSDT", "BUSDT"]},
        "execution": {"lot_step": 0.5, "tick_size": 0.25},
        "instruments": {"BUSDT": {"lot_step": 2}},
        "strategy": {"name": "rsi_reversion"},
    }
    first, second = instruments_of(from_dict(raw))
    assert (first.lot_units / first.lot_scale, first.tick_units / first.tick_scale) == (0.5, 0.25)
    assert (second.lot_units / second.lot_scale, second.tick_units / second.tick_scale) == (2.0, 0.25)


@pytest.mark.parametrize(("market", "tick"), [("spot", 0.01), ("linear", 0.1)])
@pytest.mark.parametrize("compress", [False, True])
def test_an_answer_of_bybit_is_read_for_the_market(tmp_path: Path, market: str, tick: float, compress: bool) -> None:
    content = body(LINEAR, SPOT)
    (tmp_path / "file").write_bytes(gzip.compress(content) if compress else content)
    one = instruments_of(config(tmp_path, "BTCUSDT", instruments={"file": "file"}, market=market))[0]
    assert one.tick_units / one.tick_scale == tick
    assert one.min_notional == 5.0


def test_a_figure_of_the_table_stands_over_the_file_and_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_bytes(body(SPOT))
    instruments = {"file": "file.json", "BTCUSDT": {"max_qty": 2.0, "min_notional": 0}}
    one = instruments_of(config(tmp_path, "BTCUSDT", instruments=instruments))[0]
    assert (one.max_qty, one.min_notional, one.min_qty) == (2.0, 0.0, 0.000011)


def test_a_table_of_properties_is_read_for_venue_and_market(tmp_path: Path) -> None:
    file = properties(tmp_path)
    spot = instruments_of(config(tmp_path, "BTCUSDT", "DOGEUSDT", instruments={"file": file}, venue="bybit"))
    assert [(one.lot_units, one.lot_scale, one.min_qty) for one in spot] == [(1, 1e6, 0.000011), (1, 10.0, 0.0)]
    linear = instruments_of(config(tmp_path, "BTCUSDT", instruments={"file": file}, venue="bybit", market="linear"))
    assert (linear[0].lot_units, linear[0].lot_scale) == (1, 1000.0)


def test_the_smallest_order_of_binance_is_an_amount_of_quote_currency(tmp_path: Path) -> None:
    one = instruments_of(config(tmp_path, "BTCUSDT", instruments={"file": properties(tmp_path)}, venue="binance"))[0]
    assert (one.min_notional, one.min_qty) == (5.0, 0.0)


def test_the_venue_of_the_instruments_may_be_another_than_that_of_the_rows(tmp_path: Path) -> None:
    instruments = {"file": properties(tmp_path), "venue": "binance"}
    one = instruments_of(config(tmp_path, "BTCUSDT", instruments=instruments, venue="bybit"))[0]
    assert one.min_notional == 5.0


def test_a_dataset_names_the_venue(tmp_path: Path) -> None:
    raw = {
        "data": {"dataset": "bybit/spot", "symbols": ["DOGEUSDT"]},
        "instruments": {"file": properties(tmp_path)},
        "strategy": {"name": "rsi_reversion"},
    }
    assert instruments_of(from_dict(raw, directory=tmp_path))[0].lot_scale == 10.0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"tick,lot\n", "neither Parquet nor JSON"),
        (b"{}", "no instruments in it"),
        (b"PAR1 and nothing else", "not a readable Parquet file"),
        (b"\x1f\x8b and nothing else", "cannot be read"),
        (body(LINEAR), "no spot instrument 'BTCUSDT'; give it a table [instruments.BTCUSDT]"),
        (body(SPOT | {"symbol": "BTCUSD"}), "no spot instrument 'BTCUSDT'; did you mean 'BTCUSD'?"),
        (body(SPOT | {"priceFilter": {"tickSize": "fine"}}), "tick of 'BTCUSDT' is 'fine', not a number >= 0"),
    ],
    ids=["missing", "text", "empty", "parquet", "gzip", "market", "symbol", "figure"],
)
def test_a_file_that_cannot_serve_is_named_with_the_reason(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(words)):
        instruments_of(config(tmp_path, "BTCUSDT", instruments={"file": "file"}))


def test_a_table_of_properties_needs_the_venue_where_several_have_the_symbol(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"'BTCUSDT' is there for binance and bybit; say which with instruments\.venue"
    ):
        instruments_of(config(tmp_path, "BTCUSDT", instruments={"file": properties(tmp_path)}))


def test_an_unknown_venue_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no spot instruments of venue 'bibit'; did you mean 'bybit'\?"):
        instruments_of(config(tmp_path, "BTCUSDT", instruments={"file": properties(tmp_path)}, venue="bibit"))


def test_a_parquet_file_of_something_else_is_told_by_its_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ts": [1]}), tmp_path / "bars.parquet")
    with pytest.raises(ConfigError, match="no column 'market'"):
        instruments_of(config(tmp_path, "BTCUSDT", instruments={"file": "bars.parquet"}))


def test_recorded_instrument_files_are_read(recorded_data: Path) -> None:
    file = str(recorded_data / "instrument_properties_lean.parquet")
    one = instruments_of(config(Path(), "DOGEUSDT", instruments={"file": file}, venue="binance"))[0]
    assert (one.tick_units, one.tick_scale, one.lot_units, one.min_notional) == (1, 100_000.0, 1, 1.0)
    bundle = str(recorded_data / "fixtures" / "bybit_v5_rest_ws.json.gz")
    one = instruments_of(config(Path(), "BTCUSDT", instruments={"file": bundle}))[0]
    assert (one.tick_units, one.tick_scale, one.min_notional, one.max_qty) == (1, 10.0, 10.0, 100.0)

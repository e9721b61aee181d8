"""Recorded currencies and gold through the command line: hours, minutes and ticks, in dollars and euros."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ballast.cli.main import run

pytestmark = pytest.mark.skipif(not os.environ.get("BALLAST_RECORDED_DATA"), reason="BALLAST_RECORDED_DATA is not set")

HOURS = "fx_1h_oanda_EURUSD_NZDUSD_XAUUSD_2006-03_2014-12.parquet"
MINUTES = "fx_1m_fxcm_GBPUSD_2012-02.parquet"
TICKS = "fx_ticks_oanda_EURUSD_XAUUSD_2014-05-01_07.parquet"
SPREADS = """
[trading]
max_spread_points = 12
max_spread_of_stop = 0.5
symbol_max_spread_points = {XAUUSD = 30.0}
"""
FILE = """
[data]
path = "{path}"
symbols = {symbols}
interval = "{interval}"
{window}

[account]
kind = "fx_margin"
currency = "{currency}"
initial_capital = 1_000
leverage = 30

[execution]
slippage_bps = 0.3

[strategy]
{strategy}

[risk]
max_open_trades = 2
max_risk_per_trade_usd = {risk}

[risk.elastic_trailing]
pullback_tolerance_pct = 0.40

{more}
[report]
benchmarks = []
"""


def recorded(name: str) -> Path:
    return Path(os.environ["BALLAST_RECORDED_DATA"]) / name


def result_of(directory: Path, path: Path, symbols: list[str], interval: str, **parts: Any) -> dict[str, Any]:
    """Return the JSON of a run, which must be the same twice."""
    defaults: Mapping[str, Any] = {
        "window": "", "currency": "USD", "risk": 2.0, "more": "", "strategy": 'name = "staged_trend"',
    }  # fmt: skip
    text = FILE.format(**{**defaults, "path": path, "symbols": json.dumps(symbols), "interval": interval, **parts})
    (directory / "run.toml").write_text(text)
    out = directory / "out.json"
    seen = []
    for _ in range(2):
        assert run(["backtest", str(directory / "run.toml"), "--json", str(out), "--quiet"]) == 0
        seen.append(out.read_bytes())
    assert seen[0] == seen[1]
    found: dict[str, Any] = json.loads(seen[0])
    return found


def assert_sound(found: dict[str, Any], capital: float = 1_000.0) -> None:
    """Assert that money is conserved, locks only tighten, and every ending locks what it said, less slippage."""
    assert found["n_fills"] > 0
    legs = sum(leg["net"] for leg in found["legs"])
    assert found["final_equity"] == pytest.approx(capital + legs, abs=1e-6)
    last: dict[str, dict[str, Any]] = {}
    for lock in found["locks"]:
        assert lock["lock"] <= lock["peak"] + 1e-9
        assert lock["lock"] > last.get(lock["position"], {"lock": float("-inf")})["lock"]
        last[lock["position"]] = lock
    assert found["signals"].keys() <= {"LONG", "SHORT"}
    assert sum(found["signals"].values()) >= found["n_trades"]
    assert any("margin level" in sentence for sentence in found["assumptions"])
    on_ticks = any("every recorded tick" in sentence for sentence in found["assumptions"])
    assert on_ticks != any("Spread" in sentence for sentence in found["assumptions"])


def test_minutes_of_a_pound_trade_by_trade(tmp_path: Path) -> None:
    found = result_of(tmp_path, recorded(MINUTES), ["GBPUSD"], "1m", window="end = 2012-02-08")
    assert_sound(found)
    locks = {lock["position"]: lock for lock in found["locks"]}
    fills = {(fill["cycle"], fill["reason"]): fill for fill in found["fills"]}
    checked = 0
    for (number, reason), stop in fills.items():
        lock = locks.get(f"GBPUSD #{number}")
        if reason != "stop" or lock is None:
            continue
        entry = fills[number, "entry"]
        sign = 1.0 if entry["side"] == "BUY" else -1.0
        # The stop's price, net of what both fees come to at the entry, is the lock.
        by_price = sign * (lock["price"] - entry["price"]) * entry["qty"]
        assert lock["lock"] == pytest.approx(by_price - 2 * entry["fee"], abs=1e-6)
        # Slippage and gaps alone may take from it: an ending is never better than what was promised.
        ending = sign * (stop["price"] - entry["price"]) * entry["qty"] - entry["fee"] - stop["fee"]
        assert ending <= lock["lock"] + 1e-3
        checked += 1
    assert checked > 100


def test_years_of_hours_of_two_currencies_and_gold(tmp_path: Path) -> None:
    found = result_of(
        tmp_path, recorded(HOURS), ["EURUSD", "NZDUSD", "XAUUSD"], "1h", window="start = 2012-01-01", risk=10.0
    )
    assert_sound(found)
    assert {fill["symbol"] for fill in found["fills"]} == {"EURUSD", "NZDUSD", "XAUUSD"}


def test_gold_on_an_account_in_euros(tmp_path: Path) -> None:
    found = result_of(
        tmp_path, recorded(HOURS), ["XAUUSD", "EURUSD"], "1h", window="start = 2013-01-01\nend = 2013-07-01",
        risk=10.0, currency="EUR",
    )  # fmt: skip
    assert_sound(found)
    assert "USD of XAUUSD becomes EUR at the last close of EURUSD." in found["assumptions"]


def test_ticks_as_bars_of_ten_seconds(tmp_path: Path) -> None:
    mid = (pl.col("bid") + pl.col("ask")) / 2
    bars = (
        pl
        .read_parquet(recorded(TICKS))
        .group_by("symbol", pl.col("ts").dt.truncate("10s"))
        .agg(open=mid.first(), high=mid.max(), low=mid.min(), close=mid.last(), volume=pl.len().cast(pl.Float64))
        .sort("ts", "symbol")
    )
    bars.write_parquet(tmp_path / "bars.parquet")
    found = result_of(
        tmp_path, tmp_path / "bars.parquet", ["EURUSD", "XAUUSD"], "10s", risk=5.0,
        more="[trading]\ncycle_interval_seconds = 30\n",
    )  # fmt: skip
    assert_sound(found)
    # Entries are asked for once in thirty seconds: they fill with the bar that begins then.
    entries = [fill["ts"] for fill in found["fills"] if fill["reason"] == "entry"]
    assert entries
    assert all(ts % 10_000 == 0 for ts in entries)


def test_quotes_are_walked(tmp_path: Path) -> None:
    found = result_of(
        tmp_path, recorded(TICKS), ["EURUSD", "XAUUSD"], "1m", risk=5.0,
        more=SPREADS,
    )  # fmt: skip
    assert found["n_fills"] == 0
    assert any("every recorded tick" in sentence for sentence in found["assumptions"])
    # As the quotes are: gold's spread is too wide for a stop of 5 dollars, most of EURUSD's cost too much.
    assert found["refusals"]["spread_to_stop"] > 1_000
    assert found["refusals"]["cost"] > 1_000


def test_quotes_are_walked_where_spread_and_cost_are_allowed(tmp_path: Path) -> None:
    own = 'name = "staged_trend"\nmax_spread_to_stop_pct = 0.5\nmax_entry_cost_usd = 2.0\nmax_spread_points = 60'
    found = result_of(
        tmp_path, recorded(TICKS), ["EURUSD", "XAUUSD"], "1m", risk=5.0, strategy=own,
        more=SPREADS,
    )  # fmt: skip
    assert_sound(found)
    assert found["refusals"]["spread_above_points"] > 0
    ticks = pl.read_parquet(recorded(TICKS)).filter(pl.col("symbol") == "EURUSD").unique("ts", keep="last").sort("ts")
    times, bids, asks = (ticks[name].to_list() for name in ("ts", "bid", "ask"))
    at = [round(time.timestamp() * 1_000) for time in times]
    entries = [fill for fill in found["fills"] if fill["reason"] == "entry" and fill["symbol"] == "EURUSD"]
    assert len(entries) > 50
    narrow = 0
    for fill in entries:
        # 0.3 bps worse than the side that is taken, to the next tick.
        row = bisect_right(at, fill["ts"]) - 1
        bid, ask = bids[row], asks[row]
        best, sign = (ask, 1) if fill["side"] == "BUY" else (bid, -1)
        assert 0.0 <= sign * (fill["price"] - best) <= 0.00003 * best + 0.000011
        narrow += ask - bid <= 0.00012 + 1e-9
    # Judged when asked: at a close that is up to a minute before the first tick that can fill it.
    assert narrow >= 0.8 * len(entries)
    assert len(found["locks"]) > 100


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["account.leverage=0"], "account.leverage = 0: expected a number at least 1"),
        (['account.currency="JPY"'], "GBPUSD is quoted in USD, account.currency is JPY, and nothing joins the two"),
        (["instruments.GBPUSD.lot_step=0.0"], "instruments.GBPUSD.lot_step = 0.0: a broker trades in steps above zero"),
        (['data.symbols=["BLORP"]'], "'BLORP' is no pair of currencies"),
        (['account.mode="hedge"'], "strategy 'staged_trend' needs a margin account in one_way mode"),
        (['account.kind="spot"'], "account.leverage = 30.0: only margin accounts have it"),
        (["strategy.max_open_trades=2"], "strategy.max_open_trades = 2: stands in [risk]; write risk.max_open_trades"),
        (["risk.max_open_trades=4"], "risk.max_open_trades = 4: expected a number at least 1 and at most 3"),
        (["risk.staged_open_window_seconds=0"], "risk.staged_open_window_seconds = 0: expected a number above 0"),
        (["risk.max_risk_per_trade_usd=-1"], "risk.max_risk_per_trade_usd = -1: expected a number above 0"),
        (["trading.randomness_factor=5"], "trading.randomness_factor = 5: expected a number"),
        (["strategy.sma_fast=60"], "strategy.sma_fast = 60: must be below strategy.sma_slow = 50"),
        (["risk.fast_trailing_interval_ms=0"], "risk.fast_trailing_interval_ms = 0: expected a number at least 1"),
        (["risk.elastic_trailing.mode=1"], "risk.elastic_trailing.mode"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    settings: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = FILE.format(
        path=recorded(MINUTES), symbols='["GBPUSD"]', interval="1m", window="", currency="USD", risk=2.0, more="",
        strategy='name = "staged_trend"',
    )  # fmt: skip
    (tmp_path / "run.toml").write_text(text.replace("leverage = 30", "leverage = 30\nstop_out_level_pct = 40"))
    more = [part for setting in settings for part in ("--set", setting)]
    assert run(["backtest", str(tmp_path / "run.toml"), *more, "--json", str(tmp_path / "out.json")]) == 2
    said = capsys.readouterr().err
    assert words in " ".join(said.split())
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]

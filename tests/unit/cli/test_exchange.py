"""``ballast exchange``: its first line, its end, and what it refuses."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ballast.cli.main import run
from ballast.data.catalog import Catalog
from ballast.data.sample import Market, write_sample
from tests.judges.exchanges import running


def state_of(ready: dict[str, Any]) -> dict[str, Any]:
    with urllib.request.urlopen(f"{ready['operator_url']}/state") as answer:
        return dict(json.load(answer))


def test_it_says_where_it_listens_trades_by_the_step_and_stops_when_told(tmp_path: Path) -> None:
    data = tmp_path / "market.parquet"
    write_sample(data, Market(days=1, symbols=2))
    with running("--data", str(data), "--clock", "step", "--accounts", "3", "--balance", "500") as ready:
        assert (ready["venue"], ready["clock"], len(ready["keys"])) == ("bybit", "step", 3)
        state = state_of(ready)
        assert [account["cash"] for account in state["accounts"]] == [500.0] * 3
        with urllib.request.urlopen(f"{ready['rest_url']}/v5/market/instruments-info?category=linear") as answer:
            assert [row["symbol"] for row in json.load(answer)["result"]["list"]] == ready["symbols"]
        step = urllib.request.Request(f"{ready['operator_url']}/step", b"{}", method="POST")
        with urllib.request.urlopen(step) as answer:
            assert json.load(answer)["clock"]["time_ms"] == state["clock"]["time_ms"] + 20_000


def test_it_trades_the_market_and_the_account_of_a_configuration(tmp_path: Path) -> None:
    write_sample(tmp_path / "market.parquet", Market(days=1, symbols=2))
    (tmp_path / "grid.toml").write_text("""
[data]
path = "market.parquet"
symbols = ["BLORPUSDT"]

[account]
kind = "unified_margin"
mode = "hedge"
leverage = 5
tiers = "bybit-btcusdt-2026-08"
tiers_stand_in = "tiers.json"
initial_capital = 777.0

[instruments.BLORPUSDT]
tick = 0.0001
lot_step = 1.0

[execution]
latency_bars = 1

[strategy]
name = "hedge_grid"
""")
    brackets = {"symbol": "BLORP/USDT:USDT", "maxNotional": 1e9, "maintenanceMarginRate": 0.01, "maxLeverage": 20}
    (tmp_path / "tiers.json").write_text(json.dumps([brackets]))
    with running(str(tmp_path / "grid.toml"), "--clock", "step", "--accounts", "1") as ready:
        (account,) = state_of(ready)["accounts"]
    assert (account["cash"], account["position_mode"], account["positions"][0]["leverage"]) == (777.0, "hedge", 5.0)
    assert any("latency" in sentence for sentence in ready["assumptions"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--venue", "nasdaq"], "this version speaks bybit, mexc"),
        (["--venue", "bybit,"], "this version speaks bybit, mexc"),
        (["--venue", "bybit", "--closed", "BLORPUSDT"], "belongs to --venue mexc"),
        (["--venue", "mexc", "--closed", "BLOBUSDT"], "did you mean 'BLORPUSDT'?"),
        (["--clock", "fast"], "no such clock"),
        (["--data", "live"], "this version trades recorded bars"),
        (["--data", "nowhere.parquet"], "nowhere.parquet"),
        (["some.toml", "--data", "sample"], "names its data already"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["exchange", *arguments]) == 2
    errors = capsys.readouterr().err
    assert words in errors
    assert errors.count("\n") == 1


def test_what_is_downloaded_from_the_mexc_face_is_what_it_trades_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLAST_CATALOG", str(tmp_path / "catalog"))
    path = tmp_path / "market.parquet"
    write_sample(path, Market(days=3, symbols=1))
    # A quarter of the bars is history: more than two pages of it.
    with running("--venue", "mexc", "--data", str(path), "--clock", "step", "--history", "5000") as ready:
        now = datetime.fromtimestamp(state_of(ready)["clock"]["time_ms"] / 1_000, UTC)
        recorded = pl.read_parquet(path).filter(pl.col("ts") < now)
        window = ["--start", f"{recorded['ts'][0]:%Y-%m-%dT%H:%M}", "--end", f"{now:%Y-%m-%dT%H:%M}"]
        asked = ["--venue", "mexc", "--rest-url", ready["rest_url"], "--symbols", ready["symbols"][0]]
        assert run(["data", "download", *asked, *window, "--quiet"]) == 0
    assert len(recorded) > 1_000
    downloaded = Catalog().read("mexc/spot", ready["symbols"])
    assert downloaded.ts_ms.tolist() == recorded["ts"].dt.epoch("ms").to_list()
    for name in ("open", "high", "low", "close"):
        # The face tells prices on its ticks; recorded ones have more digits.
        np.testing.assert_allclose(getattr(downloaded, name), recorded[name], rtol=1e-4)
    np.testing.assert_allclose(downloaded.volume, recorded["volume"], atol=0.5)


def test_two_venues_listen_on_one_port_and_move_together(tmp_path: Path) -> None:
    with running("--venue", "bybit,mexc", "--clock", "step", "--accounts", "1", "--closed", "SNORTLUSDT") as ready:
        assert (ready["venue"], list(ready["venues"])) == ("bybit", ["bybit", "mexc"])
        bybit, mexc = ready["venues"].values()
        assert bybit["rest_url"] == mexc["rest_url"] == ready["rest_url"]
        assert mexc["public_url"].endswith("/ws")
        assert [len(one["keys"]) for one in (bybit, mexc)] == [1, 1]
        step = urllib.request.Request(f"{ready['operator_url']}/step", b'{"by_ms": 5000}', method="POST")
        urllib.request.urlopen(step).close()
        states = []
        for name in ("bybit", "mexc"):
            with urllib.request.urlopen(f"{ready['operator_url']}/state?venue={name}") as answer:
                states.append(json.load(answer))
        assert states[0]["clock"] == states[1]["clock"]
        assert states[0]["prices"] == states[1]["prices"]
        with urllib.request.urlopen(f"{ready['rest_url']}/api/v3/defaultSymbols") as answer:
            assert "SNORTLUSDT" not in json.load(answer)["data"]
        for path, code in (("/v5/nothing", "retCode"), ("/api/v3/nothing", "code"), ("/nothing", "retCode")):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"{ready['rest_url']}{path}")
            assert json.load(caught.value)[code] == 404
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{ready['operator_url']}/state?venue=nasdaq")


def test_mexc_trades_the_spot_account_of_a_configuration(tmp_path: Path) -> None:
    write_sample(tmp_path / "market.parquet", Market(days=1, symbols=2))
    (tmp_path / "spot.toml").write_text("""
[data]
path = "market.parquet"
symbols = ["BLORPUSDT", "SNORTLUSDT"]

[account]
kind = "spot"
initial_capital = 777.0
maker_fee_rate = 0.001
taker_fee_rate = 0.002

[instruments.BLORPUSDT]
tick = 0.0001
lot_step = 1.0

[instruments.SNORTLUSDT]
tick = 0.01
lot_step = 0.1

[strategy]
name = "cascade"
""")
    with running(str(tmp_path / "spot.toml"), "--venue", "mexc", "--clock", "step", "--accounts", "1") as ready:
        (account,) = state_of(ready)["accounts"]
        with urllib.request.urlopen(f"{ready['rest_url']}/api/v3/exchangeInfo") as answer:
            symbol, _ = json.load(answer)["symbols"]
    assert (account["cash"], account["equity"]) == (777.0, 777.0)
    assert (symbol["tickSize"], symbol["takerCommission"]) == ("0.0001", "0.002")
    assert run(["exchange", str(tmp_path / "spot.toml")]) == 2
    assert run(["exchange", str(tmp_path / "spot.toml"), "--venue", "mexc,bybit"]) == 2

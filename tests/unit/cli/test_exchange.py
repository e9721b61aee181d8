"""``ballast exchange``: its first line, its end, and what it refuses."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ballast.cli.main import run
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
        (["--venue", "mexc"], "this version speaks bybit"),
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

"""One key, ``[risk] profile``, makes ladder and grid the documented original; through the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.cli.main import run

HOUR = 3_600_000
START = 1_704_067_200_000
FILE = """
[data]
path = "bars.parquet"
symbols = ["AUSDT"]
interval = "1h"

[account]
kind = "unified_margin"
mode = "hedge"
leverage = 75
initial_capital = 1_000
tiers = "tiers.json"
margin_model = "textbook"
maker_fee_rate = 0.0
taker_fee_rate = 0.0

[execution]
slippage_bps = 0.0

[strategy]
name = "hedge_grid"
take_profit_percent = {take_profit}

[risk]
profile = "{profile}"
"""


def climb(factor: float, n_bars: int, price: float = 100.0) -> list[float]:
    return [price * factor**n for n in range(1, n_bars + 1)]


def result(directory: Path, closes: Sequence[float], *, profile: str, take_profit: float) -> dict[str, Any]:
    """Return the JSON of a run over bars that go from close to close."""
    opens = [closes[0], *closes[:-1]]
    columns: dict[str, Any] = {
        "ts": pa.array([START + n * HOUR for n in range(len(closes))], pa.timestamp("ms", "UTC")),
        "symbol": ["AUSDT"] * len(closes),
        "open": opens,
        "high": [max(pair) for pair in zip(opens, closes, strict=True)],
        "low": [min(pair) for pair in zip(opens, closes, strict=True)],
        "close": closes,
        "volume": [1e9] * len(closes),
    }
    pq.write_table(pa.table(columns), directory / "bars.parquet")
    tier = {"symbol": "A/USDT:USDT", "maxNotional": 1e9, "maintenanceMarginRate": 0.005, "maxLeverage": 100}
    (directory / "tiers.json").write_text(json.dumps({"A/USDT:USDT": [tier | {"info": {"cum": 0.0}}]}))
    file, out = directory / "run.toml", directory / "out.json"
    file.write_text(FILE.format(profile=profile, take_profit=take_profit))
    assert run(["backtest", str(file), "--json", str(out), "--quiet"]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_the_documented_original_panics_with_the_fourth_short_and_stays(tmp_path: Path) -> None:
    up = climb(1.001, 110)
    closes = [*[100.0] * 30, *up, *climb(1 / 1.001, 400, up[-1])]
    # The example's long leg stays as it is: its target is beyond anything that happens.
    found = result(tmp_path, closes, profile="documented", take_profit=50.0)
    shorts = [fill for fill in found["fills"] if fill["side"] == "SELL"]
    assert [fill["qty"] for fill in shorts] == pytest.approx([0.75, 1.5, 3.0, 6.0], rel=1e-9)
    assert [fill["price"] for fill in shorts] == pytest.approx([100.0, 101.0, 102.01, 103.0301], rel=1e-9)
    assert [(move["from"], move["to"], move["reason"]) for move in found["transitions"]] == [
        ("NORMAL", "PANIC", "low_margin")
    ]
    assert found["transitions"][0]["ts"] == shorts[-1]["ts"]
    left_s = (START + len(closes) * HOUR - shorts[-1]["ts"]) / 1_000
    assert found["states"]["PANIC"] == pytest.approx(left_s, abs=1e-3)
    assert closes[-1] < 75.0


@pytest.mark.parametrize(
    ("profile", "price"),
    [
        # The original charges 0.055 % for each entry and 0.020 % once, whatever the fees are; here there are none.
        ("documented", 100.0 * 1.01075),
        ("safe", 101.0),
    ],
)
def test_the_profile_of_the_ladder_is_the_grids(profile: str, price: float, tmp_path: Path) -> None:
    closes = [*[100.0] * 3, *climb(1.001, 20)]
    found = result(tmp_path, closes, profile=profile, take_profit=1.0)
    taken = [fill for fill in found["fills"] if fill["reason"] == "tp"]
    assert taken[0]["price"] == pytest.approx(price, rel=1e-12)
    assert "profile" not in found["config"]["strategy"]
    assert found["config"]["risk"]["profile"] == profile

"""The strategy from a configuration file on recorded hours, and what the page says about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ballast import backtest_file
from ballast.strategies.registry import load
from tests.architecture.sources import ROOT
from tests.conformance.markets import random_market
from tests.unit.strategies.tight_range.ranges import reasons, traded

PAGE = (ROOT / "docs" / "tight_range.md").read_text(encoding="utf-8")
CONFIGURATION = """
[data]
path = "{path}"
symbols = ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
[account]
fee_rate = 0.001
[execution]
slippage_bps = 10
[strategy]
name = "tight_range"
"""


@pytest.fixture(scope="module")
def result(recorded_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("run") / "tight_range.toml"
    path = recorded_data / "binance_spot_1h_2018-01_2025-08.parquet"
    file.write_text(CONFIGURATION.format(path=path), encoding="utf-8")
    return backtest_file(file)


def test_the_page_says_what_seven_years_of_hours_earned(result: Any) -> None:
    section = PAGE.partition("Binance spot, hours")[2]
    row = re.search(r"\| `path2` \(default\) \| ([+-][\d.]+) % \| ([+-][\d.]+) % \| ([\d,]+) \|", section)
    assert row is not None
    assert float(row[1]) == pytest.approx(100.0 * result.metrics.total_return, abs=0.05)
    assert float(row[2]) == pytest.approx(100.0 * result.metrics.max_drawdown, abs=0.05)
    assert int(row[3].replace(",", "")) == result.metrics.n_fills


def test_trades_explain_the_result(result: Any) -> None:
    fills = result.fills
    flows = -fills["side"] * fills["qty"] * fills["price"] - fills["fee"]
    held = [fills["side"][fills["symbol"] == symbol] @ fills["qty"][fills["symbol"] == symbol] for symbol in range(3)]
    worth = float(np.sum(np.maximum(held, 0.0) * result.closes()[-1]))
    assert 10_000.0 + flows.sum() + worth == pytest.approx(result.metrics.final_equity, rel=1e-9)
    # Every entry is the first fill of its cycle, and no cycle sells more than it bought.
    for cycle in np.unique(fills["cycle"])[::97]:
        mine = fills[fills["cycle"] == cycle]
        assert mine["side"][0] == 1
        assert (mine["side"] @ mine["qty"]) >= -1e-9 * mine["qty"][0]


def test_the_layers_of_ones_own_that_the_page_shows_trade(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(from ballast\.model\.compiled.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "own_layers.py"
    file.write_text(example, encoding="utf-8")
    market = random_market(3, 1, 150)
    own = traded(market, strategy=load(str(file)))
    assert own.engine.log.n_fills > 3
    assert reasons(own) != reasons(traded(market))

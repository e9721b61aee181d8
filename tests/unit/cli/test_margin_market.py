"""A margin account from its file to its result: marks, funding and tiers are read, named and charged."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.backtest.setup import Setup, setup_from_config
from ballast.cli.main import run
from ballast.cli.market import frames_of
from ballast.config import load
from ballast.data.catalog import Catalog
from ballast.data.change import changing
from ballast.data.importer import import_bars
from ballast.data.parts import funding_table
from ballast.data.series import FUNDING, Series
from ballast.model.enums import AccountKind, MarginModel, PositionMode
from ballast.model.errors import ConfigError, DataError
from ballast.model.ports import FundingRate
from ballast.notebook import backtest_file
from ballast.notebook.bars import frames_from
from tests.unit.data.tables import T0

HOUR = 3_600_000
N_BARS = 30
SYMBOLS = ("BTCUSDT", "AUSDT")

# Buys 2 BTC at the first close and keeps them.
HOLD = """
from ballast.model.enums import Cause, QtyUnit, Side
from ballast.model.intents import place_market
from ballast.model.records import SymbolFloats, parameter, record

@record
class Params:
    stake: SymbolFloats = parameter(2.0, "Quantity.", unit="base units", minimum=0)

@record
class State:
    has_bought: bool

def decide(row, view, state, params, intents):
    if view.cause != Cause.BAR or state.has_bought:
        return 0
    state.has_bought = True
    return place_market(intents, 0, 0, Side.BUY, params.stake[0], QtyUnit.BASE, 0)
"""

FILE = """
[data]
path = "bars.parquet"
symbols = ["BTCUSDT", "AUSDT"]
venue = "bybit"
mark = true
funding = "funding.parquet"

[account]
kind = "unified_margin"
leverage = 20
initial_capital = 10_000
tiers = "bybit-btcusdt-2026-08"
tiers_stand_in = "brackets.json"

[execution]
slippage_bps = 0

[strategy]
name = "hold.py"

[strategy.symbols.AUSDT]
leverage = 10

[risk]
profile = "off"
"""


def close_of(n: int) -> float:
    return 1_000.0 + 10.0 * n


def write_bars(path: Path) -> None:
    times = [T0 + n * HOUR for n in range(N_BARS)]
    prices = np.array([close_of(n) for n in range(N_BARS)])
    columns: dict[str, Any] = {
        "ts": pa.array(times * 2, pa.timestamp("ms", "UTC")),
        "symbol": ["BTCUSDT"] * N_BARS + ["AUSDT"] * N_BARS,
        "volume": [1.0] * (2 * N_BARS),
    }
    for name, shift in (("open", -10.0), ("high", 0.0), ("low", -10.0), ("close", 0.0)):
        columns[name] = np.tile(prices + shift, 2)
        marks = np.tile(prices + shift + 1.0, 2)
        marks[N_BARS + 3] = np.nan
        columns[f"mark_{name}"] = marks
    pq.write_table(pa.table(columns), path)


def write_funding(path: Path, rate: float = 0.001) -> None:
    stamps = {"ts": [T0 + 8 * HOUR + 12, T0 + 16 * HOUR, T0 + 100 * HOUR], "rate": [rate, -0.0005, 0.1]}
    columns = {
        "ts": pa.array(stamps["ts"], pa.timestamp("ms", "UTC")),
        "venue": ["bybit"] * 3,
        "symbol": ["BTCUSDT"] * 3,
        "funding_rate": stamps["rate"],
    }
    pq.write_table(pa.table(columns), path)


def write_brackets(path: Path, rate: float = 0.01) -> None:
    tier = {"symbol": "A/USDT:USDT", "maxNotional": 1e6, "maintenanceMarginRate": rate, "maxLeverage": 25}
    path.write_text(json.dumps({"A/USDT:USDT": [tier | {"info": {"cum": 0.0}}]}))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_bars(tmp_path / "bars.parquet")
    write_funding(tmp_path / "funding.parquet")
    write_brackets(tmp_path / "brackets.json")
    (tmp_path / "hold.py").write_text(HOLD)
    (tmp_path / "run.toml").write_text(FILE)
    return tmp_path


def setup_of(directory: Path, *overrides: str) -> Setup:
    config = load(directory / "run.toml", overrides)
    return setup_from_config(config, frames_of(config))


class TestSetup:
    def test_the_account_reaches_the_run(self, directory: Path) -> None:
        setup = setup_of(directory, 'account.mode="hedge"', 'account.margin_model="textbook"')
        assert setup.account_kind == AccountKind.UNIFIED_MARGIN
        assert (setup.position_mode, setup.margin_model) == (PositionMode.HEDGE, MarginModel.TEXTBOOK)
        assert setup.leverage == (20.0, 10.0)
        assert setup.tiers["symbol"].tolist() == [0] * 5 + [1]
        assert (setup.costs.maker_fee_rate, setup.costs.taker_fee_rate) == (0.0002, 0.00055)
        assert setup.risk is not None

    def test_marks_and_funding_reach_it_at_the_width_of_the_frames(self, directory: Path) -> None:
        setup = setup_of(directory)
        assert len(setup.marks) == len(setup.frames.records) == N_BARS
        assert setup.marks.dtype["open"].shape == setup.frames.records.dtype["open"].shape
        assert [(int(one.ts_ns), int(one.symbol), float(one.rate)) for one in setup.funding] == [
            ((T0 + 8 * HOUR) * 1_000_000, 0, 0.001),
            ((T0 + 16 * HOUR) * 1_000_000, 0, -0.0005),
        ]

    def test_what_is_missing_is_told(self, directory: Path) -> None:
        setup = setup_of(directory)
        assert list(setup.data_assumptions) == [
            "Risk tiers: bybit-btcusdt-2026-08: BTCUSDT; brackets.json, standing in: AUSDT.",
            "The risk tiers of AUSDT are another venue's, brackets.json, and stand in.",
            "Positions beyond the last risk tier (BTCUSDT 8,500,000, AUSDT 1,000,000) keep its rates.",
            "AUSDT has no mark price in 1 of 30 frames: the last price stands in.",
            "No funding is paid on AUSDT: the rates have no stamp of it in the window.",
        ]

    def test_without_marks_and_funding_that_is_told(self, directory: Path) -> None:
        text = FILE.replace("mark = true\n", "").replace('funding = "funding.parquet"\n', "")
        (directory / "run.toml").write_text(text)
        setup = setup_of(directory)
        assert setup.marks is None
        assert len(setup.funding) == 0
        assert list(setup.data_assumptions)[-2:] == [
            "There is no mark price in the data: the last price stands in, for margin, funding and liquidation.",
            "No funding is paid: no rates were given.",
        ]

    def test_a_spot_account_reads_nothing_of_the_kind(self, directory: Path) -> None:
        text = '[data]\npath = "bars.parquet"\nsymbols = ["BTCUSDT"]\n[strategy]\nname = "hold.py"\n'
        (directory / "run.toml").write_text(text)
        setup = setup_of(directory)
        assert setup.account_kind == AccountKind.SPOT
        assert (setup.tiers, setup.marks, setup.funding, list(setup.data_assumptions)) == (None, None, None, [])

    def test_leverage_above_the_tier_is_refused_with_it(self, directory: Path) -> None:
        words = (
            "strategy.symbols.AUSDT.leverage = 26: the first risk tier of AUSDT, positions of any size, allows at most"
        )
        with pytest.raises(ConfigError, match=re.escape(words)):
            setup_of(directory, "strategy.symbols.AUSDT.leverage=26")

    def test_a_symbol_without_tiers_is_refused_with_the_remedy(self, directory: Path) -> None:
        (directory / "run.toml").write_text(FILE.replace('tiers_stand_in = "brackets.json"\n', ""))
        words = "no risk tiers of 'AUSDT', only of BTCUSDT; name one that stands in with account.tiers_stand_in"
        with pytest.raises(ConfigError, match=re.escape(words)):
            setup_of(directory)

    def test_a_bar_file_without_marks_is_refused_if_they_are_asked_for(self, directory: Path) -> None:
        table = pq.read_table(directory / "bars.parquet")
        pq.write_table(table.drop(["mark_low"]), directory / "bars.parquet")
        with pytest.raises(DataError, match=r"bars\.parquet: no column 'mark_low', of which data\.mark = true reads"):
            setup_of(directory)


class TestHash:
    def test_it_covers_funding_tiers_and_marks(self, directory: Path) -> None:
        def data_hash() -> str:
            return frames_of(load(directory / "run.toml")).data_hash

        hashes = [data_hash()]
        write_funding(directory / "funding.parquet", 0.002)
        hashes.append(data_hash())
        write_brackets(directory / "brackets.json", 0.02)
        hashes.append(data_hash())
        (directory / "run.toml").write_text(FILE.replace("mark = true", "mark = false"))
        hashes.append(data_hash())
        assert len(set(hashes)) == 4

    def test_a_table_in_memory_gives_what_its_file_gives(self, directory: Path) -> None:
        config = load(directory / "run.toml")
        by_table = frames_from(config, pq.read_table(directory / "bars.parquet"))
        by_file = frames_of(config)
        assert by_table.data_hash == by_file.data_hash
        assert by_table.contracts.assumptions == by_file.contracts.assumptions

    def test_the_catalog_gives_what_the_files_give(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BALLAST_CATALOG", str(directory / "catalog"))
        catalog = Catalog()
        import_bars(directory / "bars.parquet", "bybit/linear", catalog)
        rates = [FundingRate(T0 + 8 * HOUR + 12, 0.001), FundingRate(T0 + 16 * HOUR, -0.0005)]
        with changing(catalog.root) as change:
            change.put(Series(FUNDING, "bybit/linear", "BTCUSDT"), funding_table("BTCUSDT", rates))
        by_file = frames_of(load(directory / "run.toml"))
        text = FILE.replace('path = "bars.parquet"', 'dataset = "bybit/linear"').replace('venue = "bybit"\n', "")
        (directory / "run.toml").write_text(text.replace("funding.parquet", "catalog"))
        assert frames_of(load(directory / "run.toml")).data_hash == by_file.data_hash
        # Or the catalog's bars with a file of rates, of the venue that the dataset names.
        (directory / "run.toml").write_text(text)
        assert frames_of(load(directory / "run.toml")).data_hash == by_file.data_hash


class TestRun:
    def test_holding_two_coins_pays_fee_and_funding_at_the_mark(self, directory: Path) -> None:
        """
        Worked by hand.

        2 BTC bought at the second bar's open, 1,000, for a fee of 2 x 1,000 x 0.00055 = 1.10. At hour 8 the mark opens
        at close(8) - 10 + 1 = 1,071, so that 2 x 1,071 x 0.001 = 2.142 is paid; at hour 16, at 1,151, 1.151 received.
        The last mark is close(29) + 1 = 1,291: a gain of 2 x 291 = 582.
        """
        result = backtest_file(directory / "run.toml")
        assert result.fills["price"].tolist() == [1_000.0]
        assert result.metrics.final_equity == pytest.approx(10_000 - 1.10 - 2.142 + 1.151 + 582, abs=1e-9)

    def test_the_result_names_the_tiers_and_what_was_assumed(self, directory: Path) -> None:
        out = directory / "out.json"
        assert run(["backtest", str(directory / "run.toml"), "--quiet", "--json", str(out)]) == 0
        result = json.loads(out.read_text())
        assert result["tiers_source"] == "bybit-btcusdt-2026-08: BTCUSDT; brackets.json, standing in: AUSDT"
        assert "No funding is paid on AUSDT: the rates have no stamp of it in the window." in result["assumptions"]
        assert result["config"]["strategy"]["symbols"] == {"AUSDT": {"leverage": 10.0}}
        assert result["config"]["risk"]["profile"] == "off"

    def test_a_sweep_reads_the_same_market(self, directory: Path) -> None:
        out = directory / "sweep"
        arguments = ["--set", 'risk.profile="safe"', "--grid", "strategy.stake=1,2", "--out", str(out), "--quiet"]
        assert run(["sweep", str(directory / "run.toml"), *arguments]) == 0
        cells = {
            row["strategy.stake"]: row["final_equity"] for row in pq.read_table(next(out.glob("*.parquet"))).to_pylist()
        }
        # Profit, fee and funding of half the position are half.
        assert cells[2.0] - 10_000 == pytest.approx(2 * (cells[1.0] - 10_000))

    def test_a_sweep_refuses_a_ladder_that_is_off(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        arguments = ["--grid", "strategy.stake=1,2", "--out", str(directory / "sweep"), "--quiet"]
        assert run(["sweep", str(directory / "run.toml"), *arguments]) == 2
        assert 'risk.profile = "off": a sweep takes "safe" only' in capsys.readouterr().err
        assert not list((directory / "sweep").glob("*"))

    def test_a_bad_file_is_one_line_and_leaves_nothing(
        self, directory: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (directory / "brackets.json").write_text("{}")
        out = directory / "out.json"
        assert run(["backtest", str(directory / "run.toml"), "--json", str(out)]) == 2
        message = capsys.readouterr().err.strip()
        assert "brackets.json: no risk tiers in it; expected Bybit's" in message
        assert "\n" not in message
        assert not out.exists()


def test_recorded_bybit_hours_with_funding_run_through(recorded_data: Path, directory: Path) -> None:
    fixtures = recorded_data / "fixtures"
    overrides = {
        "data.path": str(recorded_data / "bybit_perp_1h_mark_2024-01_2025-08.parquet"),
        "data.funding": str(recorded_data / "funding_rates_binance_bybit_2020-01_2025-08.parquet"),
        "data.symbols": ["BTCUSDT", "SOLUSDT", "WIFUSDT"],
        "data.start": "2024-03-20",
        "data.end": "2024-04-10",
        "account.tiers_stand_in": str(fixtures / "binance_usdm_leverage_tiers.json.gz"),
        "account.initial_capital": 200_000,
    }
    (directory / "run.toml").write_text(FILE.replace("[strategy.symbols.AUSDT]\nleverage = 10\n", ""))
    config = load(directory / "run.toml", [f"{key}={json.dumps(value)}" for key, value in overrides.items()])
    frames = frames_of(config)
    assert frames.unmarked == (0, 0, 0)
    stamps = frames.contracts.funding
    held = stamps[(stamps["symbol"] == 0) & (stamps["ts_ns"] > frames.records["ts_ns"][1])]
    row = np.searchsorted(frames.records["ts_ns"], held["ts_ns"])
    paid = float(np.sum(2.0 * frames.marks["open"][row, 0] * held["rate"]))
    entry = float(frames.records["open"][1, 0])
    gain = 2.0 * (float(frames.marks["close"][-1, 0]) - entry)
    result = backtest_file(directory / "run.toml", set=overrides)
    assert result.metrics.final_equity == pytest.approx(200_000 - 2 * entry * 0.00055 - paid + gain, abs=1e-6)

"""A backtest in one call, of a file or of plain arguments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ballast
from ballast.model.errors import ConfigError, DataError

SYMBOLS = ["BLORPUSDT", "SNORTLUSDT", "WOBBLOUSDT"]


@pytest.fixture
def file(market: Path, tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(f'[data]\npath = "{market}"\nsymbols = ["BLORPUSDT"]\n[strategy]\nname = "rsi_reversion"\n')
    return path


def test_a_file_runs_as_it_stands(file: Path) -> None:
    result = ballast.backtest_file(file)
    assert (result.strategy, list(result.symbols)) == ("rsi_reversion", ["BLORPUSDT"])


def test_arguments_and_file_agree(file: Path, market: Path) -> None:
    by_file = ballast.backtest_file(file, set={"strategy.period": 20, "execution.slippage_bps": 2.5})
    by_call = ballast.run(
        ["BLORPUSDT"], data=market, strategy="rsi_reversion", period=20, set={"execution.slippage_bps": 2.5}
    )
    assert by_file.metrics.n_fills > 0
    assert by_call.metrics == by_file.metrics
    assert by_call.config_hash == by_file.config_hash


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("account.initial_capital", 2_000),
        ("account.initial_capital", np.float64(2_000.0)),
        ("data.start", "2025-01-03"),
        ("data.symbols", ("SNORTLUSDT",)),
        ("report.title", 'a "quoted" title \\ and more'),
        ("account.positions.BLORPUSDT", 3.5),
    ],
)
def test_settings_of_every_kind_reach_the_run(file: Path, key: str, value: object) -> None:
    found: object = ballast.backtest_file(file, set={key: value}).config
    for part in key.split("."):
        assert isinstance(found, dict)
        found = found[part]
    if key == "data.start":
        assert str(found).startswith(str(value))
    else:
        assert found == value


def test_frames_and_a_figure_come_with_the_result(market: Path) -> None:
    result = ballast.run(SYMBOLS, data=market, upside_threshold=0.05)
    assert result.equity_frame().height == len(result.equity)
    assert result.fills_frame().height == result.metrics.n_fills
    assert len(result.plot_equity().data) >= 2


def test_an_unknown_setting_is_refused_with_the_nearest_known(market: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'upside_threshold'"):
        ballast.run(SYMBOLS, data=market, upside_treshold=0.3)
    with pytest.raises(ConfigError, match="did you mean 'slippage_bps'"):
        ballast.run(SYMBOLS, data=market, set={"execution.slipage_bps": 3})


def test_an_unknown_symbol_and_a_missing_file_are_refused(market: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'BLORPUSDT'"):
        ballast.run(["BLORBUSDT", "SNORTLUSDT"], data=market)
    with pytest.raises(DataError, match="no such file"):
        ballast.run(SYMBOLS, data="nowhere.parquet")


def test_a_strategy_file_runs(market: Path, tmp_path: Path) -> None:
    strategy = tmp_path / "holder.py"
    strategy.write_text(
        """
from ballast.model.enums import Cause, QtyUnit, Side
from ballast.model.intents import place_market
from ballast.model.records import record

@record
class Params:
    pass

@record
class State:
    has_bought: bool

def decide(row, view, state, params, intents):
    if view.cause != Cause.BAR or state.has_bought:
        return 0
    state.has_bought = True
    return place_market(intents, 0, 0, Side.BUY, 0.5, QtyUnit.CASH_FRACTION, 0)
"""
    )
    result = ballast.run(["BLORPUSDT"], data=market, strategy=strategy)
    assert result.metrics.n_fills == 1
    spent = result.fills["qty"][0] * result.fills["price"][0] + result.fills["fee"][0]
    assert spent == pytest.approx(5_000.0, rel=1e-12)

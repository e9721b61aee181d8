"""TA-Lib is the judge wherever it defines the indicator. It starts where we start and agrees to 1e-9."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import talib

from ballast.indicators import batch
from tests.unit.indicators.sample_bars import Bars, Floats, recorded, walk

RECORDED = {
    "crash": ("binance_spot_1h_2018-01_2025-08.parquet", "BTCUSDT"),
    "redenomination": ("binance_spot_5m_2020-12_2021-07.parquet", "COCOSUSDT"),
    "tiny prices": ("binance_spot_5m_2024-01_2024-09.parquet", "PEPEUSDT"),
}
PERIODS = (2, 5, 14, 50)


@pytest.fixture(params=["walk", "gaps", *RECORDED])
def bars(request: pytest.FixtureRequest) -> Bars:
    if request.param in RECORDED:
        file, symbol = RECORDED[request.param]
        return recorded(request.getfixturevalue("recorded_data") / file, symbol)
    return walk(4000, seed=7, gap_size=0.2 if request.param == "gaps" else 0.0)


def assert_agrees(actual: Floats, judge: Floats, scale: Floats | float = 0.0) -> None:
    """Ask for the same NaNs and for 1e-9 of the value, or of ``scale`` where that is larger."""
    assert np.array_equal(np.isnan(actual), np.isnan(judge))
    error = np.abs(actual - judge)
    assert np.nanmax(error / np.maximum(np.abs(judge), scale)) < 1e-9


@pytest.mark.parametrize("period", PERIODS)
def test_sma_agrees_with_talib(bars: Bars, period: int) -> None:
    assert_agrees(batch.sma(bars.close, period), talib.SMA(bars.close, period))


@pytest.mark.parametrize("period", PERIODS)
def test_ema_agrees_with_talib(bars: Bars, period: int) -> None:
    assert_agrees(batch.ema(bars.close, period), talib.EMA(bars.close, period))


@pytest.mark.parametrize("period", PERIODS)
def test_rsi_agrees_with_talib(bars: Bars, period: int) -> None:
    actual = batch.rsi(bars.close, period)
    judge = talib.RSI(bars.close, period)
    # Where average moves come under 1e-14 TA-Lib calls them zero, and says 0 where we say 50.
    judge[(judge == 0.0) & (actual != 0.0)] = np.nan
    assert np.mean(np.isnan(judge)) < 0.01 + period / len(judge)
    assert_agrees(np.where(np.isnan(judge), np.nan, actual), judge, scale=1e-3)


@pytest.mark.parametrize("period", PERIODS)
def test_atr_agrees_with_talib(bars: Bars, period: int) -> None:
    actual = batch.atr(bars.high, bars.low, bars.close, period)
    assert_agrees(actual, talib.ATR(bars.high, bars.low, bars.close, period))


@pytest.mark.parametrize("period", PERIODS)
def test_adx_agrees_with_talib(bars: Bars, period: int) -> None:
    columns = bars.high, bars.low, bars.close
    actual = batch.adx(*columns, period)
    assert_agrees(actual.plus_di, talib.PLUS_DI(*columns, period), scale=1e-3)
    assert_agrees(actual.minus_di, talib.MINUS_DI(*columns, period), scale=1e-3)
    assert_agrees(actual.adx, talib.ADX(*columns, period))


@pytest.mark.parametrize("period", PERIODS)
def test_bollinger_bands_agree_with_talib(bars: Bars, period: int) -> None:
    actual = batch.bollinger(bars.close, period, multiplier=2.5)
    upper, middle, lower = talib.BBANDS(bars.close, period, 2.5, 2.5)
    assert_agrees(actual.middle, middle)
    assert_agrees(actual.upper, upper)
    assert_agrees(actual.lower, lower)


@pytest.mark.parametrize("period", PERIODS)
def test_rolling_extremes_are_those_of_talib(bars: Bars, period: int) -> None:
    assert np.array_equal(batch.rolling_high(bars.high, period), talib.MAX(bars.high, period), equal_nan=True)
    assert np.array_equal(batch.rolling_low(bars.low, period), talib.MIN(bars.low, period), equal_nan=True)


@pytest.mark.parametrize("period", PERIODS)
def test_rolling_std_agrees_with_talib_as_far_as_running_sums_reach(period: int) -> None:
    close = walk(4000, seed=11).close
    # TA-Lib subtracts squares of prices: what it keeps is relative to the price, not to the deviation.
    assert_agrees(batch.rolling_std(close, period), talib.STDDEV(close, period), scale=close)


def test_recorded_files_hold_what_these_tests_say_they_do(recorded_data: Path) -> None:
    closes = {name: recorded(recorded_data / file, symbol).close for name, (file, symbol) in RECORDED.items()}
    assert np.max(np.abs(np.diff(np.log(closes["redenomination"])))) > np.log(100.0)
    assert np.max(closes["tiny prices"]) < 1e-4
    assert len(closes["crash"]) > 30_000

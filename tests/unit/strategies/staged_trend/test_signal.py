"""Which way the means point, and whether the RSI agrees: mirrored for shorts, ends included, NaN never."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.indicators.batch import adx, atr, choppiness, rsi, rsi_simple, sma
from ballast.indicators.blocks import EVERY_FRAME, compute
from ballast.indicators.table import plan
from ballast.model.market import Frame
from ballast.strategies.staged_trend.settings import RsiMethod
from ballast.strategies.staged_trend.signal import N_OUTPUTS, Feature, features, rsi_passes, signal, trend
from tests.unit.strategies.staged_trend.staged import LONG, NONE, SHORT, params_of


@pytest.mark.parametrize(
    ("fast", "slow", "side"),
    [(1.2, 1.1, LONG), (1.1, 1.2, SHORT), (1.1, 1.1, NONE), (nan, 1.1, NONE), (1.1, nan, NONE)],
)
def test_the_means_point_one_way_or_none(fast: float, slow: float, side: int) -> None:
    assert trend(fast, slow) == side


@pytest.mark.parametrize(
    ("value", "is_long", "is_short"),
    [
        (29.99, False, False),
        (30.0, True, False),
        (49.99, True, False),
        (50.0, True, True),
        (50.01, False, True),
        (70.0, False, True),
        (70.01, False, False),
        (nan, False, False),
    ],
)
def test_the_window_of_the_rsi_is_mirrored_for_shorts(value: float, is_long: bool, is_short: bool) -> None:
    """D31: the window."""
    assert (rsi_passes(value, LONG, params_of()), rsi_passes(value, SHORT, params_of())) == (is_long, is_short)


def test_noise_in_the_last_digits_does_not_decide() -> None:
    assert rsi_passes(50.0 + 1e-12, LONG, params_of())
    assert rsi_passes(30.0 - 1e-12, LONG, params_of())


def test_both_must_agree() -> None:
    assert signal(1.2, 1.1, 40.0, params_of()) == LONG
    assert signal(1.2, 1.1, 60.0, params_of()) == NONE
    assert signal(1.1, 1.2, 60.0, params_of()) == SHORT
    assert signal(1.1, 1.2, 40.0, params_of()) == NONE
    assert signal(1.1, 1.1, 50.0, params_of()) == NONE


@given(st.floats(min_value=0.0, max_value=100.0), st.floats(min_value=0.5, max_value=2.0))
def test_longs_and_shorts_mirror_each_other(value: float, fast: float) -> None:
    long, short = signal(fast, 1.0, value, params_of()), signal(1.0, fast, 100.0 - value, params_of())
    assert (long == LONG) == (short == SHORT)
    assert (long == SHORT) == (short == LONG)


def test_the_rsi_of_three_changes_and_of_a_flat_market() -> None:
    """D31."""
    assert rsi_simple([10.0, 11.0, 10.5, 11.5], 3)[-1] == pytest.approx(80.0, rel=1e-15)
    assert rsi_simple([10.0] * 6, 3)[-1] == 50.0


@pytest.mark.parametrize("method", RsiMethod)
def test_every_feature_stands_where_its_name_says(method: RsiMethod) -> None:
    """Two symbols fed with different bars; the table's outputs against the functions of whole series."""
    params = params_of(rsi_method=method, sma_fast=3, sma_slow=7, rsi_period=4, atr_period=5, adx_period=6)
    specs, states, ring, n_outputs = plan(features(params, 2, 60))
    assert n_outputs == 2 * N_OUTPUTS
    out = np.full(n_outputs, nan)
    rng = np.random.default_rng(3)
    close = 100.0 + np.cumsum(rng.normal(0.0, 1.0, (2, 60)), axis=1)
    high, low = close + rng.uniform(0.0, 1.0, close.shape), close - rng.uniform(0.0, 1.0, close.shape)
    frames = Frame.array(60, symbols=2)  # type: ignore[attr-defined]
    frames["high"], frames["low"], frames["close"] = high.T, low.T, close.T
    compute(specs, states, ring, frames, 0, 60, out, np.empty((n_outputs, 60)), EVERY_FRAME)
    for symbol in range(2):
        bars = high[symbol], low[symbol], close[symbol]
        own = out[N_OUTPUTS * symbol : N_OUTPUTS * (symbol + 1)]
        directions = adx(*bars, 6)
        expected = {
            Feature.SMA_FAST: sma(close[symbol], 3),
            Feature.SMA_SLOW: sma(close[symbol], 7),
            Feature.RSI: (rsi if method == RsiMethod.WILDER else rsi_simple)(close[symbol], 4),
            Feature.ATR: atr(*bars, 5),
            Feature.CHOPPINESS: choppiness(*bars, 14),
            Feature.PLUS_DI: directions.plus_di,
            Feature.MINUS_DI: directions.minus_di,
            Feature.ADX: directions.adx,
        }
        assert {feature: own[feature] for feature in Feature} == {key: series[-1] for key, series in expected.items()}

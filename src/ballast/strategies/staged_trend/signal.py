"""
The signal: two means say where the trend goes, the RSI whether this is a moment to join it.

LONG wants an RSI in ``[rsi_entry_min, rsi_entry_max]``: a pullback in a rise. SHORT wants the mirror image,
``[100 - rsi_entry_max, 100 - rsi_entry_min]``. Both ends are inclusive; only closed bars are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from ballast.indicators.state import Indicator
from ballast.indicators.table import Request
from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide
from ballast.orders.fixed_point import is_amount, to_fixed
from ballast.strategies.staged_trend.settings import Params, RsiMethod


class Feature(IntEnum):
    """Where a symbol's outputs stand in ``view.feature``, from ``N_OUTPUTS * symbol`` on."""

    SMA_FAST = 0
    SMA_SLOW = 1
    RSI = 2
    ATR = 3
    CHOPPINESS = 4
    PLUS_DI = 5
    MINUS_DI = 6
    ADX = 7


N_OUTPUTS = len(Feature)


def features(params: Params, n_symbols: int, interval_ns: int) -> Sequence[Request]:
    """Ask for what signal, quality and stop need of each symbol, in the order of ``Feature``."""
    rsi = Indicator.RSI if params.rsi_method == RsiMethod.WILDER else Indicator.RSI_SIMPLE
    kinds = (
        (Indicator.SMA, params.sma_fast),
        (Indicator.SMA, params.sma_slow),
        (rsi, params.rsi_period),
        (Indicator.ATR, params.atr_period),
        (Indicator.CHOPPINESS, params.choppiness_period),
        (Indicator.ADX, params.adx_period),
    )
    return [Request(kind, int(period), symbol=symbol) for symbol in range(n_symbols) for kind, period in kinds]


@compiled
def trend(sma_fast: float, sma_slow: float) -> int:
    """Return the ``PositionSide`` that the means point to; NONE when they are equal or not there yet."""
    if sma_fast > sma_slow:
        return PositionSide.LONG
    if sma_fast < sma_slow:
        return PositionSide.SHORT
    return PositionSide.NONE


@compiled
def rsi_passes(rsi: float, side: int, params: Params) -> bool:
    """Tell whether the RSI lies in the window of ``side``; NaN does not."""
    if not is_amount(rsi):
        return False
    mirrored = rsi if side == PositionSide.LONG else 100.0 - rsi
    return to_fixed(params.rsi_entry_min) <= to_fixed(mirrored) <= to_fixed(params.rsi_entry_max)


@compiled
def signal(sma_fast: float, sma_slow: float, rsi: float, params: Params) -> int:
    """Return the ``PositionSide`` to open, or NONE."""
    side = trend(sma_fast, sma_slow)
    return side if rsi_passes(rsi, side, params) else PositionSide.NONE

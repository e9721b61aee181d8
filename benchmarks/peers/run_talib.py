"""
TA-Lib on what a strategy asks for: ``run_talib.py tight_range|staged_trend N_BARS REPETITIONS``.

Its C functions over whole columns of the market of W1, each called once: no strategy, no orders, no account. TA-Lib has
neither the bands' width and place nor choppiness nor an RSI of simple means. ``tail`` sums the last values of every
output, by name and period.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import talib
from markets import market
from reference import TAIL_BARS
from timing import report


def tight_range(high: Any, low: Any, close: Any, volume: Any) -> dict[str, Any]:
    """Compute what ``tight_range`` asks for."""
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    return {
        "rsi 14": talib.RSI(close, 14),
        "atr 14": talib.ATR(high, low, close, 14),
        "middle 20": middle,
        "upper 20": upper,
        "lower 20": lower,
        **directional_movement(high, low, close),
        "ema 12": talib.EMA(close, 12),
        "sma 50": talib.SMA(close, 50),
        "sma 20 volume": talib.SMA(volume, 20),
        "high 20": talib.MAX(high, 20),
        "low 20": talib.MIN(low, 20),
    }


def staged_trend(high: Any, low: Any, close: Any, volume: Any) -> dict[str, Any]:
    """Compute what ``staged_trend`` asks for."""
    return {
        "sma 20": talib.SMA(close, 20),
        "sma 50": talib.SMA(close, 50),
        "atr 14": talib.ATR(high, low, close, 14),
        **directional_movement(high, low, close),
    }


def directional_movement(high: Any, low: Any, close: Any) -> dict[str, Any]:
    """Compute Wilder's three indices, each of which is a function of its own."""
    return {
        "plus_di 14": talib.PLUS_DI(high, low, close, 14),
        "minus_di 14": talib.MINUS_DI(high, low, close, 14),
        "adx 14": talib.ADX(high, low, close, 14),
    }


def main(strategy: str, n_bars: int, repetitions: int) -> None:
    """Time a strategy's indicators and print the result."""
    bars = market("w1", n_bars)
    columns = [np.ascontiguousarray(column[:, 0]) for column in (bars.high, bars.low, bars.close, bars.volume)]
    compute = {"tight_range": tight_range, "staged_trend": staged_trend}[strategy]

    def run() -> dict[str, Any]:
        return {"tail": {name: float(values[-TAIL_BARS:].sum()) for name, values in compute(*columns).items()}}

    report("TA-Lib", talib.__version__, n_bars, run, repetitions)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

"""
How nervous the market is: average true range on closed bars, and the safety factor that follows from it.

The range is the plain mean of the last true ranges, as a part of the last close. Bars finer than the period that
the settings name are joined to it; coarser ones serve as they are, and their range is scaled by the square root
of the lengths, because that is how the spread of a random walk grows.
"""

from __future__ import annotations

from math import isnan, nan, sqrt
from typing import Annotated

import numpy as np
import numpy.typing as npt

from ballast.indicators.volatility import is_missing, true_range
from ballast.model.compiled import compiled
from ballast.model.durations import SECOND_NS
from ballast.model.records import Shape, record
from ballast.risk.settings import LONGEST_ATR_PERIOD, RiskSettings
from ballast.risk.thresholds import has_reached

UNKNOWN_ATR_PCT = 1.5
"""What stands in for the range until two bars are there: the middle band."""

CALM_PCT = 1.0
WILD_PCT = 2.0
CALM_FACTOR = 1.17  # 1 + 0.10 base + 0.05 tier + 0.02 gap
MIDDLE_FACTOR = 1.20  # gap 0.05
WILD_FACTOR = 1.25  # gap 0.10


@record
class Volatility:
    """
    The last true ranges of one symbol.

    ``open_ns`` is where the bar being joined began, -1 for none; ``high``, ``low`` and ``close`` are its prices.
    ``range`` is a ring that starts over at ``head``.
    """

    count: int
    head: int
    open_ns: int = -1
    high: float = nan
    low: float = nan
    close: float = nan
    previous_close: float = nan
    atr_pct: float = UNKNOWN_ATR_PCT
    range: Annotated[npt.NDArray[np.float64], Shape(LONGEST_ATR_PERIOD)]


@compiled
def safety_factor(atr_pct: float) -> float:
    """Return 1.17 below 1 %, 1.20 from there, 1.25 from 2 %; NaN for NaN."""
    if isnan(atr_pct):
        return nan
    if has_reached(atr_pct, WILD_PCT):
        return WILD_FACTOR
    return MIDDLE_FACTOR if has_reached(atr_pct, CALM_PCT) else CALM_FACTOR


@compiled
def take_bar(
    volatility: Volatility,
    settings: RiskSettings,
    open_ns: int,
    interval_ns: int,
    high: float,
    low: float,
    close: float,
) -> None:
    """Take one closed bar of the feed; one without prices (NaN) is no bar."""
    if is_missing(high, low, close):
        return
    length_ns = int(settings.atr_bar_seconds * SECOND_NS)
    if interval_ns >= length_ns:
        _take_range(volatility, settings, high, low, close, sqrt(length_ns / interval_ns))
        return
    begin_ns = open_ns - open_ns % length_ns
    if begin_ns != volatility.open_ns:
        if volatility.open_ns >= 0:
            _take_range(volatility, settings, volatility.high, volatility.low, volatility.close, 1.0)
        volatility.open_ns = begin_ns
        volatility.high = high
        volatility.low = low
    volatility.high = max(volatility.high, high)
    volatility.low = min(volatility.low, low)
    volatility.close = close


@compiled
def _take_range(
    volatility: Volatility, settings: RiskSettings, high: float, low: float, close: float, scale: float
) -> None:
    """Add a bar's true range and reckon the mean anew; the first bar only gives the close to start from."""
    if not isnan(volatility.previous_close):
        volatility.range[volatility.head] = true_range(high, low, volatility.previous_close)
        volatility.head = (volatility.head + 1) % settings.atr_period
        volatility.count = min(volatility.count + 1, settings.atr_period)
        total = 0.0
        for i in range(volatility.count):
            total += volatility.range[i]
        volatility.atr_pct = total / volatility.count * scale / close * 100.0
    volatility.previous_close = close

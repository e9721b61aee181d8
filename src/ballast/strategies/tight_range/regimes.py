"""
The third layer: which regime a market is in, from its closed bars.

The window is the last six hours of bars, 48 at least; with fewer than 48 bars the answer is ERROR. All sums
and extremes over it are kept incrementally (see ``indicators.window``), so a bar costs the same whatever the
window's length, and every number that led to the answer stands in the ``Evidence``.

Sources: Kaufman, Trading Systems and Methods, 1978 (efficiency ratio); Wilder, New Concepts in Technical
Trading Systems, 1978 (ADX and ATR); Bollinger, Bollinger on Bollinger Bands, 2001 (band width).
"""

from __future__ import annotations

from enum import IntEnum
from math import inf, isfinite, nan
from typing import Annotated

import numpy as np
import numpy.typing as npt

from ballast.indicators.window import next_head, window_max, window_sum
from ballast.model.compiled import compiled
from ballast.model.durations import HOUR_NS
from ballast.model.errors import ConfigError
from ballast.model.records import Record, Shape, record

WINDOW_NS = 6 * HOUR_NS
MIN_WINDOW_BARS = 48
CAPACITY = 360
"""Longest window in bars: six hours of minutes."""

EXCLUDED_BARS = 3
"""The newest bars do not count among those that a breakout breaks out of."""

TIGHT_WIDTH = 0.004
TOUCH_BARS = 24
MIN_TOUCHES = 2
TOUCH_TOLERANCE = 0.002
RANGE_CHANGE = 0.012
TREND_CHANGE = 0.004
VOLUME_SURGE = 1.5
TOLERANCE = 1e-9
"""A strict comparison holds only by more than this."""


class Regime(IntEnum):
    """What a market is doing."""

    ERROR = 0
    RANGE = 1
    TRENDING = 2
    BREAKOUT = 3
    VOLATILE = 4


class Subtype(IntEnum):
    """What kind of range it is."""

    NONE = 0
    TIGHT_RANGE = 1
    OVERSOLD_SETUP = 2
    OVERBOUGHT_SETUP = 3
    NORMAL_RANGE = 4
    WIDE_RANGE = 5


@record
class RegimeMemory:
    """
    What the classifier remembers of one symbol; its bytes are all of it.

    ``window`` is its length in bars, 0 before the first. ``closes`` is the ring of the window's closes. ``sums`` holds
    the windows of absolute changes and of ATRs, ``extremes`` those of highs and negated lows; ``highs`` and ``lows``
    are the last 24 bars' as they come.
    """

    n_bars: int
    n_atrs: int
    window: int
    close_head: int
    touch_head: int
    last_close: float = nan
    path_sum: float
    path_head: int
    atr_sum: float
    atr_head: int
    highest: float = -inf
    lowest_negated: float = -inf
    extreme_head: int
    path: float
    atrs: float
    window_high: float = -inf
    window_low_negated: float = -inf
    closes: Annotated[npt.NDArray[np.float64], Shape(CAPACITY)]
    sums: Annotated[npt.NDArray[np.float64], Shape(2 * CAPACITY)]
    extremes: Annotated[npt.NDArray[np.float64], Shape(2 * CAPACITY)] = -inf  # type: ignore[assignment]  # Fills it.
    highs: Annotated[npt.NDArray[np.float64], Shape(TOUCH_BARS)]
    lows: Annotated[npt.NDArray[np.float64], Shape(TOUCH_BARS)]


@record
class Evidence:
    """
    The classifier's answer and every number behind it.

    ``direction`` is 1 (up), -1 (down) or 0 (none), ``confidence`` the score of the chosen regime,
    ``subtype_score`` how typical a range is of its subtype. ``change`` and ``band_width`` and
    ``range_20`` are fractions, ``breakout_distance`` is in ATRs beyond the extremes and 0 inside them,
    ``high`` and ``low`` are those extremes: of the window without its last three bars. Touches are counted only
    where the bands are narrow enough for a tight range, and 0 elsewhere.
    """

    regime: int
    subtype: int
    direction: int
    confidence: float
    subtype_score: float
    window_bars: int
    change: float
    efficiency: float
    adx: float
    rsi: float
    atr: float
    mean_atr: float
    high: float
    low: float
    breakout_distance: float
    volume_ratio: float
    trend_score: float
    volatile_score: float
    breakout_score: float
    range_score: float
    band_width: float
    range_20: float
    upper_touches: int
    lower_touches: int


def window_bars(interval_ns: int) -> int:
    """
    Return the window's length in bars of this interval.

    Raises ``ConfigError`` for bars shorter than a minute, whose six hours do not fit the memory.
    """
    n_bars = max(MIN_WINDOW_BARS, -(-WINDOW_NS // interval_ns))
    if n_bars > CAPACITY:
        raise ConfigError(
            f'strategy.regime = "classifier": needs bars of 1 minute or more, not of {interval_ns / 1e9:g} s; '
            'aggregate them, or say "assume_tight_range"'
        )
    return n_bars


@compiled(inline=True)
def exceeds(value: float, limit: float) -> bool:
    """Tell whether ``value`` is strictly above ``limit``, by more than rounding."""
    return value > limit + TOLERANCE


@compiled(inline=True)
def remember(memory: RegimeMemory, window: int, high: float, low: float, close: float, atr: float) -> None:
    """Take one closed bar into the windows; ``atr`` is NaN while it is not warm."""
    if memory.n_bars > 0:
        move = abs(close - memory.last_close)
        memory.path_sum, memory.path = window_sum(memory.sums, 0, memory.path_head, window - 1, memory.path_sum, move)
        memory.path_head = next_head(memory.path_head, window - 1)
    is_warm = isfinite(atr)
    memory.n_atrs += 1 if is_warm else 0
    memory.atr_sum, memory.atrs = window_sum(
        memory.sums, CAPACITY, memory.atr_head, window, memory.atr_sum, atr if is_warm else 0.0
    )
    memory.atr_head = next_head(memory.atr_head, window)
    # Heads, because a division by a length that is not known in advance costs as much as all the rest.
    memory.closes[memory.close_head] = close
    memory.close_head = next_head(memory.close_head, window)
    memory.highs[memory.touch_head] = high
    memory.lows[memory.touch_head] = low
    memory.touch_head = next_head(memory.touch_head, TOUCH_BARS)
    memory.last_close = close
    memory.n_bars += 1
    if memory.n_bars > EXCLUDED_BARS:
        _take_old_bar(memory, window - EXCLUDED_BARS)


@compiled(inline=True)
def _take_old_bar(memory: RegimeMemory, period: int) -> None:
    """Let the bar that has just become old enough into the extremes."""
    slot = memory.touch_head - 1 - EXCLUDED_BARS
    slot += TOUCH_BARS if slot < 0 else 0
    head = memory.extreme_head
    memory.highest, memory.window_high = window_max(
        memory.extremes, 0, head, period, memory.highest, memory.highs[slot]
    )
    memory.lowest_negated, memory.window_low_negated = window_max(
        memory.extremes, CAPACITY, head, period, memory.lowest_negated, -memory.lows[slot]
    )
    memory.extreme_head = next_head(head, period)


@compiled(inline=True)
def trend_score(efficiency: float, adx: float) -> float:
    """Return how much of a trend there is, 0 to 1: half from the efficiency ratio, half from the ADX."""
    return min(1.0, 0.5 * min(1.0, efficiency / 0.5) + 0.5 * min(1.0, adx / 40.0))


@compiled(inline=True)
def volatile_score(atr: float, mean_atr: float) -> float:
    """Return how far the ATR stands above its mean over the window, as a fraction of it clipped to 0..1."""
    return min(1.0, max(0.0, atr / mean_atr - 1.0)) if mean_atr > 0.0 else 0.0


@compiled(inline=True)
def breakout_distance(close: float, high: float, low: float, atr: float) -> float:
    """Return how many ATRs the close stands above ``high`` (> 0) or below ``low`` (< 0); 0 between them."""
    beyond = close - low if close < low else 0.0
    beyond = close - high if close > high else beyond
    return beyond / atr if atr > 0.0 else 0.0


@compiled(inline=True)
def breakout_score(distance: float, volume_ratio: float) -> float:
    """Return the score of a breakout of ``distance`` ATRs; without a surge of volume it counts seven tenths."""
    return min(1.0, abs(distance)) * (1.0 if volume_ratio > VOLUME_SURGE + TOLERANCE else 0.7)


@compiled(inline=True)
def range_score(trend: float, change: float) -> float:
    """Return how much of a range there is: what is not trend, halved when the window went 1.2 % or more."""
    return (1.0 - trend) * (1.0 if abs(change) < RANGE_CHANGE - TOLERANCE else 0.5)


@compiled(inline=True)
def choose_regime(change: float, breakout: float, trending: float, volatile: float, in_range: float) -> int:
    """
    Return the first regime whose test passes, else the one of highest score; among equals the range.

    The tests stand in reverse, each taking back what those before it said: a value that is chosen costs less than a
    branch that the market decides.
    """
    highest = max(breakout, trending, volatile, in_range)
    move = abs(change)
    regime = Regime.TRENDING if trending == highest else Regime.BREAKOUT
    regime = Regime.VOLATILE if volatile == highest else regime
    is_range = (move < RANGE_CHANGE - TOLERANCE) & exceeds(in_range, 0.6)
    regime = Regime.RANGE if is_range | (in_range == highest) else regime
    regime = Regime.VOLATILE if exceeds(volatile, 0.6) else regime
    regime = Regime.TRENDING if exceeds(move, TREND_CHANGE) & exceeds(trending, 0.45) else regime
    return Regime.BREAKOUT if exceeds(breakout, 0.7) else regime


@compiled(inline=True)
def choose_subtype(evidence: Evidence) -> int:
    """
    Return what kind of range the bands, touches and the 20-bar range make.

    A tight range is asked for first, so that a low RSI inside one belongs to its handler and not to a setup.
    """
    width, range_20 = evidence.band_width, evidence.range_20
    subtype = Subtype.WIDE_RANGE if range_20 < 0.04 - TOLERANCE else Subtype.NONE
    subtype = Subtype.NORMAL_RANGE if (width < 0.01 - TOLERANCE) & (range_20 < 0.02 - TOLERANCE) else subtype
    is_setup = (width < 0.005 - TOLERANCE) & exceeds(evidence.adx, 20.0)
    subtype = Subtype.OVERBOUGHT_SETUP if is_setup & exceeds(evidence.rsi, 60.0) else subtype
    subtype = Subtype.OVERSOLD_SETUP if is_setup & (evidence.rsi < 40.0 - TOLERANCE) else subtype
    touches = min(evidence.upper_touches, evidence.lower_touches)
    return Subtype.TIGHT_RANGE if (width < TIGHT_WIDTH - TOLERANCE) & (touches >= MIN_TOUCHES) else subtype


@compiled(inline=True)
def subtype_score(subtype: int) -> float:
    """Return how typical a range is of its subtype."""
    score = 0.7 if subtype == Subtype.NORMAL_RANGE else 0.85
    score = 0.55 if subtype == Subtype.WIDE_RANGE else score
    return 0.3 if subtype == Subtype.NONE else score


@compiled(inline=True)
def weigh_window(memory: RegimeMemory, evidence: Evidence, window: int) -> None:
    """Write what the window's bars say by themselves: change, efficiency, extremes and the mean ATR."""
    n_bars = min(window, memory.n_bars)
    first = memory.closes[memory.close_head] if memory.n_bars >= window else memory.closes[0]
    last = memory.last_close
    evidence.window_bars = n_bars
    evidence.change = last / first - 1.0
    evidence.efficiency = abs(last - first) / memory.path if memory.path > 0.0 else 0.0
    evidence.mean_atr = memory.atrs / min(window, memory.n_atrs) if memory.n_atrs > 0 else 0.0
    evidence.high = memory.window_high
    evidence.low = -memory.window_low_negated


@compiled
def count_touches(memory: RegimeMemory, evidence: Evidence, upper: float, lower: float) -> None:
    """Count the last 24 bars that came within 0.2 % of a band, as it stands now, on top of what is counted."""
    for slot in range(min(TOUCH_BARS, memory.n_bars)):
        if memory.highs[slot] >= upper * (1.0 - TOUCH_TOLERANCE):
            evidence.upper_touches += 1
        if memory.lows[slot] <= lower * (1.0 + TOUCH_TOLERANCE):
            evidence.lower_touches += 1


@compiled(inline=True)
def judge(
    memory: RegimeMemory,
    evidence: Evidence,
    window: int,
    atr: float,
    adx: float,
    rsi: float,
    upper: float,
    lower: float,
    band_width: float,
    high_20: float,
    low_20: float,
    volume_ratio: float,
) -> None:
    """
    Classify the market at the last remembered close, and write the answer with its evidence.

    ``volume_ratio`` is the bar's volume by the mean of its last 20, NaN where there is none: no surge. Any
    other NaN, or fewer than 48 bars, makes it ERROR with confidence 0.
    """
    evidence.regime = Regime.ERROR
    evidence.subtype = Subtype.NONE
    evidence.direction = 0
    evidence.confidence = 0.0
    evidence.subtype_score = 0.0
    needed = atr + adx + rsi + upper + lower + band_width + high_20 + low_20
    if memory.n_bars < MIN_WINDOW_BARS or not isfinite(needed):
        return
    weigh_window(memory, evidence, window)
    evidence.atr = atr
    evidence.adx = adx
    evidence.rsi = rsi
    evidence.band_width = band_width
    evidence.range_20 = (high_20 - low_20) / (0.5 * (high_20 + low_20))
    evidence.volume_ratio = volume_ratio
    evidence.breakout_distance = breakout_distance(memory.last_close, evidence.high, evidence.low, atr)
    evidence.trend_score = trend_score(evidence.efficiency, adx)
    evidence.volatile_score = volatile_score(atr, evidence.mean_atr)
    evidence.breakout_score = breakout_score(evidence.breakout_distance, volume_ratio)
    evidence.range_score = range_score(evidence.trend_score, evidence.change)
    evidence.upper_touches = 0
    evidence.lower_touches = 0
    if band_width < TIGHT_WIDTH:
        count_touches(memory, evidence, upper, lower)
    _answer(evidence)


@compiled(inline=True)
def _answer(evidence: Evidence) -> None:
    """Choose regime, subtype, direction and confidence from the scores."""
    regime = choose_regime(
        evidence.change,
        evidence.breakout_score,
        evidence.trend_score,
        evidence.volatile_score,
        evidence.range_score,
    )
    is_range, is_trend, is_breakout = regime == Regime.RANGE, regime == Regime.TRENDING, regime == Regime.BREAKOUT
    confidence = evidence.range_score if is_range else evidence.volatile_score
    confidence = evidence.trend_score if is_trend else confidence
    course = evidence.change if is_trend else 0.0
    evidence.regime = regime
    evidence.confidence = evidence.breakout_score if is_breakout else confidence
    evidence.direction = sign_of(evidence.breakout_distance if is_breakout else course)
    subtype = choose_subtype(evidence)
    evidence.subtype = subtype if is_range else Subtype.NONE
    evidence.subtype_score = subtype_score(subtype) if is_range else 0.0


@compiled(inline=True)
def sign_of(value: float) -> int:
    """Return 1 above zero, -1 below it, else 0; NaN gives 0."""
    return int(value > 0.0) - int(value < 0.0)


@compiled
def assume_tight_range(evidence: Record, confidence: float) -> None:
    """Write the answer of a run that takes the tight range for granted."""
    evidence.regime = Regime.RANGE
    evidence.subtype = Subtype.TIGHT_RANGE
    evidence.direction = 0
    evidence.confidence = confidence
    evidence.subtype_score = 0.0


@compiled(inline=True)
def is_tight(evidence: Record) -> bool:
    """Tell whether the market is in a tight range: the subtype decides, whatever the regime is called."""
    return evidence.regime == Regime.RANGE and evidence.subtype == Subtype.TIGHT_RANGE

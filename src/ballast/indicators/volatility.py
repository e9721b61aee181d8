"""How far prices move: true range, its averages, and Bollinger's bands."""

from __future__ import annotations

from math import isnan, nan, sqrt

from ballast.indicators.smoothing import decay_after, wilder_sum
from ballast.indicators.state import IndicatorSpec, IndicatorState
from ballast.indicators.window import Floats, next_head, window_sum
from ballast.model.compiled import compiled


@compiled(inline=True)
def true_range(high: float, low: float, previous_close: float) -> float:
    """Return the bar's range, widened to the close before it."""
    return max(previous_close, high) - min(previous_close, low)


@compiled(inline=True)
def is_missing(high: float, low: float, close: float) -> bool:
    """Tell whether any of the three is NaN."""
    return isnan(high) or isnan(low) or isnan(close)


@compiled(inline=True)
def atr_update(
    state: IndicatorState, ring: Floats, spec: IndicatorSpec, high: float, low: float, close: float, before: float
) -> float:
    """Return Wilder's average true range, which starts from the mean of the first ``period`` ranges."""
    if is_missing(high, low, close):
        return before
    if state.count > 0:
        decay = decay_after(state.count - 1, spec.period, spec)
        state.range_sum = wilder_sum(state.range_sum, decay, true_range(high, low, state.previous_close))
    state.previous_close = close
    # The count stops where the seed is complete: it only has to say so.
    if state.count <= spec.period:
        state.count += 1
    return state.range_sum / spec.period if state.count > spec.period else before


@compiled(inline=True)
def atr_simple_update(
    state: IndicatorState, ring: Floats, spec: IndicatorSpec, high: float, low: float, close: float, before: float
) -> float:
    """Return the plain mean of the last ``period`` true ranges."""
    if is_missing(high, low, close):
        return before
    previous_close = state.previous_close
    state.previous_close = close
    state.count += 1
    if state.count == 1:
        return before
    state.range_sum, range_sum = window_sum(
        ring, spec.ring_offset, state.head, spec.period, state.range_sum, true_range(high, low, previous_close)
    )
    state.head = next_head(state.head, spec.period)
    return range_sum / spec.period if state.count > spec.period else before


@compiled(inline=True, checks_bounds=False)
def bollinger_over(
    spec: IndicatorSpec, middle: Floats, upper: Floats, lower: Floats, width: Floats, position: Floats
) -> None:
    """
    Turn means, sums of squared deviations and values into middle, upper, lower, width and position, row by row.

    The three stand in ``middle``, ``upper`` and ``position``. Short loops over few rows, without memory: so the
    processor takes many frames at once.
    """
    for k in range(middle.size):
        upper[k] = spec.multiplier * sqrt(upper[k] / spec.period)
    for k in range(middle.size):
        reach = upper[k]
        upper[k] = middle[k] + reach
        lower[k] = middle[k] - reach
    for k in range(middle.size):
        width[k] = (upper[k] - lower[k]) / middle[k] if middle[k] != 0.0 else nan
    for k in range(middle.size):
        band = upper[k] - lower[k]
        position[k] = (position[k] - lower[k]) / band if band != 0.0 else 0.5

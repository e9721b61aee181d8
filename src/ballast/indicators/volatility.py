"""How far prices move: true range, its averages, and Bollinger's bands."""

from __future__ import annotations

from math import isnan, nan, sqrt

from ballast.indicators.smoothing import decay_after, wilder_sum
from ballast.indicators.state import IndicatorSpec, IndicatorState
from ballast.indicators.window import Floats, moments_update, next_head, window_sum
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
    state: IndicatorState, ring: Floats, spec: IndicatorSpec, high: float, low: float, close: float, out: Floats
) -> None:
    """Write Wilder's average true range, which starts from the mean of the first ``period`` ranges."""
    if is_missing(high, low, close):
        return
    if state.count > 0:
        decay = decay_after(state.count - 1, spec.period, spec)
        state.range_sum = wilder_sum(state.range_sum, decay, true_range(high, low, state.previous_close))
    state.previous_close = close
    # The count stops where the seed is complete: it only has to say so.
    if state.count <= spec.period:
        state.count += 1
    if state.count > spec.period:
        out[spec.output_offset] = state.range_sum / spec.period


@compiled(inline=True)
def atr_simple_update(
    state: IndicatorState, ring: Floats, spec: IndicatorSpec, high: float, low: float, close: float, out: Floats
) -> None:
    """Write the plain mean of the last ``period`` true ranges."""
    if is_missing(high, low, close):
        return
    previous_close = state.previous_close
    state.previous_close = close
    state.count += 1
    if state.count == 1:
        return
    state.range_sum, range_sum = window_sum(
        ring, spec.ring_offset, state.head, spec.period, state.range_sum, true_range(high, low, previous_close)
    )
    state.head = next_head(state.head, spec.period)
    if state.count > spec.period:
        out[spec.output_offset] = range_sum / spec.period


@compiled(inline=True)
def bollinger_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, out: Floats) -> None:
    """Write middle, upper, lower, width and position."""
    if isnan(value):
        return
    middle, squares = moments_update(state, ring, spec, value)
    if state.count < spec.period:
        return
    reach = spec.multiplier * sqrt(squares / spec.period)
    upper = middle + reach
    lower = middle - reach
    band = upper - lower
    at = spec.output_offset
    out[at] = middle
    out[at + 1] = upper
    out[at + 2] = lower
    out[at + 3] = band / middle if middle != 0.0 else nan
    out[at + 4] = (value - lower) / band if band != 0.0 else 0.5

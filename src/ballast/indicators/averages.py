"""Simple and exponential moving averages."""

from __future__ import annotations

from math import isnan

from ballast.indicators.state import IndicatorSpec, IndicatorState
from ballast.indicators.window import Floats, leave_reciprocal, next_head, window_mean
from ballast.model.compiled import compiled


@compiled(inline=True)
def sma_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, before: float) -> float:
    """Return the mean of the last ``period`` values."""
    if isnan(value):
        return before
    leave_reciprocal(state, ring, spec)
    state.deviation_sum, mean = window_mean(ring, spec.ring_offset, state.head, spec.period, state.deviation_sum, value)
    state.head = next_head(state.head, spec.period)
    state.count += 1
    return mean if state.count >= spec.period else before


@compiled(inline=True)
def ema_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, before: float) -> float:
    """Return the exponential average, which starts from the mean of the first ``period`` values."""
    if isnan(value):
        return before
    if state.count >= spec.period:
        state.average = value + spec.decay * (state.average - value)
        return state.average
    state.count += 1
    state.average += (value - state.average) / state.count
    return state.average if state.count == spec.period else before

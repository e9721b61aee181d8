"""Simple and exponential moving averages."""

from __future__ import annotations

from math import isnan

from ballast.indicators.state import IndicatorSpec, IndicatorState
from ballast.indicators.window import Floats, moments_update
from ballast.model.compiled import compiled


@compiled(inline=True)
def sma_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, out: Floats) -> None:
    """Write the mean of the last ``period`` values."""
    if isnan(value):
        return
    mean, _ = moments_update(state, ring, spec, value)
    if state.count >= spec.period:
        out[spec.output_offset] = mean


@compiled(inline=True)
def ema_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, out: Floats) -> None:
    """Write the exponential average, which starts from the mean of the first ``period`` values."""
    if isnan(value):
        return
    if state.count >= spec.period:
        state.average = value + spec.decay * (state.average - value)
        out[spec.output_offset] = state.average
        return
    state.count += 1
    state.average += (value - state.average) / state.count
    if state.count == spec.period:
        out[spec.output_offset] = state.average

"""The relative strength index, smoothed as Wilder does or by simple means."""

from __future__ import annotations

from math import isnan

from ballast.indicators.smoothing import FORGOTTEN, decay_after, wilder_sum
from ballast.indicators.state import IndicatorSpec, IndicatorState
from ballast.indicators.window import Floats, next_head, window_sum
from ballast.model.compiled import compiled


@compiled(inline=True)
def relative_strength(gain_sum: float, loss_sum: float) -> float:
    """
    Return 100 * gains / (gains + losses), 50 when there are neither (any more).

    From sums, so that two gains and three losses of one tick are 40 exactly.
    """
    total = gain_sum + loss_sum
    if total < FORGOTTEN:
        return 50.0
    # Said, not computed: 100 * g / g can be one bit off, and so can the quotient when losses are minute.
    if loss_sum == 0.0:
        return 100.0
    return min(100.0, 100.0 * gain_sum / total)


@compiled(inline=True)
def rsi_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, close: float, before: float) -> float:
    """Return Wilder's RSI. The sums stand for the averages: the common factor ``period`` cancels."""
    if isnan(close):
        return before
    change = close - state.previous_close
    state.previous_close = close
    gain = max(0.0, change)
    loss = max(0.0, -change)
    # The change of the very first bar is NaN, which is neither a gain nor a loss.
    decay = decay_after(state.count - 1, spec.period, spec)
    state.gain_sum = wilder_sum(state.gain_sum, decay, gain)
    state.loss_sum = wilder_sum(state.loss_sum, decay, loss)
    # The count stops when the seed is complete: it only has to say so.
    if state.count <= spec.period:
        state.count += 1
    return relative_strength(state.gain_sum, state.loss_sum) if state.count > spec.period else before


@compiled(inline=True)
def rsi_simple_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, close: float, before: float) -> float:
    """Return the RSI of the plain means of the last ``period`` changes (Cutler's form)."""
    if isnan(close):
        return before
    change = close - state.previous_close
    state.previous_close = close
    state.count += 1
    if state.count == 1:
        return before
    period, start, head = spec.period, spec.ring_offset, state.head
    gain = max(0.0, change)
    loss = max(0.0, -change)
    state.gain_sum, gain_sum = window_sum(ring, start, head, period, state.gain_sum, gain)
    state.loss_sum, loss_sum = window_sum(ring, start + period, head, period, state.loss_sum, loss)
    state.head = next_head(head, period)
    return relative_strength(gain_sum, loss_sum) if state.count > period else before

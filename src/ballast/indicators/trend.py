"""Whether prices go somewhere: Wilder's directional movement and Dreiss's choppiness."""

from __future__ import annotations

from math import log10

from ballast.indicators.smoothing import FORGOTTEN, decay_after, wilder_sum
from ballast.indicators.state import IndicatorSpec, IndicatorState
from ballast.indicators.volatility import is_missing, true_range
from ballast.indicators.window import Floats, next_head, window_max, window_sum
from ballast.model.compiled import compiled


@compiled(inline=True)
def directional_moves(high: float, low: float, previous_high: float, previous_low: float) -> tuple[float, float]:
    """Return (plus, minus) directional movement; the smaller of the two is always zero."""
    rise = high - previous_high
    fall = previous_low - low
    plus = rise if rise > 0.0 and rise > fall else 0.0
    minus = fall if fall > 0.0 and fall > rise else 0.0
    return plus, minus


@compiled(inline=True)
def adx_update(
    state: IndicatorState, ring: Floats, spec: IndicatorSpec, high: float, low: float, close: float, out: Floats
) -> None:
    """Write +DI, -DI and ADX."""
    if is_missing(high, low, close):
        return
    period = spec.period
    moves = state.count
    state.count += 1
    if moves > 0:
        # The seeds hold one move less than the period; Wilder's step adds the next to them.
        decay = decay_after(moves - 1, period - 1, spec)
        plus, minus = directional_moves(high, low, state.previous_high, state.previous_low)
        state.plus_sum = wilder_sum(state.plus_sum, decay, plus)
        state.minus_sum = wilder_sum(state.minus_sum, decay, minus)
        state.range_sum = wilder_sum(state.range_sum, decay, true_range(high, low, state.previous_close))
    state.previous_high = high
    state.previous_low = low
    state.previous_close = close
    if moves >= period:
        write_directions(state, spec, moves, out)


@compiled(inline=True)
def write_directions(state: IndicatorState, spec: IndicatorSpec, moves: int, out: Floats) -> None:
    """Write the three outputs from the sums of ``moves`` moves; without movement DX keeps its average."""
    period = spec.period
    plus_di, minus_di = 0.0, 0.0
    if state.range_sum >= FORGOTTEN:
        plus_di = 100.0 * (state.plus_sum / state.range_sum)
        minus_di = 100.0 * (state.minus_sum / state.range_sum)
    both = plus_di + minus_di
    if both > 0.0:
        dx = 100.0 * (abs(plus_di - minus_di) / both)
        state.index_sum = wilder_sum(state.index_sum, decay_after(moves - period, period, spec), dx)
    at = spec.output_offset
    out[at] = plus_di
    out[at + 1] = minus_di
    if moves >= 2 * period - 1:
        out[at + 2] = state.index_sum / period


@compiled(inline=True)
def choppiness_update(
    state: IndicatorState, ring: Floats, spec: IndicatorSpec, high: float, low: float, close: float, out: Floats
) -> None:
    """Write the choppiness index of the last ``period`` bars; 100 when they have no range at all."""
    if is_missing(high, low, close):
        return
    previous_close = state.previous_close
    state.previous_close = close
    state.count += 1
    if state.count == 1:
        return
    period, start, head = spec.period, spec.ring_offset, state.head
    move = true_range(high, low, previous_close)
    state.range_sum, range_sum = window_sum(ring, start, head, period, state.range_sum, move)
    state.highest, highest = window_max(ring, start + period, head, period, state.highest, high)
    state.lowest_negated, lowest_negated = window_max(
        ring, start + 2 * period, head, period, state.lowest_negated, -low
    )
    state.head = next_head(head, period)
    if state.count > period:
        span = highest + lowest_negated
        # No path is shorter than its span, but for rounding and for closes outside their bars.
        path = max(range_sum, span)
        out[spec.output_offset] = 100.0 * log10(path / span) / spec.log_period if span > 0.0 else 100.0

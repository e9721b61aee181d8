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
def take_move(state: IndicatorState, spec: IndicatorSpec, high: float, low: float, close: float) -> None:
    """Take a bar's directional movement and true range into their sums."""
    moves = state.count
    state.count += 1
    if moves > 0:
        # The seeds hold one move less than the period; Wilder's step adds the next to them.
        decay = decay_after(moves - 1, spec.period - 1, spec)
        plus, minus = directional_moves(high, low, state.previous_high, state.previous_low)
        state.plus_sum = wilder_sum(state.plus_sum, decay, plus)
        state.minus_sum = wilder_sum(state.minus_sum, decay, minus)
        state.range_sum = wilder_sum(state.range_sum, decay, true_range(high, low, state.previous_close))
    state.previous_high = high
    state.previous_low = low
    state.previous_close = close


@compiled(inline=True)
def directions(plus_sum: float, minus_sum: float, range_sum: float) -> tuple[float, float, float]:
    """Return +DI, -DI and DX: without range both DIs are 0, without movement DX is -1; NaN gives NaN."""
    has_range = not range_sum < FORGOTTEN
    plus_di = 100.0 * (plus_sum / range_sum) if has_range else 0.0
    minus_di = 100.0 * (minus_sum / range_sum) if has_range else 0.0
    both = plus_di + minus_di
    return plus_di, minus_di, (100.0 * (abs(plus_di - minus_di) / both) if not both <= 0.0 else -1.0)


@compiled(inline=True, checks_bounds=False)
def adx_over(
    state: IndicatorState, spec: IndicatorSpec, moves: int, plus: Floats, minus: Floats, ranges: Floats
) -> None:
    """
    Turn sums of movement and of true ranges into +DI, -DI and ADX, row by row; NaN is no bar, and repeats.

    ``moves`` is the number of bars before the first of them. Without movement DX keeps its average.
    """
    for k in range(plus.size):
        plus[k], minus[k], ranges[k] = directions(plus[k], minus[k], ranges[k])
    period, index_sum = spec.period, state.index_sum
    for k in range(plus.size):
        dx = ranges[k]
        if dx >= 0.0 and moves >= period:
            index_sum = wilder_sum(index_sum, decay_after(moves - period, period, spec), dx)
        ranges[k] = index_sum / period
        if dx == dx:
            moves += 1
        elif k > 0:
            plus[k], minus[k] = plus[k - 1], minus[k - 1]
    state.index_sum = index_sum


@compiled(inline=True)
def choppiness_update(
    state: IndicatorState, ring: Floats, spec: IndicatorSpec, high: float, low: float, close: float, before: float
) -> float:
    """Return the choppiness index of the last ``period`` bars; 100 when they have no range at all."""
    if is_missing(high, low, close):
        return before
    previous_close = state.previous_close
    state.previous_close = close
    state.count += 1
    if state.count == 1:
        return before
    period, start, head = spec.period, spec.ring_offset, state.head
    move = true_range(high, low, previous_close)
    state.range_sum, range_sum = window_sum(ring, start, head, period, state.range_sum, move)
    state.highest, highest = window_max(ring, start + period, head, period, state.highest, high)
    state.lowest_negated, lowest_negated = window_max(
        ring, start + 2 * period, head, period, state.lowest_negated, -low
    )
    state.head = next_head(head, period)
    if state.count <= period:
        return before
    span = highest + lowest_negated
    # No path is shorter than its span, but for rounding and for closes outside their bars.
    path = max(range_sum, span)
    return 100.0 * log10(path / span) / spec.log_period if span > 0.0 else 100.0

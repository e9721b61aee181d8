"""
Sliding windows that never subtract: sums, extremes and moments of the last ``period`` values.

A running sum that adds the newest value and takes away the oldest keeps every rounding error it ever
made, and after a fall from 1000 to 0.001 those errors are all that is left. Here the series is cut
into blocks of ``period`` values instead:

1. While a block fills, its running aggregate (the prefix) is kept, and each value is stored in the ring.
2. When it is full, the ring is turned, in place, into the aggregates of the block's tails (suffixes).
3. A window is a suffix of the block before, joined to the prefix of the block that is filling.

Every value is thus touched three times at most, and a value that has left the window has left the result.

Moments are kept as sums of deviations from a value of their own, the first of a prefix and the last of a suffix:
adding to a sum waits for no division, equal values give exactly their value, and what a variance loses to
cancellation grows with the period, not with the price, because a deviation that is counted from the sample
cannot be large beside it.

References: van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and
octagonal kernels", 1992 (blocks); Chan, Golub and LeVeque, "Algorithms for computing the sample variance:
analysis and recommendations", 1983 (deviations from a value of the sample; the join).

The functions take ``start`` (the window's first ring slot) and ``head`` (slots filled in this block)
and return the new prefix, then the window's aggregate, which means something once ``period`` values
were seen. Advancing ``head`` is the caller's: several windows may share it. Slots are not checked, so ``head`` must be
below ``period`` and the window must lie within the ring.
"""

from __future__ import annotations

from math import isnan, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.indicators.state import IndicatorSpec, IndicatorState
from ballast.model.compiled import compiled

Floats = npt.NDArray[np.float64]


@compiled(inline=True)
def unsigned(slot: int) -> Any:
    """Return an index that cannot count from the end: of a signed one, every access asks whether it does."""
    return np.uint64(slot)


@compiled(inline=True)
def next_head(head: int, period: int) -> int:
    """Return the slot after ``head``, or 0 when the block is full."""
    return head + 1 if head + 1 < period else 0


@compiled(inline=True, checks_bounds=False)
def window_sum(ring: Floats, start: int, head: int, period: int, prefix: float, value: float) -> tuple[float, float]:
    """Return the prefix sum and the sum of the last ``period`` values."""
    prefix = value if head == 0 else prefix + value
    ring[unsigned(start + head)] = value
    if head + 1 < period:
        return prefix, ring[unsigned(start + head + 1)] + prefix
    tail = value
    for slot in range(start + period - 2, start - 1, -1):
        tail = ring[unsigned(slot)] + tail
        ring[unsigned(slot)] = tail
    return prefix, prefix


@compiled(inline=True, checks_bounds=False)
def window_max(ring: Floats, start: int, head: int, period: int, prefix: float, value: float) -> tuple[float, float]:
    """Return the prefix maximum and the maximum of the last ``period`` values; negate for a minimum."""
    prefix = value if head == 0 else max(prefix, value)
    ring[unsigned(start + head)] = value
    if head + 1 < period:
        return prefix, max(prefix, ring[unsigned(start + head + 1)])
    tail = value
    for slot in range(start + period - 2, start - 1, -1):
        tail = max(ring[unsigned(slot)], tail)
        ring[unsigned(slot)] = tail
    return prefix, prefix


@compiled(inline=True)
def mean_about(origin: float, total: float, reciprocal: float) -> float:
    """Return the mean, out of a sum of deviations from ``origin`` and 1 by their number; ``origin`` is among them."""
    return origin + total * reciprocal


@compiled(inline=True)
def spread_about(total: float, squares: float, reciprocal: float) -> float:
    """Return the sum of squared deviations from the mean, out of sums of deviations and of their squares."""
    return max(0.0, squares - total * (total * reciprocal))


@compiled(inline=True, checks_bounds=False)
def window_mean(ring: Floats, start: int, head: int, period: int, total: float, value: float) -> tuple[float, float]:
    """
    Return the prefix's sum of deviations, then the window's mean.

    Takes ``2 * period`` slots: means, and reciprocals of 1 to ``period``, which must be there. Equal values give
    exactly their value.
    """
    count = head + 1
    ring[unsigned(start + head)] = value
    origin = ring[unsigned(start)]
    total = (total if head else 0.0) + (value - origin)
    mean = mean_about(origin, total, ring[unsigned(start + period + head)])
    if count == period:
        suffix_means(ring, start, period)
        return total, mean
    gap = ring[unsigned(start + count)] - mean
    return total, mean + gap * (period - count) * ring[unsigned(start + 2 * period - 1)]


@compiled(checks_bounds=False)
def suffix_means(ring: Floats, start: int, period: int) -> None:
    """Turn ``period`` stored values into the means of their tails."""
    origin = ring[unsigned(start + period - 1)]
    total = 0.0
    for count in range(1, period + 1):
        slot = start + period - count
        total += ring[unsigned(slot)] - origin
        ring[unsigned(slot)] = mean_about(origin, total, ring[unsigned(start + period + count - 1)])


@compiled(inline=True, checks_bounds=False)
def window_moments(
    ring: Floats, start: int, head: int, period: int, total: float, squares: float, value: float
) -> tuple[float, float, float, float]:
    """
    Return the prefix's sums of deviations and of their squares, then the window's mean and squares.

    The window's squares are sums of squared deviations from its mean. Takes ``3 * period`` slots: means, squares, and
    reciprocals of 1 to ``period``, which must be there. Equal values give exactly their value and exactly zero.
    """
    count = head + 1
    ring[unsigned(start + head)] = value
    origin = ring[unsigned(start)]
    step = value - origin
    total = (total if head else 0.0) + step
    squares = (squares if head else 0.0) + step * step
    reciprocal = ring[unsigned(start + 2 * period + head)]
    mean, spread = mean_about(origin, total, reciprocal), spread_about(total, squares, reciprocal)
    if count == period:
        suffix_moments(ring, start, period)
        return total, squares, mean, spread
    gap = ring[unsigned(start + count)] - mean
    shift = gap * (period - count) * ring[unsigned(start + 3 * period - 1)]
    return total, squares, mean + shift, spread + ring[unsigned(start + period + count)] + gap * shift * count


@compiled(checks_bounds=False)
def suffix_moments(ring: Floats, start: int, period: int) -> None:
    """Turn ``period`` stored values into the means and squares of their tails."""
    origin = ring[unsigned(start + period - 1)]
    total, squares = 0.0, 0.0
    for count in range(1, period + 1):
        slot = start + period - count
        step = ring[unsigned(slot)] - origin
        total += step
        squares += step * step
        reciprocal = ring[unsigned(start + 2 * period + count - 1)]
        ring[unsigned(slot)] = mean_about(origin, total, reciprocal)
        ring[unsigned(slot + period)] = spread_about(total, squares, reciprocal)


@compiled(inline=True, checks_bounds=False)
def leave_reciprocal(state: IndicatorState, ring: Floats, spec: IndicatorSpec) -> None:
    """Let the first block's values leave the reciprocals of their numbers in the last lane: no later one divides."""
    if state.count < spec.period:
        ring[spec.ring_offset + spec.ring_length - spec.period + state.head] = 1.0 / (state.head + 1)


@compiled(inline=True)
def moments_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float) -> tuple[float, float]:
    """Add ``value`` to the indicator's window; return the window's mean and sum of squared deviations."""
    leave_reciprocal(state, ring, spec)
    state.deviation_sum, state.squares, mean, squares = window_moments(
        ring, spec.ring_offset, state.head, spec.period, state.deviation_sum, state.squares, value
    )
    state.head = next_head(state.head, spec.period)
    state.count += 1
    return mean, squares


@compiled(inline=True)
def rolling_std_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, before: float) -> float:
    """Return the population standard deviation of the last ``period`` values."""
    if isnan(value):
        return before
    _, squares = moments_update(state, ring, spec, value)
    return sqrt(squares / spec.period) if state.count >= spec.period else before


@compiled(inline=True)
def rolling_high_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, before: float) -> float:
    """Return the largest of the last ``period`` values."""
    if isnan(value):
        return before
    state.highest, highest = window_max(ring, spec.ring_offset, state.head, spec.period, state.highest, value)
    state.head = next_head(state.head, spec.period)
    state.count += 1
    return highest if state.count >= spec.period else before


@compiled(inline=True)
def rolling_low_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, before: float) -> float:
    """Return the smallest of the last ``period`` values."""
    if isnan(value):
        return before
    state.lowest_negated, negated = window_max(
        ring, spec.ring_offset, state.head, spec.period, state.lowest_negated, -value
    )
    state.head = next_head(state.head, spec.period)
    state.count += 1
    return -negated if state.count >= spec.period else before

"""
Sliding windows that never subtract: sums, extremes and moments of the last ``period`` values.

A running sum that adds the newest value and takes away the oldest keeps every rounding error it ever
made, and after a fall from 1000 to 0.001 those errors are all that is left. Here the series is cut
into blocks of ``period`` values instead:

1. While a block fills, its running aggregate (the prefix) is kept, and each value is stored in the ring.
2. When it is full, the ring is turned, in place, into the aggregates of the block's tails (suffixes).
3. A window is a suffix of the block before, joined to the prefix of the block that is filling.

Every value is thus touched three times at most, a value that has left the window has left the result,
and a variance is a sum of squares, which cannot be negative.

References: van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and
octagonal kernels", 1992 (blocks); Welford, "Note on a method for calculating corrected sums of squares
and products", 1962; Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
sample variances", 1979 (the join).

The functions take ``start`` (the window's first ring slot) and ``head`` (slots filled in this block)
and return the new prefix, then the window's aggregate, which means something once ``period`` values
were seen. Advancing ``head`` is the caller's: several windows may share it.
"""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import numpy.typing as npt

from ballast.indicators.state import IndicatorSpec, IndicatorState
from ballast.model.compiled import compiled

Floats = npt.NDArray[np.float64]


@compiled(inline=True)
def next_head(head: int, period: int) -> int:
    """Return the slot after ``head``, or 0 when the block is full."""
    return head + 1 if head + 1 < period else 0


@compiled(inline=True)
def window_sum(ring: Floats, start: int, head: int, period: int, prefix: float, value: float) -> tuple[float, float]:
    """Return the prefix sum and the sum of the last ``period`` values."""
    prefix = value if head == 0 else prefix + value
    ring[start + head] = value
    if head + 1 < period:
        return prefix, ring[start + head + 1] + prefix
    tail = value
    for slot in range(start + period - 2, start - 1, -1):
        tail = ring[slot] + tail
        ring[slot] = tail
    return prefix, prefix


@compiled(inline=True)
def window_max(ring: Floats, start: int, head: int, period: int, prefix: float, value: float) -> tuple[float, float]:
    """Return the prefix maximum and the maximum of the last ``period`` values; negate for a minimum."""
    prefix = value if head == 0 else max(prefix, value)
    ring[start + head] = value
    if head + 1 < period:
        return prefix, max(prefix, ring[start + head + 1])
    tail = value
    for slot in range(start + period - 2, start - 1, -1):
        tail = max(ring[slot], tail)
        ring[slot] = tail
    return prefix, prefix


@compiled(inline=True)
def add_to_moments(mean: float, squares: float, count: int, value: float) -> tuple[float, float]:
    """Return mean and sum of squared deviations of ``count`` values, ``value`` being the last of them."""
    step = value - mean
    mean += step / count
    return mean, squares + step * (value - mean)


@compiled(inline=True)
def window_moments(
    ring: Floats, start: int, head: int, period: int, mean: float, squares: float, value: float
) -> tuple[float, float, float, float]:
    """
    Return the prefix's mean and squares, then the window's.

    Squares are sums of squared deviations from the mean. Takes ``2 * period`` slots: means, squares.
    Equal values give exactly their value and exactly zero.
    """
    count = head + 1
    mean, squares = add_to_moments(mean if head else 0.0, squares if head else 0.0, count, value)
    ring[start + head] = value
    if count == period:
        suffix_moments(ring, start, period)
        return mean, squares, mean, squares
    older = period - count
    gap = ring[start + count] - mean
    shift = gap * older / period
    return mean, squares, mean + shift, squares + ring[start + period + count] + gap * shift * count


@compiled
def suffix_moments(ring: Floats, start: int, period: int) -> None:
    """Turn ``period`` stored values into the means and squares of their tails."""
    mean, squares = 0.0, 0.0
    for count in range(1, period + 1):
        slot = start + period - count
        mean, squares = add_to_moments(mean, squares, count, ring[slot])
        ring[slot] = mean
        ring[slot + period] = squares


@compiled(inline=True)
def moments_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float) -> tuple[float, float]:
    """Add ``value`` to the indicator's window; return the window's mean and sum of squared deviations."""
    period = spec.period
    state.average, state.squares, mean, squares = window_moments(
        ring, spec.ring_offset, state.head, period, state.average, state.squares, value
    )
    state.head = next_head(state.head, period)
    state.count += 1
    return mean, squares


@compiled(inline=True)
def rolling_std_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, out: Floats) -> None:
    """Write the population standard deviation of the last ``period`` values."""
    if isnan(value):
        return
    _, squares = moments_update(state, ring, spec, value)
    if state.count >= spec.period:
        out[spec.output_offset] = sqrt(squares / spec.period)


@compiled(inline=True)
def rolling_high_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, out: Floats) -> None:
    """Write the largest of the last ``period`` values."""
    if isnan(value):
        return
    state.highest, highest = window_max(ring, spec.ring_offset, state.head, spec.period, state.highest, value)
    state.head = next_head(state.head, spec.period)
    state.count += 1
    if state.count >= spec.period:
        out[spec.output_offset] = highest


@compiled(inline=True)
def rolling_low_update(state: IndicatorState, ring: Floats, spec: IndicatorSpec, value: float, out: Floats) -> None:
    """Write the smallest of the last ``period`` values."""
    if isnan(value):
        return
    state.lowest_negated, negated = window_max(
        ring, spec.ring_offset, state.head, spec.period, state.lowest_negated, -value
    )
    state.head = next_head(state.head, spec.period)
    state.count += 1
    if state.count >= spec.period:
        out[spec.output_offset] = -negated

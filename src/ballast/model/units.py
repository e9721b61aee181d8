"""
Rounding to tick and lot, and the comparison of an order's value with its minimum.

Quantities are floored, because an order must never grow. The nudge of 1e-12 relative and 1e-9 steps
absorbs the noise of products that are meant to be whole multiples, such as 20 % of 35 lots. Steps are
counted in float64: NaN and infinity pass through, and no count is too large for an integer.
"""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import TypeGuard

import numpy as np

from ballast.model.compiled import compiled

RELATIVE_NUDGE = 1.0 + 1e-12
STEP_NUDGE = 1e-9
MONEY_TOLERANCE = 1e-9


@compiled
def floor_to_step(value: float, units: int, scale: float) -> float:
    """Return the largest multiple of ``units / scale`` <= ``value`` (>= 0); ``value`` itself when ``units`` is 0."""
    if units == 0:
        return value
    return np.floor(value * scale / units * RELATIVE_NUDGE + STEP_NUDGE) * units / scale


@compiled
def round_to_tick(price: float, units: int, scale: float, upward: bool) -> float:
    """Return the tick at or beyond ``price`` (>= 0) in the given direction; ``price`` itself when ``units`` is 0."""
    if units == 0:
        return price
    ticks = price * scale / units
    steps = np.ceil(ticks / RELATIVE_NUDGE - STEP_NUDGE) if upward else np.floor(ticks * RELATIVE_NUDGE + STEP_NUDGE)
    return steps * units / scale


@compiled
def is_below(amount: float, minimum: float) -> bool:
    """Tell whether an amount of money misses a minimum order value; within 1e-9 it counts as equal."""
    return amount < minimum - MONEY_TOLERANCE


@compiled
def meets_minimums(qty: float, price: float, min_qty: float, min_notional: float) -> bool:
    """Tell whether a quantity at a price is above zero and misses neither of an instrument's minimums."""
    return qty > 0.0 and qty >= min_qty and not is_below(qty * price, min_notional)


@compiled
def least_qty(price: float, lot_units: int, lot_scale: float, min_qty: float, min_notional: float) -> float:
    """Return the smallest quantity of whole lots that meets both minimums; without a price, the first alone."""
    least = min_qty
    if min_notional > 0.0 and is_price(price):
        least = max(least, min_notional / price)
    # What lies between two lots is met by the next one alone.
    return max(round_to_tick(least, lot_units, lot_scale, True), lot_units / lot_scale)


@compiled
def is_price(value: float) -> bool:
    """Tell whether ``value`` can be a price: finite and above zero. NaN is not."""
    return isfinite(value) and value > 0.0


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether ``value`` is a real number, NaN and infinity among them; truth values are none."""
    return isinstance(value, Real) and not isinstance(value, bool)

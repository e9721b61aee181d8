"""
Amounts as integers of 1e-8, in which the steps of a ladder are exact.

In binary floats 0.30 / 0.10 is 2.9999999999999996 and loses a step. Here 0.30 is 30,000,000, three times
10,000,000; comparisons treat everything within half of 1e-8 as equal.
"""

from __future__ import annotations

import numpy as np

from ballast.model.compiled import compiled

ONE = 100_000_000
"""The integer that stands for 1."""

LARGEST_AMOUNT = 1e10
"""What an amount may be at most, either way, so that sums and products of the integers stay inside 64 bits."""


@compiled(inline=True)
def is_amount(value: float) -> bool:
    """Tell whether ``value`` has a place on the grid: a number of at most ``LARGEST_AMOUNT`` either way. NaN is not."""
    return abs(value) <= LARGEST_AMOUNT


@compiled(inline=True)
def to_fixed(amount: float) -> int:
    """
    Return the integer of 1e-8 nearest to ``amount``, for which ``is_amount`` must hold.

    Examples
    --------
    >>> to_fixed(0.30) // to_fixed(0.10)
    3
    """
    return int(np.floor(amount * ONE + 0.5))


@compiled(inline=True)
def to_amount(fixed: int) -> float:
    """Return the float nearest to an integer of 1e-8."""
    return fixed / ONE


@compiled(inline=True)
def fraction_of(fixed: int, fraction: int) -> int:
    """Return ``fixed`` (>= 0) times ``fraction`` (0 to ``ONE``), rounded down; no step of it overflows."""
    return fixed // ONE * fraction + fixed % ONE * fraction // ONE

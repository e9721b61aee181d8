"""
Wilder's smoothing, kept as a sum.

Wilder's average of ``n`` values moves by ``(n - 1) / n`` of itself plus ``1 / n`` of the new value. The
sum, ``n`` times that average, moves by the same factor plus the whole value: no division, the seed is
the plain sum of the first ``n`` values, and in a ratio of two averages the ``n`` cancels.
"""

from __future__ import annotations

from ballast.indicators.state import IndicatorSpec
from ballast.model.compiled import compiled

# A sum that has shrunk below this in a long flat market has forgotten every move. No ratio is made of
# it: further down, rounding stops it from shrinking, and the ratio would be one of rounding errors.
FORGOTTEN = 1e-290


@compiled(inline=True)
def wilder_sum(total: float, decay: float, value: float) -> float:
    """Return the sum one value later; ``decay`` is 1 while the seed is gathered, then (n - 1) / n."""
    return total * decay + value


@compiled(inline=True)
def decay_after(count: int, seed_length: int, spec: IndicatorSpec) -> float:
    """Return the factor for the next value when ``count`` values are in and the seed takes ``seed_length``."""
    return spec.decay if count >= seed_length else 1.0

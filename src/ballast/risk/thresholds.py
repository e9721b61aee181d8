"""
How a figure meets a threshold: within 1e-9 of it, relative above 1, it counts as equal.

A figure that is NaN is on neither side: every comparison is false, so callers ask for what must be true.
"""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.units import MONEY_TOLERANCE


@compiled(inline=True)
def tolerance(threshold: float) -> float:
    """Return how far from a threshold still counts as equal to it."""
    return MONEY_TOLERANCE * max(1.0, abs(threshold))


@compiled(inline=True)
def is_under(figure: float, threshold: float) -> bool:
    """Tell whether a figure is strictly below a threshold."""
    return figure < threshold - tolerance(threshold)


@compiled(inline=True)
def is_over(figure: float, threshold: float) -> bool:
    """Tell whether a figure is strictly above a threshold."""
    return figure > threshold + tolerance(threshold)


@compiled(inline=True)
def has_reached(figure: float, threshold: float) -> bool:
    """Tell whether a figure is at or above a threshold."""
    return figure >= threshold - tolerance(threshold)


@compiled(inline=True)
def has_fallen_to(figure: float, threshold: float) -> bool:
    """Tell whether a figure is at or below a threshold."""
    return figure <= threshold + tolerance(threshold)

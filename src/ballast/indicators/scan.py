"""
How far a series stays on one side of a level: the question that lets a sweep pass over quiet bars.

Blocks are tested whole, which the processor does many values at a time; only the block with a hit is
walked. NaN is neither below nor above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled

BLOCK = 32


@compiled
def first_below(values: npt.NDArray[np.float64], start: int, stop: int, level: float) -> int:
    """Return the first index in [start, stop) whose value is < ``level``; ``stop`` if there is none."""
    while start + BLOCK <= stop:
        is_hit = False
        for value in values[start : start + BLOCK]:
            is_hit |= value < level
        if is_hit:
            break
        start += BLOCK
    while start < stop and not values[start] < level:
        start += 1
    return start


@compiled
def first_above(values: npt.NDArray[np.float64], start: int, stop: int, level: float) -> int:
    """Return the first index in [start, stop) whose value is > ``level``; ``stop`` if there is none."""
    while start + BLOCK <= stop:
        is_hit = False
        for value in values[start : start + BLOCK]:
            is_hit |= value > level
        if is_hit:
            break
        start += BLOCK
    while start < stop and not values[start] > level:
        start += 1
    return start

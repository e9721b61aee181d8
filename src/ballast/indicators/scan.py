"""
How far a series stays on one side of a level: the question that lets a sweep pass over quiet bars.

NaN is neither below nor above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled


@compiled(inline=True)
def first_below(values: npt.NDArray[np.float64], start: int, stop: int, level: float) -> int:
    """Return the first index in [start, stop) whose value is < ``level``; ``stop`` if there is none."""
    # Iterating checks the bounds once, indexing at every value.
    for k, value in enumerate(values[start:stop]):
        if value < level:
            return start + k
    return stop


@compiled(inline=True)
def first_above(values: npt.NDArray[np.float64], start: int, stop: int, level: float) -> int:
    """Return the first index in [start, stop) whose value is > ``level``; ``stop`` if there is none."""
    for k, value in enumerate(values[start:stop]):
        if value > level:
            return start + k
    return stop

"""
How far a series stays on one side of a level: the question that lets a sweep pass over quiet bars.

NaN is neither below nor above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled

STRIDE = 8
"""Values that are compared at once: a loop that may not end early becomes a few vector instructions."""


@compiled(inline=True)
def first_below(values: npt.NDArray[np.float64], start: int, stop: int, level: float) -> int:
    """Return the first index in [start, stop) whose value is < ``level``; ``stop`` if there is none."""
    return _first_below(values, start, stop, level, 1.0)


@compiled(inline=True)
def first_above(values: npt.NDArray[np.float64], start: int, stop: int, level: float) -> int:
    """Return the first index in [start, stop) whose value is > ``level``; ``stop`` if there is none."""
    return _first_below(values, start, stop, -level, -1.0)


@compiled(inline=True, checks_bounds=False)
def _first_below(values: npt.NDArray[np.float64], start: int, stop: int, level: float, sign: float) -> int:
    """Return the first index whose value times ``sign`` (1 or -1) is < ``level``."""
    part = values[start:stop]
    k = 0
    while k + STRIDE <= part.size:
        n_below = 0
        for j in range(STRIDE):
            # Unsigned: an index that might count from the end would be looked at, too.
            n_below |= sign * part[np.uint64(k + j)] < level
        if n_below:
            break
        k += STRIDE
    while k < part.size and not sign * part[np.uint64(k)] < level:
        k += 1
    return stop if k == part.size else start + k

"""How far weights have moved from their targets, and when that is too far."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled

Floats = npt.NDArray[np.float64]
TOLERANCE = 1e-9


@compiled
def is_beyond(change: float, limit: float) -> bool:
    """Tell whether ``change`` is strictly above ``limit``; within 1e-9 it counts as equal. NaN is not beyond."""
    return change > limit + TOLERANCE


@compiled
def largest_drift(weights: Floats, targets: Floats) -> float:
    """Return the largest absolute difference between a weight and its target, both fractions; 0 of none."""
    largest = 0.0
    for asset in range(weights.shape[0]):
        largest = max(largest, abs(weights[asset] - targets[asset]))
    return largest

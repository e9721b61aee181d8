"""How loudly the account's margin should be reported; all comparisons are strict, and unknown is a level of its own."""

from __future__ import annotations

from enum import IntEnum
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled
from ballast.risk.facts import Facts, weigh
from ballast.risk.settings import RiskSettings
from ballast.risk.thresholds import has_reached, is_over, is_under


class MarginLevel(IntEnum):
    """How an account's margin stands."""

    INFO = 0
    WARNING = 1
    ERROR = 2
    CRITICAL = 3
    UNKNOWN = 4


@compiled
def available_level(settings: RiskSettings, facts: Facts) -> int:
    """Return the ``MarginLevel`` of what is available for trading: negative is CRITICAL, then parts of equity."""
    if is_under(facts.available_for_trading, 0.0):
        return MarginLevel.CRITICAL
    if isnan(facts.available_for_trading) or isnan(facts.available_pct):
        return MarginLevel.UNKNOWN
    if is_under(facts.available_pct, settings.im_error_pct):
        return MarginLevel.ERROR
    return MarginLevel.WARNING if is_under(facts.available_pct, settings.im_warn_pct) else MarginLevel.INFO


@compiled
def maintenance_level(settings: RiskSettings, facts: Facts) -> int:
    """Return the ``MarginLevel`` of the maintenance margin rate: a missing one is unknown, never 0."""
    if isnan(facts.mm_rate):
        return MarginLevel.UNKNOWN
    if has_reached(facts.mm_rate * 100.0, settings.mm_rate_threshold):
        return MarginLevel.CRITICAL
    return MarginLevel.WARNING if is_over(facts.mm_rate * 100.0, settings.mm_warn_pct) else MarginLevel.INFO


@compiled
def take_levels(
    settings: RiskSettings, facts: Facts, points: Any, equity: npt.NDArray[np.float64], levels: npt.NDArray[np.int64]
) -> None:
    """
    Set both levels of an account at each of its points, (n_points, 2): of what is available, and of maintenance.

    ``points`` have ``available``, ``reserve`` and ``mm_rate``; ``facts`` is scratch room.
    """
    for k in range(points.shape[0]):
        facts.available = points[k].available
        facts.reserve = points[k].reserve
        facts.equity = equity[k]
        facts.mm_rate = points[k].mm_rate
        weigh(facts, settings)
        levels[k, 0] = available_level(settings, facts)
        levels[k, 1] = maintenance_level(settings, facts)

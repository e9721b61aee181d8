"""How loudly the account's margin should be reported; all comparisons are strict, and unknown is a level of its own."""

from __future__ import annotations

from enum import IntEnum
from math import isnan

from ballast.model.compiled import compiled
from ballast.risk.facts import Facts
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
    if isnan(facts.available_for_trading) or isnan(facts.available_pct):
        return MarginLevel.UNKNOWN
    if is_under(facts.available_for_trading, 0.0):
        return MarginLevel.CRITICAL
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

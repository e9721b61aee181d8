"""
What makes a rebalance due: pure rules over figures, a baseline and a clock that is handed in.

A figure that cannot be computed makes nothing due.
"""

from __future__ import annotations

from enum import Enum
from math import isfinite
from typing import NamedTuple

from ballast.model.durations import DAY_NS
from ballast.model.errors import ConfigError, nearest
from ballast.portfolio.drift import is_beyond
from ballast.portfolio.periods import Frequency, period_of


class RebalanceTrigger(Enum):
    """Why a portfolio is looked at."""

    THRESHOLD_BASED = "threshold_based"
    CALENDAR_BASED = "calendar_based"
    VOLATILITY_BASED = "volatility_based"
    CORRELATION_BASED = "correlation_based"
    MANUAL = "manual"


class Verdict(NamedTuple):
    """Whether a rebalance is due, and why or why not, in one line."""

    is_due: bool
    reason: str


def trigger_of(value: RebalanceTrigger | str) -> RebalanceTrigger:
    """Return a trigger given as itself or as its value; ``ConfigError`` names the nearest known one."""
    if isinstance(value, RebalanceTrigger):
        return value
    known = [trigger.value for trigger in RebalanceTrigger]
    if value not in known:
        raise ConfigError(f"trigger = {value!r}: expected one of {', '.join(known)}{nearest(str(value), known)}")
    return RebalanceTrigger(value)


def threshold_due(drift: float, threshold: float) -> Verdict:
    """Judge the largest absolute drift of a weight: due strictly above the threshold, both fractions."""
    if is_beyond(drift, threshold):
        return Verdict(True, f"drift {drift:.4g} is above {threshold:.4g}")
    return Verdict(False, f"drift {drift:.4g} is not above {threshold:.4g}")


def calendar_due(last_ns: int | None, now_ns: int, frequency: Frequency, days: int) -> Verdict:
    """
    Judge the time since the last completed rebalance; both times in nanoseconds UTC, None for never.

    ``ELAPSED_DAYS`` is due after ``days`` whole days; the others when ``now_ns`` lies in another calendar
    period than ``last_ns``, weeks being ISO weeks.
    """
    if last_ns is None:
        return Verdict(True, "never rebalanced before")
    if frequency is Frequency.ELAPSED_DAYS:
        elapsed = (now_ns - last_ns) // DAY_NS
        return Verdict(elapsed >= days, f"{elapsed} whole days since the last rebalance, {days} wanted")
    period, last_period = period_of(now_ns, frequency), period_of(last_ns, frequency)
    is_new = period != last_period
    return Verdict(
        is_new,
        f"{'another' if is_new else 'the same'} {frequency.name.lower()} period, compared with the last rebalance",
    )


def volatility_due(baseline: float | None, volatility: float, change: float) -> Verdict:
    """Judge annualised volatility: due when it left the baseline by strictly more than ``change`` of the baseline."""
    if not isfinite(volatility):
        return Verdict(False, "volatility cannot be computed: the window of closed bars is not full")
    if baseline is None:
        return Verdict(False, f"volatility {volatility:.4g} is the first: it becomes the baseline")
    is_due = is_beyond(abs(volatility - baseline), change * baseline)
    return Verdict(is_due, f"volatility went from {baseline:.4g} to {volatility:.4g}, {_limit(is_due)} {change:.4g}")


def correlation_due(baseline: float | None, average: float, change: float) -> Verdict:
    """Judge the average correlation: due when it left the baseline by strictly more than ``change``, absolute."""
    if not isfinite(average):
        return Verdict(False, "correlation cannot be computed: it takes two assets that move, with full windows")
    if baseline is None:
        return Verdict(False, f"average correlation {average:.4g} is the first: it becomes the baseline")
    is_due = is_beyond(abs(average - baseline), change)
    return Verdict(
        is_due, f"average correlation went from {baseline:.4g} to {average:.4g}, {_limit(is_due)} {change:.4g}"
    )


def _limit(is_due: bool) -> str:
    return "more than" if is_due else "not more than"

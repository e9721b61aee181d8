"""
Staged trend following: join a trend, and add to it while it is young and goes well.

Knows the signal, its quality, what an entry costs, when a further trade on a symbol may join the first, how
large it may be and where its stop must stand. Promises pure functions, each refusal with its own reason in a
fixed order. Refuses what it cannot compute: an unknown quality, price, tick value or profit opens nothing.
"""

from __future__ import annotations

from ballast.strategies.staged_trend.deciding import decide
from ballast.strategies.staged_trend.settings import (
    CARRIES_OWN_STOPS,
    DECIDES_IN_CYCLES,
    EXIT_PLAN,
    LOCKS,
    POSITION_MODE,
    REFUSALS,
    SECTION_KEYS,
    SIGNALS,
    TICK_CAUSES,
    Params,
    Reason,
    furnish,
    validate,
)
from ballast.strategies.staged_trend.signal import features
from ballast.strategies.staged_trend.state import State

__all__ = [
    "CARRIES_OWN_STOPS",
    "DECIDES_IN_CYCLES",
    "EXIT_PLAN",
    "LOCKS",
    "POSITION_MODE",
    "REFUSALS",
    "SECTION_KEYS",
    "SIGNALS",
    "TICK_CAUSES",
    "Params",
    "Reason",
    "State",
    "decide",
    "features",
    "furnish",
    "validate",
]

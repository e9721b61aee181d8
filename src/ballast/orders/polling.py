"""
How closely to watch a position: fast while it has something to lose, with a debounce on the way back.

Live, fast is every 300 ms and normal every 3 s; in a backtest it means evaluation on each tick or sub-bar
instead of each multiple of 3 s. The machine runs before the stop is looked at, and a position that is FAST is
no business of the normal loop.
"""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.durations import MILLISECOND_NS, SECOND_NS
from ballast.model.records import parameter, record
from ballast.orders.fixed_point import LARGEST_AMOUNT, is_amount, to_fixed


@record
class PollingSettings:
    """Settings of the pace."""

    fast_trailing_threshold_usd: float = parameter(
        0.10,
        "A profit of at least this much is watched at the fast pace.",
        unit="account currency",
        minimum=0,
        exclusive_minimum=True,
        maximum=LARGEST_AMOUNT,
    )
    fast_trailing_interval_ms: int = parameter(
        300, "Time between two looks at the fast pace.", unit="milliseconds", minimum=1, maximum=86_400_000
    )
    fast_trailing_debounce_cycles: int = parameter(
        3, "Looks in a row below the threshold that end the fast pace.", unit="looks", minimum=1
    )
    trailing_cycle_interval_seconds: float = parameter(
        3.0,
        "Time between two looks at the normal pace.",
        unit="seconds",
        minimum=0,
        exclusive_minimum=True,
        maximum=86_400,
    )


@record
class Polling:
    """Pace of one position; ``n_below`` counts looks in a row below the threshold while it is fast."""

    is_fast: bool
    n_below: int


@compiled
def rest(polling: Polling) -> None:
    """Return to the slow pace."""
    polling.is_fast = False
    polling.n_below = 0


@compiled
def look(polling: Polling, settings: PollingSettings, profit: float) -> bool:
    """Take one look at the profit; return whether the position is now fast. An unreadable profit changes nothing."""
    if not is_amount(profit):
        return polling.is_fast
    if to_fixed(profit) >= to_fixed(settings.fast_trailing_threshold_usd):
        polling.is_fast = True
        polling.n_below = 0
    elif polling.is_fast:
        polling.n_below += 1
        if polling.n_below >= settings.fast_trailing_debounce_cycles:
            rest(polling)
    return polling.is_fast


@compiled
def pace_ns(polling: Polling, settings: PollingSettings) -> int:
    """Return the time to the next look."""
    if polling.is_fast:
        return settings.fast_trailing_interval_ms * MILLISECOND_NS
    return int(settings.trailing_cycle_interval_seconds * SECOND_NS)

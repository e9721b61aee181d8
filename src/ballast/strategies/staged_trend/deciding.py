"""
Join a young trend with small trades, add to it while it goes well, and let each trade's stop follow its profit.

At every close that begins a new cycle each symbol with a signal is asked, the cheapest first; what is refused is
noted with its reason. A trade has its stop from the instant of its fill, and is then looked at by the clock, at the
pace that its profit asks for.
"""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import Cause
from ballast.model.intents import Intent
from ballast.strategies.staged_trend.entering import scan
from ballast.strategies.staged_trend.events import on_order
from ballast.strategies.staged_trend.settings import Params
from ballast.strategies.staged_trend.state import State
from ballast.strategies.staged_trend.trailing import ask_for_timer, look_at_all, tend

View = Any
SECOND_NS = 1_000_000_000


@compiled
def decide(row: Any, view: View, state: State, params: Params, intents: Intent) -> int:
    """Answer the cause, then ask to be woken for the next look."""
    n = 0
    if view.cause == Cause.ORDER:
        n = on_order(view, state, params, intents)
    elif view.cause == Cause.TIMER:
        if view.time_ns >= state.timer_ns:
            state.timer_ns = 0
        n = look_at_all(view, state, params, intents, n)
    elif view.cause == Cause.BAR:
        n = tend(view, state, params, intents, n)
        n = look_at_all(view, state, params, intents, n)
        cycle = view.time_ns // (params.cycle_interval_seconds * SECOND_NS)
        if cycle != state.cycle:
            state.cycle = cycle
            n = scan(view, state, params, intents, n)
    return ask_for_timer(view, state, intents, n)

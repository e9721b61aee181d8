"""
Join a young trend with small trades, add to it while it goes well, and let each trade's stop follow its profit.

Data drive it: at the first event at or after each multiple of its cycle every symbol with a signal is asked, the
cheapest first, and what is refused is noted with its reason. A trade has its stop from the instant of its fill, and
is looked at likewise, at the pace that its profit asks for. So on bars everything happens at closes: what a bar did
between them moves no stop.
"""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.durations import SECOND_NS
from ballast.model.enums import Cause
from ballast.model.intents import Intent
from ballast.strategies.staged_trend.entering import scan
from ballast.strategies.staged_trend.events import on_order
from ballast.strategies.staged_trend.settings import Params
from ballast.strategies.staged_trend.state import State
from ballast.strategies.staged_trend.trailing import look_at_all, tend

View = Any


@compiled
def decide(row: Any, view: View, state: State, params: Params, intents: Intent) -> int:
    """Take what became of orders; at data, look after trades and, once a cycle, for entries."""
    if view.cause == Cause.ORDER:
        return on_order(view, state, params, intents)
    if view.cause != Cause.BAR and view.cause != Cause.QUOTE and view.cause != Cause.TRADE:
        return 0
    cycle = view.time_ns // (params.cycle_interval_seconds * SECOND_NS)
    is_new_cycle = cycle != state.cycle
    n = look_at_all(view, state, params, is_new_cycle, intents, 0)
    if not is_new_cycle:
        return n
    state.cycle = cycle
    n = tend(view, state, params, intents, n)
    return scan(view, state, params, intents, n)

"""
The hedge grid: a long and a short leg per symbol, each averaged against itself and closed at a profit.

Both legs open together. A leg to which the market goes adds a level a step further on, a multiple of the level
before; one reduce-only order takes the whole leg out at its average entry plus the target and all fees. A closed
leg comes back at once, the larger the more margin the other one has gathered. Everything is asked for at the
price where it is due, inside the bar.

It earns small sums often and loses large ones when a market runs one way: see what its capital survives before
trusting it with any.
"""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import Cause, PositionMode
from ballast.model.intents import Intent
from ballast.model.records import Record
from ballast.strategies.hedge_grid.attribution import LegResult, attribution, outcome
from ballast.strategies.hedge_grid.events import on_close, on_funding, on_order, on_watch, tend_all
from ballast.strategies.hedge_grid.panic import follow_ladder
from ballast.strategies.hedge_grid.preflight import refuse_start
from ballast.strategies.hedge_grid.settings import ALARMS, EXIT_PLAN, Params, Reason, Role, State

__all__ = [
    "ALARMS",
    "EXIT_PLAN",
    "FOLLOWS_PROFILE",
    "POSITION_MODE",
    "LegResult",
    "Params",
    "Reason",
    "Role",
    "State",
    "attribution",
    "decide",
    "outcome",
    "refuse_start",
]


POSITION_MODE = PositionMode.HEDGE
FOLLOWS_PROFILE = True


@compiled
def decide(row: Any, view: Record, state: State, params: Params, intents: Intent) -> int:
    """Follow the ladder first, then answer the cause."""
    has_moved = view.ladder_state != state.ladder_state
    n = follow_ladder(view, state, params, intents, 0) if has_moved else 0
    if view.cause == Cause.BAR:
        return on_close(view, state, params, intents, n)
    if view.cause == Cause.ORDER:
        n = on_order(view, state, params, intents, n)
    elif view.cause == Cause.WATCH:
        n = on_watch(view, state, params, intents, n)
    elif view.cause == Cause.FUNDING:
        n = on_funding(view, state, params, intents, n)
    else:
        # A timer, or the ladder.
        has_moved = True
    return tend_all(view, state, params, intents, n) if has_moved else n

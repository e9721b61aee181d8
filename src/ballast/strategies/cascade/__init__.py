"""
The threshold cascade: keep a basket of volatile coins level by selling what ran away and buying what fell.

At each close the value of every tradable asset is compared with their mean. The asset that strays
furthest beyond its threshold triggers one event: upwards, a part of it is sold, a share of the proceeds
stays in reserve and the rest is spread over the others; downwards, it is bought back to the mean from
cash above the reserve floor and, if that is short, from the assets above the mean. All orders fill at the
next open or not at all; buys are sized by what the sells really brought.
"""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import Cause
from ballast.model.intents import Intent
from ballast.model.records import Record
from ballast.strategies.cascade.documented import decide_documented
from ballast.strategies.cascade.events import on_close, on_order
from ballast.strategies.cascade.settings import (
    EXIT_PLAN,
    Params,
    Profile,
    Reason,
    State,
    execution_overrides,
    features,
    outcome,
    prepare,
    validate,
)

__all__ = [
    "EXIT_PLAN",
    "REFUSALS",
    "Params",
    "Profile",
    "Reason",
    "State",
    "decide",
    "execution_overrides",
    "features",
    "outcome",
    "prepare",
    "validate",
]


REFUSALS = (Reason.TREND_VETO, Reason.STOPPED_AVERAGING, Reason.DAILY_LIMIT, Reason.UNCONFIRMED)


@compiled
def decide(row: Any, view: Record, state: State, params: Params, intents: Intent) -> int:
    """Act on closes and on the fate of orders; ignore every other cause."""
    if view.cause == Cause.BAR:
        if params.profile == Profile.DOCUMENTED:
            return decide_documented(row, view, state, params, intents)
        return on_close(row, view, state, params, intents)
    if view.cause == Cause.ORDER:
        return on_order(view, state, params, intents)
    return 0

"""
The ladder: which requests pass in which state.

=========  =======  ==========  =======  ==========
state      raising  reducing    protect  cancel
=========  =======  ==========  =======  ==========
NORMAL     yes      yes         yes      yes
FROZEN     no       yes         yes      yes
PANIC      no       yes         yes      yes
EMERGENCY  no       no          no       yes
HALTED     no       no          no       yes
=========  =======  ==========  =======  ==========

*Raising*: not reduce-only, and it can increase the symbol's net position; an amendment that sets a quantity
counts as such, because it does not say which side it changes. *Protect*: reduce-only orders and amendments
of prices alone. From EMERGENCY on the engine itself closes, so a strategy may only cancel.
On accounts without margin no rung moves the state by itself.
"""

from __future__ import annotations

from math import nan

from ballast.kernel.ledger import increases
from ballast.model.compiled import compiled
from ballast.model.enums import IntentKind, LadderState, QtyUnit, Reason
from ballast.model.intents import Intent
from ballast.model.records import record

View = object
"""The engine's view: anything with ``position_qty`` by leg. The ladder stands below the engine that owns it."""


@record
class Ladder:
    """Where the ladder stands and since when."""

    state: int = 0
    since_ns: int = 0


@compiled
def is_raising(view: View, intent: Intent) -> bool:
    """Tell whether a request can increase the absolute net position of its symbol."""
    if intent.reduce_only:
        return False
    if intent.kind == IntentKind.AMEND:
        return intent.qty > 0.0
    legs = view.position_qty  # type: ignore[attr-defined]
    net = legs[2 * intent.symbol] + legs[2 * intent.symbol + 1]
    if increases(net, float(intent.side)):
        return True
    # Up to twice the net it ends no further from flat than it began; NaN, an unknown size, raises.
    return not _base_qty(view, intent, abs(net)) <= 2.0 * abs(net)


@compiled
def _base_qty(view: View, intent: Intent, held: float) -> float:
    """Return an order's size in base units at the last price; NaN when that cannot be told."""
    if intent.qty_unit == QtyUnit.BASE:
        return intent.qty
    if intent.qty_unit == QtyUnit.POSITION_FRACTION:
        return intent.qty * held
    if intent.qty_unit == QtyUnit.QUOTE:
        return intent.qty / view.price[intent.symbol]  # type: ignore[attr-defined]
    return nan


@compiled
def review(ladder: Ladder, view: View, intent: Intent) -> int:
    """Return why the ladder refuses this intent in its present state, or ``Reason.NONE``."""
    state = ladder.state
    is_order = intent.kind == IntentKind.PLACE or intent.kind == IntentKind.AMEND
    if state == LadderState.NORMAL or not is_order:
        return Reason.NONE
    if state == LadderState.FROZEN:
        return Reason.LADDER_FROZEN if is_raising(view, intent) else Reason.NONE
    if state == LadderState.PANIC:
        return Reason.LADDER_PANIC if is_raising(view, intent) else Reason.NONE
    return Reason.LADDER_EMERGENCY if state == LadderState.EMERGENCY else Reason.LADDER_HALTED

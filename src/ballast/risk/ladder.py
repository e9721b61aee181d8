"""
The ladder: where an account stands, and which requests pass there.

=========  =======  ============  =======  ==========
state      raising  net-reducing  protect  cancel
=========  =======  ============  =======  ==========
NORMAL     gated    yes           yes      yes
FROZEN     no       gated         yes      yes
PANIC      no       gated         yes      yes
EMERGENCY  no       no            no       yes
HALTED     no       no            no       yes
=========  =======  ============  =======  ==========

*Raising*: not reduce-only, and it can increase the symbol's net position, or in hedge mode its heavier leg, if it
and every live order on its side fill; an amendment that sets a quantity counts as such, because it does not say
which side it changes. *Protect*: reduce-only orders and amendments of prices alone. From EMERGENCY on the engine
itself closes, so a strategy may only cancel. *Gated*: ``gate`` looks at the account as it would be afterwards.
On accounts without margin no margin rung exists, and nothing is gated.
"""

from __future__ import annotations

from math import nan
from typing import Annotated, Any

from ballast.kernel.ledger import increases, leg_index
from ballast.model.compiled import compiled
from ballast.model.enums import (
    EngineRole,
    EventKind,
    IntentKind,
    LadderState,
    PositionMode,
    PositionSide,
    QtyUnit,
    Reason,
    Side,
)
from ballast.model.events import Event
from ballast.model.instrument import quote_rate
from ballast.model.intents import Intent
from ballast.model.records import ArrayOf, LegFloats, record
from ballast.risk.reasons import LadderReason
from ballast.risk.safety import Volatility
from ballast.risk.thresholds import is_over

View = Any
"""The engine's view. The ladder stands below the engine that owns it."""

NEVER = -1


@record
class Ladder:
    """
    Everything that the ladder remembers; its bytes are enough to go on.

    Times are of events, ``NEVER`` for none. ``reason`` says why it is in ``state`` since ``since_ns``;
    ``alarm`` holds the ``LadderReason`` of an emergency that nobody has acknowledged, ``tripped`` that of a
    breaker. ``imbalance_since_ns`` and ``calm_since_ns`` begin what must last before PANIC comes or goes,
    ``thawed_since_ns`` what must last before FROZEN goes; each is ``NEVER`` as soon as it is interrupted.
    ``peak_equity`` serves the account's drawdown limit, ``breaker_peak`` the breaker of that name, which
    starts anew after it has tripped. ``next_qty`` is what the next step of each leg would buy (base units),
    ``approved_qty`` what this step has already approved that may buy (``2 * symbol``) and sell (one further).
    ``wallet_ns`` is when the venue last stated the account and ``account_gap_bps`` how far that was from our
    own fold; where nobody states it (a backtest) the fold is the truth.
    """

    state: int = 0
    reason: int = 0
    since_ns: int = 0
    evaluated_ns: int = NEVER
    alarm: int = 0
    is_operator_frozen: bool = False
    imbalance_since_ns: int = NEVER
    calm_since_ns: int = NEVER
    thawed_since_ns: int = NEVER
    balanced_ns: int = NEVER
    balancing_outcome: int = 0
    balancing_scale: float = 0.0
    tripped: int = 0
    day: int = NEVER
    day_start_equity: float = nan
    breaker_peak: float = nan
    peak_equity: float = nan
    wallet_ns: int = NEVER
    account_gap_bps: float = 0.0
    n_moves: int = 0
    next_qty: LegFloats
    approved_qty: LegFloats
    volatility: Annotated[Any, ArrayOf(Volatility, "symbols")]


@compiled
def is_raising(ladder: Ladder, view: View, intent: Intent) -> bool:
    """Tell whether a request can increase the absolute net position of its symbol, or its heavier leg."""
    if intent.reduce_only:
        return False
    if intent.kind == IntentKind.AMEND:
        return intent.qty > 0.0
    first = 2 * intent.symbol
    legs = view.position_qty
    net = legs[first] + legs[first + 1]
    if increases(net, float(intent.side)):
        return True
    qty = base_qty(view, intent, abs(net)) + _live_qty(ladder, view, intent.symbol, intent.side)
    # Up to twice the net it ends no further from flat than it began; NaN, an unknown size, raises.
    if not qty <= 2.0 * abs(net):
        return True
    # Where it opens a leg of its own, that leg must not become the heavier one: margin follows the heavier.
    opens_leg = (intent.side == Side.BUY) == (intent.position_side == PositionSide.LONG)
    return view.position_mode == PositionMode.HEDGE and opens_leg and is_over(qty, abs(net))


@compiled
def base_qty(view: View, intent: Intent, held: float) -> float:
    """Return an order's size in base units at the last price; NaN when that cannot be told."""
    if intent.qty_unit == QtyUnit.BASE:
        return intent.qty
    if intent.qty_unit == QtyUnit.POSITION_FRACTION:
        return intent.qty * held
    if intent.qty_unit == QtyUnit.QUOTE:
        return intent.qty / view.price[intent.symbol]
    return nan


@compiled
def review(ladder: Ladder, view: View, intent: Intent) -> int:
    """Return why the ladder refuses this intent in its present state, or ``Reason.NONE``."""
    state = ladder.state
    is_order = intent.kind == IntentKind.PLACE or intent.kind == IntentKind.AMEND
    if state == LadderState.NORMAL or not is_order:
        return Reason.NONE
    if state == LadderState.FROZEN:
        return Reason.LADDER_FROZEN if is_raising(ladder, view, intent) else Reason.NONE
    if state == LadderState.PANIC:
        return Reason.LADDER_PANIC if is_raising(ladder, view, intent) else Reason.NONE
    return Reason.LADDER_EMERGENCY if state == LadderState.EMERGENCY else Reason.LADDER_HALTED


@compiled
def _live_qty(ladder: Ladder, view: View, symbol: int, side: int) -> float:
    """Return what live orders that are not reduce-only would add on a side (base units): resting or just approved."""
    at = 2 * symbol if side == Side.BUY else 2 * symbol + 1
    value = view.order_value[at]
    return ladder.approved_qty[at] + (value / (view.mark[symbol] * quote_rate(view, symbol)) if value != 0.0 else 0.0)


@compiled
def expect(ladder: Ladder, view: View, intent: Intent) -> None:
    """Remember that this step approved an order that may fill; on margin accounts, for every PLACE and AMEND."""
    if intent.reduce_only:
        return
    first = 2 * intent.symbol
    qty = base_qty(view, intent, abs(view.position_qty[first] + view.position_qty[first + 1]))
    # An amendment keeps its order's side to itself, so both sides may grow by it.
    if intent.kind == IntentKind.AMEND or intent.side == Side.BUY:
        ladder.approved_qty[first] += qty
    if intent.kind == IntentKind.AMEND or intent.side == Side.SELL:
        ladder.approved_qty[first + 1] += qty


@compiled
def fold(ladder: Ladder, event: Event) -> None:
    """
    Take one event of the venue: what the leg's next step buys, and whether the venue itself has acted.

    The engine's own orders leave the next step alone: they are no step of the strategy. An order that
    closes speaks for the time after it has filled whole, one that opens from its first fill on.
    """
    if event.kind == EventKind.FUNDING:
        return
    if event.reason == Reason.LIQUIDATION and ladder.alarm == LadderReason.NONE:
        ladder.alarm = LadderReason.LIQUIDATION
    if event.reason == Reason.ADL and ladder.alarm == LadderReason.NONE:
        ladder.alarm = LadderReason.AUTO_DELEVERAGING
    is_fill = event.kind == EventKind.FILLED or event.kind == EventKind.PARTIALLY_FILLED
    if not is_fill or event.role >= EngineRole.BALANCE:
        return
    opens_leg = (event.side == Side.BUY) == (event.position_side != PositionSide.SHORT)
    if opens_leg or event.kind == EventKind.FILLED:
        ladder.next_qty[leg_index(0, 0, event.symbol, event.position_side)] = event.next_qty


@compiled
def enter(ladder: Ladder, state: int, reason: int, now_ns: int) -> int:
    """Put the ladder into a state, start its clocks anew, and return the reason."""
    ladder.state = state
    ladder.reason = reason
    ladder.since_ns = now_ns
    ladder.calm_since_ns = NEVER
    ladder.thawed_since_ns = NEVER
    ladder.n_moves += 1
    if state == LadderState.PANIC:
        ladder.balanced_ns = NEVER
    return reason

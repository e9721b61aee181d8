"""
Between observing and deciding: the ladder looks at the account, moves, and acts for it.

What it sends are the engine's own orders: they pass no review, because they are what review exists for. An
emergency is closed at once and, where something would not close, again at every bar; balancing follows its own
clock. Whatever the ladder wants to be woken for, prices and times, is armed anew each time.
"""

from __future__ import annotations

from typing import Any

from ballast.engine.state import Engine
from ballast.kernel.orders import submit
from ballast.kernel.venue import Venue
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, EngineRole, EventKind, IntentKind, LadderState, Side
from ballast.model.events import Event
from ballast.model.intents import Intent, timer
from ballast.model.market import Frame
from ballast.risk.balancing import plan_balancing
from ballast.risk.climb import climb, is_balancing_due, next_deadline_ns
from ballast.risk.emergency import is_flat, plan_emergency
from ballast.risk.facts import measure
from ballast.risk.guards import N_GUARDS, arm_guards, mm_guard_rate
from ballast.risk.ladder import Ladder, expect, fold
from ballast.risk.reasons import LadderReason
from ballast.risk.safety import take_bar

TELL_CAUSE = 1
"""The strategy is to be told of what was observed."""

TELL_LADDER = 2
"""Before that it is to be told that the ladder has moved."""


@compiled(inline=True)
def tell_next(engine: Engine, told: int, cause: int) -> int:
    """Set the view's cause to what the strategy is told next, and return what remains to be told."""
    engine.strategy_view.cause = Cause.LADDER if told >= TELL_LADDER else cause
    return told - TELL_LADDER if told >= TELL_LADDER else 0


@compiled
def protect(venue: Venue, engine: Engine, frames: Frame, cause: int, intents: Intent) -> int:
    """
    Let the ladder take in what has just been observed, and return who is to be told: ``TELL_CAUSE``, ``TELL_LADDER``.

    The strategy does not hear of the ladder's own alarm clocks. ``intents`` is scratch room.
    """
    view, ladder, settings, facts = engine.strategy_view, engine.ladder, engine.risk, engine.facts
    if cause == Cause.ORDER or cause == Cause.FUNDING:
        event = venue.events[venue.clock.events_read - 1]
        fold(ladder, event)
        _forget_own(engine, event)
    if engine.log.guarded_frame < view.frame:
        _take_bars(engine, frames[view.frame])  # type: ignore[index]
    before = ladder.state
    measure(view, ladder, settings, facts)
    if facts.has_margin:
        count_in_flight(venue, ladder)
    has_moved = climb(ladder, settings, facts) != LadderReason.NONE
    if has_moved:
        write_move(engine, before)
    view.ladder_state = ladder.state
    _act_for_account(venue, engine, intents, has_moved, cause)
    if venue.guards.shape[0] >= N_GUARDS:
        arm_guards(view, ladder, settings, facts, venue.guards)
        venue.accounts[0].mm_guard_rate = mm_guard_rate(ladder, settings)
    _set_timer(venue, engine, intents)
    is_own = cause == Cause.LADDER or (cause == Cause.TIMER and view.event_role == EngineRole.LADDER)
    return (TELL_LADDER if has_moved else 0) + (0 if is_own else TELL_CAUSE)


@compiled
def _take_bars(engine: Engine, row: Frame) -> None:
    """Feed the bars that have just closed to the ladder's volatility."""
    view = engine.strategy_view
    engine.log.guarded_frame = view.frame
    for symbol in range(view.n_symbols):
        take_bar(
            engine.ladder.volatility[symbol],
            engine.risk,
            row.ts_ns,
            view.interval_ns,
            row.high[symbol],
            row.low[symbol],
            row.close[symbol],
        )


@compiled
def _forget_own(engine: Engine, event: Event) -> None:
    """Count an order of the engine's own as done."""
    if event.role == EngineRole.EMERGENCY and event.order_id > 0 and event.kind != EventKind.PARTIALLY_FILLED:
        engine.log.n_closing -= 1


@compiled
def count_in_flight(venue: Venue, ladder: Ladder) -> None:
    """Count as approved what has been sent and may open without resting yet: review must see it until it fills."""
    for k in range(venue.clock.n_orders):
        order = venue.orders[k]
        if not order.reduce_only and not order.holds_margin:
            ladder.approved_qty[2 * order.symbol + (0 if order.side == Side.BUY else 1)] += order.qty


@compiled
def _awaits_fills(engine: Engine) -> bool:
    """Tell whether orders that open are on their way: they may even the legs out themselves."""
    for side in range(2 * engine.strategy_view.n_symbols):
        if engine.ladder.approved_qty[side] > 0.0:
            return True
    return False


@compiled
def _act_for_account(venue: Venue, engine: Engine, intents: Intent, has_moved: bool, cause: int) -> None:
    view, ladder = engine.strategy_view, engine.ladder
    n = 0
    if ladder.state == LadderState.EMERGENCY:
        is_time = has_moved or cause == Cause.BAR
        if is_time and engine.log.n_closing == 0 and not is_flat(view):
            n = plan_emergency(view, intents)
    elif is_balancing_due(ladder, engine.risk) and (has_moved or cause != Cause.ORDER) and not _awaits_fills(engine):
        # What an order has just closed is the strategy's to bring back first; both at once would overshoot.
        n = plan_balancing(view, ladder, engine.risk, engine.facts, intents)
    for k in range(n):
        intent = intents[k]  # type: ignore[index]
        if intent.kind == IntentKind.PLACE:
            view.open_orders[intent.symbol] += 1
            engine.log.n_closing += 1 if intent.role == EngineRole.EMERGENCY else 0
            expect(ladder, view, intent)
        submit(venue, 0, intent)


@compiled
def _set_timer(venue: Venue, engine: Engine, intents: Intent) -> None:
    """Ask to be woken when time alone may move the ladder; a wake that comes before then asks anew."""
    now_ns, deadline_ns = engine.strategy_view.time_ns, next_deadline_ns(engine.ladder, engine.risk)
    if deadline_ns > now_ns and not now_ns < engine.log.deadline_ns <= deadline_ns:
        timer(intents, 0, deadline_ns, EngineRole.LADDER, 0)
        submit(venue, 0, intents[0])  # type: ignore[index]
        engine.log.deadline_ns = deadline_ns


@compiled
def write_move(engine: Engine, before: int) -> None:
    """Write down that the ladder stands elsewhere than in ``before``, and what it saw last."""
    ladder, facts = engine.ladder, engine.facts
    move: Any = engine.moves[engine.log.n_moves]
    move.time_ns = ladder.since_ns
    move.before = before
    move.after = ladder.state
    move.reason = ladder.reason
    move.equity = facts.equity
    move.available_for_trading = facts.available_for_trading
    move.next_worst_case = facts.next_worst_case
    move.imbalance_ratio = facts.imbalance_ratio
    move.mm_rate = facts.mm_rate
    engine.log.n_moves += 1

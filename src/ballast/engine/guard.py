"""
Between observing and deciding: what the guards close, and where their stops stand.

What they send are the engine's own reduce-only orders: no filter is asked. A closing that did not fill is asked for
again at each bar. Under a ladder the supervisor's levels are the ladder's: HALT_NEW freezes it, FLATTEN is its
EMERGENCY, and the ladder itself closes.
"""

from __future__ import annotations

from typing import Any

from ballast.engine.guarding import Guarding
from ballast.engine.notes import write_note
from ballast.engine.protect import TELL_CAUSE, TELL_LADDER, count_in_flight, protect, write_move
from ballast.engine.state import Engine
from ballast.engine.trail import CLOSING, leg_side, take_event, trail
from ballast.kernel.ledger import leg_index
from ballast.kernel.orders import submit
from ballast.kernel.venue import Venue
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, EngineRole, EventKind, IntentKind, LadderState, NoteKind, Reason
from ballast.model.events import Event
from ballast.model.intents import Intent, timer
from ballast.model.market import Frame
from ballast.risk.compliance import asks_to_close, position_verdict, rollover_after
from ballast.risk.emergency import close_leg, plan_emergency
from ballast.risk.operator import operator_flatten, operator_freeze
from ballast.risk.reasons import LadderReason
from ballast.risk.supervisor import (
    ACCOUNT,
    ErrorClass,
    SupervisorCause,
    SupervisorLevel,
    SupervisorVerdict,
    ladder_floor,
    report_error,
    report_success,
)


@compiled
def guard(venue: Venue, engine: Engine, frames: Frame, cause: int, intents: Intent) -> int:
    """Let the guards take in what has just been observed, and act; return who is to be told, as ``protect`` does."""
    told = _take(venue, engine, cause, intents)
    _look_ahead_of_orders(venue, engine)
    if engine.guarding.is_supervised and engine.guarding.supervisor.level == SupervisorLevel.FLATTEN:
        _flatten(venue, engine, cause, intents)
    _act(venue, engine, cause, intents)
    return told


@compiled
def guard_and_protect(venue: Venue, engine: Engine, frames: Frame, cause: int, intents: Intent) -> int:
    """Let the guards act, then the ladder, which takes over what the supervisor asks."""
    is_told = _take(venue, engine, cause, intents)
    before = engine.ladder.state
    has_moved = engine.guarding.is_supervised and _raise_ladder(engine) != LadderReason.NONE
    if has_moved:
        write_move(engine, before)
    told = protect(venue, engine, frames, cause, intents)
    _act(venue, engine, cause, intents)
    if is_told == 0 and told % TELL_LADDER == TELL_CAUSE:
        told -= TELL_CAUSE
    return told + TELL_LADDER if has_moved and told < TELL_LADDER else told


@compiled
def _take(venue: Venue, engine: Engine, cause: int, intents: Intent) -> int:
    """Fold an event into the guards' memory; return whether the strategy is to hear of the cause."""
    view, guarding = engine.strategy_view, engine.guarding
    if cause == Cause.TIMER and view.event_role == EngineRole.GUARD:
        return 0
    if cause != Cause.ORDER and cause != Cause.FUNDING:
        return TELL_CAUSE
    event = venue.events[venue.clock.events_read - 1]
    leg = leg_index(0, view.n_symbols, event.symbol, event.position_side)
    is_fill = event.kind == EventKind.FILLED or event.kind == EventKind.PARTIALLY_FILLED
    if is_fill:
        _note_opening(engine, guarding, event, leg)
    if guarding.is_supervised:
        _count_errors(engine, guarding, event, is_fill)
    if _closes(event) and event.kind != EventKind.PARTIALLY_FILLED and guarding.is_closing[leg] > 0:
        guarding.is_closing[leg] -= 1
    if guarding.stops.shape[0] > 0:
        take_event(engine, guarding, venue, event, leg, intents)
    return TELL_CAUSE if is_fill or event.role != EngineRole.ELASTIC_TRAILING else 0


@compiled
def _note_opening(engine: Engine, guarding: Guarding, event: Event, leg: int) -> None:
    """Remember since when a leg has been open: through zero it opens anew."""
    qty = engine.strategy_view.position_qty[leg]
    before = qty - event.qty * event.side
    if qty == 0.0:
        guarding.opened_ns[leg] = 0
    elif before == 0.0 or before * qty < 0.0:
        guarding.opened_ns[leg] = event.time_ns


@compiled
def _closes(event: Event) -> bool:
    """Tell whether an order is one that the guards close with."""
    if event.role == EngineRole.ELASTIC_TRAILING:
        return event.level == CLOSING
    return event.role == EngineRole.COMPLIANCE or event.role == EngineRole.EMERGENCY


@compiled
def _count_errors(engine: Engine, guarding: Guarding, event: Event, is_fill: bool) -> None:
    """Count what the venue refused as an error, and a fill as a success. What was to be dropped is neither."""
    if is_fill:
        report_success(guarding.supervisor, ACCOUNT)
        return
    is_meant = event.reason == Reason.WOULD_CROSS or event.reason == Reason.NOTHING_TO_REDUCE
    if event.kind != EventKind.REJECTED or event.order_id == 0 or is_meant:
        return
    view, supervisor = engine.strategy_view, guarding.supervisor
    cause = report_error(supervisor, guarding.supervision, ErrorClass.REJECTED, ACCOUNT, view.time_ns)
    if cause != SupervisorCause.NONE:
        write_note(
            view, engine.log, engine.notes, NoteKind.SWITCH, event.symbol, 0, cause, float(supervisor.level), 0.0
        )


@compiled
def _look_ahead_of_orders(venue: Venue, engine: Engine) -> None:
    """Without a ladder, begin anew what the present step approves, and count what is on its way."""
    view = engine.strategy_view
    for side in range(2 * view.n_symbols):
        engine.ladder.approved_qty[side] = 0.0
    if venue.tiers.shape[0] > 0:
        count_in_flight(venue, engine.ladder)


@compiled
def _raise_ladder(engine: Engine) -> int:
    """Hold the ladder at least where the supervisor stands; return the ``LadderReason`` if it moved."""
    floor = ladder_floor(engine.guarding.supervisor)
    ladder, now_ns = engine.ladder, engine.strategy_view.time_ns
    if floor == LadderState.EMERGENCY and ladder.state < LadderState.EMERGENCY:
        return operator_flatten(ladder, now_ns)
    if floor == LadderState.FROZEN and not ladder.is_operator_frozen:
        return operator_freeze(ladder, now_ns)
    return LadderReason.NONE


@compiled
def _flatten(venue: Venue, engine: Engine, cause: int, intents: Intent) -> None:
    """Cancel everything and close every leg, again at each bar until all is flat."""
    view, guarding = engine.strategy_view, engine.guarding
    n_closing = 0
    for leg in range(2 * view.n_symbols):
        n_closing += guarding.is_closing[leg]
    if n_closing > 0 or (cause != Cause.BAR and guarding.has_flattened):
        return
    guarding.has_flattened = True
    n = plan_emergency(view, intents)
    for k in range(n):
        intent = intents[k]  # type: ignore[index]
        if intent.kind == IntentKind.PLACE:
            leg = leg_index(0, view.n_symbols, intent.symbol, intent.position_side)
            guarding.is_closing[leg] += 1
            _note_closing(engine, leg, SupervisorVerdict.FLATTENING)
            view.open_orders[intent.symbol] += 1
        submit(venue, 0, intent)


@compiled
def _act(venue: Venue, engine: Engine, cause: int, intents: Intent) -> None:
    """Close what the compliance screen asks to close, move the stops, and ask to be woken in time."""
    guarding = engine.guarding
    if guarding.compliance.is_on:
        _screen_positions(venue, engine, cause, intents)
        _set_timer(venue, engine, intents)
    if guarding.stops.shape[0] > 0:
        trail(engine, guarding, venue, cause, intents)


@compiled
def _screen_positions(venue: Venue, engine: Engine, cause: int, intents: Intent) -> None:
    view, guarding = engine.strategy_view, engine.guarding
    for leg in range(2 * view.n_symbols):
        qty = abs(view.position_qty[leg])
        if qty == 0.0 or guarding.is_closing[leg] > 0:
            continue
        verdict = position_verdict(view.time_ns, guarding.opened_ns[leg], guarding.compliance)
        # What could not be closed is tried again at bars alone: an answer to a refusal would never end.
        if not asks_to_close(verdict) or (cause == Cause.ORDER and view.event_role == EngineRole.COMPLIANCE):
            continue
        close_leg(view, intents, 0, leg, qty, EngineRole.COMPLIANCE, 0)
        guarding.is_closing[leg] += 1
        _note_closing(engine, leg, verdict)
        view.open_orders[leg // 2] += 1
        submit(venue, 0, intents[0])  # type: ignore[index]


@compiled
def _note_closing(engine: Engine, leg: int, verdict: int) -> None:
    view = engine.strategy_view
    side: Any = leg_side(view, leg)
    write_note(
        view,
        engine.log,
        engine.notes,
        NoteKind.CLOSING,
        leg // 2,
        side,
        verdict,
        abs(view.position_qty[leg]),
        view.price[leg // 2],
    )


@compiled
def _set_timer(venue: Venue, engine: Engine, intents: Intent) -> None:
    """Ask to be woken at the first deadline of a position, if it comes within one bar from now."""
    view, guarding = engine.strategy_view, engine.guarding
    limits = guarding.compliance
    now_ns, first_ns = view.time_ns, 0
    for leg in range(2 * view.n_symbols):
        if view.position_qty[leg] == 0.0 or guarding.opened_ns[leg] == 0:
            continue
        deadline_ns = guarding.opened_ns[leg] + limits.max_hold_ns
        if limits.forbids_overnight:
            rollover_ns = rollover_after(guarding.opened_ns[leg], limits.rollover_ns)
            deadline_ns = min(deadline_ns, rollover_ns - limits.rollover_lead_ns)
        if deadline_ns > now_ns and (first_ns == 0 or deadline_ns < first_ns):
            first_ns = deadline_ns
    if now_ns < first_ns <= now_ns + view.interval_ns and first_ns != guarding.deadline_ns:
        timer(intents, 0, first_ns, EngineRole.GUARD, 0)
        submit(venue, 0, intents[0])  # type: ignore[index]
        guarding.deadline_ns = first_ns

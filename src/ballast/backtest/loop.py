"""
The thin loop: the kernel's clock drives the engine's step.

One source for every build. *Shared*: ``decide`` arrives as a function pointer and the loop is compiled
once for all strategies of a width. *Specialised*: ``decide`` is inlined. *Python*: the same two compiled
halves around a Python ``decide``. All give the same bytes.
"""

from __future__ import annotations

from typing import Any

from ballast.engine.act import approve
from ballast.engine.observe import observe_bar, observe_event, observe_wake
from ballast.engine.state import Engine
from ballast.kernel.advance import next_cause, settle_at_close, sync_last_price
from ballast.kernel.orders import refuse, submit
from ballast.kernel.venue import Phase, Venue
from ballast.model.compiled import INTERPRETED, compiled, compiled_for
from ballast.model.enums import Cause, IntentKind, Reason
from ballast.model.market import Frame


@compiled(inline=True)
def observe(venue: Venue, engine: Engine, frames: Frame, cause: int) -> int:
    """Fold the next cause into the engine; returns it, or ``Cause.FULL`` when a log must grow first."""
    clock = venue.clock
    if clock.closed_frame > engine.strategy_view.frame:
        # The bar has closed: every cause from here on, timers included, may know it.
        observe_bar(engine, frames[clock.closed_frame], clock.closed_frame, clock.now_ns)  # type: ignore[index]
    if cause == Cause.BAR:
        engine.strategy_view.cause = Cause.BAR
        return cause
    return _observe_other(venue, engine, cause)


@compiled
def _observe_other(venue: Venue, engine: Engine, cause: int) -> int:
    clock = venue.clock
    if engine.log.n_fills >= engine.fills.shape[0] or engine.log.n_notes + venue.orders.shape[0] >= engine.notes.shape[0]:
        return Cause.FULL
    if cause == Cause.ORDER:
        event = venue.events[clock.events_read]
        clock.events_read += 1
        observe_event(engine, event)
        return cause
    observe_wake(
        engine,
        cause,
        clock.now_ns,
        clock.woken_symbol,
        clock.woken_position_side,
        clock.woken_side,
        clock.woken_role,
        clock.woken_reason,
        clock.woken_price,
    )
    return cause


@compiled
def act(venue: Venue, engine: Engine, frames: Frame, intents: Any, n_intents: int) -> None:
    """Take the strategy's intents through portfolio and ladder, and hand what passed to the venue."""
    for k in range(n_intents):
        intent = intents[k]
        reason = approve(engine, intent)
        if reason != Reason.NONE:
            refuse(venue, 0, intent, reason)
            continue
        if venue.clock.phase == Phase.BETWEEN or venue.clock.phase == Phase.CLOSED:
            sync_last_price(venue, frames, intent.symbol)
        if intent.kind != IntentKind.NOTE and intent.kind != IntentKind.ALERT:
            submit(venue, 0, intent)
    if venue.execution.same_close and venue.clock.phase == Phase.BETWEEN:
        settle_at_close(venue, frames)


def make_loop(call: Any) -> Any:
    """
    Return the loop that decides through ``call(decide, row, view, state, params, intents)``.

    The loop runs until frame ``stop`` (exclusive) and returns ``END``, ``FULL`` (grow the logs, call again)
    or ``RUNAWAY``. ``decide`` is called for every cause with the last closed frame; a cause that found a
    log full is not consumed, so the next call takes it up again.
    """

    def run(
        decide: Any,
        venue: Venue,
        engine: Engine,
        frames: Any,
        intents: Any,
        state_address: int,
        params_address: int,
        intents_address: int,
        stop: int,
    ) -> int:
        while True:
            cause = next_cause(venue, frames, stop)
            if cause < 0:
                return cause
            if observe(venue, engine, frames, cause) == Cause.FULL:
                return Cause.FULL
            row = frames[venue.clock.closed_frame]
            n_intents = call(decide, row, engine.strategy_view, state_address, params_address, intents_address)
            if n_intents > 0:
                act(venue, engine, frames, intents, n_intents)

    return run


@compiled(inline=True)
def call_pointer(decide: Any, row: Any, view: Any, state_address: int, params_address: int, intents_address: int) -> int:
    """Call a strategy through its function pointer."""
    return decide(row, view, state_address, params_address, intents_address)  # type: ignore[no-any-return]


_shared: dict[Any, Any] = {}


def shared_loop(decide_signature: Any, arguments: tuple[Any, ...]) -> Any:
    """
    Return the loop compiled for function pointers of this signature and for these arguments' types.

    There is one per width, whatever the strategy. In the interpreter it is the plain loop.
    """
    if INTERPRETED:
        return make_loop(call_pointer)
    from numba import types, typeof

    signature = types.int64(types.FunctionType(decide_signature), *(typeof(argument) for argument in arguments))
    if signature not in _shared:
        _shared[signature] = compiled_for(signature, make_loop(call_pointer))
    return _shared[signature]


def specialised_loop(decide_at: Any) -> Any:
    """Return the loop with one strategy built in; its ``decide`` argument is then a dummy integer."""
    inner = compiled(decide_at, inline=True)

    def call(decide: Any, row: Any, view: Any, state_address: int, params_address: int, intents_address: int) -> int:
        return inner(row, view, state_address, params_address, intents_address)  # type: ignore[no-any-return]

    return compiled(make_loop(compiled(call, inline=True)))


def python_loop(decide: Any, venue: Venue, engine: Engine, frames: Any, intents: Any, state: Any, params: Any, stop: int) -> int:
    """Run like :func:`run_loop` with a Python ``decide`` that takes the records themselves."""
    while True:
        cause = step_to_decision(venue, engine, frames, stop)
        if cause < 0:
            return int(cause)
        n_intents = decide(frames[venue.clock.closed_frame], engine.strategy_view, state, params, intents)
        if n_intents > 0:
            act(venue, engine, frames, intents, n_intents)


@compiled
def step_to_decision(venue: Venue, engine: Engine, frames: Frame, stop: int) -> int:
    """Advance to the next cause and observe it: the first compiled half around a Python ``decide``."""
    cause = next_cause(venue, frames, stop)
    return cause if cause < 0 else observe(venue, engine, frames, cause)

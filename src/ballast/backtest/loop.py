"""
The thin loop: the kernel's clock drives the engine's step.

One source for every build. *Shared*: ``decide`` arrives as a function pointer and the loop is compiled
once for all strategies of a width. *Specialised*: ``decide`` is inlined. *Python*: the same two compiled
halves around a Python ``decide``. All give the same bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ballast.backtest.batch import make_batch
from ballast.backtest.lean import fill_at_next_open
from ballast.engine.act import approve
from ballast.engine.decide import decide_signature
from ballast.engine.observe import observe_bar, observe_event, observe_wake, pass_over
from ballast.engine.state import Engine
from ballast.kernel.advance import next_cause, settle_at_close, sync_last_price
from ballast.kernel.orders import refuse, submit
from ballast.kernel.venue import Phase, Venue
from ballast.model.compiled import INTERPRETED, compiled, compiled_for
from ballast.model.enums import Cause, IntentKind, Reason
from ballast.model.intents import INTENT_CAPACITY
from ballast.model.market import Frame


@compiled(inline=True)
def has_room(engine: Engine) -> bool:
    """Tell whether the logs can take whatever one decision may add."""
    log = engine.log
    return bool(log.n_fills < engine.fills.shape[0] and log.n_notes + INTENT_CAPACITY <= engine.notes.shape[0])


@compiled(inline=True)
def observe(venue: Venue, engine: Engine, frames: Frame, cause: int) -> None:
    """Fold the next cause into the engine."""
    clock = venue.clock
    if clock.closed_frame > engine.strategy_view.frame:
        # The bar has closed: every cause from here on, timers included, may know it.
        observe_bar(engine, frames[clock.closed_frame], clock.closed_frame, clock.now_ns)  # type: ignore[index]
    if cause == Cause.BAR:
        engine.strategy_view.cause = Cause.BAR
    else:
        _observe_other(venue, engine, cause)


@compiled
def _observe_other(venue: Venue, engine: Engine, cause: int) -> None:
    clock = venue.clock
    if cause == Cause.ORDER:
        event = venue.events[clock.events_read]
        clock.events_read += 1
        observe_event(engine, event)
        if venue.execution.same_close and clock.phase == Phase.BETWEEN and engine.equity.shape[0] > 0:
            # A fill at the close belongs to that close's point.
            engine.equity[engine.strategy_view.frame] = engine.strategy_view.equity
            engine.gross[engine.strategy_view.frame] = engine.strategy_view.gross
        return
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


@compiled
def act(venue: Venue, engine: Engine, frames: Frame, intents: Any, n_intents: int) -> None:
    """Take the strategy's intents through portfolio and ladder, and hand what passed to the venue."""
    for k in range(n_intents):
        intent = intents[k]
        reason = approve(engine, intent)
        if reason != Reason.NONE:
            refuse(venue, 0, intent, reason)
            continue
        if intent.kind == IntentKind.NOTE or intent.kind == IntentKind.ALERT:
            continue
        if venue.clock.phase == Phase.BETWEEN or venue.clock.phase == Phase.CLOSED:
            sync_last_price(venue, frames, intent.symbol)
        submit(venue, 0, intent)
    if venue.execution.same_close and venue.clock.phase == Phase.BETWEEN:
        # Also what a timer at this close has asked for.
        settle_at_close(venue, frames)


def make_loop(call: Any, skip: Any, shorten: Any) -> Any:
    """
    Return the loop that decides through ``call(decide, row, view, state, params, intents)``.

    The loop runs until frame ``stop`` (exclusive) and returns ``END``, ``FULL`` (grow the logs, call again)
    or ``RUNAWAY``. ``decide`` is called for every cause with the last closed frame. ``skip(venue, engine,
    frames, state, params, stop)`` may first pass over frames at which nothing can happen, and
    ``shorten(venue, engine, frames, intents, n_intents, stop)`` may settle what is asked without ``act``.
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
            if not has_room(engine):
                return Cause.FULL
            skip(venue, engine, frames, state_address, params_address, stop)
            cause = next_cause(venue, frames, stop)
            if cause < 0:
                return cause
            observe(venue, engine, frames, cause)
            row = frames[venue.clock.closed_frame]
            n_intents = call(decide, row, engine.strategy_view, state_address, params_address, intents_address)
            if n_intents > INTENT_CAPACITY:
                return Cause.RUNAWAY
            is_asked = n_intents > 0 or venue.execution.same_close
            if is_asked and not shorten(venue, engine, frames, intents, n_intents, stop):
                act(venue, engine, frames, intents, n_intents)

    return run


@compiled(inline=True)
def no_skip(venue: Venue, engine: Engine, frames: Any, state_address: int, params_address: int, stop: int) -> None:
    """Look at every frame."""


@compiled(inline=True)
def no_short_way(venue: Venue, engine: Engine, frames: Any, intents: Any, n_intents: int, stop: int) -> bool:
    """Send every order the long way."""
    return False


@compiled(inline=True)
def short_way(venue: Venue, engine: Engine, frames: Any, intents: Any, n_intents: int, stop: int) -> bool:
    """Fill a single plain order at once, where no curve and no fills are kept."""
    if n_intents != 1 or engine.equity.shape[0] > 0:
        return False
    return fill_at_next_open(venue, engine, frames, intents[0], stop)


def make_skip(quiet_at: Any) -> Any:
    """
    Return the skip that asks ``quiet_at(features, frame, stop, view, state, params)`` how far nothing happens.

    It applies only while no order, watch, timer or event is live, and never passes over frame ``stop - 1``.
    """

    def skip(venue: Venue, engine: Engine, frames: Any, state_address: int, params_address: int, stop: int) -> None:
        clock = venue.clock
        if clock.phase != Phase.BETWEEN or clock.n_orders + clock.n_watches + clock.n_timers > 0:
            return
        first = clock.frame + 1
        if clock.events_read < clock.events_written or first + 1 >= stop:
            return
        view = engine.strategy_view
        target = min(quiet_at(engine.shared_feature, first, stop, view, state_address, params_address), stop - 1)
        if target > first:
            pass_over(engine, frames, first, target)
            clock.frame = target - 1
            clock.closed_frame = target - 1

    return compiled(skip, inline=True)


@compiled(inline=True)
def call_pointer(
    decide: Any, row: Any, view: Any, state_address: int, params_address: int, intents_address: int
) -> int:
    """Call a strategy through its function pointer."""
    return decide(row, view, state_address, params_address, intents_address)  # type: ignore[no-any-return]


_loops: dict[Any, Any] = {}
"""Loops of this process by what they were built for."""


def shared_loop(arguments: tuple[Any, ...]) -> Any:
    """
    Return the loop compiled for function pointers and for these arguments' types.

    There is one per width, whatever the strategy. In the interpreter it is the plain loop.
    """
    if INTERPRETED:
        return make_loop(call_pointer, no_skip, no_short_way)

    def pointer_type() -> Any:
        from numba import types

        _, engine, frames, *_ = arguments
        return types.FunctionType(decide_signature(frames.dtype, engine.strategy_view.dtype))

    return _built(pointer_type, arguments, "pointer", lambda: make_loop(call_pointer, no_skip, no_short_way))


def specialised_loop(
    decide_at: Any, quiet_at: Any, key: Any, arguments: tuple[Any, ...], *, acts_on_bars_only: bool
) -> Any:
    """
    Return the loop with one strategy built in; its ``decide`` argument is then a dummy integer.

    ``quiet_at`` (or None) lets it pass over frames; ``key`` tells strategies apart: what the two were
    wrapped from.
    """
    return _specialised(decide_at, quiet_at, key, arguments, acts_on_bars_only, make_loop)


def specialised_batch(
    decide_at: Any, quiet_at: Any, key: Any, arguments: tuple[Any, ...], *, acts_on_bars_only: bool
) -> Any:
    """Return the batch (see ``batch.make_batch``) around the loop of :func:`specialised_loop`."""
    return _specialised(
        decide_at, quiet_at, (key, "batch"), arguments, acts_on_bars_only, lambda *parts: make_batch(make_loop(*parts))
    )


def _specialised(
    decide_at: Any, quiet_at: Any, key: Any, arguments: tuple[Any, ...], acts_on_bars_only: bool, make: Any
) -> Any:
    def dummy_type() -> Any:
        from numba import types

        return types.int64

    def build() -> Any:
        inner = compiled(decide_at, inline=True)

        def call(decide: Any, row: Any, view: Any, state: int, params: int, intents: int) -> int:
            return inner(row, view, state, params, intents)  # type: ignore[no-any-return]

        skip = no_skip if quiet_at is None else make_skip(compiled(quiet_at, inline=True))
        has_short_way = acts_on_bars_only and quiet_at is not None
        return make(compiled(call, inline=True), skip, short_way if has_short_way else no_short_way)

    return _built(dummy_type, arguments, (key, acts_on_bars_only), build)


def _built(decide_type: Any, arguments: tuple[Any, ...], key: Any, make: Any) -> Any:
    # By layout, because Numba takes milliseconds to name the types of records as large as these.
    key = (key, _layout(arguments))
    if key not in _loops:
        from numba import typeof, types

        signature = types.int64(decide_type(), *(typeof(argument) for argument in arguments))
        _loops[key] = compiled_for(signature, make())
    return _loops[key]


def _layout(argument: Any) -> Any:
    """Return what an argument's compiled type depends on."""
    if isinstance(argument, tuple):
        return type(argument), tuple(_layout(part) for part in argument)
    if isinstance(argument, np.ndarray):
        flags = argument.flags
        return argument.dtype, argument.ndim, flags.c_contiguous, flags.writeable, flags.aligned
    return argument.dtype if isinstance(argument, np.void) else type(argument)


def python_loop(
    decide: Any, venue: Venue, engine: Engine, frames: Any, intents: Any, state: Any, params: Any, stop: int
) -> int:
    """Run like the compiled loop with a Python ``decide`` that takes the records themselves."""
    while True:
        if not has_room(engine):
            return int(Cause.FULL)
        cause = step_to_decision(venue, engine, frames, stop)
        if cause < 0:
            return int(cause)
        n_intents = decide(frames[venue.clock.closed_frame], engine.strategy_view, state, params, intents)
        if n_intents > INTENT_CAPACITY:
            return int(Cause.RUNAWAY)
        if n_intents > 0 or venue.execution.same_close:
            act(venue, engine, frames, intents, n_intents)


@compiled
def step_to_decision(venue: Venue, engine: Engine, frames: Frame, stop: int) -> int:
    """Advance to the next cause and observe it: the first compiled half around a Python ``decide``."""
    cause = next_cause(venue, frames, stop)
    if cause >= 0:
        observe(venue, engine, frames, cause)
    return cause

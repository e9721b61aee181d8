"""
The thin loop: the kernel's clock drives the engine's step.

One source for every build. *Shared*: ``decide`` arrives as a function pointer and the loop is compiled
once for all strategies of a width. *Specialised*: ``decide`` is inlined. *Python*: the same two compiled
halves around a Python ``decide``. All give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ballast.backtest.lean import fill_at_next_open
from ballast.engine.act import ask_ladder, make_approve, pass_all
from ballast.engine.decide import decide_signature
from ballast.engine.guard import guard, guard_and_protect
from ballast.engine.observe import (
    observe_bar,
    observe_event,
    observe_margin,
    observe_tick,
    observe_wake,
    pass_over,
)
from ballast.engine.protect import TELL_CAUSE, protect, tell_next
from ballast.engine.screen import ask_filters, ask_filters_and_ladder
from ballast.engine.state import Engine
from ballast.engine.track import track_margin
from ballast.kernel.advance import next_cause, settle_at_close, sync_last_price
from ballast.kernel.book import is_quiet
from ballast.kernel.margin_account import refresh_reserves
from ballast.kernel.orders import refuse, submit
from ballast.kernel.venue import Phase, Venue
from ballast.model.compiled import INTERPRETED, compiled, compiled_for
from ballast.model.enums import Cause, IntentKind, Reason
from ballast.model.intents import INTENT_CAPACITY
from ballast.model.market import Feed, Frame


@compiled(inline=True)
def has_room(engine: Engine) -> bool:
    """Tell whether the logs can take whatever one decision may add."""
    log = engine.log
    # The strategy may be called twice: for a move of the ladder, and for what moved it.
    # Besides, the guards may move the stop of every leg, and close it; and the ladder may move twice.
    n_legs = engine.strategy_view.position_qty.shape[0]
    has_notes = log.n_notes + 2 * INTENT_CAPACITY + 2 * n_legs + 2 <= engine.notes.shape[0]
    return bool(log.n_fills < engine.fills.shape[0] and has_notes and log.n_moves + 1 < engine.moves.shape[0])


@compiled(inline=True)
def observe(venue: Venue, engine: Engine, frames: Frame, cause: int) -> None:
    """Fold the next cause into the engine."""
    clock = venue.clock
    if venue.tiers.shape[0] > 0:
        refresh_reserves(venue)
        observe_margin(engine.strategy_view, venue.markets, venue.positions, venue.conversions)
    if clock.closed_frame > engine.strategy_view.frame:
        # The bar has closed: every cause from here on, timers included, may know it.
        observe_bar(engine, frames[clock.closed_frame], clock.closed_frame, clock.now_ns)  # type: ignore[index]
    is_tick = venue.quotes.shape[0] > 0 and observe_tick(engine.strategy_view, venue.quotes, clock, cause)
    if cause == Cause.BAR:
        engine.strategy_view.cause = Cause.BAR
    elif not is_tick:
        _observe_other(venue, engine, cause)


@compiled(inline=True)
def _observe_other(venue: Venue, engine: Engine, cause: int) -> None:
    clock = venue.clock
    if cause == Cause.ORDER or cause == Cause.FUNDING:
        event = venue.events[clock.events_read]
        clock.events_read += 1
        observe_event(engine.strategy_view, engine.log, engine.fills, event)
        if venue.execution.same_close and clock.phase == Phase.BETWEEN and engine.equity.shape[0] > 0:
            # A fill at the close belongs to that close's point.
            engine.equity[engine.strategy_view.frame] = engine.strategy_view.equity
        return
    observe_wake(
        engine.strategy_view,
        cause,
        clock.now_ns,
        clock.woken_symbol,
        clock.woken_position_side,
        clock.woken_side,
        clock.woken_role,
        clock.woken_reason,
        clock.woken_price,
    )


class Rungs(NamedTuple):
    """
    The part of ladder and guards in a loop: ``protect`` before decisions, which says who is told, and ``act`` after.

    There is one for each of the four combinations, so that a run without guards compiles nothing of them.
    """

    protect: Any
    act: Any


def make_act(approve: Any) -> Any:
    """Return the half that takes a strategy's intents through ``approve`` and hands what passed to the venue."""

    def act(venue: Venue, engine: Engine, frames: Frame, intents: Any, n_intents: int) -> None:
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

    return compiled(act, inline=True)


@compiled(inline=True)
def no_protection(venue: Venue, engine: Engine, frames: Frame, cause: int, intents: Any) -> int:
    """Tell the strategy of everything."""
    return TELL_CAUSE


@compiled(inline=True)
def glides_on_spot(venue: Venue) -> bool:
    """Tell whether nothing can happen but closes until the strategy asks for something."""
    is_plain = venue.tiers.shape[0] + venue.quotes.shape[0] == 0 and not venue.execution.same_close
    return bool(is_plain and venue.clock.phase == Phase.BETWEEN and is_quiet(venue))


@compiled(inline=True)
def never_glides(venue: Venue) -> bool:
    """Under a ladder every close is looked at."""
    return False


def make_glide(call: Any) -> Any:
    """Return ``glide(...)``: take close after close until the strategy asks, and return how much; 0 at ``stop``."""

    def glide(
        decide: Any,
        venue: Venue,
        engine: Engine,
        frames: Any,
        state_address: int,
        params_address: int,
        intents_address: int,
        stop: int,
    ) -> int:
        clock = venue.clock
        frame, n_intents = clock.frame, 0
        while n_intents == 0 and frame + 1 < stop:
            frame += 1
            row = frames[frame]
            observe_bar(engine, row, frame, row.ts_ns + clock.interval_ns)
            n_intents = call(decide, row, engine.strategy_view, state_address, params_address, intents_address)
        if frame > clock.frame:
            clock.frame = clock.closed_frame = frame
            clock.now_ns = engine.strategy_view.time_ns
        return n_intents

    return compiled(glide, inline=True)


WITHOUT_LADDER = Rungs(no_protection, make_act(make_approve(pass_all)))
WITH_LADDER = Rungs(protect, make_act(make_approve(ask_ladder)))
GUARDED = Rungs(guard, make_act(make_approve(ask_filters)))
GUARDED_WITH_LADDER = Rungs(guard_and_protect, make_act(make_approve(ask_filters_and_ladder)))


def make_loop(call: Any, skip: Any, shorten: Any, rungs: Rungs) -> Any:
    """
    Return the loop that decides through ``call(decide, row, view, state, params, intents)``.

    The loop runs until frame ``stop`` (exclusive) and returns ``END``, ``FULL`` (grow the logs, call again)
    or ``RUNAWAY``. ``decide`` is called for every cause with the last closed frame. ``skip(venue, engine,
    frames, state, params, stop)`` may first pass over frames at which nothing can happen, and
    ``shorten(venue, engine, frames, intents, n_intents, stop)`` may settle what is asked without ``act``.
    """
    protect, act = rungs
    glides = glides_on_spot if rungs is WITHOUT_LADDER else never_glides
    glide = make_glide(call)

    def run(
        decide: Any,
        venue: Venue,
        engine: Engine,
        feed: Any,
        intents: Any,
        state_address: int,
        params_address: int,
        intents_address: int,
        stop: int,
    ) -> int:
        frames = feed.frames
        while True:
            if not has_room(engine):
                return Cause.FULL
            skip(venue, engine, frames, state_address, params_address, stop)
            told, n_intents = 0, 0
            cause: int = Cause.BAR
            if glides(venue):
                n_intents = glide(decide, venue, engine, frames, state_address, params_address, intents_address, stop)
                if n_intents == 0:
                    return Cause.END
            else:
                cause = next_cause(venue, feed, stop)
                if cause < 0:
                    return cause
                observe(venue, engine, frames, cause)
                told = protect(venue, engine, frames, cause, intents)
                if venue.tiers.shape[0] > 0:
                    track_margin(engine, cause)
            while told > 0 or n_intents > 0:
                if n_intents == 0:
                    told = tell_next(engine, told, cause)
                    row = frames[venue.clock.closed_frame]
                    n_intents = call(decide, row, engine.strategy_view, state_address, params_address, intents_address)
                if n_intents > INTENT_CAPACITY:
                    return Cause.RUNAWAY
                is_asked = n_intents > 0 or venue.execution.same_close
                if is_asked and not shorten(venue, engine, frames, intents, n_intents, stop):
                    act(venue, engine, frames, intents, n_intents)
                n_intents = 0

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
    return fill_at_next_open(venue, engine.strategy_view, engine.ladder, engine.log, frames, intents[0], stop)


def make_skip(quiet_at: Any) -> Any:
    """
    Return the skip that asks ``quiet_at(features, frame, stop, view, state, params)`` how far nothing happens.

    It applies only while no order, watch, timer or event is live and no account has margin, and never passes over
    frame ``stop - 1``.
    """

    def skip(venue: Venue, engine: Engine, frames: Any, state_address: int, params_address: int, stop: int) -> None:
        clock = venue.clock
        first = clock.frame + 1
        if venue.tiers.shape[0] > 0 or clock.phase != Phase.BETWEEN or not is_quiet(venue) or first + 1 >= stop:
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


def shared_loop(arguments: tuple[Any, ...], rungs: Rungs) -> Any:
    """
    Return the loop compiled for function pointers and for these arguments' types.

    There is one per width, whatever the strategy. In the interpreter it is the plain loop.
    """
    if INTERPRETED:
        return make_loop(call_pointer, no_skip, no_short_way, rungs)

    def pointer_type() -> Any:
        from numba import types

        _, engine, feed, *_ = arguments
        return types.FunctionType(decide_signature(feed.frames.dtype, engine.strategy_view.dtype))

    key = ("pointer", rungs)
    return _built(pointer_type, arguments, key, lambda: make_loop(call_pointer, no_skip, no_short_way, rungs))


def specialised_loop(
    decide_at: Any,
    quiet_at: Any,
    key: Any,
    arguments: tuple[Any, ...],
    rungs: Rungs,
    *,
    acts_on_bars_only: bool,
    finish: Callable[[Any], Any] | None = None,
) -> Any:
    """
    Return the loop with one strategy built in; its ``decide`` argument is then a dummy integer.

    ``quiet_at`` (or None) lets it pass over frames; ``key`` tells strategies apart: what the two were
    wrapped from. ``finish`` may build something around the loop, such as ``batch.make_batch``.
    """

    def dummy_type() -> Any:
        from numba import types

        return types.int64

    def build() -> Any:
        inner = compiled(decide_at, inline=True)

        def call(decide: Any, row: Any, view: Any, state: int, params: int, intents: int) -> int:
            return inner(row, view, state, params, intents)  # type: ignore[no-any-return]

        skip = no_skip if quiet_at is None else make_skip(compiled(quiet_at, inline=True))
        has_short_way = acts_on_bars_only and quiet_at is not None
        shorten = short_way if has_short_way else no_short_way
        loop = make_loop(compiled(call, inline=True), skip, shorten, rungs)
        return loop if finish is None else finish(loop)

    return _built(dummy_type, arguments, (key, acts_on_bars_only, rungs, finish), build)


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
    decide: Any, venue: Venue, engine: Engine, feed: Any, intents: Any, state: Any, params: Any, stop: int, rungs: Rungs
) -> int:
    """Run like the compiled loop with a Python ``decide`` that takes the records themselves."""
    frames = feed.frames
    while True:
        if not has_room(engine):
            return int(Cause.FULL)
        cause = step_to_decision(venue, engine, feed, stop)
        if cause < 0:
            return int(cause)
        told = rungs.protect(venue, engine, frames, cause, intents)
        if venue.tiers.shape[0] > 0:
            track_margin(engine, cause)
        while told > 0:
            told = tell_next(engine, told, cause)
            n_intents = decide(frames[venue.clock.closed_frame], engine.strategy_view, state, params, intents)
            if n_intents > INTENT_CAPACITY:
                return int(Cause.RUNAWAY)
            if n_intents > 0 or venue.execution.same_close:
                rungs.act(venue, engine, frames, intents, n_intents)


@compiled
def step_to_decision(venue: Venue, engine: Engine, feed: Feed, stop: int) -> int:
    """Advance to the next cause and observe it: the first compiled half around a Python ``decide``."""
    cause = next_cause(venue, feed, stop)
    if cause >= 0:
        observe(venue, engine, feed.frames, cause)
    return cause

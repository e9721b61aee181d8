"""The course of an event: chosen at a close, filled at the next open, sells before buys."""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.durations import DAY_NS
from ballast.model.enums import EventKind, IntentKind, Side
from ballast.model.intents import Intent, next_open_ns, note
from ballast.model.records import Record
from ballast.strategies.cascade.plans import (
    place_downside_buy,
    plan_downside,
    plan_start,
    plan_trim,
    plan_upside,
    spread_proceeds,
)
from ballast.strategies.cascade.settings import Direction, Reason, Role
from ballast.strategies.cascade.stock import best_candidate, deviation, direction_of, is_cooling, take_stock
from ballast.strategies.cascade.trend import vetoes


@compiled
def on_close(row: Any, view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Check the basket at a close: start it, or let at most one event begin."""
    if view.latency_ns > 0 and _is_waiting(view):
        return 0
    take_stock(row, view, state)
    state.expiry_ns = next_open_ns(view)
    if not state.has_started:
        return plan_start(view, state, params, intents)
    is_quiet = True
    cap = params.max_position_pct * state.total
    for symbol in range(view.n_symbols):
        value = state.value[symbol]
        if (value > cap) != state.is_in_breach[symbol]:
            is_quiet = False
        if state.is_tradable[symbol] and direction_of(deviation(state, symbol), params) != Direction.NONE:
            is_quiet = False
    if is_quiet and params.confirm_closes == 1 and not params.trim_over_max and not params.trend_filter:
        return 0
    n = _note_breaches(view, state, params, intents)
    _count_confirmations(view, state, params)
    n = _choose(view, state, params, intents, n)
    has_event = n > 0 and intents[n - 1].kind == IntentKind.PLACE  # type: ignore[index]
    if params.trim_over_max and not has_event:
        n = _trim(view, state, params, intents, n)
    return n


@compiled
def _is_waiting(view: Record) -> bool:
    """Tell whether orders are still on their way: with a latency beyond a bar an event outlasts the close after it."""
    for symbol in range(view.n_symbols):
        if view.open_orders[symbol] > 0:
            return True
    return False


@compiled
def _note_breaches(view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Record each asset that has just passed above the position cap; prices may take it there, purchases never."""
    n = 0
    for symbol in range(view.n_symbols):
        is_over = state.value[symbol] > params.max_position_pct * state.total
        if is_over and not state.is_in_breach[symbol]:
            n = note(intents, n, symbol, state.value[symbol] / state.total, 0, Reason.CAP_BREACH)
        state.is_in_breach[symbol] = is_over
    return n


@compiled
def _count_confirmations(view: Record, state: Record, params: Record) -> None:
    """Count for each asset at how many closes in a row the same trigger has stood."""
    for symbol in range(view.n_symbols):
        direction = direction_of(deviation(state, symbol), params) if state.is_tradable[symbol] else 0
        is_same = direction != Direction.NONE and direction == state.last_direction[symbol]
        state.confirmations[symbol] = state.confirmations[symbol] + 1 if is_same else min(1, direction)
        state.last_direction[symbol] = direction
        if direction == Direction.NONE:
            state.veto_since_ns[symbol] = -1


@compiled
def _choose(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """Try candidates from the most severe down; the first plan that is not empty is taken."""
    for symbol in range(view.n_symbols):
        state.is_tried[symbol] = False
    while True:
        symbol = best_candidate(view, state, params)
        if symbol < 0:
            return n
        state.is_tried[symbol] = True
        direction = direction_of(deviation(state, symbol), params)
        refusal = _refusal(view, state, params, symbol, direction)
        if refusal != 0:
            n = note(intents, n, symbol, deviation(state, symbol), 0, refusal)
            continue
        state.direction = direction
        state.trigger = symbol
        state.proceeds = 0.0
        state.is_counted = False
        before = n
        if direction == Direction.UPSIDE:
            n = plan_upside(view, state, params, symbol, intents, n)
        else:
            n = plan_downside(view, state, params, symbol, intents, n)
        if n > before:
            return n


@compiled
def _refusal(view: Record, state: Record, params: Record, symbol: int, direction: int) -> int:
    """Return why an option forbids this candidate, 0 when none does."""
    if state.confirmations[symbol] < params.confirm_closes:
        return Reason.UNCONFIRMED
    if params.max_events_per_day > 0:
        is_same_day = state.day[symbol] == view.time_ns // DAY_NS
        if is_same_day and state.day_events[symbol] >= params.max_events_per_day:
            return Reason.DAILY_LIMIT
    if direction == Direction.DOWNSIDE and params.stop_averaging_below > 0.0:
        entry_price = view.entry_price[2 * symbol]
        if entry_price == entry_price and view.price[symbol] < params.stop_averaging_below * entry_price:
            return Reason.STOPPED_AVERAGING
    if params.trend_filter and vetoes(view, state, params, symbol, direction):
        return Reason.TREND_VETO
    return 0


@compiled
def _trim(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """Trim the first tradable asset above the cap that is not cooling."""
    for symbol in range(view.n_symbols):
        is_over = state.value[symbol] > params.max_position_pct * state.total
        if is_over and state.is_tradable[symbol] and not is_cooling(view, state, params, symbol):
            state.proceeds = 0.0
            state.is_counted = False
            before = n
            n = plan_trim(view, state, params, symbol, intents, n)
            if n > before:
                return n
    return n


@compiled
def on_order(view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Follow the event's orders: stamp and count fills, and buy once every sell is settled."""
    is_fill = view.event_kind == EventKind.FILLED or view.event_kind == EventKind.PARTIALLY_FILLED
    if is_fill:
        state.last_fill_ns[view.event_symbol] = view.time_ns
        if view.event_cycle == 0:
            state.has_started = True
            return 0
        _count_event(view, state)
    if view.event_role != Role.SELL or view.event_side != Side.SELL:
        return 0
    if is_fill:
        state.proceeds += view.event_qty * view.event_price - view.event_fee
    if view.event_kind != EventKind.PARTIALLY_FILLED:
        state.pending_sells -= 1
    if state.pending_sells > 0:
        return 0
    # The buys fill at the same open; what decides a moment later than planned is dropped by this expiry.
    state.expiry_ns += view.latency_ns
    if state.direction == Direction.UPSIDE:
        return spread_proceeds(view, state, params, intents) if state.proceeds > 0.0 else 0
    if state.direction == Direction.DOWNSIDE:
        cycle = state.n_events if state.is_counted else state.n_events + 1
        return place_downside_buy(view, state, params, intents, 0, cycle)
    return 0


@compiled
def _count_event(view: Record, state: Record) -> None:
    """Count the event under way at its first fill; what never fills leaves no trace."""
    if state.is_counted:
        return
    state.is_counted = True
    state.n_events += 1
    if state.direction == Direction.UPSIDE:
        state.upside_events += 1
    elif state.direction == Direction.DOWNSIDE:
        state.downside_events += 1
    day = view.time_ns // DAY_NS
    if state.day[state.trigger] != day:
        state.day[state.trigger] = day
        state.day_events[state.trigger] = 0
    state.day_events[state.trigger] += 1

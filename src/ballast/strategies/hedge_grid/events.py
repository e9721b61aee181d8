"""What the grid does when something happens: a close, a fill, a refusal, a level reached, funding."""

from __future__ import annotations

from math import nan

from ballast.model.compiled import compiled
from ballast.model.durations import SECOND_NS
from ballast.model.enums import EngineRole, EventKind, LadderState
from ballast.model.enums import Reason as Refusal
from ballast.model.intents import Intent, note
from ballast.model.records import Record
from ballast.strategies.hedge_grid.book import add_fill, effective_role, end_cycle, held_price, take_fill
from ballast.strategies.hedge_grid.levels import is_triggered, last_price
from ballast.strategies.hedge_grid.requests import ask_market, cancel_take_profit, leg_of, opening_side, side_of
from ballast.strategies.hedge_grid.restore import estimate, keep, matches
from ballast.strategies.hedge_grid.settings import LONG_AGO_NS, Reason, Role, TakeProfitStatus
from ballast.strategies.hedge_grid.sizes import average_qty, first_qty, next_qty
from ballast.strategies.hedge_grid.upkeep import (
    LONG_RETRY_NS,
    TRIES,
    agrees,
    is_flat,
    put_off_addition,
    retry_delay_ns,
    tend,
)

WIDEST_SPREAD = 0.25
"""Of the step: a wider one would take back too much of what a level is bought for."""


@compiled
def on_close(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """At each close: take over what does not agree with the books, and look after every symbol."""
    for symbol in range(view.n_symbols):
        state.price[symbol] = view.price[symbol]
        n = _reconcile(view, state, params, 2 * symbol, intents, n)
        n = _reconcile(view, state, params, 2 * symbol + 1, intents, n)
    return tend_all(view, state, params, intents, n)


@compiled
def tend_all(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """Look after every symbol."""
    for symbol in range(view.n_symbols):
        n = tend(view, state, params, symbol, intents, n)
    return n


@compiled
def _reconcile(view: Record, state: Record, params: Record, leg_index: int, intents: Intent, n: int) -> int:
    """Make a leg's levels agree with the position, where something moved it that we were not told of."""
    leg = state.leg[leg_index]
    symbol = leg_index // 2
    if leg.pending != 0 or agrees(view, leg, leg_index):
        return n
    held = 0.0 if is_flat(view, leg_index) else abs(view.position_qty[leg_index])
    entered = view.entry_price[leg_index]
    if held == 0.0:
        end_cycle(leg)
    elif leg.qty > 0.0 and matches(leg, held):
        keep(leg, held, entered)
    else:
        first = first_qty(view, params, symbol, entered)
        most = params.max_grid_levels_per_side[symbol]
        estimate(leg, held, entered, first, params.averaging_multiplier[symbol], most)
    # Whoever holds anything has had a first entry; a leg that is missing comes back by the rule for closed ones.
    state.is_paired[symbol] = True
    state.n_restore += 1
    return note(intents, n, symbol, held, leg.n_levels, Reason.RESTORE)


@compiled
def on_order(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """Fold what became of an order, ours or the engine's, and look after its symbol."""
    symbol = view.event_symbol
    leg_index = leg_of(symbol, view.event_position_side)
    leg = state.leg[leg_index]
    if view.event_role == Role.WATCH or view.event_role == Role.REPAIR:
        # No room for it, or no such price: asked for again when something else happens.
        leg.watch_price = nan
        state.timer_ns = 0
        return n
    is_fill = view.event_kind == EventKind.FILLED or view.event_kind == EventKind.PARTIALLY_FILLED
    if is_fill:
        state.price[symbol] = view.event_price
        _fold(view, state, params, leg_index)
        if view.event_reason == Refusal.LIQUIDATION or view.event_reason == Refusal.ADL:
            n = _stop(view, state, intents, n)
    if view.event_role == Role.TP:
        n = _settle_take_profit(view, leg, leg_index, is_fill, intents, n)
    elif leg.pending != 0 and view.event_role == leg.pending and view.event_kind != EventKind.PARTIALLY_FILLED:
        n = _settle_market(view, state, leg_index, intents, n)
    if is_fill and leg.qty == 0.0:
        end_cycle(leg)
    state.is_paired[symbol] = state.is_paired[symbol] or (
        state.leg[2 * symbol].qty > 0.0 and state.leg[2 * symbol + 1].qty > 0.0
    )
    return tend(view, state, params, symbol, intents, n)


@compiled
def _fold(view: Record, state: Record, params: Record, leg_index: int) -> None:
    """Take a fill into the leg's levels, its profit and the counts."""
    leg = state.leg[leg_index]
    symbol = leg_index // 2
    role = view.event_role
    price = view.event_price
    leg.fees += view.event_fee
    if view.event_kind == EventKind.FILLED:
        _count(state, role)
    if view.event_side != opening_side(leg_index):
        leg.price_pnl += (price - held_price(leg)) * view.event_qty * float(-view.event_side)
        take_fill(leg, view.event_qty)
        return
    role = effective_role(leg, role, view.event_cycle)
    if role == Role.REOPEN and params.is_documented:
        role = Role.OPEN
    first = first_qty(view, params, symbol, price)
    most = params.max_grid_levels_per_side[symbol]
    add_fill(leg, role, view.event_level, view.event_qty, price, first, params.averaging_multiplier[symbol], most)


@compiled
def _count(state: Record, role: int) -> None:
    """Count a finished order by what it did."""
    if role == Role.OPEN:
        state.n_open += 1
    elif role == Role.AVERAGE:
        state.n_average += 1
    elif role == Role.REOPEN:
        state.n_reopen += 1
    elif role == Role.TP:
        state.n_tp += 1
    elif role == Role.CLOSE:
        state.n_close += 1
    elif role == EngineRole.BALANCE:
        state.n_balance += 1


@compiled
def _stop(view: Record, state: Record, intents: Intent, n: int) -> int:
    """Open nothing more: the venue has taken a position away."""
    for symbol in range(view.n_symbols):
        state.is_stopped[symbol] = True
    return note(intents, n, view.event_symbol, view.event_qty, 0, Reason.STOPPED)


@compiled
def _settle_take_profit(view: Record, leg: Record, leg_index: int, is_fill: bool, intents: Intent, n: int) -> int:
    """Note what is left of a take-profit order; return the new count of intents."""
    if view.event_kind == EventKind.PARTIALLY_FILLED:
        is_crossed = view.time_ns <= leg.take_profit_sent_ns + view.latency_ns
        # An amendment that was on its way replaces what the fill has left: ask for it anew.
        leg.take_profit_qty = nan if is_crossed else leg.take_profit_qty - view.event_qty
        return n
    if is_fill:
        leg.take_profit = TakeProfitStatus.NONE
        leg.take_profit_retries = 0
        return n
    if view.event_kind != EventKind.REJECTED:
        is_surprise = leg.take_profit == TakeProfitStatus.RESTING
        leg.take_profit = TakeProfitStatus.NONE
        return _delay_take_profit(view, leg, leg_index, intents, n) if is_surprise else n
    if not leg.is_take_profit_amended:
        # Only an amendment can meet an unknown order; this one's has been replaced since.
        if view.event_reason == Refusal.UNKNOWN_ORDER:
            return n
        leg.take_profit = TakeProfitStatus.NONE
        return _delay_take_profit(view, leg, leg_index, intents, n)
    if view.event_reason == Refusal.UNKNOWN_ORDER:
        leg.take_profit = TakeProfitStatus.NONE
        return n
    leg.take_profit_qty = nan
    if leg.take_profit == TakeProfitStatus.CANCELLING or is_from_ladder(view.event_reason):
        return n
    leg.take_profit = TakeProfitStatus.CANCELLING
    return cancel_take_profit(intents, n, leg_index, Reason.TP)


@compiled
def _delay_take_profit(view: Record, leg: Record, leg_index: int, intents: Intent, n: int) -> int:
    """Wait before placing a take-profit again; report one that keeps missing."""
    leg.take_profit_retries += 1
    leg.take_profit_retry_ns = view.time_ns + retry_delay_ns(leg.take_profit_retries)
    if leg.take_profit_retries != TRIES or is_from_ladder(view.event_reason):
        return n
    return note(intents, n, leg_index // 2, leg.take_profit_price, 0, Reason.TP_MISSING)


@compiled
def is_from_ladder(reason: int) -> bool:
    """Tell whether the ladder refused, not the venue: that ends when the ladder comes down, not after some tries."""
    return Refusal.LADDER_FROZEN <= reason <= Refusal.LADDER_HALTED or reason == Refusal.LADDER_GATE


@compiled
def _settle_market(view: Record, state: Record, leg_index: int, intents: Intent, n: int) -> int:
    """End the flight of a market order; an opening that brought nothing is tried again, a pair's three times."""
    leg = state.leg[leg_index]
    symbol = leg_index // 2
    role = leg.pending
    leg.pending = 0
    is_done = leg.qty == 0.0 if role == Role.CLOSE else leg.qty > 0.0
    if role == Role.AVERAGE:
        _settle_addition(view, leg)
    if is_done or role == Role.AVERAGE:
        leg.retries = 0
        return n
    if is_from_ladder(view.event_reason):
        leg.retry_ns = view.time_ns + LONG_RETRY_NS
        return n
    leg.retries += 1
    leg.retry_ns = view.time_ns + retry_delay_ns(leg.retries)
    if leg.retries != TRIES:
        return n
    if role == Role.OPEN:
        state.is_stopped[symbol] = True
        return note(intents, n, symbol, state.price[symbol], 0, Reason.PAIR_FAILED)
    return note(intents, n, symbol, state.price[symbol], 0, Reason.NAKED_LEG)


@compiled
def _settle_addition(view: Record, leg: Record) -> None:
    """Count an addition that brought nothing; one that brought anything ends the count, as closing the leg does."""
    if view.event_cycle != leg.cycle:
        return
    if leg.n_levels <= view.event_level:
        put_off_addition(view, leg)
        return
    leg.addition_failures = 0
    leg.addition_retry_ns = LONG_AGO_NS


@compiled
def on_watch(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """Add a level where one has been reached and may be added; whatever stands against it, watch on."""
    symbol = view.event_symbol
    leg_index = leg_of(symbol, view.event_position_side)
    leg = state.leg[leg_index]
    leg.watch_price = nan
    state.price[symbol] = view.event_price
    if _may_add(view, state, params, leg_index):
        qty = average_qty(view, params, symbol, leg, view.event_price)
        if qty > 0.0:
            leg.pending = Role.AVERAGE
            leg.sent_ns = view.time_ns
            following = next_qty(view, params, symbol, leg.n_levels + 1, qty, view.event_price)
            n = ask_market(intents, n, leg_index, leg, Role.AVERAGE, leg.n_levels, qty, following, Reason.AVERAGE)
        else:
            put_off_addition(view, leg)
    return tend(view, state, params, symbol, intents, n)


@compiled
def _may_add(view: Record, state: Record, params: Record, leg_index: int) -> bool:
    leg = state.leg[leg_index]
    symbol = leg_index // 2
    if state.is_stopped[symbol] or view.ladder_state != LadderState.NORMAL or leg.pending != 0:
        return False
    if not 0 < leg.n_levels < params.max_grid_levels_per_side[symbol]:
        return False
    if view.time_ns < leg.addition_retry_ns:
        return False
    if view.time_ns - leg.sent_ns < params.min_add_interval_seconds * SECOND_NS:
        return False
    step = params.grid_step_percent[symbol]
    if not is_triggered(side_of(leg_index), last_price(leg), view.event_price, step):
        return False
    return params.is_documented or not _is_spread_wide(view, symbol, step)


@compiled
def _is_spread_wide(view: Record, symbol: int, step_percent: float) -> bool:
    """Tell whether the best prices are too far apart for a level, or unknown; bars have none, and hold up nothing."""
    if view.quotes.shape[0] == 0:
        return False
    quote = view.quotes[symbol]
    return not quote.ask - quote.bid <= WIDEST_SPREAD * step_percent / 100.0 * quote.bid


@compiled
def on_funding(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """Book what a leg paid; it may move the take-profit."""
    leg = state.leg[leg_of(view.event_symbol, view.event_position_side)]
    leg.funding += view.event_fee
    leg.cycle_funding += view.event_fee
    return tend(view, state, params, view.event_symbol, intents, n)

"""
Upkeep: bring the orders, watches and timers of a symbol in line with what its legs hold.

Runs after everything that happens and asks for nothing that is already there, so it also repairs. A leg with a
market order in flight is left alone until its fate is known, and so is one whose position has moved by something
that it has yet to be told: a move of the ladder is told before the fill that brought it about.
"""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.durations import SECOND_NS
from ballast.model.enums import LadderState
from ballast.model.intents import Intent, note
from ballast.model.records import Record
from ballast.model.units import floor_to_step, is_price
from ballast.strategies.hedge_grid.levels import last_price, trigger_price
from ballast.strategies.hedge_grid.panic import releases
from ballast.strategies.hedge_grid.requests import (
    amend_take_profit,
    ask_market,
    ask_take_profit,
    cancel_take_profit,
    side_of,
    wake_at,
    watch_level,
)
from ballast.strategies.hedge_grid.settings import Reason, Role, TakeProfitStatus
from ballast.strategies.hedge_grid.sizes import closed_leg_qty, initial_qty, next_after_reopen, next_qty
from ballast.strategies.hedge_grid.take_profit import documented_take_profit_price, on_tick, take_profit_price

TRIES = 3
NOISE = 1e-12
SUM_NOISE = 1e-9
"""Levels and position that differ by less, as a part of the position, agree."""
LONG_RETRY_NS = 60 * SECOND_NS
LONGEST_ADDITION_DELAY_NS = 3_600 * SECOND_NS


@compiled
def retry_delay_ns(n_failures: int) -> int:
    """Return how long to wait after the n-th failure in a row: 2, 4, 8 s, then a minute."""
    return (2 << (n_failures - 1)) * SECOND_NS if n_failures <= TRIES else LONG_RETRY_NS


@compiled
def put_off_addition(view: Record, leg: Record) -> None:
    """Let a leg wait after an addition that came to nothing: a minute, then twice as long each time, up to an hour."""
    delay_ns = LONG_RETRY_NS << min(leg.addition_failures, 6)
    leg.addition_failures += 1
    leg.addition_retry_ns = view.time_ns + min(delay_ns, LONGEST_ADDITION_DELAY_NS)


@compiled
def is_flat(view: Record, leg_index: int) -> bool:
    """Tell whether a leg holds less than half of the smallest quantity that can be traded."""
    symbol = leg_index // 2
    least = max(view.min_qty[symbol], view.lot_units[symbol] / view.lot_scale[symbol])
    return abs(view.position_qty[leg_index]) <= 0.5 * least


@compiled
def agrees(view: Record, leg: Record, leg_index: int) -> bool:
    """Tell whether a leg knows of all that it holds; if not, a fill is still to be told, or went by unseen."""
    held = 0.0 if is_flat(view, leg_index) else abs(view.position_qty[leg_index])
    return abs(leg.qty - held) <= SUM_NOISE * held


@compiled
def tend(view: Record, state: Record, params: Record, symbol: int, intents: Intent, n: int) -> int:
    """Look after both legs of a symbol; return the new count of intents."""
    price = state.price[symbol]
    if not is_price(price):
        return n
    if view.liquidated:
        state.is_stopped[symbol] = True
    for leg_index in range(2 * symbol, 2 * symbol + 2):
        leg = state.leg[leg_index]
        if leg.pending != 0 or not agrees(view, leg, leg_index):
            continue
        if is_flat(view, leg_index):
            n = _tend_empty(view, state, params, leg_index, intents, n)
        elif view.ladder_state >= LadderState.EMERGENCY:
            # The engine closes; whatever we asked for would be refused.
            continue
        elif state.is_stopped[symbol] and not state.is_paired[symbol]:
            n = _unwind(view, state, params, leg_index, intents, n)
        else:
            n = _tend_take_profit(view, state, params, leg_index, intents, n)
            n = _arm(view, state, params, leg_index, intents, n)
    return n


@compiled
def _tend_empty(view: Record, state: Record, params: Record, leg_index: int, intents: Intent, n: int) -> int:
    """Clear away what a closed leg left behind, and open it again when it is time."""
    leg = state.leg[leg_index]
    symbol = leg_index // 2
    if leg.take_profit == TakeProfitStatus.RESTING:
        leg.take_profit = TakeProfitStatus.CANCELLING
        n = cancel_take_profit(intents, n, leg_index, Reason.CLOSE)
    if state.is_stopped[symbol] or view.ladder_state >= LadderState.EMERGENCY:
        return n
    if view.time_ns < leg.retry_ns:
        return wake_at(intents, n, state, view.time_ns, leg.retry_ns)
    if not state.is_paired[symbol]:
        return _open(view, state, params, leg_index, intents, n)
    return _reopen(view, state, params, leg_index, intents, n)


@compiled
def _open(view: Record, state: Record, params: Record, leg_index: int, intents: Intent, n: int) -> int:
    """Ask for a leg's first entry; only the second leg of a pair may come while the ladder is up."""
    symbol = leg_index // 2
    if view.ladder_state != LadderState.NORMAL and is_flat(view, leg_index ^ 1):
        return n
    price = state.price[symbol]
    qty = initial_qty(view, params, symbol, price)
    if qty == 0.0:
        state.is_stopped[symbol] = True
        return note(intents, n, symbol, price, 0, Reason.BELOW_MINIMUM)
    leg = state.leg[leg_index]
    leg.pending = Role.OPEN
    leg.sent_ns = view.time_ns
    following = next_qty(view, params, symbol, 1, qty, price)
    return ask_market(intents, n, leg_index, leg, Role.OPEN, 0, qty, following, Reason.OPEN)


@compiled
def _reopen(view: Record, state: Record, params: Record, leg_index: int, intents: Intent, n: int) -> int:
    """Bring a closed leg back, sized by the other one; it evens the legs out, so a frozen ladder lets it pass."""
    symbol = leg_index // 2
    if view.ladder_state != LadderState.NORMAL and is_flat(view, leg_index ^ 1):
        return n
    price = state.price[symbol]
    leg = state.leg[leg_index]
    opposite_qty = abs(view.position_qty[leg_index ^ 1])
    qty = closed_leg_qty(view, params, symbol, opposite_qty, price)
    if view.ladder_state != LadderState.NORMAL:
        # Not a lot more than evens the legs out: that would raise, and a raised ladder refuses it.
        qty = min(qty, opposite_qty)
    if qty == 0.0:
        leg.retry_ns = view.time_ns + LONG_RETRY_NS
        n = note(intents, n, symbol, price, 0, Reason.NAKED_LEG)
        return wake_at(intents, n, state, view.time_ns, leg.retry_ns)
    leg.pending = Role.REOPEN
    leg.sent_ns = view.time_ns
    following = next_after_reopen(view, params, symbol, qty, price)
    return ask_market(intents, n, leg_index, leg, Role.REOPEN, 0, qty, following, Reason.REOPEN)


@compiled
def wanted_take_profit(view: Record, params: Record, leg: Record, leg_index: int) -> float:
    """Return the tick at which a leg is to be closed with its profit."""
    symbol = leg_index // 2
    side = side_of(leg_index)
    entry_price = view.entry_price[leg_index]
    percent = params.take_profit_percent[symbol]
    if params.is_documented:
        price = documented_take_profit_price(side, entry_price, percent, max(1, leg.n_levels))
    else:
        extra = leg.cycle_funding / abs(view.position_qty[leg_index]) if params.funding_in_take_profit else 0.0
        price = take_profit_price(side, entry_price, percent, view.taker_fee_rate, view.maker_fee_rate, extra)
    return on_tick(side, price, view.tick_units[symbol], view.tick_scale[symbol])


@compiled
def _tend_take_profit(view: Record, state: Record, params: Record, leg_index: int, intents: Intent, n: int) -> int:
    """Keep one reduce-only limit order resting for the whole leg; amend it where it stands."""
    leg = state.leg[leg_index]
    symbol = leg_index // 2
    if leg.is_take_profit_held and releases(view, params, symbol):
        leg.is_take_profit_held = False
    if leg.is_take_profit_held or leg.take_profit == TakeProfitStatus.CANCELLING:
        return n
    held = min(abs(view.position_qty[leg_index]), view.max_qty[symbol])
    qty = floor_to_step(held, view.lot_units[symbol], view.lot_scale[symbol])
    price = wanted_take_profit(view, params, leg, leg_index)
    is_resting = leg.take_profit == TakeProfitStatus.RESTING
    if is_resting and is_same(leg.take_profit_qty, qty) and leg.take_profit_price == price:
        return n
    if not is_resting and view.time_ns < leg.take_profit_retry_ns:
        return wake_at(intents, n, state, view.time_ns, leg.take_profit_retry_ns)
    leg.take_profit = TakeProfitStatus.RESTING
    leg.is_take_profit_amended = is_resting
    leg.take_profit_qty = qty
    leg.take_profit_price = price
    leg.take_profit_sent_ns = view.time_ns
    following = initial_qty(view, params, symbol, state.price[symbol])
    if is_resting:
        return amend_take_profit(intents, n, leg_index, leg, qty, price, following)
    return ask_take_profit(intents, n, leg_index, leg, qty, price, following)


@compiled
def is_same(known: float, wanted: float) -> bool:
    """Tell whether two quantities are one but for the noise of sums; NaN is never the same."""
    return abs(known - wanted) <= NOISE * wanted


@compiled
def _arm(view: Record, state: Record, params: Record, leg_index: int, intents: Intent, n: int) -> int:
    """Keep a watch at the price of the leg's next level, unless nothing may be added there."""
    leg = state.leg[leg_index]
    symbol = leg_index // 2
    may_grow = 0 < leg.n_levels < params.max_grid_levels_per_side[symbol]
    if not may_grow or state.is_stopped[symbol] or view.ladder_state != LadderState.NORMAL:
        return n
    price = trigger_price(side_of(leg_index), last_price(leg), params.grid_step_percent[symbol])
    if leg.watch_price == price or not is_price(price):
        return n
    if view.time_ns < leg.addition_retry_ns:
        return wake_at(intents, n, state, view.time_ns, leg.addition_retry_ns)
    leg.watch_price = price
    return watch_level(intents, n, leg_index, price)


@compiled
def _unwind(view: Record, state: Record, params: Record, leg_index: int, intents: Intent, n: int) -> int:
    """Close a leg whose other half could not be opened: no leg stands naked."""
    leg = state.leg[leg_index]
    if view.time_ns < leg.retry_ns:
        return wake_at(intents, n, state, view.time_ns, leg.retry_ns)
    leg.pending = Role.CLOSE
    leg.sent_ns = view.time_ns
    following = initial_qty(view, params, leg_index // 2, state.price[leg_index // 2])
    qty = abs(view.position_qty[leg_index])
    return ask_market(intents, n, leg_index, leg, Role.CLOSE, 0, qty, following, Reason.CLOSE)

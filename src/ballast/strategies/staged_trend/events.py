"""What became of orders: entries that open a trade, stops and market orders that end one, and what others did."""

from __future__ import annotations

from math import nan
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import EventKind, PositionSide
from ballast.model.enums import Reason as Refusal
from ballast.model.intents import Intent, cancel
from ballast.model.units import RELATIVE_NUDGE, round_to_tick
from ballast.orders.contract_terms import value_of
from ballast.orders.elastic import begin, miss
from ballast.strategies.staged_trend.entry import release, settle
from ballast.strategies.staged_trend.money import profit_at, read_terms
from ballast.strategies.staged_trend.registry import register, unregister
from ballast.strategies.staged_trend.settings import MAX_TRADES, Params, Reason, Role
from ballast.strategies.staged_trend.state import State, Trade, TradeStatus, empty, sign_of
from ballast.strategies.staged_trend.trailing import protect

View = Any

DUST = 1e-9
"""Part of a trade that counts as nothing: the rounding of sums."""


@compiled
def on_order(view: View, state: State, params: Params, intents: Intent) -> int:
    """Take what the venue says about an order."""
    is_fill = view.event_kind == EventKind.FILLED or view.event_kind == EventKind.PARTIALLY_FILLED
    slot, role = view.event_level, view.event_role
    is_own = Role.ENTRY <= role <= Role.CLOSE and 0 <= slot < MAX_TRADES
    if not is_own or state.trades[slot].ticket != view.event_cycle or view.event_cycle <= 0:
        return _match_position(view, state, intents, 0) if is_fill else 0
    trade = state.trades[slot]
    if role == Role.ENTRY:
        return _on_entry(view, state, params, trade, slot, is_fill, intents)
    if is_fill:
        return _on_exit(view, state, trade, slot, intents)
    if role == Role.CLOSE:
        trade.is_closing = False
        return _match_position(view, state, intents, 0)
    return _on_stop_lost(view, state, params, trade, intents)


@compiled
def _on_entry(view: View, state: State, params: Params, trade: Trade, slot: int, is_fill: bool, intents: Intent) -> int:
    """Open a trade with what has filled, its stop with it; what an entry leaves unfilled is dropped by the venue."""
    if trade.status != TradeStatus.ASKED:
        return 0
    if not is_fill:
        settle(state.slots, False)
        empty(trade)
        return 0
    terms = state.terms
    read_terms(view, trade.symbol, terms)
    trade.status = TradeStatus.OPEN
    trade.qty = view.event_qty
    trade.entry_price = view.event_price
    trade.costs = view.event_fee
    trade.opened_ns = view.time_ns
    is_long = trade.side == PositionSide.LONG
    wanted = trade.entry_price - sign_of(trade) * trade.distance
    # To the tick nearer to the entry: the risk is never more than was approved.
    trade.stop_price = round_to_tick(wanted, terms.tick_units, terms.tick_scale, is_long)
    risk = value_of(terms, trade.qty, abs(trade.entry_price - trade.stop_price))
    settle(state.slots, True)
    register(state.stages[trade.symbol], trade.ticket, trade.side, view.time_ns, risk)
    begin(trade.stop, profit_at(view, terms, trade, trade.entry_price), view.time_ns)
    trade.next_look_ns = view.time_ns + 1
    return protect(trade, slot, intents, 0)


@compiled
def _on_exit(view: View, state: State, trade: Trade, slot: int, intents: Intent) -> int:
    """Take a fill of a trade's own stop or close."""
    is_stop = view.event_role == Role.STOP
    is_whole = view.event_kind == EventKind.FILLED
    if is_stop and is_whole:
        trade.has_stop = False
    if not is_stop and is_whole:
        trade.is_closing = False
    return _shrink(state, trade, slot, view.event_qty, intents, 0)


@compiled
def _shrink(state: State, trade: Trade, slot: int, qty: float, intents: Intent, n: int) -> int:
    """Take ``qty`` out of a trade; end it, and cancel its stop, when nothing is left."""
    if qty * RELATIVE_NUDGE < trade.qty:
        trade.costs *= 1.0 - qty / trade.qty
        trade.qty -= qty
        return n
    if trade.has_stop:
        n = cancel(intents, n, trade.symbol, Role.STOP, slot, Reason.STOP)
    if trade.is_closing:
        n = cancel(intents, n, trade.symbol, Role.CLOSE, slot, Reason.STOP)
    unregister(state.stages[trade.symbol], trade.ticket)
    release(state.slots)
    empty(trade)
    return n


@compiled
def _on_stop_lost(view: View, state: State, params: Params, trade: Trade, intents: Intent) -> int:
    """Note that the venue has refused a stop, or a move of it, or dropped it; the next close asks for a lost one."""
    if view.event_kind == EventKind.REJECTED and view.event_reason == Refusal.NOTHING_TO_REDUCE:
        trade.has_stop = False
        return _match_position(view, state, intents, 0)
    if view.open_orders[trade.symbol] < _n_live(state, trade.symbol):
        trade.has_stop = False
    elif trade.stop_before == trade.stop_before:
        # Only the move was refused: the stop stands where it stood.
        trade.stop_price, trade.stop.lock = trade.stop_before, trade.lock_before
        trade.stop_before, trade.lock_before = nan, nan
    miss(trade.stop, params.elastic, trade.has_stop)
    return 0


@compiled
def _n_live(state: State, symbol: int) -> int:
    """Return how many orders of a symbol should be live at the venue."""
    n = 0
    for slot in range(MAX_TRADES):
        trade = state.trades[slot]
        if trade.symbol == symbol:
            n += (1 if trade.has_stop else 0) + (1 if trade.is_closing else 0)
            n += 1 if trade.status == TradeStatus.ASKED else 0
    return n


@compiled
def _match_position(view: View, state: State, intents: Intent, n: int) -> int:
    """Take out of the oldest trades of a symbol what somebody else has closed: the broker, the ladder, a guard."""
    symbol = view.event_symbol
    missing = -abs(view.position_qty[2 * symbol] + view.position_qty[2 * symbol + 1])
    for slot in range(MAX_TRADES):
        trade = state.trades[slot]
        if trade.status == TradeStatus.OPEN and trade.symbol == symbol:
            missing += trade.qty
    stage = state.stages[symbol]
    while stage.n_tickets > 0:
        slot = _slot_of(state, stage.tickets[0].id)
        trade = state.trades[slot]
        if not missing > DUST * trade.qty:
            break
        taken = min(missing, trade.qty)
        n = _shrink(state, trade, slot, taken, intents, n)
        missing -= taken
    return n


@compiled
def _slot_of(state: State, ticket: int) -> int:
    for slot in range(MAX_TRADES):
        if state.trades[slot].ticket == ticket:
            return slot
    return 0

"""Looking after open trades: how often, where the elastic stop moves to, and when a trade has lasted long enough."""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.durations import MINUTE_NS
from ballast.model.enums import IntentKind, PositionSide, QtyUnit, Side
from ballast.model.intents import Intent, clear, note, place_market, place_stop
from ballast.orders.elastic import Verdict, accept, step
from ballast.orders.polling import look, pace_ns
from ballast.orders.stop_price import Placement, place
from ballast.strategies.staged_trend.money import break_even, closing_price, profit_over, read_terms
from ballast.strategies.staged_trend.registry import set_profit
from ballast.strategies.staged_trend.settings import MAX_TRADES, Params, Reason, Role
from ballast.strategies.staged_trend.state import State, Trade, TradeStatus, sign_of

View = Any


@compiled
def tend(view: View, state: State, params: Params, intents: Intent, n: int) -> int:
    """Note the profits that ``look_at_all`` has read, end what is too old, and give back stops that were lost."""
    for slot in range(MAX_TRADES):
        trade = state.trades[slot]
        if trade.status != TradeStatus.OPEN:
            continue
        set_profit(state.stages[trade.symbol], trade.ticket, state.profits[slot])
        if view.time_ns - trade.opened_ns >= int(params.max_duration_minutes * MINUTE_NS):
            n = close(trade, slot, Reason.MAX_DURATION, intents, n)
        elif not trade.has_stop and trade.stop.missed_moves >= params.elastic.max_missed_moves:
            n = close(trade, slot, Reason.UNPROTECTED, intents, n)
        elif not trade.has_stop and not trade.is_closing:
            n = protect(trade, slot, intents, n)
    return n


@compiled
def close(trade: Trade, slot: int, reason: int, intents: Intent, n: int) -> int:
    """Ask to close a trade at the market, once."""
    if trade.is_closing:
        return n
    trade.is_closing = True
    side = Side.SELL if trade.side == PositionSide.LONG else Side.BUY
    n = place_market(intents, n, trade.symbol, side, trade.qty, QtyUnit.BASE, reason)
    _address(intents, n, Role.CLOSE, slot, trade.ticket)
    return n


@compiled
def protect(trade: Trade, slot: int, intents: Intent, n: int) -> int:
    """Ask for a trade's stop, where it is to stand."""
    trade.has_stop = True
    side = Side.SELL if trade.side == PositionSide.LONG else Side.BUY
    n = place_stop(intents, n, trade.symbol, side, trade.qty, trade.stop_price, Reason.STOP)
    _address(intents, n, Role.STOP, slot, trade.ticket)
    return n


@compiled
def _address(intents: Intent, n: int, role: int, slot: int, ticket: int) -> None:
    intent = intents[n - 1]  # type: ignore[index]
    intent.reduce_only = True
    intent.role = role
    intent.level = slot
    intent.cycle = ticket


@compiled
def look_at_all(view: View, state: State, params: Params, reads_all: bool, intents: Intent, n: int) -> int:
    """Look at every trade whose time has come, and read its profit; with ``reads_all`` every trade's."""
    for slot in range(MAX_TRADES):
        trade = state.trades[slot]
        if trade.status != TradeStatus.OPEN:
            continue
        is_due = trade.next_look_ns <= view.time_ns and not trade.is_closing
        if is_due or reads_all:
            price = closing_price(view, trade.symbol, trade.side)
            read_terms(view, trade.symbol, state.terms)
            even = break_even(view, state.terms, trade)
            state.profits[slot] = profit_over(state.terms, trade, even, price)
            if is_due:
                n = _look_at(view, state, params, trade, slot, even, price, intents, n)
    return n


@compiled
def _look_at(
    view: View,
    state: State,
    params: Params,
    trade: Trade,
    slot: int,
    even: float,
    price: float,
    intents: Intent,
    n: int,
) -> int:
    """Sample a trade's profit, set its pace, and move its stop if the sample says so."""
    elastic, profit = params.elastic, state.profits[slot]
    look(trade.pace, params.pace, profit)
    pace = pace_ns(trade.pace, params.pace)
    trade.next_look_ns = (view.time_ns // pace + 1) * pace
    if step(trade.stop, elastic, profit, view.time_ns, state.decision) != Verdict.MOVE or not trade.has_stop:
        return n
    target, lock = state.decision.target, trade.stop.lock
    verdict = place(state.terms, elastic, trade.side, trade.qty, even, target, lock, price, state.placement)
    moved = sign_of(trade) * (state.placement.price - trade.stop_price)
    if verdict != Placement.PLACE or not moved > 0.0:
        return n
    trade.stop_before, trade.lock_before = trade.stop_price, trade.stop.lock
    trade.stop_price = state.placement.price
    accept(trade.stop, state.placement.lock)
    return _move_stop(trade, slot, intents, n)


@compiled
def _move_stop(trade: Trade, slot: int, intents: Intent, n: int) -> int:
    """Ask to move the stop, and record what it locks."""
    intent = intents[n]  # type: ignore[index]
    clear(intent, IntentKind.AMEND, trade.symbol, Reason.LOCK)
    intent.trigger_price = trade.stop_price
    intent.role = Role.STOP
    intent.level = slot
    intent.cycle = trade.ticket
    n = note(intents, n + 1, trade.symbol, trade.stop.lock, trade.ticket, Reason.LOCK)
    told = intents[n - 1]  # type: ignore[index]
    told.next_qty = trade.stop.peak
    told.price = trade.stop_price
    return n

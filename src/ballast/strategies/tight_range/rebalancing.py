"""
What the flag ``allow_partial_rebalance`` allows: part of the way back to target weights, while ranges are tight.

Only symbols whose own flag is up, and which have no trade under way, are moved. One rebalance at a time; while it
lasts no verdict enters or reduces.
"""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import EventKind, Side
from ballast.model.intents import Intent, note
from ballast.model.records import Record
from ballast.portfolio.drift import is_beyond
from ballast.portfolio.rebalancing import begin, buy_if_funded, ends_a_sell, sell_or_want, weight_of_qty
from ballast.strategies.tight_range.exposure import free_cash, own_qty, sold
from ballast.strategies.tight_range.settings import Phase, Reason, Role
from ballast.strategies.tight_range.trades import explain


@compiled(inline=True)
def restore_weights(row: Any, view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    """Begin a partial rebalance at a close if one is due; return the count of intents."""
    if state.rebalance_orders > 0 or not _is_due(row, view, state, params):
        return n
    first = n
    state.n_orders += 1
    begin(state.rebalance, view, state.n_orders, Reason.PARTIAL_REBALANCE, Role.REBALANCE)
    for symbol in range(view.n_symbols):
        if may_move(row, view, state, symbol):
            n = explain(view, state, symbol, intents, n)
            weight = weight_of_qty(view, symbol, own_qty(view, state, symbol))
            n = note(intents, n, symbol, weight - params.weight[symbol], 0, Reason.DRIFT_WAS)
            before = n
            n = sell_or_want(
                state.rebalance,
                view,
                symbol,
                weight,
                params.weight[symbol],
                params.partial_rebalance_factor,
                params.min_order_value,
                intents,
                n,
            )
            state.rebalance_orders += n - before
    n = _buy(view, state, params, intents, n)
    if state.rebalance_orders == 0:
        # Nothing could be placed: nothing is said of it either.
        return first
    state.n_rebalances += 1
    return n


@compiled(inline=True)
def _is_due(row: Any, view: Record, state: Record, params: Record) -> bool:
    """Tell whether weights are configured, and one that may move is too far from its own."""
    total = 0.0
    largest = 0.0
    for symbol in range(view.n_symbols):
        total += params.weight[symbol]
        if may_move(row, view, state, symbol):
            # The maker's inventory is not for rebalancing.
            weight = weight_of_qty(view, symbol, own_qty(view, state, symbol))
            largest = max(largest, abs(weight - params.weight[symbol]))
    return total > 0.0 and is_beyond(largest, params.drift_threshold)


@compiled
def may_move(row: Any, view: Record, state: Record, symbol: int) -> bool:
    """Tell whether a symbol's new bar raised its flag and no trade of its own is under way."""
    has_bar = view.bar_ts_ns[symbol] == row.ts_ns
    return has_bar and state.allow_partial_rebalance[symbol] and state.markets[symbol].trade.phase == Phase.FLAT


@compiled
def _buy(view: Record, state: Record, params: Record, intents: Intent, n: int) -> int:
    before = n
    n = buy_if_funded(state.rebalance, view, free_cash(view, state), params.min_order_value, intents, n)
    state.rebalance_orders += n - before
    return n


@compiled
def follow_rebalance(view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Take the news of an order of a rebalance; buy when its last sell has ended."""
    is_partial = view.event_kind == EventKind.PARTIALLY_FILLED
    if view.event_side == Side.SELL and (is_partial or view.event_kind == EventKind.FILLED):
        sold(state.markets[view.event_symbol], view.event_qty)
    if not is_partial:
        state.rebalance_orders -= 1
    if ends_a_sell(state.rebalance, view):
        return _buy(view, state, params, intents, 0)
    return 0

"""
The literal original, with its flaws, for comparison only.

First asset in configured order that strays; fees on top of what is bought; no reserve floor; cash ignored
unless it covers everything; support sells that stand without their purchase. Runs with fills at the
deciding close and without slippage.
"""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import QtyUnit, Side
from ballast.model.intents import ANY, Intent
from ballast.model.records import Record
from ballast.strategies.cascade.plans import SUPPORT_CAP, place
from ballast.strategies.cascade.settings import Direction, Reason, Role
from ballast.strategies.cascade.stock import deviation, is_cooling, take_stock


@compiled
def decide_documented(row: Any, view: Record, state: Record, params: Record, intents: Intent) -> int:
    """Check the basket at a close in the original's way."""
    take_stock(row, view, state)
    _mean_of_all(view, state)
    state.expiry_ns = view.time_ns
    if not state.has_started:
        return _start(view, state, params, intents)
    for symbol in range(view.n_symbols):
        if is_cooling(view, state, params, symbol):
            continue
        strays = deviation(state, symbol)
        state.trigger = symbol
        state.is_counted = False
        if strays > params.upside_threshold:
            state.direction = Direction.UPSIDE
            return _upside(view, state, params, symbol, intents)
        if strays < -params.downside_threshold:
            state.direction = Direction.DOWNSIDE
            return _downside(view, state, params, symbol, intents)
    return 0


@compiled
def _mean_of_all(view: Record, state: Record) -> None:
    """Take the mean over every configured asset, listed or not."""
    total = 0.0
    for symbol in range(view.n_symbols):
        total += state.value[symbol]
    state.mean_value = total / view.n_symbols


@compiled
def _order(
    view: Record, state: Record, intents: Intent, n: int, symbol: int, side: int, value: float, reason: int
) -> int:
    """Ask for an order worth ``value`` before fees, whatever its size."""
    cycle = 0 if reason == Reason.START else state.n_events + 1
    qty = value / view.price[symbol]
    n = place(view, state, intents, n, symbol, side, qty, QtyUnit.BASE, 0.0, ANY, cycle, reason)
    intents[n - 1].role = Role.DOCUMENTED  # type: ignore[index]
    return n


@compiled
def _start(view: Record, state: Record, params: Record, intents: Intent) -> int:
    share = (1.0 - params.usdt_reserve) * view.initial_capital / view.n_symbols
    n = 0
    for symbol in range(view.n_symbols):
        if view.bar_ts_ns[symbol] >= 0:
            n = _order(view, state, intents, n, symbol, Side.BUY, share, Reason.START)
    return n


@compiled
def _upside(view: Record, state: Record, params: Record, symbol: int, intents: Intent) -> int:
    sold = params.sell_percentage * state.value[symbol]
    if sold < params.min_order_value:
        return 0
    n = _order(view, state, intents, 0, symbol, Side.SELL, sold, Reason.UPSIDE_SELL)
    proceeds = sold - sold * view.taker_fee_rate
    share = (1.0 - params.usdt_reserve) * proceeds / (view.n_symbols - 1)
    if share < params.min_order_value:
        return n
    for other in range(view.n_symbols):
        if other != symbol and view.bar_ts_ns[other] >= 0:
            n = _order(view, state, intents, n, other, Side.BUY, share, Reason.REDISTRIBUTION_BUY)
    return n


@compiled
def _downside(view: Record, state: Record, params: Record, symbol: int, intents: Intent) -> int:
    deficit = state.mean_value - state.value[symbol]
    if deficit < params.min_order_value or view.bar_ts_ns[symbol] < 0:
        return 0
    if view.cash >= deficit:
        return _order(view, state, intents, 0, symbol, Side.BUY, deficit, Reason.DOWNSIDE_BUY)
    excess_sum = 0.0
    for other in range(view.n_symbols):
        if other != symbol and state.value[other] > state.mean_value:
            excess_sum += state.value[other] - state.mean_value
    n = 0
    raised = 0.0
    for other in range(view.n_symbols):
        if other != symbol and state.value[other] > state.mean_value:
            slice_ = min(
                deficit * (state.value[other] - state.mean_value) / excess_sum, SUPPORT_CAP * state.value[other]
            )
            if slice_ >= params.min_order_value:
                n = _order(view, state, intents, n, other, Side.SELL, slice_, Reason.SUPPORT_SELL)
                raised += slice_
    bought = raised * (1.0 - view.taker_fee_rate)
    if n > 0 and bought > params.min_order_value:
        n = _order(view, state, intents, n, symbol, Side.BUY, bought, Reason.DOWNSIDE_BUY)
    return n

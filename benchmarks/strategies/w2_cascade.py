"""
The portfolio workload of the benchmarks: a threshold cascade that fixes every quantity at the deciding close.

Simpler than the cascade that Ballast ships, so that other engines can state it too: sells and purchases of one event
fill at the same open, and a purchase does not wait for what its sells brought. The rule is told in ``reference.py``.
"""

from __future__ import annotations

from enum import IntEnum
from math import inf
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import Cause, QtyUnit, Side
from ballast.model.intents import Intent, place_market
from ballast.model.records import Record, SymbolFloats, SymbolInts, parameter, record

EXIT_PLAN = "rebalance"


class Reason(IntEnum):
    """Why this strategy traded."""

    START = 1
    UPSIDE = 2
    DOWNSIDE = 3


@record
class Params:
    """Settings of the rule."""

    upside_threshold: float = parameter(0.40, "An asset this far above the mean value is trimmed.", unit="fraction")
    downside_threshold: float = parameter(0.35, "An asset this far below the mean is restored.", unit="fraction")
    sell_fraction: float = parameter(0.20, "Part of the holding that a trim sells.", unit="fraction")
    reserve: float = parameter(0.30, "Part kept in cash, of the capital and of what a trim brings.", unit="fraction")
    max_draw: float = parameter(0.25, "Largest part of a holding sold to restore another.", unit="fraction")
    safety: float = parameter(0.99, "Part of the cash that a purchase may count on.", unit="fraction")
    min_order_value: float = parameter(15.0, "Orders worth less are not placed.", unit="quote")
    cooldown_bars: int = parameter(30, "Bars before an asset may trigger again.", unit="bars")


@record
class State:
    """``ready_frame`` is when an asset may trigger again; the rest is working memory of one decision."""

    n_triggers: int
    ready_frame: SymbolInts
    value: SymbolFloats
    order_qty: SymbolFloats


@compiled
def decide(row: Any, view: Record, state: State, params: Params, intents: Intent) -> int:
    """Invest on the first bar; afterwards act on the asset farthest outside the band."""
    if view.cause != Cause.BAR:
        return 0
    if view.frame == 0:
        return _invest(view, params, intents)
    mean = 0.0
    for a in range(view.n_symbols):
        state.value[a] = view.position_qty[2 * a] * view.price[a]
        mean += state.value[a]
    mean /= view.n_symbols
    farthest = -1
    distance = 0.0
    for a in range(view.n_symbols):
        deviation = state.value[a] / mean - 1.0
        if (deviation > params.upside_threshold or deviation < -params.downside_threshold) and (
            abs(deviation) > distance and view.frame >= state.ready_frame[a]
        ):
            farthest = a
            distance = abs(deviation)
    return _rebalance(view, state, params, intents, farthest, mean) if farthest >= 0 else 0


@compiled
def _invest(view: Record, params: Params, intents: Intent) -> int:
    """Buy every asset for the same money."""
    notional = view.cash * (1.0 - params.reserve) / view.n_symbols / (1.0 + view.taker_fee_rate)
    for a in range(view.n_symbols):
        place_market(intents, a, a, Side.BUY, notional / view.price[a], QtyUnit.BASE, Reason.START)
    return int(view.n_symbols)


@compiled
def _rebalance(view: Record, state: State, params: Params, intents: Intent, asset: int, mean: float) -> int:
    """Trim or restore ``asset``; sells come first, each kind in the order of the assets."""
    state.order_qty[:] = 0.0
    is_above = state.value[asset] > mean
    reason = Reason.UPSIDE if is_above else Reason.DOWNSIDE
    if is_above:
        _trim(view, state, params, asset)
    else:
        _restore(view, state, params, asset, mean)
    n = 0
    for a in range(view.n_symbols):
        if state.order_qty[a] < 0.0:
            n = place_market(intents, n, a, Side.SELL, -state.order_qty[a], QtyUnit.BASE, reason)
    for a in range(view.n_symbols):
        if state.order_qty[a] > 0.0:
            n = place_market(intents, n, a, Side.BUY, state.order_qty[a], QtyUnit.BASE, reason)
    if n > 0:
        state.ready_frame[asset] = view.frame + params.cooldown_bars
        state.n_triggers += 1
    return n


@compiled
def _trim(view: Record, state: State, params: Params, asset: int) -> None:
    """Plan to sell a part and spread what is not kept over the other assets."""
    proceeds = params.sell_fraction * state.value[asset]
    if proceeds < params.min_order_value:
        return
    state.order_qty[asset] = -params.sell_fraction * view.position_qty[2 * asset]
    leg = (1.0 - params.reserve) * proceeds * (1.0 - view.taker_fee_rate) / (view.n_symbols - 1)
    if leg < params.min_order_value:
        return
    for a in range(view.n_symbols):
        if a != asset:
            state.order_qty[a] = leg / (1.0 + view.taker_fee_rate) / view.price[a]


@compiled
def _restore(view: Record, state: State, params: Params, asset: int, mean: float) -> None:
    """Plan to buy what the asset lacks to the mean, drawing on the richest others while the cash does not reach."""
    need = mean - state.value[asset]
    if need < params.min_order_value:
        return
    fee_rate = view.taker_fee_rate
    available = view.cash
    drawn = inf
    while available * params.safety / (1.0 + fee_rate) < need:
        richest = _richest(state, view.n_symbols, asset, mean, drawn)
        if richest < 0:
            break
        drawn = state.value[richest]
        notional = min(params.max_draw * drawn, need * (1.0 + fee_rate) / params.safety - available)
        if notional >= params.min_order_value:
            state.order_qty[richest] = -notional / view.price[richest]
            available += notional * (1.0 - fee_rate)
    notional = min(need, params.safety * available / (1.0 + fee_rate))
    if notional >= params.min_order_value:
        state.order_qty[asset] = notional / view.price[asset]


@compiled
def _richest(state: State, n_symbols: int, asset: int, above: float, below: float) -> int:
    """Return the asset with the largest value strictly between two bounds, -1 if there is none."""
    richest = -1
    for a in range(n_symbols):
        if a != asset and above < state.value[a] < below:
            above = state.value[a]
            richest = a
    return richest

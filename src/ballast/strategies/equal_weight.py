"""
Equal weights: buy every asset for the same money, and either hold or level once a month.

The benchmarks that a rebalancer must beat. Fully invested, fees and slippage included; an asset that is
listed later gets its share from what was kept for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import Cause, EventKind, QtyUnit, Side, TimeInForce
from ballast.model.intents import Intent, next_open_ns, place_market
from ballast.model.records import Record, SymbolBools, SymbolFloats, parameter, record
from ballast.portfolio.periods import month_of

EXIT_PLAN = "rebalance"


class Rebalance(IntEnum):
    """When to level the weights."""

    NEVER = 0
    MONTHLY = 1


class Reason(IntEnum):
    """Why this strategy traded."""

    START = 1
    MONTHLY_SELL = 2
    MONTHLY_BUY = 3


@record
class Params:
    """Settings of the equal-weight portfolio."""

    rebalance: int = parameter(int(Rebalance.NEVER), "When to level the weights.", choices=Rebalance)
    min_order_value: float = parameter(
        1.0, "Orders worth less are not placed.", unit="quote", minimum=0, exclusive_minimum=True
    )


@record
class State:
    """``wanted`` is what each asset still has to be bought for at the rebalance under way."""

    month: int = -1
    pending_sells: int
    has_sold: bool
    n_events: int
    expiry_ns: int
    is_bought: SymbolBools
    wanted: SymbolFloats


@compiled
def decide(row: Any, view: Record, state: State, params: Params, intents: Intent) -> int:
    """Buy what has not been bought yet; level the rest at the first close of a month."""
    if view.cause == Cause.ORDER:
        return _follow(view, state, params, intents)
    if view.cause != Cause.BAR:
        return 0
    state.expiry_ns = next_open_ns(view)
    month = month_of(view.time_ns - 1)
    if state.month < 0:
        state.month = month
    n = _buy_new(view, state, params, intents)
    if params.rebalance == Rebalance.MONTHLY and month != state.month and n == 0:
        state.month = month
        return _level(view, state, params, intents)
    return n


@compiled
def _buy_new(view: Record, state: State, params: Params, intents: Intent) -> int:
    """Buy its share of the initial capital of every asset that trades and was never bought."""
    share = view.initial_capital / view.n_symbols / (1.0 + view.taker_fee_rate)
    n = 0
    for symbol in range(view.n_symbols):
        is_fresh = view.bar_ts_ns[symbol] == view.time_ns - view.interval_ns
        if is_fresh and not state.is_bought[symbol] and view.open_orders[symbol] == 0:
            n = _order(
                view, state, intents, n, symbol, Side.BUY, share, QtyUnit.QUOTE, params.min_order_value, 0, Reason.START
            )
    return n


@compiled
def _order(
    view: Record, state: State, intents: Intent, n: int, symbol: int, side: int, qty: float, unit: int, minimum: float,
    cycle: int, reason: int,
) -> int:  # fmt: skip
    n = place_market(intents, n, symbol, side, qty, unit, reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.time_in_force = TimeInForce.IOC
    intent.expiry_ns = state.expiry_ns
    intent.min_notional = minimum
    intent.cycle = cycle
    return n


@compiled
def _level(view: Record, state: State, params: Params, intents: Intent) -> int:
    """Sell what is above an equal share of the bought assets' money; buys follow when the sells are settled."""
    n_held = 0
    invested = 0.0
    for symbol in range(view.n_symbols):
        if state.is_bought[symbol]:
            n_held += 1
            invested += view.position_qty[2 * symbol] * view.price[symbol]
    state.pending_sells = 0
    state.has_sold = False
    n = 0
    if n_held == 0:
        return 0
    cycle = state.n_events + 1
    for symbol in range(view.n_symbols):
        state.wanted[symbol] = 0.0
        if state.is_bought[symbol]:
            gap = invested / n_held - view.position_qty[2 * symbol] * view.price[symbol]
            state.wanted[symbol] = max(gap, 0.0)
            if -gap >= params.min_order_value:
                qty = -gap / view.price[symbol]
                n = _order(
                    view, state, intents, n, symbol, Side.SELL, qty, QtyUnit.BASE, 0.0, cycle, Reason.MONTHLY_SELL
                )
                state.pending_sells += 1
    return n


@compiled
def _follow(view: Record, state: State, params: Params, intents: Intent) -> int:
    """Mark first purchases; once the last sell of a rebalance is settled, spend the cash on what is short."""
    is_fill = view.event_kind == EventKind.FILLED or view.event_kind == EventKind.PARTIALLY_FILLED
    if view.event_cycle == 0:
        state.is_bought[view.event_symbol] = state.is_bought[view.event_symbol] or is_fill
        return 0
    if view.event_side != Side.SELL:
        return 0
    state.has_sold = state.has_sold or is_fill
    if view.event_kind == EventKind.PARTIALLY_FILLED:
        return 0
    state.pending_sells -= 1
    if state.pending_sells > 0:
        return 0
    if not state.has_sold:
        # Dropped in a gap, all of it: the month is still to be levelled.
        state.month -= 1
        return 0
    state.n_events += 1
    state.expiry_ns += view.latency_ns
    return _buy_short(view, state, params, intents)


@compiled
def _buy_short(view: Record, state: State, params: Params, intents: Intent) -> int:
    """Share the cash above what late listings are still owed among the short assets, up to what each wants."""
    wanted = 0.0
    reserved = 0.0
    for symbol in range(view.n_symbols):
        wanted += state.wanted[symbol]
        if not state.is_bought[symbol]:
            reserved += view.initial_capital / view.n_symbols
    cash = max(0.0, view.cash - reserved) / ((1.0 + view.taker_fee_rate) * (1.0 + 1e-12))
    scale = min(1.0, cash / wanted) if wanted > 0.0 else 0.0
    n = 0
    for symbol in range(view.n_symbols):
        notional = state.wanted[symbol] * scale
        if notional >= params.min_order_value:
            n = _order(
                view, state, intents, n, symbol, Side.BUY, notional, QtyUnit.QUOTE, params.min_order_value,
                state.n_events, Reason.MONTHLY_BUY,
            )  # fmt: skip
    return n


def outcome(state: State) -> Mapping[str, int]:
    """Return the counts that a result shows."""
    return {"n_events": int(state.n_events)}

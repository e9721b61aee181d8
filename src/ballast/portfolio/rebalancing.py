"""
A rebalance as orders: the same trades as ``trades.plan_trades``, on the engine's event path.

1. Sells are placed first; when the last of them has ended, what they brought and the cash at hand buy.
2. Every order fills at its symbol's next price or not at all.
3. A ``Rebalance`` is all the memory of one under way; a strategy keeps one in its state, calls ``begin``,
   ``sell_or_want`` for each asset that may move and ``buy_if_funded``, and hands ``ends_a_sell`` the ends of its
   orders.
"""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import EventKind, QtyUnit, Side, TimeInForce
from ballast.model.errors import ConfigError
from ballast.model.intents import Intent, next_open_ns, place_market
from ballast.model.records import Record, SymbolFloats, record
from ballast.model.units import floor_to_step, is_below
from ballast.portfolio.drift import Floats
from ballast.portfolio.trades import SMALLEST_GAP, affordable_part, trade_value


@record
class Rebalance:
    """
    The rebalance under way.

    ``wanted`` is what each asset is still to be bought for, in quote; ``cycle``, ``reason`` and ``role`` are those of
    its orders, ``pending_sells`` how many of them have not ended.
    """

    pending_sells: int
    cycle: int
    reason: int
    role: int
    expiry_ns: int
    wanted: SymbolFloats


def refuse_weights(weights: Floats, cash_weight: float) -> None:
    """Raise ``ConfigError`` for weights that do not sum to 1 with the cash, within 0.001."""
    total = float(weights.sum())
    if abs(total + cash_weight - 1.0) > SMALLEST_GAP:
        fitting = f"use cash_weight = {1.0 - total:.6g}" if total <= 1.0 else "lower the weights"
        raise ConfigError(
            f"strategy.weight: the weights of the {len(weights)} symbols sum to {total:.6g}, "
            f"with cash_weight = {cash_weight:g} to {total + cash_weight:.6g} and not to 1; {fitting}"
        )


@compiled
def weight_of(view: Record, symbol: int) -> float:
    """Return a symbol's part of the equity; 0 when flat."""
    return weight_of_qty(view, symbol, view.position_qty[2 * symbol])


@compiled
def weight_of_qty(view: Record, symbol: int, qty: float) -> float:
    """Return the part of the equity that so much of a symbol is; 0 for none."""
    return qty * view.price[symbol] / view.equity if qty != 0.0 and view.equity > 0.0 else 0.0


@compiled
def is_tradable(view: Record, symbol: int) -> bool:
    """Tell whether a symbol's last bar is at most ``max_stale_bars`` intervals old."""
    newest_ns = view.time_ns - view.interval_ns
    return view.bar_ts_ns[symbol] >= 0 and view.bar_ts_ns[symbol] >= newest_ns - view.max_stale_bars * view.interval_ns


@compiled
def begin(rebalance: Rebalance, view: Record, cycle: int, reason: int, role: int) -> None:
    """Start a rebalance whose orders carry this cycle, reason and role."""
    rebalance.cycle = cycle
    rebalance.reason = reason
    rebalance.role = role
    rebalance.pending_sells = 0
    rebalance.expiry_ns = next_open_ns(view)
    for symbol in range(view.n_symbols):
        rebalance.wanted[symbol] = 0.0


@compiled
def sell_or_want(
    rebalance: Rebalance,
    view: Record,
    symbol: int,
    weight: float,
    target: float,
    factor: float,
    min_trade_value: float,
    intents: Intent,
    n: int,
) -> int:
    """Sell what a symbol's weight is above its target by, or note what is to be bought; return the count of intents."""
    value = trade_value(weight, target, view.equity, factor)
    rebalance.wanted[symbol] = max(0.0, value)
    if value >= 0.0:
        return n
    price = view.price[symbol]
    qty = floor_to_step(-value / price, view.lot_units[symbol], view.lot_scale[symbol])
    if qty <= 0.0 or is_below(qty * price, minimum_value(view, symbol, min_trade_value)):
        return n
    rebalance.pending_sells += 1
    return _order(rebalance, intents, n, symbol, Side.SELL, qty, QtyUnit.BASE, 0.0)


@compiled
def minimum_value(view: Record, symbol: int, min_trade_value: float) -> float:
    """Return the smallest order worth placing: ours or the venue's, whichever is greater."""
    return max(min_trade_value, view.min_notional[symbol])


@compiled
def buy_if_funded(
    rebalance: Rebalance, view: Record, cash: float, min_trade_value: float, intents: Intent, n: int
) -> int:
    """Share ``cash`` among what is wanted, fees included, once no sell is pending; return the count of intents."""
    if rebalance.pending_sells > 0:
        return n
    wanted = 0.0
    for symbol in range(view.n_symbols):
        wanted += rebalance.wanted[symbol]
    if wanted <= 0.0:
        return n
    part = affordable_part(wanted, cash, view.taker_fee_rate)
    for symbol in range(view.n_symbols):
        value = rebalance.wanted[symbol] * part
        minimum = minimum_value(view, symbol, min_trade_value)
        rebalance.wanted[symbol] = 0.0
        if value > 0.0 and not is_below(value, minimum):
            n = _order(rebalance, intents, n, symbol, Side.BUY, value, QtyUnit.QUOTE, minimum)
    return n


@compiled
def _order(
    rebalance: Rebalance, intents: Intent, n: int, symbol: int, side: int, qty: float, unit: int, minimum: float
) -> int:
    """Ask for one market order that fills at the next open or is dropped; return the new count."""
    n = place_market(intents, n, symbol, side, qty, unit, rebalance.reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.time_in_force = TimeInForce.IOC
    intent.expiry_ns = rebalance.expiry_ns
    intent.min_notional = minimum
    intent.cycle = rebalance.cycle
    intent.role = rebalance.role
    return n


@compiled
def ends_a_sell(rebalance: Rebalance, view: Record) -> bool:
    """Take the news of one of its orders; tell whether that was the end of its last sell, so that it may buy."""
    if view.event_side != Side.SELL or view.event_kind == EventKind.PARTIALLY_FILLED:
        return False
    rebalance.pending_sells -= 1
    # The buys fill at the same open; what decides a moment later than planned is dropped by this expiry.
    rebalance.expiry_ns += 0 if rebalance.pending_sells > 0 else view.latency_ns
    return rebalance.pending_sells == 0

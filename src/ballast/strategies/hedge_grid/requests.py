"""The grid's requests, written into the buffer of intents."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import IntentKind, OrderType, PositionSide, QtyUnit, Side, TimeInForce
from ballast.model.intents import ANY, Intent, cancel, clear, place_limit, place_market, timer, watch
from ballast.model.records import Record
from ballast.strategies.hedge_grid.settings import Reason, Role


@compiled
def leg_of(symbol: int, position_side: int) -> int:
    """Return the index of a leg."""
    return 2 * symbol + 1 if position_side == PositionSide.SHORT else 2 * symbol


@compiled
def side_of(leg_index: int) -> int:
    """Return the position side of a leg by its index: even LONG, odd SHORT."""
    return PositionSide.SHORT if leg_index % 2 == 1 else PositionSide.LONG


@compiled
def opening_side(leg_index: int) -> int:
    """Return the side of an order that makes a leg bigger."""
    return Side.SELL if leg_index % 2 == 1 else Side.BUY


@compiled
def closing_side(leg_index: int) -> int:
    """Return the side of an order that makes a leg smaller."""
    return Side.BUY if leg_index % 2 == 1 else Side.SELL


@compiled
def ask_market(
    intents: Intent,
    n: int,
    leg_index: int,
    leg: Record,
    role: int,
    level: int,
    qty: float,
    next_qty: float,
    reason: int,
) -> int:
    """Ask for a market order that fills now or not at all, to open or (role CLOSE) to close; return the new count."""
    is_close = role == Role.CLOSE
    side = closing_side(leg_index) if is_close else opening_side(leg_index)
    n = place_market(intents, n, leg_index // 2, side, qty, QtyUnit.BASE, reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.position_side = side_of(leg_index)
    intent.time_in_force = TimeInForce.IOC
    intent.reduce_only = is_close
    intent.role = role
    intent.level = level
    intent.cycle = leg.cycle
    intent.next_qty = next_qty
    return n


@compiled
def ask_take_profit(
    intents: Intent, n: int, leg_index: int, leg: Record, qty: float, price: float, next_qty: float
) -> int:
    """Ask for a leg's take-profit order; return the new count."""
    n = place_limit(intents, n, leg_index // 2, closing_side(leg_index), qty, price, Reason.TP)
    _mark_take_profit(intents[n - 1], leg_index, leg, next_qty)  # type: ignore[index]
    return n


@compiled
def amend_take_profit(
    intents: Intent, n: int, leg_index: int, leg: Record, qty: float, price: float, next_qty: float
) -> int:
    """Ask for another size and price of the resting take-profit; return the new count."""
    intent = intents[n]  # type: ignore[index]
    clear(intent, IntentKind.AMEND, leg_index // 2, Reason.TP)
    intent.side = closing_side(leg_index)
    intent.type = OrderType.LIMIT
    intent.qty = qty
    intent.price = price
    _mark_take_profit(intent, leg_index, leg, next_qty)
    return n + 1


@compiled
def _mark_take_profit(intent: Intent, leg_index: int, leg: Record, next_qty: float) -> None:
    intent.position_side = side_of(leg_index)
    intent.reduce_only = True
    intent.role = Role.TP
    intent.cycle = leg.cycle
    intent.next_qty = next_qty


@compiled
def cancel_take_profit(intents: Intent, n: int, leg_index: int, reason: int) -> int:
    """Ask to take a leg's take-profit away, of whatever cycle; return the new count."""
    n = cancel(intents, n, leg_index // 2, Role.TP, ANY, reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.position_side = side_of(leg_index)
    intent.cycle = ANY
    return n


@compiled
def watch_level(intents: Intent, n: int, leg_index: int, price: float) -> int:
    """Ask to be woken at the price of a leg's next level; return the new count."""
    n = watch(intents, n, leg_index // 2, opening_side(leg_index), price, Role.WATCH, Reason.AVERAGE)
    intents[n - 1].position_side = side_of(leg_index)  # type: ignore[index]
    return n


@compiled
def wake_at(intents: Intent, n: int, state: Record, now_ns: int, wake_ns: int) -> int:
    """Ask for a timer, unless an earlier one is already set; return the new count."""
    if now_ns < state.timer_ns <= wake_ns:
        return n
    state.timer_ns = wake_ns
    return timer(intents, n, wake_ns, Role.REPAIR, Reason.REPAIR)

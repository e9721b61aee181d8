"""What the engine does in EMERGENCY: cancel every order, close every leg, both legs of a symbol together."""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import EngineRole, PositionMode, PositionSide, QtyUnit, Side
from ballast.model.intents import ANY, Intent, cancel, place_market

View = Any


@compiled
def is_flat(view: View) -> bool:
    """Tell whether no leg holds anything."""
    for leg in range(2 * view.n_symbols):
        if view.position_qty[leg] != 0.0:
            return False
    return True


@compiled
def close_leg(view: View, intents: Intent, n: int, leg: int, qty: float, role: int, reason: int) -> int:
    """Write a reduce-only market order over ``qty`` (unsigned base units) of a leg; return the new count."""
    symbol = leg // 2
    side = Side.SELL if view.position_qty[leg] > 0.0 else Side.BUY
    n = place_market(intents, n, symbol, side, qty, QtyUnit.BASE, reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.reduce_only = True
    intent.role = role
    if view.position_mode == PositionMode.HEDGE:
        intent.position_side = PositionSide.SHORT if leg % 2 == 1 else PositionSide.LONG
    return n


@compiled
def plan_emergency(view: View, intents: Intent) -> int:
    """
    Write the cancels of all orders, then the closing of all legs; return how many intents.

    Cancels come first, so that nothing that is live takes a leg further while it is being closed. The ladder
    passes none of it: these are the engine's own orders, with ``EngineRole.EMERGENCY``.
    """
    n = 0
    for symbol in range(view.n_symbols):
        if view.open_orders[symbol] > 0:
            n = cancel(intents, n, symbol, ANY, ANY, 0)
            intents[n - 1].cycle = ANY  # type: ignore[index]
            intents[n - 1].position_side = ANY  # type: ignore[index]  # Of both legs.
    for leg in range(2 * view.n_symbols):
        if view.position_qty[leg] != 0.0:
            n = close_leg(view, intents, n, leg, abs(view.position_qty[leg]), EngineRole.EMERGENCY, 0)
    return n

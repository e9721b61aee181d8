"""
After a restart: make the levels agree with what the venue says is held.

Three ways, best first: keep the levels that were saved, rebuild them from our own fills since the leg was last
flat, estimate them from the quantity alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import EngineRole, PositionSide, Side
from ballast.model.ids import ClientOrderId
from ballast.model.records import Record
from ballast.strategies.hedge_grid.book import add_fill, effective_role, end_cycle, held_price, scale, spread, take_fill
from ballast.strategies.hedge_grid.settings import Role
from ballast.strategies.hedge_grid.sizing import margin_qty

MATCH_TOLERANCE = 0.001
"""Saved and held quantities this close, as a part of the held one, are the same position."""

ROLE_CODES = {
    Role.OPEN: "OP",
    Role.AVERAGE: "AV",
    Role.TP: "TP",
    Role.REOPEN: "RE",
    Role.CLOSE: "CL",
    EngineRole.BALANCE: "BA",
    EngineRole.REDUCE_HEAVIER: "RH",
    EngineRole.EMERGENCY: "EM",
    EngineRole.LIQUIDATION: "LQ",
}
"""Two characters for each role in client order ids."""

_ROLES = {code: int(role) for role, code in ROLE_CODES.items()}


class Restored(IntEnum):
    """How a leg's levels were found."""

    KEPT = 0
    REBUILT = 1
    ESTIMATED = 2


@dataclass(frozen=True)
class Ladder:
    """What decides how a quantity is laid out in levels; ``margin`` x ``leverage`` / price is the first level's."""

    margin: float
    leverage: float
    multiplier: float
    max_levels: int


@dataclass(frozen=True)
class OwnFill:
    """One execution of an order of ours; ``qty`` is unsigned base units."""

    order_id: ClientOrderId
    side: Side
    qty: float
    price: float


@compiled
def matches(leg: Record, held: float) -> bool:
    """Tell whether the levels account for a held (unsigned) quantity to 0.1 % of it."""
    return abs(leg.qty - held) <= MATCH_TOLERANCE * held


@compiled
def keep(leg: Record, held: float, entry_price: float) -> None:
    """Scale matching levels to the held quantity, and shift all prices alike until the average is the venue's."""
    scale(leg, held / leg.qty)
    shift = entry_price - held_price(leg)
    for level in range(leg.n_levels):
        leg.level_price[level] += shift
    leg.balance_price += shift


@compiled
def estimate(
    leg: Record, held: float, entry_price: float, initial_qty: float, multiplier: float, max_levels: int
) -> None:
    """Take a quantity of unknown origin for the ladder that comes nearest to it."""
    scale(leg, 0.0)
    spread(leg, held, entry_price, initial_qty, multiplier, max_levels)
    leg.qty = held
    leg.levels_max = max(leg.levels_max, leg.n_levels)
    leg.is_estimated = True


def rebuild(leg: Any, position_side: PositionSide, fills: Iterable[OwnFill], ladder: Ladder) -> None:
    """
    Set a leg's levels and cycle from the executions of its symbol's own orders, in order of time.

    What came before the leg was last flat cancels out. Fills of the other position side are passed over; what
    adds under a role that is not the grid's counts as balancing.
    """
    scale(leg, 0.0)
    opening = Side.BUY if position_side == PositionSide.LONG else Side.SELL
    for fill in fills:
        made = fill.order_id
        if made.position_side != position_side:
            continue
        if leg.qty == 0.0:
            leg.cycle = max(leg.cycle, made.cycle)
        if fill.side == opening:
            role = effective_role(leg, _ROLES.get(made.role, int(EngineRole.BALANCE)), made.cycle)
            first_qty = margin_qty(ladder.margin, ladder.leverage, fill.price)
            add_fill(leg, role, made.level, fill.qty, fill.price, first_qty, ladder.multiplier, ladder.max_levels)
            continue
        take_fill(leg, fill.qty)
        if leg.qty == 0.0:
            end_cycle(leg)


def restore(
    leg: Any, position_side: PositionSide, held: float, entry_price: float, fills: Iterable[OwnFill], ladder: Ladder
) -> Restored:
    """
    Make a leg's levels account for what the venue holds (unsigned), by the best way there is, and say which.

    A leg that the venue does not hold any more is emptied, and its next entry is a reopening.
    """
    if held == 0.0:
        if leg.qty > 0.0:
            end_cycle(leg)
        return Restored.KEPT
    if leg.qty > 0.0 and matches(leg, held):
        keep(leg, held, entry_price)
        return Restored.KEPT
    rebuild(leg, position_side, fills, ladder)
    if leg.qty > 0.0 and matches(leg, held):
        keep(leg, held, entry_price)
        return Restored.REBUILT
    first_qty = margin_qty(ladder.margin, ladder.leverage, entry_price)
    estimate(leg, held, entry_price, first_qty, ladder.multiplier, ladder.max_levels)
    return Restored.ESTIMATED

"""
What a fill does to a leg's levels.

Invariants: (B1) the levels and what balancing added sum to ``leg.qty``; (B2) a level, once filled, keeps its
number, and no number is filled twice by different orders; (B3) a reduction takes the same part of everything.
"""

from __future__ import annotations

from math import nan

from ballast.model.compiled import compiled
from ballast.model.records import Record
from ballast.strategies.hedge_grid.levels import virtual_last_qty, virtual_levels
from ballast.strategies.hedge_grid.settings import LONG_AGO_NS, Role

NOISE = 1.0 + 1e-12
"""A reduction within this of the whole is the whole."""


@compiled
def average(qty: float, price: float, added_qty: float, added_price: float) -> float:
    """Return the volume-weighted price of two quantities."""
    return added_price if qty == 0.0 else (qty * price + added_qty * added_price) / (qty + added_qty)


@compiled
def add_fill(
    leg: Record, role: int, level: int, qty: float, price: float, initial_qty: float, multiplier: float, max_levels: int
) -> None:
    """
    Fold a fill that made the leg bigger.

    A level's own order fills that level, in one part or several. A reopened leg becomes the ladder that it amounts
    to. Everything else balances.
    """
    if role == Role.REOPEN:
        spread(leg, ladder_qty(leg) + qty, _merged(leg, qty, price), initial_qty, multiplier, max_levels)
    elif role == Role.OPEN or role == Role.AVERAGE:
        leg.level_price[level] = average(leg.level_qty[level], leg.level_price[level], qty, price)
        leg.level_qty[level] += qty
        leg.n_levels = max(leg.n_levels, level + 1)
    else:
        leg.balance_price = average(leg.balance_qty, leg.balance_price, qty, price)
        leg.balance_qty += qty
    leg.levels_max = max(leg.levels_max, leg.n_levels)
    leg.qty += qty


@compiled
def effective_role(leg: Record, role: int, cycle: int) -> int:
    """Return what an order comes to: an addition that arrives after its leg was closed begins the leg anew."""
    return Role.REOPEN if role == Role.AVERAGE and cycle != leg.cycle else role


@compiled
def ladder_qty(leg: Record) -> float:
    """Return what the levels hold together."""
    total = 0.0
    for level in range(leg.n_levels):
        total += leg.level_qty[level]
    return total


@compiled
def _merged(leg: Record, qty: float, price: float) -> float:
    held = ladder_qty(leg)
    return average(held, ladder_price(leg), qty, price)


@compiled
def ladder_price(leg: Record) -> float:
    """Return the volume-weighted price of the levels; 0 when there is none."""
    held = 0.0
    value = 0.0
    for level in range(leg.n_levels):
        held += leg.level_qty[level]
        value += leg.level_qty[level] * leg.level_price[level]
    return value / held if held > 0.0 else 0.0


@compiled
def held_price(leg: Record) -> float:
    """Return the volume-weighted price of all that the leg holds; 0 when it holds nothing."""
    return average(ladder_qty(leg), ladder_price(leg), leg.balance_qty, leg.balance_price) if leg.qty > 0.0 else 0.0


@compiled
def spread(leg: Record, qty: float, price: float, initial_qty: float, multiplier: float, max_levels: int) -> None:
    """Lay ``qty`` out as the levels of the ladder that comes nearest to it, all at ``price``; replaces the levels."""
    _clear_levels(leg)
    leg.n_levels = virtual_levels(qty, initial_qty, multiplier, max_levels)
    level_qty = virtual_last_qty(qty, multiplier, leg.n_levels)
    for level in range(leg.n_levels - 1, -1, -1):
        leg.level_qty[level] = level_qty
        leg.level_price[level] = price
        level_qty /= multiplier


@compiled
def _clear_levels(leg: Record) -> None:
    for level in range(leg.n_levels):
        leg.level_qty[level] = 0.0
        leg.level_price[level] = 0.0
    leg.n_levels = 0


@compiled
def take_fill(leg: Record, qty: float) -> None:
    """Fold a fill of ``qty`` that made the leg smaller: every entry shrinks by the same part."""
    keep = 0.0 if qty * NOISE >= leg.qty else (leg.qty - qty) / leg.qty
    scale(leg, keep)


@compiled
def scale(leg: Record, factor: float) -> None:
    """Multiply every entry's quantity; 0 empties the leg."""
    if factor == 0.0:
        _clear_levels(leg)
        leg.balance_qty = 0.0
        leg.balance_price = 0.0
        leg.qty = 0.0
        return
    for level in range(leg.n_levels):
        leg.level_qty[level] *= factor
    leg.balance_qty *= factor
    leg.qty *= factor


@compiled
def end_cycle(leg: Record) -> None:
    """Begin a new cycle on a leg that has been closed; what is known of its take-profit order stays."""
    scale(leg, 0.0)
    leg.cycle += 1
    leg.retries = 0
    leg.retry_ns = LONG_AGO_NS
    leg.addition_failures = 0
    leg.addition_retry_ns = LONG_AGO_NS
    leg.cycle_funding = 0.0
    leg.is_estimated = False
    leg.watch_price = nan

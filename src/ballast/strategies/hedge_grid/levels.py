"""Where the next level of a leg lies, and how many levels a quantity amounts to."""

from __future__ import annotations

from math import sqrt

from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide
from ballast.model.records import Record
from ballast.strategies.hedge_grid.settings import MAX_LEVELS
from ballast.strategies.hedge_grid.sizing import TOLERANCE


@compiled
def trigger_price(position_side: int, last_price: float, step_percent: float) -> float:
    """Return the price of the next level: a step below a LONG leg's last entry, above a SHORT leg's."""
    step = step_percent / 100.0
    return last_price * (1.0 - step) if position_side == PositionSide.LONG else last_price * (1.0 + step)


@compiled
def is_triggered(position_side: int, last_price: float, price: float, step_percent: float) -> bool:
    """Tell whether ``price`` has gone a step against the leg's last entry; exactly a step counts."""
    against = last_price - price if position_side == PositionSide.LONG else price - last_price
    return against / last_price * 100.0 >= step_percent * (1.0 - TOLERANCE)


@compiled
def last_qty(leg: Record) -> float:
    """Return the size of the level added last; 0 when the leg has none."""
    return leg.level_qty[leg.n_levels - 1] if leg.n_levels > 0 else 0.0


@compiled
def last_price(leg: Record) -> float:
    """Return the price of the level added last; 0 when the leg has none."""
    return leg.level_price[leg.n_levels - 1] if leg.n_levels > 0 else 0.0


@compiled
def virtual_levels(qty: float, initial_qty: float, multiplier: float, max_levels: int) -> int:
    """
    Return how many levels of a ladder that began with ``initial_qty`` come nearest to ``qty``.

    max(1, round(log_k(Q (k - 1) / q0 + 1))), at most ``max_levels``. The logarithm rounds up where its argument
    reaches k^(n + 1/2), which needs no logarithm to see.
    """
    grown = qty * (multiplier - 1.0) / initial_qty + 1.0
    boundary = multiplier * sqrt(multiplier)
    n_levels = 1
    while n_levels < min(max_levels, MAX_LEVELS) and grown >= boundary:
        boundary *= multiplier
        n_levels += 1
    return n_levels


@compiled
def virtual_last_qty(qty: float, multiplier: float, n_levels: int) -> float:
    """Return the last of ``n_levels`` levels that sum to ``qty``: Q (k - 1) k^(n - 1) / (k^n - 1)."""
    power = 1.0
    for _ in range(n_levels - 1):
        power *= multiplier
    return qty * (multiplier - 1.0) * power / (power * multiplier - 1.0)

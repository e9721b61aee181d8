"""How large each of the grid's orders is, and what would follow it."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.records import Record
from ballast.strategies.hedge_grid.levels import last_qty, virtual_last_qty, virtual_levels
from ballast.strategies.hedge_grid.reopen import documented_reopen_margin, reopen_qty
from ballast.strategies.hedge_grid.sizing import documented_qty, margin_qty, opening_qty


@compiled
def lots(view: Record, params: Record, symbol: int, wanted: float, price: float) -> float:
    """Return the quantity to order for a wanted one by the profile's rule; 0 when it must be refused."""
    if params.is_documented:
        return documented_qty(view, symbol, wanted)
    return opening_qty(view, symbol, wanted, price)


@compiled
def first_qty(view: Record, params: Record, symbol: int, price: float) -> float:
    """Return the initial size in base units, not on any grid."""
    return margin_qty(params.initial_position_size_usd[symbol], view.leverage[symbol], price)


@compiled
def initial_qty(view: Record, params: Record, symbol: int, price: float) -> float:
    """Return the quantity of a leg's first entry; 0 when it must be refused."""
    return lots(view, params, symbol, first_qty(view, params, symbol, price), price)


@compiled
def average_qty(view: Record, params: Record, symbol: int, leg: Record, price: float) -> float:
    """Return the quantity of a leg's next level: the multiplier times the last one, exactly, before rounding."""
    return lots(view, params, symbol, params.averaging_multiplier[symbol] * last_qty(leg), price)


@compiled
def next_qty(view: Record, params: Record, symbol: int, n_levels: int, qty: float, price: float) -> float:
    """Return what a leg of ``n_levels``, the last of them ``qty``, would buy next; 0 when it may not."""
    if n_levels >= params.max_grid_levels_per_side[symbol]:
        return 0.0
    return lots(view, params, symbol, params.averaging_multiplier[symbol] * qty, price)


@compiled
def closed_leg_qty(view: Record, params: Record, symbol: int, opposite_qty: float, price: float) -> float:
    """Return the quantity that a closed leg comes back with; 0 when it does not fit or must be refused."""
    margin = params.initial_position_size_usd[symbol]
    if params.is_documented:
        leverage = view.leverage[symbol]
        wanted = documented_reopen_margin(opposite_qty * price / leverage, margin)
        return documented_qty(view, symbol, margin_qty(wanted, leverage, price))
    return reopen_qty(view, symbol, opposite_qty, margin, price, params.reopen_available_fraction)


@compiled
def next_after_reopen(view: Record, params: Record, symbol: int, qty: float, price: float) -> float:
    """Return what a leg that came back with ``qty`` would buy next."""
    multiplier = params.averaging_multiplier[symbol]
    most = params.max_grid_levels_per_side[symbol]
    n_levels = reopened_levels(params, qty, first_qty(view, params, symbol, price), multiplier, most)
    return next_qty(view, params, symbol, n_levels, virtual_last_qty(qty, multiplier, n_levels), price)


@compiled
def reopened_levels(params: Record, qty: float, first: float, multiplier: float, max_levels: int) -> int:
    """Return how many levels a reopened leg counts as; one in the documented profile."""
    return 1 if params.is_documented else virtual_levels(qty, first, multiplier, max_levels)

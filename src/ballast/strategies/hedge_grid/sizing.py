"""From margin to quantity: what an order of a wanted size becomes on the venue's grid."""

from __future__ import annotations

from math import floor, isfinite

from ballast.model.compiled import compiled
from ballast.model.records import Record
from ballast.model.units import floor_to_step, least_qty, meets_minimums

MINIMUM_STRETCH = 1.5
"""The venue's minimum stands in for a smaller order as long as it is at most this multiple of it."""
TOLERANCE = 1e-9


@compiled
def margin_qty(margin: float, leverage: float, price: float) -> float:
    """Return the base quantity that ``margin`` (quote) carries at ``leverage``; not on any grid."""
    return margin * leverage / price


@compiled
def opening_qty(view: Record, symbol: int, wanted: float, price: float) -> float:
    """
    Return the quantity to order for a wanted one, rounded down to the lot; 0 when it must be refused.

    Below the venue's minimum quantity or notional the minimum itself is taken when it is at most 1.5 times what
    was wanted; what is above the maximum is clamped to it. NaN and infinity are refused.
    """
    if not isfinite(wanted) or not wanted > 0.0 or not price > 0.0:
        return 0.0
    units, scale = view.lot_units[symbol], view.lot_scale[symbol]
    qty = floor_to_step(min(wanted, view.max_qty[symbol]), units, scale)
    min_qty, min_notional = view.min_qty[symbol], view.min_notional[symbol]
    if meets_minimums(qty, price, min_qty, min_notional):
        return qty
    least = least_qty(price, units, scale, min_qty, min_notional)
    is_near = least <= MINIMUM_STRETCH * wanted * (1.0 + TOLERANCE)
    return least if is_near and 0.0 < least <= view.max_qty[symbol] else 0.0


@compiled
def documented_qty(view: Record, symbol: int, wanted: float) -> float:
    """Return the original's quantity: the nearest lot, ties to even, at least the minimum, without a maximum."""
    units, scale = view.lot_units[symbol], view.lot_scale[symbol]
    if units == 0:
        return max(wanted, view.min_qty[symbol])
    steps = wanted * scale / units
    lots = floor(steps)
    rest = steps - lots
    if rest > 0.5 or (rest == 0.5 and lots % 2 == 1):
        lots += 1
    return max(lots * units / scale, view.min_qty[symbol])

"""
The arithmetic of quotes: how far from the centre, where the centre is, at which ticks, how much.

All prices are in quote currency, all distances fractions of the middle price, all sizes base units. The inventory
ratio is in [-1, 1], positive when more is held than the target.
"""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.units import floor_to_step, meets_minimums, round_to_tick


@compiled
def half_spread(atr: float, mid: float, k_atr: float, maker_fee_rate: float, min_edge: float) -> float:
    """Return the distance of each quote from the centre: ``k_atr`` ATRs, and at least the fee and the least edge."""
    return max(k_atr * atr / mid, maker_fee_rate + min_edge)


@compiled
def pays(half: float, band_width: float) -> bool:
    """Tell whether the band, a fraction of price from edge to edge, is wide enough for both quotes to lie in it."""
    return half <= 0.5 * band_width * (1.0 + 1e-12)


@compiled
def inventory_ratio(inventory: float, target: float, largest: float) -> float:
    """Return how far an inventory is from its target in units of the largest one, clipped to -1..1."""
    if not largest > 0.0:
        return 0.0
    return min(1.0, max(-1.0, (inventory - target) / largest))


@compiled
def centre_of(mid: float, ratio: float, half: float, skew: float) -> float:
    """Return the middle price, moved against the inventory by up to ``skew`` half-spreads."""
    return mid * (1.0 - skew * ratio * half)


@compiled
def bid_price(centre: float, half: float, ask: float, tick_units: int, tick_scale: float) -> float:
    """Return the bid: on the tick below, and below ``ask``, the best one in the book (NaN: unknown); 0 for none."""
    price = round_to_tick(centre * (1.0 - half), tick_units, tick_scale, False)
    if not price >= ask:
        return price
    return 0.0 if tick_units == 0 else round_to_tick(ask, tick_units, tick_scale, False) - tick_units / tick_scale


@compiled
def ask_price(centre: float, half: float, bid: float, tick_units: int, tick_scale: float) -> float:
    """Return the ask: on the tick above, and above ``bid``, the best one in the book (NaN: unknown); 0 for none."""
    price = round_to_tick(centre * (1.0 + half), tick_units, tick_scale, True)
    if not price <= bid:
        return price
    return 0.0 if tick_units == 0 else round_to_tick(bid, tick_units, tick_scale, True) + tick_units / tick_scale


@compiled
def bid_qty(size: float, ratio: float) -> float:
    """Return what the bid offers: less, the more is held already."""
    return size * (1.0 - max(ratio, 0.0))


@compiled
def ask_qty(size: float, ratio: float) -> float:
    """Return what the ask offers: less, the more is missing."""
    return size * (1.0 + min(ratio, 0.0))


@compiled
def whole_qty(qty: float, price: float, lot_units: int, lot_scale: float, min_qty: float, min_notional: float) -> float:
    """Return a quantity in whole lots, or 0 where it is below a minimum of the instrument."""
    lots = floor_to_step(qty, lot_units, lot_scale)
    return lots if meets_minimums(lots, price, min_qty, min_notional) else 0.0


@compiled
def has_moved(price: float, wanted: float, distance: float) -> bool:
    """Tell whether a resting quote at ``price`` is farther than ``distance`` (of price) from where it is wanted."""
    return abs(wanted - price) > distance * price

"""
The path of the price inside a bar, and which bars leave its order open.

A bar tells four prices and not their order. The kernel walks open, one extreme, the other, close, at the
open time plus 0, 1/3, 2/3 and 1 interval, in straight lines. Which extreme comes first is a policy; where
the answer matters the bar is ambiguous and is counted.
"""

from __future__ import annotations

from ballast.kernel.ledger import leg_index
from ballast.kernel.triggers import is_armed, order_level, order_waits_below, trail_level
from ballast.kernel.venue import Venue
from ballast.model.compiled import compiled
from ballast.model.enums import OrderType, PathPolicy, Side


@compiled
def high_comes_first(venue: Venue, symbol: int, open_: float, high: float, low: float) -> bool:
    """Decide the order of the extremes. NEAR_FIRST takes the one nearer to the open, the high when equal."""
    policy = venue.execution.path_policy
    if policy == PathPolicy.HIGH_FIRST:
        return True
    if policy == PathPolicy.LOW_FIRST:
        return False
    if policy != PathPolicy.NEAR_FIRST:
        exposure = _exposure(venue, symbol)
        if exposure != 0.0:
            return (exposure > 0.0) == (policy == PathPolicy.BEST)
    return high - open_ <= open_ - low


@compiled
def _exposure(venue: Venue, symbol: int) -> float:
    """
    Return the sign of the position; when flat, minus the sign of the first order that would open one.

    A position is helped by its profitable extreme coming first, because targets then precede stops. An
    entry is helped by the opposite: the price dips, fills it, and then runs.
    """
    long_leg = leg_index(0, venue.clock.n_symbols, symbol, 0)
    net = venue.positions[long_leg].qty + venue.positions[long_leg + 1].qty
    if net != 0.0:
        return net
    for k in range(venue.clock.n_orders):
        order = venue.orders[k]
        if order.symbol == symbol and not order.reduce_only:
            return -1.0 if order.side == Side.BUY else 1.0
    return 0.0


@compiled
def is_ambiguous(venue: Venue, symbol: int, open_: float, high: float, low: float) -> bool:
    """Tell whether something waits on both sides of the open within the bar, so that their order matters."""
    above = False
    below = False
    for k in range(venue.clock.n_orders):
        order = venue.orders[k]
        if order.symbol != symbol or not is_armed(order):
            continue
        if order.type == OrderType.TRAILING:
            # One extreme moves the trigger, the other meets it: both sides at once when it gets that far.
            extreme = high if order.side == Side.SELL else low
            level = trail_level(order, extreme)
            reached = low <= level if order.side == Side.SELL else high >= level
            already = low <= order.trigger_price if order.side == Side.SELL else high >= order.trigger_price
            if reached and not already:
                return True
        level = order_level(order)
        if order_waits_below(order):
            below = below or low <= level < open_
        else:
            above = above or open_ < level <= high
    for k in range(venue.clock.n_watches):
        watch = venue.watches[k]
        if watch.symbol == symbol and not watch.is_passed:
            if watch.side == Side.BUY:
                below = below or low <= watch.price < open_
            else:
                above = above or open_ < watch.price <= high
    return above and below

"""
Which bars no waiting order or watch can meet, so that nobody need walk their path.

The nearest levels on each side of every symbol are gathered once after the tables have changed, and each bar is
held against them: its cost does not grow with the number of orders.
"""

from __future__ import annotations

from math import inf

from ballast.kernel.triggers import is_armed, order_level, order_waits_below
from ballast.kernel.venue import Reach, SymbolMarket, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import OrderType, Side
from ballast.model.market import Frame


@compiled(inline=True)
def waits_for_prices(venue: Venue) -> bool:
    """Tell whether all that waits at the venue waits for a price alone; :func:`is_beyond_reach` may then be asked."""
    clock = venue.clock
    if clock.n_orders + clock.n_watches == 0:
        return True
    if clock.reach == Reach.UNKNOWN:
        _gather(venue)
    return bool(clock.reach == Reach.PRICES)


@compiled
def is_beyond_reach(venue: Venue, row: Frame) -> bool:
    """Tell whether all that waits for a price waits beyond a frame's ranges; a symbol without a bar has none."""
    for symbol in range(venue.clock.n_symbols):
        market = venue.markets[symbol]
        if row.low[symbol] <= market.reach_below or row.high[symbol] >= market.reach_above:
            return False
    return True


@compiled
def _gather(venue: Venue) -> None:
    """Note the nearest levels, or that something waits for another cause."""
    clock = venue.clock
    for symbol in range(clock.n_symbols):
        market = venue.markets[symbol]
        market.reach_below = -inf
        market.reach_above = inf
    clock.reach = Reach.MORE
    for k in range(clock.n_orders):
        order = venue.orders[k]
        # A trailing stop's level moves with every bar.
        if not is_armed(order) or order.type == OrderType.TRAILING:
            return
        if order.expiry_ns != 0 or order.cancel_ns != 0 or order.amend_ns != 0:
            return
        _reach_for(venue.markets[order.symbol], order_level(order), order_waits_below(order))
    for k in range(clock.n_watches):
        watch = venue.watches[k]
        if watch.is_passed:
            return
        _reach_for(venue.markets[watch.symbol], watch.price, watch.side == Side.BUY)
    clock.reach = Reach.PRICES


@compiled
def _reach_for(market: SymbolMarket, level: float, waits_below: bool) -> None:
    if waits_below:
        market.reach_below = max(market.reach_below, level)
    else:
        market.reach_above = min(market.reach_above, level)

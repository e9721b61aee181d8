"""
When a waiting order or watch is met by the price.

Every armed thing waits at one level, above or below the price. A limit buy, a sell stop and a BUY watch
wait below; their mirrors wait above. Stops and watches are met by touch; limits by touch or only when the
price goes strictly through, as ``limit_fill`` says.
"""

from __future__ import annotations

from ballast.kernel.venue import Order, OrderStatus
from ballast.model.compiled import compiled
from ballast.model.enums import LimitFill, OrderType, Side

NEVER = 2.0
"""A fraction beyond every segment."""


@compiled(inline=True)
def is_armed(order: Order) -> bool:
    """Tell whether the order has reached the venue and waits for a price (a market order's rest waits for volume)."""
    return order.status == OrderStatus.RESTING and order.type != OrderType.MARKET


@compiled(inline=True)
def order_level(order: Order) -> float:
    """Return the price an armed order waits for: a limit's own price, a stop's trigger."""
    return order.price if order.type == OrderType.LIMIT else order.trigger_price


@compiled(inline=True)
def order_waits_below(order: Order) -> bool:
    """Tell whether a falling price meets the order."""
    return (order.side == Side.BUY) == (order.type == OrderType.LIMIT)


@compiled
def is_met(order: Order, price: float, limit_fill: int) -> bool:
    """Tell whether ``price`` meets an armed order: at the open, where it may have jumped past the level."""
    level = order_level(order)
    if order.type == OrderType.LIMIT and limit_fill == LimitFill.THROUGH:
        return price < level if order_waits_below(order) else price > level
    return price <= level if order_waits_below(order) else price >= level


@compiled
def crossing(start: float, end: float, level: float, waits_below: bool, strictly: bool) -> float:
    """
    Return how far along a straight move from ``start`` to ``end`` the level is met, in [0, 1], or ``NEVER``.

    ``strictly`` asks the move to go beyond the level; the meeting point is the level itself either way.
    """
    if waits_below:
        if not (end < start and level <= start) or (level <= end if strictly else level < end):
            return NEVER
    elif not (end > start and level >= start) or (level >= end if strictly else level > end):
        return NEVER
    return (level - start) / (end - start)


@compiled
def trail_level(order: Order, extreme_price: float) -> float:
    """Return a trailing stop's trigger when the price's extreme was ``extreme_price``."""
    distance = order.trail_distance + extreme_price * order.trail_fraction
    return extreme_price - distance if order.side == Side.SELL else extreme_price + distance


@compiled
def follow(order: Order, price: float) -> None:
    """Let a trailing stop follow ``price``; it only ever tightens."""
    if order.side == Side.SELL:
        order.extreme_price = max(order.extreme_price, price)
    else:
        order.extreme_price = min(order.extreme_price, price)
    order.trigger_price = trail_level(order, order.extreme_price)

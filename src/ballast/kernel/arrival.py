"""What happens to orders at one instant: arrivals, changes, expiries, gaps at the open."""

from __future__ import annotations

from math import inf

from ballast.kernel.book import drop, remove
from ballast.kernel.fills import fill, match_clients, taker_price
from ballast.kernel.orders import amend, mark_late_level
from ballast.kernel.triggers import follow, is_met
from ballast.kernel.venue import Order, OrderStatus, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import EventKind, OrderType, Reason, Side, TimeInForce


@compiled
def settle_orders(venue: Venue, is_open: bool) -> None:
    """
    Do everything that is due for orders now, in order of submission.

    ``is_open``: the price may have jumped since orders came to rest, so resting ones are tested too.
    Inside a bar resting orders are met by the walk itself, never here.
    """
    k = 0
    while k < venue.clock.n_orders:
        if not _settle(venue, k, is_open):
            k += 1


@compiled
def _settle(venue: Venue, k: int, is_open: bool) -> bool:
    """Settle one order; True when it has left the table."""
    order = venue.orders[k]
    now_ns = venue.clock.now_ns
    if order.cancel_ns != 0 and order.cancel_ns <= now_ns:
        drop(venue, k, EventKind.CANCELLED, Reason.CANCELLED_BY_STRATEGY)
        return True
    if order.expiry_ns != 0 and order.expiry_ns < now_ns:
        drop(venue, k, EventKind.EXPIRED, Reason.EXPIRED)
        return True
    if order.amend_ns != 0 and order.amend_ns <= now_ns:
        amend(order)
        order.status = OrderStatus.PENDING if order.status == OrderStatus.PENDING else OrderStatus.RESTING
    if not _has_prices(venue, order):
        if order.expiry_ns == now_ns:
            drop(venue, k, EventKind.EXPIRED, Reason.NO_PRICE)
            return True
        return False
    if order.status == OrderStatus.PENDING:
        return order.active_ns <= now_ns and _arrive(venue, k, is_open)
    if is_open and (order.type == OrderType.MARKET or is_met(order, venue.markets[order.symbol].price, venue.execution.limit_fill)):
        return meet(venue, k, venue.markets[order.symbol].price)
    return False


@compiled
def _has_prices(venue: Venue, order: Order) -> bool:
    if not venue.markets[order.symbol].has_bar:
        return False
    return order.needs_symbol < 0 or venue.markets[order.needs_symbol].has_bar


@compiled
def _arrive(venue: Venue, k: int, is_open: bool) -> bool:
    """Let a pending order reach the venue; True when it has left the table."""
    order = venue.orders[k]
    market = venue.markets[order.symbol]
    price = market.price
    order.status = OrderStatus.RESTING
    if order.type == OrderType.MARKET:
        return _take(venue, k)
    if order.type == OrderType.TRAILING:
        order.extreme_price = price
        follow(order, price)
        return False
    if order.type != OrderType.LIMIT:
        if is_met(order, price, venue.execution.limit_fill):
            return meet(venue, k, price)
        mark_late(venue, order, is_open)
        return False
    # An order that was in the book before an open is judged against the price it was sent into.
    reference = market.last_price if is_open and market.last_price > 0.0 else price
    is_marketable = order.price >= reference if order.side == Side.BUY else order.price <= reference
    if is_marketable and order.post_only:
        drop(venue, k, EventKind.REJECTED, Reason.WOULD_CROSS)
        return True
    is_reached = price <= order.price if order.side == Side.BUY else price >= order.price
    if is_marketable and is_reached:
        return _take(venue, k)
    if is_reached and is_met(order, price, venue.execution.limit_fill):
        return meet(venue, k, price)
    if order.time_in_force != TimeInForce.GTC:
        drop(venue, k, EventKind.CANCELLED, Reason.IMMEDIATE_UNFILLED)
        return True
    mark_late(venue, order, is_open)
    return False


@compiled
def mark_late(venue: Venue, order: Order, is_open: bool) -> None:
    """Count an order that came to rest after the open as depending on the path, if its level is in the bar."""
    if not is_open:
        mark_late_level(venue, order)


@compiled
def _take(venue: Venue, k: int) -> bool:
    """Take liquidity now: other clients' resting orders first, then the market."""
    order = venue.orders[k]
    price = taker_price(venue, order, venue.markets[order.symbol].price)
    if venue.accounts.shape[0] > 1 and order.time_in_force != TimeInForce.FOK:
        k = match_clients(venue, k, price)
        if k < 0:
            return True
    return fill(venue, k, price, False)


@compiled
def meet(venue: Venue, k: int, price: float) -> bool:
    """
    The price meets order ``k``: trigger it or fill it; True when it has left the table.

    A limit fills at the better of its own price and ``price`` (they differ after a gap). A stop becomes
    a market order, a stop-limit a limit order, at ``price``.
    """
    order = venue.orders[k]
    if order.type == OrderType.LIMIT:
        paid = min(order.price, price) if order.side == Side.BUY else max(order.price, price)
        return fill(venue, k, paid, True)
    if order.type == OrderType.STOP_LIMIT:
        order.type = OrderType.LIMIT
        is_marketable = price <= order.price if order.side == Side.BUY else price >= order.price
        return is_marketable and _take(venue, k)
    order.type = OrderType.MARKET
    order.trigger_price = inf
    return _take(venue, k)


@compiled
def cancel_all(venue: Venue, account: int) -> None:
    """Take every order of ``account`` out of the table at once, silently: for shutting a client out."""
    k = 0
    while k < venue.clock.n_orders:
        if venue.orders[k].account == account:
            remove(venue, k)
        else:
            k += 1

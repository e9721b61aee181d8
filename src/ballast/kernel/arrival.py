"""What happens to orders at one instant: arrivals, changes, expiries, gaps at the open."""

from __future__ import annotations

from math import inf

from ballast.kernel.book import drop
from ballast.kernel.fills import base_qty, best_counterparty, fill, match_clients, refusal_kind, taker_price
from ballast.kernel.margin_account import is_margin, margin_fault
from ballast.kernel.orders import amend, mark_late_level
from ballast.kernel.queue import join_queue, quoted_price
from ballast.kernel.triggers import follow, is_met
from ballast.kernel.venue import LAST_POINT, Order, OrderStatus, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import EventKind, OrderType, QtyUnit, Reason, Side, TimeInForce


@compiled
def settle_orders(venue: Venue, is_open: bool) -> None:
    """
    Do everything that is due for orders now, in order of submission.

    ``is_open``: the price may have jumped since orders came to rest, so resting ones are tested too.
    Inside a bar resting orders are met by the walk itself, never here.
    """
    clock, k = venue.clock, 0
    while k < clock.n_orders:
        order_id = venue.orders[k].id
        _settle(venue, k, is_open)
        k = row_behind(venue, k, order_id)


@compiled(inline=True)
def row_behind(venue: Venue, k: int, order_id: int) -> int:
    """
    Return where to go on after order ``order_id``, which stood in row ``k``.

    It may have left, and so may others that met it, before it and behind it. Rows are in order of their ids.
    """
    k = min(k, venue.clock.n_orders)
    while k > 0 and venue.orders[k - 1].id > order_id:
        k -= 1
    while k < venue.clock.n_orders and venue.orders[k].id <= order_id:
        k += 1
    return k


@compiled
def _settle(venue: Venue, k: int, is_open: bool) -> None:
    """Settle one order, which may leave the table."""
    order = venue.orders[k]
    now_ns = venue.clock.now_ns
    if order.cancel_ns != 0 and order.cancel_ns <= now_ns:
        drop(venue, k, EventKind.CANCELLED, Reason.CANCELLED_BY_STRATEGY)
        return
    if order.expiry_ns != 0 and order.expiry_ns < now_ns:
        drop(venue, k, EventKind.EXPIRED, Reason.EXPIRED)
        return
    if order.amend_ns != 0 and order.amend_ns <= now_ns:
        held_margin, has_grown = order.holds_margin, order.amend_qty > order.qty
        amend(venue, order)
        if venue.quotes.shape[0] > 0 and has_grown and order.type == OrderType.LIMIT:
            join_queue(venue, order)
        if held_margin and order.status == OrderStatus.RESTING and not _set_margin_aside(venue, k):
            return
    if not has_prices(venue, order):
        if order.expiry_ns == now_ns and not is_close(venue):
            drop(venue, k, EventKind.EXPIRED, Reason.NO_PRICE)
    elif order.status == OrderStatus.PENDING:
        # The last trade of a bar came before its close: who arrives at the close meets the next open.
        is_early = order.active_ns == now_ns and order.placed_instant < venue.clock.instant and is_close(venue)
        if order.active_ns <= now_ns and not is_early:
            _arrive(venue, k, is_open)
    elif is_open:
        _meet_open(venue, k)


@compiled
def _meet_open(venue: Venue, k: int) -> None:
    """Test a resting order at the open, where the price may have jumped past it."""
    order = venue.orders[k]
    market = venue.markets[order.symbol]
    if order.type == OrderType.MARKET:
        take(venue, k)
    elif is_met(order, market.price, venue.execution.limit_fill):
        # What participation left of a limit that the price had passed was no gap: it goes on taking.
        if order.type == OrderType.LIMIT and order.has_filled and _is_inside(order, market.last_price):
            take(venue, k)
        else:
            meet(venue, k, market.price, True)


@compiled
def _is_inside(order: Order, price: float) -> bool:
    """Tell whether a limit order accepts ``price``; NaN is never accepted."""
    return price <= order.price if order.side == Side.BUY else price >= order.price


@compiled
def is_close(venue: Venue) -> bool:
    """Tell whether the clock stands at a bar's close, where the next bar's open of the same time is still to come."""
    return venue.clock.is_at_point and venue.clock.point == LAST_POINT


@compiled
def has_prices(venue: Venue, order: Order) -> bool:
    """Tell whether the order's symbol, and the one that it needs, have a bar now."""
    if not venue.markets[order.symbol].has_bar:
        return False
    return order.needs_symbol < 0 or venue.markets[order.needs_symbol].has_bar


@compiled
def _arrive(venue: Venue, k: int, is_open: bool) -> None:
    """Let a pending order reach the venue."""
    order = venue.orders[k]
    market = venue.markets[order.symbol]
    price = market.price
    order.status = OrderStatus.RESTING
    if order.type == OrderType.MARKET:
        take(venue, k)
    elif order.type == OrderType.TRAILING:
        order.extreme_price = price
        follow(order, price)
    elif order.type == OrderType.LIMIT:
        # A limit that was in the book before an open is judged against the price it was sent into.
        was_waiting = is_open and order.placed_instant < venue.clock.instant and order.time_in_force == TimeInForce.GTC
        reference = market.last_price if was_waiting and market.last_price > 0.0 else price
        if venue.quotes.shape[0] > 0:
            reference = quoted_price(venue, order.symbol, order.side)
        _enter_book(venue, k, reference, is_open)
    elif is_met(order, price, venue.execution.limit_fill):
        meet(venue, k, quoted_price(venue, order.symbol, order.side), is_open)
    elif venue.quotes.shape[0] == 0:
        mark_late(venue, order, is_open)


@compiled
def _enter_book(venue: Venue, k: int, reference: float, is_open: bool) -> None:
    """
    Let a limit order take, or come to rest.

    It is marketable when it accepts ``reference``, the price that its sender saw.
    """
    order = venue.orders[k]
    price = quoted_price(venue, order.symbol, order.side)
    is_marketable = _is_inside(order, reference)
    if order.post_only and (is_marketable or best_counterparty(venue, k, order.price) >= 0):
        drop(venue, k, EventKind.REJECTED, Reason.WOULD_CROSS)
        return
    is_taker = is_marketable and _is_inside(order, price)
    has_met_market = is_taker or is_met(order, price, venue.execution.limit_fill)
    if is_taker:
        k = take(venue, k)
    elif has_met_market and _meet_limit(venue, k, price):
        return
    # What the market has left of it meets whoever rests between there and its own limit.
    if k >= 0 and venue.orders[k].time_in_force != TimeInForce.FOK and venue.accounts.shape[0] > 1:
        k = match_clients(venue, k, venue.orders[k].price)
    if k < 0:
        return
    order = venue.orders[k]
    if order.time_in_force != TimeInForce.GTC:
        drop(venue, k, EventKind.CANCELLED, Reason.IMMEDIATE_UNFILLED)
        return
    if is_margin(venue, order.account) and not _set_margin_aside(venue, k):
        return
    if has_met_market:
        return
    if venue.quotes.shape[0] > 0:
        join_queue(venue, venue.orders[k])
    else:
        mark_late(venue, venue.orders[k], is_open)


@compiled(needs="tiers")
def _set_margin_aside(venue: Venue, k: int) -> bool:
    """
    Charge a limit order that comes to rest for what it would open; False when it had to leave the table.

    Its quantity becomes base units here, so that what it holds stays what it is until it fills.
    """
    order = venue.orders[k]
    if order.reduce_only:
        return True
    order.qty = base_qty(venue, order, order.price, venue.accounts[order.account].maker_fee_rate)
    order.qty_unit = QtyUnit.BASE
    fault = margin_fault(venue, order, order.qty, order.price)
    if fault != Reason.NONE:
        drop(venue, k, refusal_kind(venue, order), fault)
        return False
    order.holds_margin = True
    return True


@compiled
def mark_late(venue: Venue, order: Order, is_open: bool) -> None:
    """Count an order that came to rest after the open as depending on the path, if its level is in the bar."""
    if not is_open:
        mark_late_level(venue, order)


@compiled
def take(venue: Venue, k: int) -> int:
    """
    Take liquidity now: other clients' resting orders first, then the market.

    Returns the order's index afterwards, or -1 when it has left the table.
    """
    order = venue.orders[k]
    price = taker_price(venue, order, quoted_price(venue, order.symbol, order.side))
    if venue.quotes.shape[0] > 0 and not price > 0.0:
        # That side of the book is empty: who may wait waits for the next tick.
        if order.time_in_force == TimeInForce.GTC:
            return k
        drop(venue, k, EventKind.CANCELLED, Reason.IMMEDIATE_UNFILLED)
        return -1
    if venue.accounts.shape[0] > 1 and order.time_in_force != TimeInForce.FOK:
        k = match_clients(venue, k, price)
        if k < 0:
            return -1
    return -1 if fill(venue, k, price, False) else k


@compiled
def meet(venue: Venue, k: int, price: float, is_open: bool) -> None:
    """
    Trigger or fill order ``k``, which the price meets.

    A limit fills at the better of its own price and ``price`` (they differ after a gap). A stop becomes
    a market order, a stop-limit a limit order, at ``price``.
    """
    order = venue.orders[k]
    if order.type == OrderType.LIMIT:
        _meet_limit(venue, k, price)
    elif order.type == OrderType.STOP_LIMIT:
        order.type = OrderType.LIMIT
        _enter_book(venue, k, price, is_open)
    else:
        order.type = OrderType.MARKET
        order.trigger_price = inf
        take(venue, k)


@compiled
def _meet_limit(venue: Venue, k: int, price: float) -> bool:
    """Fill a resting limit at the better of its own price and ``price``; True when it has left the table."""
    order = venue.orders[k]
    paid = min(order.price, price) if order.side == Side.BUY else max(order.price, price)
    return fill(venue, k, paid, True)

"""The venue's table of live orders: kept in order of arrival, so that an index is a time priority."""

from __future__ import annotations

from ballast.kernel.venue import Order, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import Side
from ballast.model.instrument import quote_rate


@compiled(inline=True)
def is_quiet(venue: Venue) -> bool:
    """Tell whether nothing waits at the venue, and every event has been heard."""
    clock = venue.clock
    return bool(clock.n_orders + clock.n_watches + clock.n_timers == 0 and clock.events_read == clock.events_written)


@compiled
def emit(
    venue: Venue,
    order: Order,
    kind: int,
    reason: int,
    qty: float,
    price: float,
    fee: float,
    slippage: float,
    is_maker: bool,
) -> None:
    """Append one event about ``order`` to the queue."""
    clock = venue.clock
    if clock.events_read == clock.events_written:
        clock.events_read = 0
        clock.events_written = 0
    if clock.events_written == venue.events.shape[0]:
        _make_room(venue)
    event = venue.events[clock.events_written]
    clock.events_written += 1
    event.kind = kind
    event.time_ns = clock.now_ns
    event.frame = clock.frame
    event.order_id = order.id
    event.account = order.account
    event.symbol = order.symbol
    event.position_side = order.position_side
    event.side = order.side
    event.qty = qty
    event.price = price
    event.fee = fee
    event.slippage = slippage
    event.role = order.role
    event.level = order.level
    event.cycle = order.cycle
    event.reason = reason
    event.order_reason = order.reason
    event.next_qty = order.next_qty
    event.is_maker = is_maker
    event.quote_rate = quote_rate(venue, order.symbol)


@compiled
def _make_room(venue: Venue) -> None:
    """Forget the events that were read; when none was, the run is over and the last one gives way."""
    clock = venue.clock
    n_unread = clock.events_written - clock.events_read
    for i in range(n_unread):
        venue.events[i] = venue.events[clock.events_read + i]
    clock.events_read = 0
    clock.events_written = n_unread
    if n_unread == venue.events.shape[0]:
        clock.is_overrun = True
        clock.events_written -= 1


@compiled
def remove(venue: Venue, k: int) -> None:
    """Take order ``k`` out of the table; later ones move up by one."""
    clock = venue.clock
    for i in range(k, clock.n_orders - 1):
        venue.orders[i] = venue.orders[i + 1]
    clock.n_orders -= 1


@compiled
def drop(venue: Venue, k: int, kind: int, reason: int) -> None:
    """Take order ``k`` out unfilled and say why."""
    order = venue.orders[k]
    emit(venue, order, kind, reason, order.qty, 0.0, 0.0, 0.0, False)
    remove(venue, k)


@compiled
def engine_order(venue: Venue, account: int, symbol: int, position_side: int, role: int) -> Order:
    """Return an order of nobody's, in the table's spare row, for events about what the venue does by itself."""
    order = venue.orders[venue.orders.shape[0] - 1]
    order.id = 0
    order.account = account
    order.symbol = symbol
    order.position_side = position_side
    order.side = Side.BUY
    order.role = role
    order.level = 0
    order.cycle = 0
    order.reason = 0
    order.next_qty = 0.0
    return order

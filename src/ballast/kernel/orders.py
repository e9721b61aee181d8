"""Requests reach the venue: place, amend, cancel, watch, timer."""

from __future__ import annotations

from math import nan

from ballast.kernel.book import emit
from ballast.kernel.triggers import is_armed, order_level
from ballast.kernel.venue import Order, OrderStatus, Phase, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import EventKind, IntentKind, OrderType, QtyUnit, Reason, Side, TriggerSource
from ballast.model.intents import ANY, Intent
from ballast.model.units import floor_to_step, is_below, is_price, round_to_tick


@compiled
def submit(venue: Venue, account: int, intent: Intent) -> None:
    """Hand one approved intent to the venue. What it refuses comes back as a REJECTED event."""
    if intent.kind == IntentKind.PLACE:
        _place(venue, account, intent)
    elif intent.kind == IntentKind.CANCEL or intent.kind == IntentKind.AMEND:
        _request_change(venue, account, intent)
    elif intent.kind == IntentKind.WATCH:
        _watch(venue, intent)
    elif intent.kind == IntentKind.TIMER:
        timer = venue.timers[venue.clock.n_timers]
        timer.wake_ns = max(intent.expiry_ns, venue.clock.now_ns)
        timer.role = intent.role
        timer.reason = intent.reason
        venue.clock.n_timers += 1


@compiled
def refuse(venue: Venue, account: int, intent: Intent, reason: int) -> None:
    """Answer an intent with a REJECTED event."""
    order = venue.orders[venue.orders.shape[0] - 1]
    _copy(order, account, intent)
    order.id = 0
    emit(venue, order, EventKind.REJECTED, reason, intent.qty, 0.0, 0.0, 0.0, False)


@compiled
def _place(venue: Venue, account: int, intent: Intent) -> None:
    clock = venue.clock
    reason = _fault(venue, intent)
    if reason == Reason.NONE and clock.n_orders >= venue.orders.shape[0] - 1:
        reason = Reason.ORDER_TABLE_FULL
    if reason != Reason.NONE:
        refuse(venue, account, intent, reason)
        return
    order = venue.orders[clock.n_orders]
    clock.n_orders += 1
    _copy(order, account, intent)
    instrument = venue.instruments[intent.symbol]
    if order.qty_unit == QtyUnit.BASE:
        order.qty = floor_to_step(order.qty, instrument.lot_units, instrument.lot_scale)
    # The tick that never pays more than was asked: down for a buy, up for a sell.
    order.price = round_to_tick(order.price, instrument.tick_units, instrument.tick_scale, order.side == Side.SELL)
    order.id = clock.next_order_id
    clock.next_order_id += 1
    order.status = OrderStatus.PENDING
    order.active_ns = clock.now_ns + venue.execution.latency_ns


@compiled
def _fault(venue: Venue, intent: Intent) -> int:
    """Return what is wrong with a request on its face, or NONE."""
    instrument = venue.instruments[intent.symbol]
    if not intent.qty > 0.0:
        return Reason.INVALID_QTY
    needs_price = intent.type == OrderType.LIMIT or intent.type == OrderType.STOP_LIMIT
    needs_trigger = intent.type == OrderType.STOP or intent.type == OrderType.STOP_LIMIT
    if (needs_price and not is_price(intent.price)) or (needs_trigger and not is_price(intent.trigger_price)):
        return Reason.INVALID_PRICE
    if intent.type == OrderType.TRAILING and not (intent.trail_distance > 0.0 or 0.0 < intent.trail_fraction < 1.0):
        return Reason.INVALID_PRICE
    if intent.trigger_source == TriggerSource.MARK:
        return Reason.MARK_PRICE_UNAVAILABLE
    if intent.qty_unit == QtyUnit.BASE:
        if floor_to_step(intent.qty, instrument.lot_units, instrument.lot_scale) < max(instrument.min_qty, 1e-300):
            return Reason.BELOW_LOT
        if intent.qty > instrument.max_qty:
            return Reason.ABOVE_MAXIMUM_QTY
        if needs_price and is_below(intent.qty * intent.price, max(intent.min_notional, instrument.min_notional)):
            return Reason.BELOW_MINIMUM_NOTIONAL
    return Reason.NONE


@compiled
def _copy(order: Order, account: int, intent: Intent) -> None:
    order.account = account
    order.symbol = intent.symbol
    order.position_side = intent.position_side
    order.side = intent.side
    order.type = intent.type
    order.time_in_force = intent.time_in_force
    order.qty_unit = intent.qty_unit
    order.qty = intent.qty
    order.price = intent.price
    order.trigger_price = intent.trigger_price
    order.trail_distance = intent.trail_distance
    order.trail_fraction = intent.trail_fraction
    order.extreme_price = nan
    order.min_notional = intent.min_notional
    order.next_qty = intent.next_qty
    order.expiry_ns = intent.expiry_ns
    order.needs_symbol = intent.needs_symbol
    order.role = intent.role
    order.level = intent.level
    order.cycle = intent.cycle
    order.reason = intent.reason
    order.reduce_only = intent.reduce_only
    order.post_only = intent.post_only
    order.cancel_ns = 0
    order.amend_ns = 0


@compiled
def _matches(order: Order, account: int, intent: Intent) -> bool:
    """Tell whether a CANCEL or AMEND means this order."""
    return (
        order.account == account
        and order.symbol == intent.symbol
        and order.position_side == intent.position_side
        and (intent.role == ANY or order.role == intent.role)
        and (intent.level == ANY or order.level == intent.level)
    )


@compiled
def _request_change(venue: Venue, account: int, intent: Intent) -> None:
    """Send a cancel or an amendment after the orders it means; it arrives one latency later."""
    arrival_ns = venue.clock.now_ns + venue.execution.latency_ns
    found = False
    for k in range(venue.clock.n_orders):
        order = venue.orders[k]
        if not _matches(order, account, intent):
            continue
        found = True
        if intent.kind == IntentKind.CANCEL:
            order.cancel_ns = arrival_ns
        else:
            order.amend_ns = arrival_ns
            order.amend_qty = intent.qty
            order.amend_price = intent.price
            order.amend_trigger_price = intent.trigger_price
    if not found and intent.kind == IntentKind.AMEND:
        refuse(venue, account, intent, Reason.UNKNOWN_ORDER)


@compiled
def amend(order: Order) -> None:
    """Apply a requested amendment: a quantity > 0 replaces what is left, a price replaces its like; NaN leaves it."""
    if order.amend_qty > 0.0:
        order.qty = order.amend_qty
    if is_price(order.amend_price):
        order.price = order.amend_price
    if is_price(order.amend_trigger_price):
        order.trigger_price = order.amend_trigger_price
    order.amend_ns = 0


@compiled
def _watch(venue: Venue, intent: Intent) -> None:
    """Arm a watch, in place of the one with the same symbol, position side and role."""
    clock = venue.clock
    k = clock.n_watches
    for i in range(clock.n_watches):
        other = venue.watches[i]
        if (
            other.symbol == intent.symbol
            and other.position_side == intent.position_side
            and other.role == intent.role
        ):
            k = i
            break
    if k == clock.n_watches:
        clock.n_watches += 1
    instrument = venue.instruments[intent.symbol]
    market = venue.markets[intent.symbol]
    watch = venue.watches[k]
    watch.symbol = intent.symbol
    watch.position_side = intent.position_side
    watch.side = intent.side
    watch.role = intent.role
    watch.reason = intent.reason
    # The tick beyond: the first tick at or through the price on the way there.
    watch.price = round_to_tick(
        intent.trigger_price, instrument.tick_units, instrument.tick_scale, intent.side == Side.SELL
    )
    is_inside_bar = clock.phase != Phase.CLOSED and clock.phase != Phase.BETWEEN and market.has_bar
    price = market.price if is_inside_bar else market.last_price
    watch.placed_instant = clock.instant
    watch.is_passed = price <= watch.price if intent.side == Side.BUY else price >= watch.price


@compiled
def mark_late_level(venue: Venue, order: Order) -> None:
    """Note that an order placed inside a bar waits within that bar's range: whether it fills depends on the path."""
    market = venue.markets[order.symbol]
    if not is_armed(order):
        return
    level = order_level(order)
    low = min(market.path_1, market.path_2)
    high = max(market.path_1, market.path_2)
    if low <= level <= high:
        market.is_ambiguous = True

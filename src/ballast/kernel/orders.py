"""Requests reach the venue: place, amend, cancel, watch, timer."""

from __future__ import annotations

from math import isfinite, nan

from ballast.kernel.book import emit
from ballast.kernel.margin_account import is_margin
from ballast.kernel.triggers import is_armed, order_level
from ballast.kernel.venue import Order, OrderStatus, Phase, Reach, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import (
    AccountKind,
    EngineRole,
    EventKind,
    IntentKind,
    OrderType,
    PositionMode,
    PositionSide,
    QtyUnit,
    Reason,
    Side,
    TimeInForce,
    TriggerSource,
)
from ballast.model.instrument import Instrument
from ballast.model.intents import ANY, Intent
from ballast.model.units import floor_to_step, is_below, is_price, round_to_tick


@compiled
def submit(venue: Venue, account: int, intent: Intent) -> None:
    """Hand one approved intent to the venue. What it refuses comes back as a REJECTED event."""
    venue.clock.reach = Reach.UNKNOWN
    if not 0 <= intent.symbol < venue.clock.n_symbols:
        refuse(venue, account, intent, Reason.UNKNOWN_SYMBOL)
    elif intent.kind == IntentKind.PLACE:
        _place(venue, account, intent)
    elif intent.kind == IntentKind.CANCEL or intent.kind == IntentKind.AMEND:
        _request_change(venue, account, intent)
    elif intent.kind == IntentKind.WATCH:
        _watch(venue, account, intent)
    elif intent.kind == IntentKind.TIMER:
        _timer(venue, account, intent)
    else:
        refuse(venue, account, intent, Reason.UNSUPPORTED)


@compiled
def refuse(venue: Venue, account: int, intent: Intent, reason: int) -> None:
    """Answer an intent that becomes no order with a REJECTED event, of order 0."""
    _reject(venue, account, intent, reason, 0)


@compiled
def _reject(venue: Venue, account: int, intent: Intent, reason: int, order_id: int) -> None:
    order = venue.orders[venue.orders.shape[0] - 1]
    _copy(order, account, intent)
    order.id = order_id
    emit(venue, order, EventKind.REJECTED, reason, intent.qty, 0.0, 0.0, 0.0, False)


@compiled
def _place(venue: Venue, account: int, intent: Intent) -> None:
    clock = venue.clock
    reason = _fault(venue, account, intent)
    order_id = clock.next_order_id
    clock.next_order_id += 1
    if reason == Reason.NONE and clock.n_orders >= venue.orders.shape[0] - 1:
        reason = Reason.ORDER_TABLE_FULL
    if reason != Reason.NONE:
        _reject(venue, account, intent, reason, order_id)
        return
    order = venue.orders[clock.n_orders]
    clock.n_orders += 1
    _copy(order, account, intent)
    instrument = venue.instruments[intent.symbol]
    if order.qty_unit == QtyUnit.BASE:
        order.qty = floor_to_step(order.qty, instrument.lot_units, instrument.lot_scale)
    order.price = limit_tick(instrument, order.price, order.side)
    order.trigger_price = trigger_tick(instrument, order.trigger_price, order.side)
    order.id = order_id
    order.has_filled = False
    order.holds_margin = False
    order.reduce_only = order.reduce_only or closes_leg(venue, account, intent.position_side, intent.side)
    order.placed_instant = clock.instant
    order.status = OrderStatus.PENDING
    order.active_ns = clock.now_ns + venue.execution.latency_ns


@compiled(inline=True)
def closes_leg(venue: Venue, account: int, position_side: int, side: int) -> bool:
    """Tell whether an order can only reduce because of its leg: selling LONG, buying SHORT, in hedge mode."""
    if not is_margin(venue, account) or venue.accounts[account].position_mode != PositionMode.HEDGE:
        return False
    return bool((position_side == PositionSide.LONG) != (side == Side.BUY))


@compiled
def limit_tick(instrument: Instrument, price: float, side: int) -> float:
    """Return the tick that never pays more than was asked: down for a buy, up for a sell."""
    return round_to_tick(price, instrument.tick_units, instrument.tick_scale, side == Side.SELL)


@compiled
def trigger_tick(instrument: Instrument, price: float, side: int) -> float:
    """Return the tick at which a stop's trigger is reached: up for a buy, down for a sell."""
    return round_to_tick(price, instrument.tick_units, instrument.tick_scale, side == Side.BUY)


@compiled
def _fault(venue: Venue, account: int, intent: Intent) -> int:
    """Return what is wrong with an order on its face, or NONE."""
    if intent.needs_symbol >= venue.clock.n_symbols:
        return Reason.UNKNOWN_SYMBOL
    if not _is_supported(venue.accounts[account].kind, intent):
        return Reason.UNSUPPORTED
    is_hedge = venue.accounts[account].position_mode == PositionMode.HEDGE
    if is_margin(venue, account) and (intent.position_side != PositionSide.NONE) != is_hedge:
        return Reason.WRONG_POSITION_SIDE
    if not (isfinite(intent.qty) and intent.qty > 0.0) or intent.min_notional != intent.min_notional:
        return Reason.INVALID_QTY
    instrument = venue.instruments[intent.symbol]
    needs_price = intent.type == OrderType.LIMIT or intent.type == OrderType.STOP_LIMIT
    needs_trigger = intent.type == OrderType.STOP or intent.type == OrderType.STOP_LIMIT
    if needs_price and not is_price(limit_tick(instrument, intent.price, intent.side)):
        return Reason.INVALID_PRICE
    if needs_trigger and not is_price(trigger_tick(instrument, intent.trigger_price, intent.side)):
        return Reason.INVALID_PRICE
    if intent.type == OrderType.TRAILING and not _can_trail(intent):
        return Reason.INVALID_PRICE
    if intent.trigger_source == TriggerSource.MARK:
        return Reason.MARK_PRICE_UNAVAILABLE
    if intent.qty_unit == QtyUnit.BASE:
        return _qty_fault(instrument, intent.qty, intent.price if needs_price else nan, intent.min_notional)
    return Reason.NONE


@compiled
def _is_supported(account_kind: int, intent: Intent) -> bool:
    """Tell whether the words of an order exist and go together."""
    if intent.side != Side.BUY and intent.side != Side.SELL:
        return False
    if not OrderType.MARKET <= intent.type <= OrderType.TRAILING:
        return False
    if not TimeInForce.GTC <= intent.time_in_force <= TimeInForce.FOK:
        return False
    if not QtyUnit.BASE <= intent.qty_unit <= QtyUnit.POSITION_FRACTION:
        return False
    if not PositionSide.NONE <= intent.position_side <= PositionSide.SHORT:
        return False
    if account_kind == AccountKind.SPOT and intent.position_side == PositionSide.SHORT:
        return False
    can_rest = intent.type == OrderType.LIMIT or intent.type == OrderType.STOP_LIMIT
    return not intent.post_only or (can_rest and intent.time_in_force == TimeInForce.GTC)


@compiled
def _can_trail(intent: Intent) -> bool:
    distance, fraction = intent.trail_distance, intent.trail_fraction
    return isfinite(distance) and distance >= 0.0 and 0.0 <= fraction < 1.0 and distance + fraction > 0.0


@compiled
def _qty_fault(instrument: Instrument, qty: float, price: float, min_notional: float) -> int:
    """Test a base quantity, and its value at ``price`` unless that is NaN."""
    lots = floor_to_step(qty, instrument.lot_units, instrument.lot_scale)
    if not lots > 0.0 or lots < instrument.min_qty:
        return Reason.BELOW_LOT
    if lots > instrument.max_qty:
        return Reason.ABOVE_MAXIMUM_QTY
    return (
        Reason.BELOW_MINIMUM_NOTIONAL
        if is_below(lots * price, max(min_notional, instrument.min_notional))
        else Reason.NONE
    )


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
    order.queue_ahead_qty = 0.0
    order.is_queue_assumed = False


@compiled
def _matches(order: Order, account: int, intent: Intent) -> bool:
    """Tell whether a CANCEL or AMEND means this order; ANY never means one of the engine's own."""
    return (
        order.account == account
        and order.symbol == intent.symbol
        and (intent.position_side == ANY or order.position_side == intent.position_side)
        and (order.role == intent.role or (intent.role == ANY and order.role < EngineRole.BALANCE))
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
            # A second cancel does not hold up the first.
            if order.cancel_ns == 0:
                order.cancel_ns = arrival_ns
            continue
        reason = _amend_fault(venue, order, intent)
        if reason != Reason.NONE:
            refuse(venue, account, intent, reason)
        else:
            order.amend_ns = arrival_ns
            order.placed_instant = venue.clock.instant
            order.amend_qty = intent.qty
            order.amend_price = intent.price
            order.amend_trigger_price = intent.trigger_price
    if not found and intent.kind == IntentKind.AMEND:
        refuse(venue, account, intent, Reason.UNKNOWN_ORDER)


@compiled
def _amend_fault(venue: Venue, order: Order, intent: Intent) -> int:
    instrument = venue.instruments[order.symbol]
    if not (intent.qty != intent.qty or (isfinite(intent.qty) and intent.qty >= 0.0)):
        return Reason.INVALID_QTY
    price = limit_tick(instrument, intent.price, order.side)
    trigger_price = trigger_tick(instrument, intent.trigger_price, order.side)
    if not (price != price or is_price(price)) or not (trigger_price != trigger_price or is_price(trigger_price)):
        return Reason.INVALID_PRICE
    if intent.qty > 0.0 and order.qty_unit == QtyUnit.BASE:
        return _qty_fault(instrument, intent.qty, nan, 0.0)
    return Reason.NONE


@compiled
def amend(venue: Venue, order: Order) -> None:
    """
    Apply a requested amendment: a quantity > 0 replaces what is left, a price replaces its like; NaN leaves it.

    An order at another price arrives anew: it may be marketable there.
    """
    instrument = venue.instruments[order.symbol]
    if order.amend_qty > 0.0:
        order.qty = order.amend_qty
        if order.qty_unit == QtyUnit.BASE:
            order.qty = floor_to_step(order.qty, instrument.lot_units, instrument.lot_scale)
    if order.type != OrderType.MARKET and order.type != OrderType.TRAILING:
        price = limit_tick(instrument, order.amend_price, order.side)
        if is_price(price) and price != order.price:
            order.price = price
            order.status = OrderStatus.PENDING
        if is_price(order.amend_trigger_price):
            order.trigger_price = trigger_tick(instrument, order.amend_trigger_price, order.side)
            order.status = OrderStatus.PENDING
    order.amend_ns = 0
    # At rest it is charged anew.
    order.holds_margin = False


@compiled
def _timer(venue: Venue, account: int, intent: Intent) -> None:
    """Set a timer; one in the past is due at once."""
    clock = venue.clock
    if clock.n_timers >= venue.timers.shape[0]:
        refuse(venue, account, intent, Reason.TIMER_TABLE_FULL)
        return
    timer = venue.timers[clock.n_timers]
    clock.n_timers += 1
    timer.wake_ns = max(intent.expiry_ns, clock.now_ns)
    timer.role = intent.role
    timer.reason = intent.reason


@compiled
def _watch(venue: Venue, account: int, intent: Intent) -> None:
    """Arm a watch, in place of the one with the same symbol, position side and role."""
    clock = venue.clock
    instrument = venue.instruments[intent.symbol]
    # The tick beyond: the first tick at or through the price on the way there.
    price = limit_tick(instrument, intent.trigger_price, intent.side)
    if not is_price(price):
        refuse(venue, account, intent, Reason.INVALID_PRICE)
        return
    if intent.side != Side.BUY and intent.side != Side.SELL:
        refuse(venue, account, intent, Reason.UNSUPPORTED)
        return
    k = clock.n_watches
    for i in range(clock.n_watches):
        other = venue.watches[i]
        if other.symbol == intent.symbol and other.position_side == intent.position_side and other.role == intent.role:
            k = i
            break
    if k == venue.watches.shape[0]:
        refuse(venue, account, intent, Reason.WATCH_TABLE_FULL)
        return
    if k == clock.n_watches:
        clock.n_watches += 1
    market = venue.markets[intent.symbol]
    watch = venue.watches[k]
    watch.symbol = intent.symbol
    watch.position_side = intent.position_side
    watch.side = intent.side
    watch.role = intent.role
    watch.reason = intent.reason
    watch.price = price
    is_inside_bar = clock.phase != Phase.CLOSED and clock.phase != Phase.BETWEEN and market.has_bar
    last = market.price if is_inside_bar else market.last_price
    watch.placed_instant = clock.instant
    watch.is_passed = last <= price if intent.side == Side.BUY else last >= price


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

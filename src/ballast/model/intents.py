"""
What a decision may ask for, and the few ways of writing it down.

An intent is a request; the ladder may refuse it and the venue may not fill it. The writers below fill
one slot of the buffer and return the new count, so that a strategy reads::

    n = place_market(intents, n, symbol, Side.BUY, 500.0, QtyUnit.QUOTE, reason)

Every writer sets every field, so nothing of an earlier decision can leak into a slot.
"""

from __future__ import annotations

from math import nan

from ballast.model.compiled import compiled
from ballast.model.enums import IntentKind, OrderType, PositionSide, QtyUnit, Side, TimeInForce, TriggerSource
from ballast.model.records import Record, record

INTENT_CAPACITY = 1024
ANY = -1
NO_EXPIRY = 0


@record
class Intent:
    """
    One request of a strategy.

    ``expiry_ns`` is inclusive, 0 for none. ``needs_symbol`` names a symbol without whose price the order
    must not fill, -1 for none. ``cycle`` is the strategy's own count of what belongs together; with role
    and level it becomes part of the client order id and is the key by which AMEND and CANCEL find an
    order (``ANY`` matches every value). ``next_qty`` is what this leg's next step would buy once this
    order has filled. ``stop_distance`` is how far from its fill the stop will stand, in price, 0 where there is none or
    nothing is said. For a WATCH, BUY waits for a price at or below ``trigger_price``, SELL for one at or
    above. For a TIMER, ``expiry_ns`` is the time to wake.
    """

    kind: int
    symbol: int
    position_side: int
    side: int
    type: int
    time_in_force: int
    trigger_source: int
    qty_unit: int
    qty: float
    price: float
    trigger_price: float
    trail_distance: float
    trail_fraction: float
    min_notional: float
    next_qty: float
    stop_distance: float
    expiry_ns: int
    needs_symbol: int
    role: int
    level: int
    cycle: int
    reason: int
    reduce_only: bool
    post_only: bool


@compiled
def clear(intent: Intent, kind: int, symbol: int, reason: int) -> None:
    """Reset one slot to an empty request of ``kind``."""
    intent.kind = kind
    intent.symbol = symbol
    intent.position_side = PositionSide.NONE
    intent.side = Side.BUY
    intent.type = OrderType.MARKET
    intent.time_in_force = TimeInForce.GTC
    intent.trigger_source = TriggerSource.LAST
    intent.qty_unit = QtyUnit.BASE
    intent.qty = 0.0
    intent.price = nan
    intent.trigger_price = nan
    intent.trail_distance = 0.0
    intent.trail_fraction = 0.0
    intent.min_notional = 0.0
    intent.next_qty = 0.0
    intent.stop_distance = 0.0
    intent.expiry_ns = NO_EXPIRY
    intent.needs_symbol = ANY
    intent.role = 0
    intent.level = 0
    intent.cycle = 0
    intent.reason = reason
    intent.reduce_only = False
    intent.post_only = False


@compiled
def next_open_ns(view: Record) -> int:
    """
    Return the expiry of an order that a close decides and that fills at the next open or not at all.

    On ticks the next open is the first tick of the next bar, whenever in it that comes.
    """
    wait_ns: int = view.interval_ns - 1 if view.quotes.shape[0] > 0 else 0
    return int(view.time_ns + view.latency_ns + wait_ns)


@compiled
def place_market(intents: Intent, n: int, symbol: int, side: int, qty: float, qty_unit: int, reason: int) -> int:
    """Ask for a market order; return the new count."""
    intent = intents[n]  # type: ignore[index]
    clear(intent, IntentKind.PLACE, symbol, reason)
    intent.side = side
    intent.qty = qty
    intent.qty_unit = qty_unit
    return n + 1


@compiled
def place_limit(intents: Intent, n: int, symbol: int, side: int, qty: float, price: float, reason: int) -> int:
    """Ask for a limit order in base units; return the new count."""
    n = place_market(intents, n, symbol, side, qty, QtyUnit.BASE, reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.type = OrderType.LIMIT
    intent.price = price
    return n


@compiled
def place_stop(intents: Intent, n: int, symbol: int, side: int, qty: float, trigger_price: float, reason: int) -> int:
    """Ask for a stop-market order in base units; return the new count."""
    n = place_market(intents, n, symbol, side, qty, QtyUnit.BASE, reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.type = OrderType.STOP
    intent.trigger_price = trigger_price
    return n


@compiled
def place_trailing(
    intents: Intent, n: int, symbol: int, side: int, qty: float, trail_fraction: float, reason: int
) -> int:
    """Ask for a trailing stop that follows by a fraction of the extreme price; return the new count."""
    n = place_market(intents, n, symbol, side, qty, QtyUnit.BASE, reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.type = OrderType.TRAILING
    intent.trail_fraction = trail_fraction
    return n


@compiled
def cancel(intents: Intent, n: int, symbol: int, role: int, level: int, reason: int) -> int:
    """Ask to cancel this symbol's orders of a role and level (``ANY`` matches all); return the new count."""
    intent = intents[n]  # type: ignore[index]
    clear(intent, IntentKind.CANCEL, symbol, reason)
    intent.role = role
    intent.level = level
    return n + 1


@compiled
def watch(intents: Intent, n: int, symbol: int, side: int, price: float, role: int, reason: int) -> int:
    """Ask to be woken once at ``price`` (BUY: at or below, SELL: at or above); return the new count."""
    intent = intents[n]  # type: ignore[index]
    clear(intent, IntentKind.WATCH, symbol, reason)
    intent.side = side
    intent.trigger_price = price
    intent.role = role
    return n + 1


@compiled
def timer(intents: Intent, n: int, wake_ns: int, role: int, reason: int) -> int:
    """Ask to be woken once at ``wake_ns``; return the new count."""
    intent = intents[n]  # type: ignore[index]
    clear(intent, IntentKind.TIMER, 0, reason)
    intent.expiry_ns = wake_ns
    intent.role = role
    return n + 1


@compiled
def note(intents: Intent, n: int, symbol: int, value: float, level: int, reason: int) -> int:
    """Record a signal or a refusal of the strategy's own; places nothing; return the new count."""
    intent = intents[n]  # type: ignore[index]
    clear(intent, IntentKind.NOTE, symbol, reason)
    intent.qty = value
    intent.level = level
    return n + 1


@compiled
def note_three(
    intents: Intent, n: int, symbol: int, value: float, second: float, third: float, level: int, reason: int
) -> int:
    """Record three numbers that belong together, as ``value``, ``peak`` and ``price`` of one note."""
    n = note(intents, n, symbol, value, level, reason)
    intent = intents[n - 1]  # type: ignore[index]
    intent.next_qty = second
    intent.price = third
    return n


@compiled
def lock_note(
    intents: Intent, n: int, symbol: int, position_side: int, lock: float, peak: float, price: float, reason: int
) -> int:
    """Record that a stop at ``price`` now locks the profit ``lock`` of a position that has had ``peak``."""
    n = note_three(intents, n, symbol, lock, peak, price, 0, reason)
    intents[n - 1].position_side = position_side  # type: ignore[index]
    return n

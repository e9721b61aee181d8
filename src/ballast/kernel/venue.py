"""The simulated venue's state: one record of records, owned by the caller, resumable and hashable as bytes."""

from __future__ import annotations

from enum import IntEnum
from math import inf, nan
from typing import Annotated, Any

import numpy as np

from ballast.model.events import Event
from ballast.model.instrument import Instrument
from ballast.model.market import width_for
from ballast.model.records import ArrayOf, record

TIMER_CAPACITY = 64

LAST_POINT = 3
"""The path point at which a bar closes."""


class Phase(IntEnum):
    """Where in a bar the clock stands."""

    CLOSED = 0  # a frame has closed and its decisions are being taken
    BETWEEN = 1  # between frames
    POINT = 2  # arriving at a path point
    INSTANT = 3  # at a path point or an event inside a segment: whatever is due now
    SEGMENT = 4  # travelling to the next path point


class OrderStatus(IntEnum):
    """Where an order stands at the venue."""

    PENDING = 0  # on its way, or waiting for a price
    RESTING = 1  # on the book, or armed


@record
class Clock:
    """
    Time and counters.

    ``frame`` is the frame being walked, ``closed_frame`` the last one that has closed; ``fraction`` is how
    far the path stands between ``point`` and the next; ``instant`` counts the moments at which something
    can happen; ``woken_*`` tell of the watch or timer that the client is being called for. ``n_calls`` counts
    decisions since frame ``counted_frame`` began; ``is_overrun``: more was asked at one instant than can be answered.
    """

    now_ns: int = 0
    open_ns: int = 0
    interval_ns: int = 0
    frame: int = -1
    closed_frame: int = -1
    phase: int = 1
    point: int = 0
    fraction: float = 0.0
    instant: int = 0
    is_at_point: bool = False
    n_orders: int = 0
    n_watches: int = 0
    n_timers: int = 0
    next_order_id: int = 1
    events_read: int = 0
    events_written: int = 0
    n_calls: int = 0
    counted_frame: int = -1
    is_overrun: bool = False
    n_ambiguous: int = 0
    n_symbols: int = 0
    woken_symbol: int = 0
    woken_position_side: int = 0
    woken_side: int = 0
    woken_role: int = 0
    woken_reason: int = 0
    woken_price: float = nan


@record
class Execution:
    """
    How orders become fills: the ``[execution]`` settings.

    ``participation`` is a fraction of volume, inf for off. ``same_close`` fills orders decided at a close at
    that close: optimistic, because nobody can trade a price that has just been made.
    """

    slippage_rate: float = 0.0
    participation: float = inf
    latency_ns: int = 0
    path_policy: int = 0
    limit_fill: int = 0
    same_close: bool = False


@record
class SymbolMarket:
    """
    One symbol inside the current bar.

    ``price`` is where the path stands, ``last_price`` the last price known before the bar (NaN before the
    first one), ``path_*`` the four points, ``volume_left`` what participation still allows in this bar.
    """

    has_bar: bool
    price: float = nan
    last_price: float = nan
    path_0: float = nan
    path_1: float = nan
    path_2: float = nan
    path_3: float = nan
    volume_left: float = inf
    synced_frame: int = -1
    is_ambiguous: bool = False


@record
class Order:
    """
    One order at the venue; see ``Intent`` for the fields they share.

    ``active_ns`` is when it reaches the venue, ``cancel_ns`` and ``amend_ns`` when such a request does
    (0: none). ``placed_instant`` is when it was sent or last amended, ``extreme_price`` what a trailing stop
    follows, ``has_filled`` whether a part of it has filled.
    """

    id: int
    account: int
    status: int
    symbol: int
    position_side: int
    side: int
    type: int
    time_in_force: int
    qty_unit: int
    qty: float
    price: float
    trigger_price: float
    trail_distance: float
    trail_fraction: float
    extreme_price: float
    min_notional: float
    next_qty: float
    expiry_ns: int
    needs_symbol: int
    role: int
    level: int
    cycle: int
    reason: int
    reduce_only: bool
    post_only: bool
    has_filled: bool
    placed_instant: int
    active_ns: int
    cancel_ns: int
    amend_ns: int
    amend_qty: float
    amend_price: float
    amend_trigger_price: float


@record
class Watch:
    """A one-shot wish to be woken at a price. ``is_passed``: the price was already there when it was made."""

    symbol: int
    position_side: int
    side: int
    role: int
    price: float
    reason: int
    is_passed: bool
    placed_instant: int


@record
class Timer:
    """A one-shot wish to be woken at a time."""

    wake_ns: int
    role: int
    reason: int


@record
class Account:
    """Money of one client. ``fees`` is the sum of all fees paid, ``realised_pnl`` excludes them."""

    kind: int = 0
    cash: float = 0.0
    maker_fee_rate: float = 0.0
    taker_fee_rate: float = 0.0
    fees: float = 0.0
    realised_pnl: float = 0.0
    n_fills: int = 0


@record
class Position:
    """One leg: signed base quantity and volume-weighted entry price (NaN when flat)."""

    qty: float = 0.0
    entry_price: float = nan


@record
class Venue:
    """All of it in one piece of memory: a pointer to compiled code, bytes to a snapshot. ``positions`` is by leg."""

    clock: Clock
    execution: Execution
    markets: Annotated[Any, ArrayOf(SymbolMarket, "symbols")]
    orders: Annotated[Any, ArrayOf(Order, "orders")]
    watches: Annotated[Any, ArrayOf(Watch, "watches")]
    timers: Annotated[Any, ArrayOf(Timer, "timers")]
    events: Annotated[Any, ArrayOf(Event, "events")]
    accounts: Annotated[Any, ArrayOf(Account, "accounts")]
    positions: Annotated[Any, ArrayOf(Position, "positions")]
    instruments: Annotated[Any, ArrayOf(Instrument, "symbols")]


def new_venue(
    n_symbols: int,
    instruments: Any,
    *,
    interval_ns: int,
    n_accounts: int = 1,
    order_capacity: int = 1024,
    watch_capacity: int = 1024,
    width: int | None = None,
) -> Any:
    """
    Return a venue with ``n_accounts`` empty spot accounts and no orders.

    ``width`` is how many symbols its records have room for; the default is the next power of two.
    """
    width = width or width_for(n_symbols)
    venue = Venue.new(  # type: ignore[attr-defined]
        symbols=width,
        orders=order_capacity,
        watches=watch_capacity,
        timers=TIMER_CAPACITY,
        events=2 * order_capacity + 64,
        accounts=n_accounts,
        positions=2 * n_symbols * n_accounts if n_accounts > 1 else 2 * width,
    )
    venue.clock.interval_ns = interval_ns
    venue.clock.n_symbols = n_symbols
    venue.instruments[:n_symbols] = instruments
    return venue


def state_bytes(venue: Any) -> bytes:
    """Return everything that distinguishes two venues, for hashing and comparison."""
    return np.asarray(venue).tobytes()

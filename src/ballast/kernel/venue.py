"""The simulated venue's state: one record of records, owned by the caller, resumable and hashable as bytes."""

from __future__ import annotations

from enum import IntEnum
from math import inf, nan
from typing import Annotated, Any

import numpy as np

from ballast.model.errors import ConfigError
from ballast.model.events import Event
from ballast.model.instrument import Conversion, Instrument, Tier
from ballast.model.market import Quote, width_for
from ballast.model.records import ArrayOf, SymbolFloats, record

TIMER_CAPACITY = 64
GUARD_CAPACITY = 8
"""Every bar asks each of them whether it is armed; the ladder has six."""
MIN_TIER_CAPACITY = 64

LAST_POINT = 3
"""The path point at which a bar closes."""


class Phase(IntEnum):
    """Where in a bar the clock stands."""

    CLOSED = 0  # a frame has closed and its decisions are being taken
    BETWEEN = 1  # between frames
    POINT = 2  # arriving at a path point
    INSTANT = 3  # at a path point or an event inside a segment: whatever is due now
    SEGMENT = 4  # travelling to the next path point
    TICK = 5  # taking the ticks of this time
    WAKE = 6  # after a tick: whom it wakes
    DUE = 7  # all ticks of this time are taken: orders and timers that are due


class Reach(IntEnum):
    """What is known of the causes that waiting orders and watches wait for."""

    UNKNOWN = 0  # the tables have changed
    PRICES = 1  # each waits for a price, and none nearer than ``reach_below`` and ``reach_above``
    MORE = 2  # something waits for time, volume or a moving level


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
    ``next_funding`` is the first stamp not yet paid; ``is_calm``: no margin threshold lies within this frame.
    ``next_tick`` is the first tick not yet taken; ``tells_quotes`` and ``tells_trades``: the client hears of each.
    ``reach`` is a ``Reach``. ``pause_ns`` is where a venue with tiers waits for its host, 0 for nowhere.
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
    woken_qty: float = 0.0
    next_funding: int = 0
    next_tick: int = 0
    is_calm: bool = True
    tells_quotes: bool = False
    tells_trades: bool = False
    pause_ns: int = 0
    reach: int = 0


@record
class Execution:
    """
    How orders become fills: the ``[execution]`` settings.

    ``participation`` is a fraction of volume, inf for off. ``same_close`` fills orders decided at a close at
    that close: optimistic, because nobody can trade a price that has just been made. ``queue_ahead_trades`` is the
    size assumed in front of a resting order where none is shown, in mean trades of its symbol.
    """

    slippage_rate: float = 0.0
    participation: float = inf
    latency_ns: int = 0
    path_policy: int = 0
    limit_fill: int = 0
    same_close: bool = False
    queue_ahead_trades: float = 0.0


@record
class Flow:
    """
    What has been seen of one symbol's trades, on venues that walk ticks.

    ``mean_trade_qty`` is over the last trades (see ``queue.MEMORY_TRADES``); ``has_quotes``: the best prices come from
    quotes, not from trades.
    """

    mean_trade_qty: float = 0.0
    n_trades: int = 0
    has_quotes: bool = False


@record
class SymbolMarket:
    """
    One symbol inside the current bar.

    ``price`` is where the path stands, ``last_price`` the last price known before the bar (NaN before the
    first one), ``path_*`` the four points, ``volume_left`` what participation still allows in this bar.
    ``mark`` and ``mark_*`` are the same of the mark price, kept on venues with margin accounts alone; the
    symbol's tiers are the rows from ``first_tier`` up to ``end_tier`` (exclusive). ``reach_below`` and ``reach_above``
    are the nearest prices at which an order or watch acts, where the clock's ``reach`` says that they are known.
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
    mark: float = nan
    mark_0: float = nan
    mark_1: float = nan
    mark_2: float = nan
    mark_3: float = nan
    first_tier: int = 0
    end_tier: int = 0
    reach_below: float = -inf
    reach_above: float = inf


@record
class Order:
    """
    One order at the venue; see ``Intent`` for the fields they share.

    ``active_ns`` is when it reaches the venue, ``cancel_ns`` and ``amend_ns`` when such a request does
    (0: none). ``placed_instant`` is when it was sent or last amended, ``extreme_price`` what a trailing stop
    follows, ``has_filled`` whether a part of it has filled. ``holds_margin``: it rests, would open, and a
    margin account has set its cost aside. ``queue_ahead_qty`` stands in front of a resting limit, on venues that walk
    ticks; ``is_queue_assumed``: no quote has shown its price yet.
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
    holds_margin: bool
    is_queue_assumed: bool
    queue_ahead_qty: float
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
    """
    Money of one client. ``fees`` is the sum of all fees paid, ``realised_pnl`` excludes them.

    On margin accounts ``cash`` is the wallet balance. ``mm_guard_rate`` wakes the client once when the
    account's maintenance margin rate reaches it (a fraction, 0 for none). ``insurance_loss`` is what the
    insurance fund paid so that the wallet did not end below zero.
    """

    kind: int = 0
    position_mode: int = 0
    margin_model: int = 0
    cash: float = 0.0
    mm_guard_rate: float = 0.0
    funding_paid: float = 0.0
    insurance_loss: float = 0.0
    is_liquidated: bool = False
    maker_fee_rate: float = 0.0
    taker_fee_rate: float = 0.0
    fees: float = 0.0
    realised_pnl: float = 0.0
    n_fills: int = 0


@record
class Position:
    """
    One leg: signed base quantity and volume-weighted entry price (NaN when flat).

    On margin accounts ``leverage`` is the symbol's, the same in both legs, and ``order_*`` is what resting
    orders hold that would open this side: their value, cost and closing fee, and how much of them closes.
    """

    qty: float = 0.0
    entry_price: float = nan
    leverage: float = 1.0
    order_value: float = 0.0
    order_margin: float = 0.0
    order_closing_fee: float = 0.0
    order_netted_qty: float = 0.0


@record
class Guard:
    """
    A threshold of account 0 that is linear in the mark prices: ``offset + sum(weight[s] * mark[s])``.

    While armed it wakes the client once, where the value falls to zero or below (within a tolerance).
    """

    is_armed: bool
    offset: float
    weight: SymbolFloats


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
    tiers: Annotated[Any, ArrayOf(Tier, "tiers")]
    guards: Annotated[Any, ArrayOf(Guard, "guards")]
    quotes: Annotated[Any, ArrayOf(Quote, "quotes")]
    flows: Annotated[Any, ArrayOf(Flow, "quotes")]
    conversions: Annotated[Any, ArrayOf(Conversion, "conversions")]


def new_venue(
    n_symbols: int,
    instruments: Any,
    *,
    interval_ns: int,
    n_accounts: int = 1,
    order_capacity: int = 1024,
    watch_capacity: int = 1024,
    width: int | None = None,
    tiers: Any = None,
    has_ticks: bool = False,
    conversions: Any = None,
) -> Any:
    """
    Return a venue with ``n_accounts`` empty spot accounts and no orders.

    ``width`` is how many symbols its records have room for; the default is the next power of two. Margin
    accounts need ``tiers``, an array of ``Tier`` that covers every symbol; ``conversions``, one ``Conversion`` per
    symbol, say what other currencies are worth to them. ``has_ticks``: frames are walked by their ticks.
    """
    width = width or width_for(n_symbols)
    venue = Venue.new(  # type: ignore[attr-defined]
        symbols=width,
        orders=order_capacity,
        watches=watch_capacity,
        timers=TIMER_CAPACITY,
        events=2 * order_capacity + 64,
        accounts=n_accounts,
        # By width: fewer builds than by the symbols themselves.
        positions=2 * width * n_accounts,
        tiers=0 if tiers is None else tier_capacity(len(tiers)),
        guards=0 if tiers is None else GUARD_CAPACITY,
        quotes=width if has_ticks else 0,
        conversions=0 if conversions is None else width,
    )
    venue.clock.interval_ns = interval_ns
    venue.clock.n_symbols = n_symbols
    venue.instruments[:n_symbols] = instruments
    if conversions is not None:
        venue.conversions[:n_symbols] = conversions
    if tiers is not None:
        venue.tiers[: len(tiers)] = tiers
        ranges = tier_ranges(tiers, n_symbols)
        venue.markets["first_tier"][:n_symbols], venue.markets["end_tier"][:n_symbols] = ranges
    return venue


def tier_capacity(n_tiers: int) -> int:
    """Return the room for a table of tiers: a power of two, so that few builds serve all tables."""
    return max(MIN_TIER_CAPACITY, width_for(n_tiers))


def tier_ranges(tiers: Any, n_symbols: int) -> tuple[Any, Any]:
    """
    Return the first row of each symbol's tiers, and the row after its last.

    Raises ``ConfigError`` for a symbol without tiers, and for a table out of order.
    """
    symbols = np.asarray(tiers["symbol"])
    first = np.searchsorted(symbols, np.arange(n_symbols), "left")
    end = np.searchsorted(symbols, np.arange(n_symbols), "right")
    uppers = np.asarray(tiers["upper_value"])
    if np.any(np.diff(symbols) < 0) or np.any((np.diff(symbols) == 0) & (uppers[1:] <= uppers[:-1])):
        raise ConfigError("tiers: the table is not ascending by symbol and upper_value; sort it")
    if np.any(first == end):
        raise ConfigError(f"tiers: none for symbol {int(np.argmax(first == end))}; a margin account needs them")
    return first, end


def state_bytes(venue: Any) -> bytes:
    """Return everything that distinguishes two venues, for hashing and comparison."""
    return np.asarray(venue).tobytes()

"""
The venue's clock: from one thing that a client must hear about to the next.

``advance`` walks frames and returns a ``Cause`` each time somebody has to decide; whatever they then
submit is part of the same instant. It keeps its place in the ``Clock`` record, so a run can stop at any
cause, be saved, and go on.

Order at equal time: what margin accounts owe (funding, liquidation, guards), everything due for orders, then
their events, watches, timers (inside a bar), the next stretch of path; at the close: bar close, timers,
decisions, and only then the next open.
"""

from __future__ import annotations

from math import inf

from ballast.kernel.arrival import has_prices, is_close, meet, settle_orders
from ballast.kernel.fills import lots_left
from ballast.kernel.liquidation import liquidate
from ballast.kernel.margin_account import refresh_reserves
from ballast.kernel.margin_walk import margin_sleeps, meet_frame, settle_margin, wake_guard
from ballast.kernel.marks import move_marks, order_marks
from ballast.kernel.path import high_comes_first, is_ambiguous
from ballast.kernel.thresholds import is_calm, next_guard, next_liquidation
from ballast.kernel.tick_walk import walk_ticks
from ballast.kernel.triggers import NEVER, crossing, follow, is_armed, order_level, order_waits_below
from ballast.kernel.venue import LAST_POINT, OrderStatus, Phase, SymbolMarket, Venue
from ballast.kernel.wakes import take_timer, wake_watch, wake_watch_at_point
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, EventKind, LimitFill, OrderType, Side
from ballast.model.market import Feed, Frame

MAX_CALLS_PER_BAR = 100_000
"""More decisions than this inside one bar is a strategy that answers itself for ever."""


@compiled(inline=True)
def next_cause(venue: Venue, feed: Feed, stop: int) -> int:
    """Return why to decide next: the close of a quiet bar at once, anything else from :func:`advance`."""
    clock = venue.clock
    is_quiet = clock.n_timers == 0 and clock.events_read == clock.events_written
    if venue.tiers.shape[0] == 0:
        is_quiet = is_quiet and clock.n_orders + clock.n_watches == 0
    if (
        is_quiet
        and venue.quotes.shape[0] == 0
        and clock.phase == Phase.BETWEEN
        and clock.frame + 1 < stop
        and (venue.tiers.shape[0] == 0 or margin_sleeps(venue, feed, clock.frame + 1))
    ):
        clock.frame += 1
        clock.closed_frame = clock.frame
        clock.now_ns = feed.frames[clock.frame].ts_ns + clock.interval_ns
        return Cause.BAR
    return advance(venue, feed, stop)


@compiled
def advance(venue: Venue, feed: Feed, stop: int) -> int:
    """
    Walk to the next cause. Returns ``Cause.END`` when frame ``stop`` (exclusive) is reached.

    Where the clock has ``pause_ns``, and the venue has tiers, it returns ``Cause.PAUSE`` once all that is due until
    then is done, however often it is called; who hosts several clients lets them act there.
    """
    clock = venue.clock
    if venue.tiers.shape[0] > 0 and clock.phase != Phase.BETWEEN and clock.phase != Phase.CLOSED:
        # Fills, and what the client did about them, may have brought a threshold near.
        refresh_reserves(venue)
        clock.is_calm = is_calm(venue, feed, clock.open_ns + clock.interval_ns)
    while True:
        if clock.events_read < clock.events_written:
            return Cause.RUNAWAY if clock.is_overrun else _counted(venue, _cause_of_event(venue))
        if clock.phase == Phase.CLOSED:
            if clock.n_timers > 0 and take_timer(venue):
                return _counted(venue, Cause.TIMER)
            clock.phase = Phase.BETWEEN
            return Cause.BAR
        cause: int = Cause.BAR
        if clock.phase == Phase.BETWEEN:
            if clock.frame + 1 >= stop or _pauses_before(venue, feed):
                return Cause.END if clock.frame + 1 >= stop else Cause.PAUSE
            clock.frame += 1
            _enter_frame(venue, feed)
        elif clock.phase == Phase.POINT and venue.quotes.shape[0] == 0:
            _arrive_at_point(venue)
            if venue.tiers.shape[0] > 0 and settle_margin(venue, feed):
                cause = Cause.LADDER
        elif clock.phase == Phase.INSTANT:
            cause = _settle_instant(venue)
        else:
            cause = _walk(venue, feed)
        if cause != Cause.BAR:
            return _counted(venue, cause)


@compiled(inline=True)
def _walk(venue: Venue, feed: Feed) -> int:
    """Walk on, along the path or from tick to tick, and say who must be called; ``BAR`` when nobody must."""
    if venue.quotes.shape[0] == 0:
        return _walk_segment(venue)
    cause: int = walk_ticks(venue, feed)
    if cause != Cause.END:
        return cause
    _close_frame(venue)
    return Cause.BAR


@compiled(needs="tiers")
def _pauses_before(venue: Venue, feed: Feed) -> bool:
    """Tell whether the host waits for something before the next frame opens."""
    return 0 < venue.clock.pause_ns < feed.frames[venue.clock.frame + 1].ts_ns


@compiled
def _settle_instant(venue: Venue) -> int:
    """Do all that is due now; return who must be called for it, ``BAR`` when nobody, or for an event, must."""
    clock = venue.clock
    settle_orders(venue, clock.is_at_point and clock.point == 0)
    if clock.events_read < clock.events_written:
        return Cause.BAR
    if clock.is_at_point and clock.n_watches > 0 and wake_watch_at_point(venue):
        return Cause.WATCH
    if clock.is_at_point and clock.n_timers > 0 and clock.point < LAST_POINT and take_timer(venue):
        return Cause.TIMER
    if venue.tiers.shape[0] > 0 and 0 < clock.pause_ns <= clock.now_ns and not is_close(venue):
        return Cause.PAUSE
    _leave_instant(venue)
    return Cause.BAR


@compiled(inline=True)
def _cause_of_event(venue: Venue) -> int:
    if venue.tiers.shape[0] > 0 and venue.events[venue.clock.events_read].kind == EventKind.FUNDING:
        return Cause.FUNDING
    return Cause.ORDER


@compiled
def _counted(venue: Venue, cause: int) -> int:
    clock = venue.clock
    if clock.counted_frame != clock.frame:
        clock.counted_frame = clock.frame
        clock.n_calls = 0
    clock.n_calls += 1
    return cause if clock.n_calls < MAX_CALLS_PER_BAR else Cause.RUNAWAY


@compiled
def sync_last_price(venue: Venue, frames: Frame, symbol: int) -> None:
    """Bring a symbol's last known price up to the last closed frame; quiet bars do not touch it."""
    market = venue.markets[symbol]
    frame = venue.clock.closed_frame
    while frame > market.synced_frame:
        close = frames[frame].close[symbol]  # type: ignore[index]
        if close == close:
            market.last_price = close
            break
        frame -= 1
    market.synced_frame = venue.clock.closed_frame


@compiled
def settle_at_close(venue: Venue, frames: Frame) -> None:
    """Let orders decided at this close fill at it: the optimistic option ``same_close``."""
    clock = venue.clock
    row = frames[clock.closed_frame]  # type: ignore[index]
    for symbol in range(clock.n_symbols):
        market = venue.markets[symbol]
        close = row.close[symbol]
        market.has_bar = close == close
        market.price = close
        market.volume_left = inf
    settle_orders(venue, False)


@compiled
def _enter_frame(venue: Venue, feed: Feed) -> None:
    """Load the frame's bars and go to the open."""
    clock = venue.clock
    row = feed.frames[clock.frame]
    clock.open_ns = row.ts_ns
    for symbol in range(clock.n_symbols):
        sync_last_price(venue, feed.frames, symbol)
        market = venue.markets[symbol]
        close = row.close[symbol]
        market.has_bar = close == close
        market.is_ambiguous = False
        if market.has_bar:
            market.path_0 = row.open[symbol]
            market.path_1 = row.high[symbol]
            market.path_2 = row.low[symbol]
            market.path_3 = close
            rate, volume = venue.execution.participation, row.volume[symbol]
            # NaN, an unknown volume, is none.
            market.volume_left = inf if rate == inf else (rate * volume if volume > 0.0 else 0.0)
    clock.phase = Phase.POINT
    clock.point = 0
    clock.fraction = 0.0
    if venue.tiers.shape[0] > 0:
        clock.is_calm = meet_frame(venue, feed, clock.frame)


@compiled
def _order_extremes(venue: Venue) -> None:
    """Decide the rest of each symbol's path as it leaves the open, when what fills there has filled."""
    for symbol in range(venue.clock.n_symbols):
        market = venue.markets[symbol]
        if not market.has_bar:
            continue
        high, low = market.path_1, market.path_2
        if not high_comes_first(venue, symbol, market.path_0, high, low):
            market.path_1 = low
            market.path_2 = high
        market.is_ambiguous = market.is_ambiguous or is_ambiguous(venue, symbol, market.path_0, high, low)


@compiled
def path_price(market: SymbolMarket, point: int) -> float:
    """Return the price at one of the bar's four path points."""
    if point == 0:
        return market.path_0
    if point == 1:
        return market.path_1
    return market.path_2 if point == 2 else market.path_3


@compiled
def _arrive_at_point(venue: Venue) -> None:
    clock = venue.clock
    # An event at the very end of the stretch was this instant already.
    clock.instant += 1 if clock.fraction < 1.0 else 0
    clock.is_at_point = True
    clock.fraction = 0.0
    clock.now_ns = clock.open_ns + clock.point * clock.interval_ns // LAST_POINT
    for symbol in range(clock.n_symbols):
        market = venue.markets[symbol]
        if market.has_bar:
            market.price = path_price(market, clock.point)
    clock.phase = Phase.INSTANT


@compiled
def _leave_instant(venue: Venue) -> None:
    """Nothing more is due: travel on, or close the frame."""
    clock = venue.clock
    is_passed_by = venue.tiers.shape[0] == 0 or (clock.is_calm and clock.pause_ns == 0)
    if clock.n_orders + clock.n_watches + clock.n_timers == 0 and is_passed_by:
        # Nothing waits for the rest of the path.
        _close_frame(venue)
        return
    if not clock.is_at_point:
        clock.phase = Phase.SEGMENT
        return
    if clock.point == 0:
        _order_extremes(venue)
        if venue.tiers.shape[0] > 0:
            order_marks(venue)
    for k in range(clock.n_orders):
        order = venue.orders[k]
        market = venue.markets[order.symbol]
        if order.type == OrderType.TRAILING and is_armed(order) and market.has_bar:
            follow(order, market.price)
    if clock.point < LAST_POINT:
        clock.phase = Phase.SEGMENT
        return
    _close_frame(venue)


@compiled
def _close_frame(venue: Venue) -> None:
    clock = venue.clock
    clock.phase = Phase.CLOSED
    clock.point = LAST_POINT
    clock.now_ns = clock.open_ns + clock.interval_ns
    clock.closed_frame = clock.frame
    for symbol in range(clock.n_symbols):
        market = venue.markets[symbol]
        market.synced_frame = clock.frame
        if market.has_bar:
            market.price = market.path_3
            market.last_price = market.path_3
            clock.n_ambiguous += 1 if market.is_ambiguous else 0
    if venue.tiers.shape[0] > 0:
        move_marks(venue, LAST_POINT, 0.0)


@compiled
def _walk_segment(venue: Venue) -> int:
    """
    Go to the next thing that happens before the next path point, or to that point.

    Returns ``WATCH`` or ``LADDER`` when the client must be called for one, else ``BAR``.
    """
    clock = venue.clock
    order, order_fraction = _next_order(venue)
    watch, watch_fraction = _next_watch(venue)
    change_ns = _next_change_ns(venue)
    change_fraction = NEVER
    if change_ns > 0:
        change_fraction = max(clock.fraction, (change_ns - clock.open_ns) * 3.0 / clock.interval_ns - clock.point)
    if venue.tiers.shape[0] > 0 and not clock.is_calm:
        limit = min(1.0, change_fraction, order_fraction, watch_fraction)
        cause = _meet_threshold(venue, limit)
        if cause != Cause.END:
            return cause
    if change_fraction <= 1.0 and change_fraction <= min(order_fraction, watch_fraction):
        _move_to(venue, change_fraction)
        clock.now_ns = change_ns
    elif order_fraction <= watch_fraction and order_fraction <= 1.0:
        _move_to(venue, order_fraction)
        met = venue.orders[order]
        venue.markets[met.symbol].price = order_level(met)
        meet(venue, order, order_level(met), False)
    elif watch_fraction <= 1.0:
        _move_to(venue, watch_fraction)
        venue.markets[venue.watches[watch].symbol].price = venue.watches[watch].price
        wake_watch(venue, watch)
        return Cause.WATCH
    else:
        clock.point += 1
        clock.phase = Phase.POINT
    return Cause.BAR


@compiled(needs="tiers")
def _meet_threshold(venue: Venue, limit: float) -> int:
    """
    Go to the first threshold of an account on this stretch, if one lies at or before the fraction ``limit``.

    Returns ``END`` when none does, ``LADDER`` for a guard, ``BAR`` after a liquidation.
    """
    account, bust_fraction = next_liquidation(venue)
    guard, guard_fraction = next_guard(venue)
    if min(bust_fraction, guard_fraction) > limit:
        return Cause.END
    _move_to(venue, min(bust_fraction, guard_fraction))
    if bust_fraction <= guard_fraction:
        liquidate(venue, account)
        return Cause.BAR
    wake_guard(venue, guard)
    return Cause.LADDER


@compiled
def _move_to(venue: Venue, fraction: float) -> None:
    """Put every symbol a fraction of the way along its stretch of path, and the clock with them."""
    clock = venue.clock
    clock.instant += 1
    clock.is_at_point = False
    clock.fraction = fraction
    clock.now_ns = max(clock.now_ns, clock.open_ns + int((clock.point + fraction) * clock.interval_ns / LAST_POINT))
    for symbol in range(clock.n_symbols):
        market = venue.markets[symbol]
        if market.has_bar:
            start = path_price(market, clock.point)
            market.price = start + (path_price(market, clock.point + 1) - start) * fraction
    if venue.tiers.shape[0] > 0:
        move_marks(venue, clock.point, fraction)
    clock.phase = Phase.INSTANT


@compiled
def _next_order(venue: Venue) -> tuple[int, float]:
    """Return the armed order that this stretch of path meets first, and where; lower symbol first when equal."""
    clock = venue.clock
    best = -1
    best_fraction = NEVER
    for k in range(clock.n_orders):
        order = venue.orders[k]
        market = venue.markets[order.symbol]
        if not is_armed(order) or not has_prices(venue, order):
            continue
        if order.type == OrderType.LIMIT and lots_left(venue, order.symbol) == 0.0:
            continue
        strictly = order.type == OrderType.LIMIT and venue.execution.limit_fill == LimitFill.THROUGH
        fraction = crossing(
            path_price(market, clock.point),
            path_price(market, clock.point + 1),
            order_level(order),
            order_waits_below(order),
            strictly,
        )
        if fraction < clock.fraction or fraction > 1.0 or _expires_before(venue, order.expiry_ns, fraction):
            continue
        if fraction < best_fraction or (fraction == best_fraction and order.symbol < venue.orders[best].symbol):
            best = k
            best_fraction = fraction
    return best, best_fraction


@compiled
def _expires_before(venue: Venue, expiry_ns: int, fraction: float) -> bool:
    clock = venue.clock
    # Relative to the open: nanoseconds since 1970 do not fit a float64.
    return expiry_ns != 0 and (clock.point + fraction) * clock.interval_ns / LAST_POINT > expiry_ns - clock.open_ns


@compiled
def _next_watch(venue: Venue) -> tuple[int, float]:
    """Return the watch that this stretch of path meets first, and where."""
    clock = venue.clock
    best = -1
    best_fraction = NEVER
    for k in range(clock.n_watches):
        watch = venue.watches[k]
        market = venue.markets[watch.symbol]
        if watch.is_passed or not market.has_bar:
            continue
        fraction = crossing(
            path_price(market, clock.point),
            path_price(market, clock.point + 1),
            watch.price,
            watch.side == Side.BUY,
            False,
        )
        if clock.fraction <= fraction < best_fraction:
            best = k
            best_fraction = fraction
    return best, best_fraction


@compiled
def _next_change_ns(venue: Venue) -> int:
    """Return when the next order, cancel, amendment or pause is due on this stretch, 0 if none is."""
    clock = venue.clock
    end_ns = clock.open_ns + (clock.point + 1) * clock.interval_ns // LAST_POINT
    best = 0
    for k in range(clock.n_orders):
        order = venue.orders[k]
        active_ns = order.active_ns if order.status == OrderStatus.PENDING else 0
        for due_ns in (active_ns, order.cancel_ns, order.amend_ns):
            if clock.now_ns < due_ns < end_ns and (best == 0 or due_ns < best):
                best = due_ns
    if venue.tiers.shape[0] > 0 and clock.now_ns < clock.pause_ns < end_ns and (best == 0 or clock.pause_ns < best):
        best = clock.pause_ns
    return best

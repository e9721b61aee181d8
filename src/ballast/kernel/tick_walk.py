"""
The clock inside a frame of which every tick is known.

At one time stamp: all its ticks, one after the other. Each first moves the mark and liquidates who is bust there, meets
the orders that rest, wakes the ladder's guards and the watches, and is told to whoever asks for ticks; after the last
of them come the orders, cancels and amendments that arrive, then timers. So nothing that is asked for because of a tick
can meet that tick, nor another of the same time. Until a symbol's first tick in a frame it has no price: what was
decided at the close meets that tick at the earliest. Ticks are told from the first close on, because before it there is
no bar to show.

A host (see ``Clock.pause_ns``) has clients who act at any time, not at closes: prices then stand from frame to frame.
"""

from __future__ import annotations

from ballast.kernel.arrival import has_prices, meet, row_behind, settle_orders, take
from ballast.kernel.fills import fill
from ballast.kernel.margin_walk import settle_tick, wakes_guard
from ballast.kernel.queue import eats_queue, is_passed, move_up, quoted_price, take_prices, trade_reaching
from ballast.kernel.triggers import follow, is_met
from ballast.kernel.venue import OrderStatus, Phase, Venue
from ballast.kernel.wakes import take_timer, wake_watch
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, OrderType, Side, TickKind
from ballast.model.market import Feed, Tick

FOREVER = 1 << 62


@compiled
def _enter_frame(venue: Venue) -> None:
    """Go to a frame's open, where no symbol has a price yet, but with a host."""
    clock = venue.clock
    clock.phase = Phase.TICK
    clock.is_at_point = False
    clock.instant += 1
    clock.now_ns = clock.open_ns
    for symbol in range(clock.n_symbols):
        quote = venue.quotes[symbol]
        venue.markets[symbol].has_bar = clock.pause_ns > 0 and (quote.bid == quote.bid or quote.ask == quote.ask)


@compiled
def _take_closes(venue: Venue, feed: Feed) -> None:
    """Take the prices at which the frame closes: a bar's close is known there, and no earlier to a live market."""
    row = feed.frames[venue.clock.frame]
    for symbol in range(venue.clock.n_symbols):
        market, close = venue.markets[symbol], row.close[symbol]
        market.path_3 = close if close == close else market.price
        market.mark_3 = close if close > 0.0 else market.mark


@compiled(needs="quotes")
def walk_ticks(venue: Venue, feed: Feed) -> int:
    """
    Walk to whatever the client must hear of next.

    Returns ``LADDER``, ``WATCH``, ``TIMER``, ``QUOTE`` or ``TRADE``, ``BAR`` where events wait, ``PAUSE`` where the
    host does, ``END`` where the frame closes.
    """
    clock = venue.clock
    if clock.phase == Phase.POINT:
        _enter_frame(venue)
    while clock.events_read == clock.events_written:
        if clock.phase == Phase.TICK:
            if _next_tick_ns(venue, feed) <= clock.now_ns:
                _take_tick(venue, feed.ticks[clock.next_tick])
                clock.next_tick += 1
                clock.phase = Phase.WAKE
            else:
                clock.phase = Phase.DUE
        elif clock.phase == Phase.WAKE:
            tick = feed.ticks[clock.next_tick - 1]
            if venue.tiers.shape[0] > 0 and wakes_guard(venue):
                return Cause.LADDER
            if clock.n_watches > 0 and _wakes_watch(venue, tick.symbol):
                return Cause.WATCH
            clock.phase = Phase.TICK
            is_told = clock.tells_quotes if tick.kind == TickKind.QUOTE else clock.tells_trades
            if is_told and clock.closed_frame >= 0:
                return _tell(venue, tick)
        else:
            cause = _do_what_is_due(venue, feed)
            if cause == Cause.END:
                _take_closes(venue, feed)
            if cause != Cause.BAR:
                return cause
    return Cause.BAR


@compiled
def _do_what_is_due(venue: Venue, feed: Feed) -> int:
    """
    Let arrive what arrives now, ring one timer, or go on to the next moment.

    Returns ``TIMER``, ``PAUSE`` where the host waits, ``END`` where the frame closes, else ``BAR``.
    """
    clock = venue.clock
    if clock.n_orders > 0:
        settle_orders(venue, False)
        if clock.events_read < clock.events_written:
            return Cause.BAR
    if clock.n_timers > 0 and take_timer(venue):
        return Cause.TIMER
    next_ns, close_ns = min(_next_tick_ns(venue, feed), _next_due_ns(venue)), clock.open_ns + clock.interval_ns
    if venue.tiers.shape[0] > 0 and _pauses_before(venue, min(next_ns, close_ns)):
        return Cause.PAUSE
    if next_ns >= close_ns:
        return Cause.END
    _go_to(venue, next_ns)
    return Cause.BAR


@compiled(needs="tiers")
def _pauses_before(venue: Venue, time_ns: int) -> bool:
    """Tell whether the host waits before ``time_ns``; the clock then stands where it does."""
    clock = venue.clock
    if not 0 < clock.pause_ns < time_ns:
        return False
    if clock.now_ns < clock.pause_ns:
        _go_to(venue, clock.pause_ns)
    return True


@compiled(inline=True)
def _next_tick_ns(venue: Venue, feed: Feed) -> int:
    """Return the time of the next tick of this frame, ``FOREVER`` if it has no more."""
    clock = venue.clock
    if clock.next_tick >= feed.ticks.shape[0]:
        return FOREVER
    ts_ns: int = feed.ticks[clock.next_tick].ts_ns
    return ts_ns if ts_ns < clock.open_ns + clock.interval_ns else FOREVER


@compiled(inline=True)
def _go_to(venue: Venue, time_ns: int) -> None:
    clock = venue.clock
    clock.now_ns = time_ns
    clock.instant += 1
    clock.phase = Phase.TICK
    # Decisions are counted between two moments: a frame may have any number of ticks.
    clock.n_calls = 0


@compiled
def _next_due_ns(venue: Venue) -> int:
    """Return when the next order, cancel, amendment or timer is due after now."""
    clock = venue.clock
    now_ns, due_ns = clock.now_ns, FOREVER
    for k in range(clock.n_orders):
        order = venue.orders[k]
        if order.status == OrderStatus.PENDING and order.active_ns > now_ns:
            due_ns = min(due_ns, order.active_ns)
        if order.cancel_ns > now_ns:
            due_ns = min(due_ns, order.cancel_ns)
        if order.amend_ns > now_ns:
            due_ns = min(due_ns, order.amend_ns)
    for k in range(clock.n_timers):
        if venue.timers[k].wake_ns > now_ns:
            due_ns = min(due_ns, venue.timers[k].wake_ns)
    return due_ns


@compiled(inline=True)
def _take_tick(venue: Venue, tick: Tick) -> None:
    """Let a tick move the market, and meet the orders that rest."""
    take_prices(venue, tick)
    if venue.tiers.shape[0] > 0:
        settle_tick(venue, tick.symbol)
    if venue.clock.n_orders > 0:
        _meet_orders(venue, tick)


@compiled
def _meet_orders(venue: Venue, tick: Tick) -> None:
    """Let the symbol's resting orders meet a tick, in order of arrival."""
    taken = 0.0
    k = 0
    while k < venue.clock.n_orders:
        order = venue.orders[k]
        if order.symbol != tick.symbol or order.status != OrderStatus.RESTING or not _may_fill(venue, k):
            k += 1
            continue
        order_id = order.id
        if order.type == OrderType.LIMIT:
            taken += _meet_limit(venue, k, tick, taken)
        else:
            _meet_other(venue, k)
        k = row_behind(venue, k, order_id)


@compiled
def _may_fill(venue: Venue, k: int) -> bool:
    """Tell whether an order has not expired, and has all the prices that it needs."""
    order = venue.orders[k]
    return has_prices(venue, order) and (order.expiry_ns == 0 or order.expiry_ns >= venue.clock.now_ns)


@compiled
def _meet_limit(venue: Venue, k: int, tick: Tick, taken: float) -> float:
    """
    Let a resting limit meet a tick; return how much of a trade at its price it took.

    Orders of one's own at one price share a trade: ``taken`` is what earlier ones have had of it.
    """
    order = venue.orders[k]
    if is_passed(venue, order, tick):
        fill(venue, k, order.price, True)
    elif tick.kind == TickKind.QUOTE:
        move_up(venue, order)
    elif eats_queue(order, tick):
        reaching = trade_reaching(order, tick.qty) - taken
        if reaching > 0.0:
            return _fill_from(venue, k, reaching)
    return 0.0


@compiled
def _fill_from(venue: Venue, k: int, qty: float) -> float:
    """Fill order ``k`` out of at most ``qty``; return how much of that it took."""
    market = venue.markets[venue.orders[k].symbol]
    allowed = market.volume_left
    market.volume_left = min(allowed, qty)
    fill(venue, k, venue.orders[k].price, True)
    taken = min(allowed, qty) - market.volume_left
    market.volume_left = allowed - taken
    return taken


@compiled
def _meet_other(venue: Venue, k: int) -> None:
    """Let an armed stop, or what volume left of a market order, meet the moved market."""
    order = venue.orders[k]
    price = venue.markets[order.symbol].price
    if order.type == OrderType.MARKET:
        take(venue, k)
    elif is_met(order, price, venue.execution.limit_fill):
        meet(venue, k, quoted_price(venue, order.symbol, order.side), False)
    elif order.type == OrderType.TRAILING:
        follow(order, price)


@compiled
def _wakes_watch(venue: Venue, symbol: int) -> bool:
    """Wake the first watch that the tick's symbol meets, or whose price had been passed when it was made."""
    clock = venue.clock
    price = venue.markets[symbol].price
    for k in range(clock.n_watches):
        watch = venue.watches[k]
        if watch.symbol != symbol or watch.placed_instant == clock.instant:
            continue
        is_reached = price <= watch.price if watch.side == Side.BUY else price >= watch.price
        if is_reached or watch.is_passed:
            wake_watch(venue, k)
            return True
    return False


@compiled(inline=True)
def _tell(venue: Venue, tick: Tick) -> int:
    """Note what the client is told of a tick."""
    clock = venue.clock
    clock.woken_symbol = tick.symbol
    if tick.kind == TickKind.QUOTE:
        clock.woken_side, clock.woken_price, clock.woken_qty = 0, venue.markets[tick.symbol].price, 0.0
        return Cause.QUOTE
    clock.woken_side = 0 if tick.kind == TickKind.TRADE else tick.kind
    clock.woken_price, clock.woken_qty = tick.price, tick.qty
    return Cause.TRADE

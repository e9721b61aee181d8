"""Whom the clock calls without an order of theirs: watches at their price, timers at their time."""

from __future__ import annotations

from math import nan

from ballast.kernel.venue import Venue
from ballast.model.compiled import compiled
from ballast.model.enums import Side


@compiled
def wake_watch_at_point(venue: Venue) -> bool:
    """Wake the first watch due at a path point: one whose price was passed before, or jumped at the open."""
    clock = venue.clock
    for k in range(clock.n_watches):
        watch = venue.watches[k]
        market = venue.markets[watch.symbol]
        if not market.has_bar or watch.placed_instant == clock.instant:
            continue
        is_met = market.price <= watch.price if watch.side == Side.BUY else market.price >= watch.price
        if watch.is_passed or (clock.point == 0 and is_met):
            wake_watch(venue, k)
            return True
    return False


@compiled
def wake_watch(venue: Venue, k: int) -> None:
    """Take watch ``k`` out of the table, and note whom it wakes and at what price."""
    clock = venue.clock
    watch = venue.watches[k]
    clock.woken_symbol = watch.symbol
    clock.woken_position_side = watch.position_side
    clock.woken_side = watch.side
    clock.woken_role = watch.role
    clock.woken_reason = watch.reason
    clock.woken_price = venue.markets[watch.symbol].price
    for i in range(k, clock.n_watches - 1):
        venue.watches[i] = venue.watches[i + 1]
    clock.n_watches -= 1


@compiled
def take_timer(venue: Venue) -> bool:
    """Take the earliest timer that is due out of the table; False when none is."""
    clock = venue.clock
    best = -1
    for k in range(clock.n_timers):
        wake_ns = venue.timers[k].wake_ns
        if wake_ns <= clock.now_ns and (best < 0 or wake_ns < venue.timers[best].wake_ns):
            best = k
    if best < 0:
        return False
    clock.woken_symbol = 0
    clock.woken_role = venue.timers[best].role
    clock.woken_reason = venue.timers[best].reason
    clock.woken_price = nan
    for i in range(best, clock.n_timers - 1):
        venue.timers[i] = venue.timers[i + 1]
    clock.n_timers -= 1
    return True

"""What margin accounts owe on the way: which frames pass them by, and what is settled at a path point."""

from __future__ import annotations

from math import nan

from ballast.kernel.funding import pay_funding, skip_funding
from ballast.kernel.liquidation import is_bust, liquidate
from ballast.kernel.margin_account import is_margin, refresh_reserves
from ballast.kernel.marks import NOW, load_marks, move_marks
from ballast.kernel.thresholds import NOBODY, disarm, due_guard, is_calm
from ballast.kernel.venue import LAST_POINT, Venue
from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide, Reason, Side
from ballast.model.market import Feed


@compiled(needs="tiers")
def margin_sleeps(venue: Venue, feed: Feed, frame: int) -> bool:
    """
    Tell whether a frame that nothing can be met in passes margin accounts by; if so, their marks stand at its close.

    No threshold can be met: then nobody need walk its path.
    """
    if not meet_frame(venue, feed, frame):
        return False
    move_marks(venue, LAST_POINT, 0.0)
    return True


@compiled(needs="tiers")
def meet_frame(venue: Venue, feed: Feed, frame: int) -> bool:
    """Take a frame's marks; tell whether margin accounts pass it untouched."""
    clock = venue.clock
    open_ns = feed.frames[frame].ts_ns
    if frame == 0:
        skip_funding(venue, feed, open_ns)
    load_marks(venue, feed, frame)
    refresh_reserves(venue)
    return is_calm(venue, feed, open_ns + clock.interval_ns)


@compiled(needs="tiers")
def settle_margin(venue: Venue, feed: Feed) -> bool:
    """Do what margin accounts owe at a path point: funding, then liquidation; True when a guard wakes the client."""
    clock = venue.clock
    move_marks(venue, clock.point, 0.0)
    if clock.is_calm:
        return False
    pay_funding(venue, feed)
    for account in range(venue.accounts.shape[0]):
        if is_margin(venue, account) and is_bust(venue, account, NOW):
            liquidate(venue, account)
    if clock.events_read < clock.events_written:
        # The client is called anyway, and sets its guards anew.
        return False
    return wakes_guard(venue)


@compiled(needs="tiers")
def settle_tick(venue: Venue, symbol: int) -> None:
    """Move a symbol's mark to where a tick has left its price, and liquidate who is bust there."""
    market = venue.markets[symbol]
    market.mark = market.price
    for account in range(venue.accounts.shape[0]):
        if is_margin(venue, account) and is_bust(venue, account, NOW):
            liquidate(venue, account)


@compiled(needs="tiers")
def wakes_guard(venue: Venue) -> bool:
    """Call the client for the first guard that is met where the marks stand, if there is one."""
    return wake_guard(venue, due_guard(venue))


@compiled
def wake_guard(venue: Venue, guard: int) -> bool:
    """Call the client for a guard, unless it is ``NOBODY``."""
    if guard == NOBODY:
        return False
    clock = venue.clock
    clock.woken_symbol = 0
    clock.woken_position_side = PositionSide.NONE
    clock.woken_side = Side.BUY
    clock.woken_role = guard
    clock.woken_reason = Reason.NONE
    clock.woken_price = nan
    disarm(venue, guard)
    return True

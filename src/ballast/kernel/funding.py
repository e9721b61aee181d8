"""
Funding: what holders of positions pay each other at the venue's stamps.

Paid at the first path point at or after the stamp, on what is held there: position value at mark times the
rate, from long to short when the rate is positive. What was held earlier or later neither pays nor receives.
"""

from __future__ import annotations

from math import isfinite

from ballast.kernel.book import emit, engine_order
from ballast.kernel.ledger import leg_index
from ballast.kernel.margin_account import is_margin
from ballast.kernel.venue import Venue
from ballast.model.compiled import compiled
from ballast.model.enums import EventKind, PositionSide, Reason
from ballast.model.market import Feed


@compiled(inline=True)
def is_funding_due(venue: Venue, feed: Feed, time_ns: int) -> bool:
    """Tell whether a stamp not yet paid lies at or before ``time_ns``."""
    next_funding = venue.clock.next_funding
    return bool(next_funding < feed.funding.shape[0] and feed.funding[next_funding].ts_ns <= time_ns)


@compiled
def skip_funding(venue: Venue, feed: Feed, start_ns: int) -> None:
    """Pass over the stamps before the run's first open: nothing was held then."""
    while is_funding_due(venue, feed, start_ns - 1):
        venue.clock.next_funding += 1


@compiled
def pay_funding(venue: Venue, feed: Feed) -> None:
    """Pay every stamp that is due now, leg by leg."""
    while is_funding_due(venue, feed, venue.clock.now_ns):
        stamp = feed.funding[venue.clock.next_funding]
        venue.clock.next_funding += 1
        for account in range(venue.accounts.shape[0]):
            if is_margin(venue, account) and isfinite(stamp.rate):
                _pay(venue, account, stamp.symbol, PositionSide.LONG, stamp.rate)
                _pay(venue, account, stamp.symbol, PositionSide.SHORT, stamp.rate)


@compiled
def _pay(venue: Venue, account: int, symbol: int, position_side: int, rate: float) -> None:
    qty = venue.positions[leg_index(account, venue.clock.n_symbols, symbol, position_side)].qty
    if qty == 0.0:
        return
    mark = venue.markets[symbol].mark
    payment = qty * mark * rate
    holder = venue.accounts[account]
    holder.cash -= payment
    holder.funding_paid += payment
    order = engine_order(venue, account, symbol, position_side, 0)
    emit(venue, order, EventKind.FUNDING, Reason.NONE, abs(qty), mark, payment, 0.0, False)

"""A rehearsal: what clients can cause is done once on a venue of its own, so that nobody waits for a compiler."""

from __future__ import annotations

from contextlib import suppress

from msgspec.structs import replace

from ballast.model.enums import OrderType, PositionSide, Side
from ballast.venues.exchange import accounts, quotes
from ballast.venues.exchange.market import Setup
from ballast.venues.exchange.orders import OrderRequest, Trigger
from ballast.venues.exchange.refusals import Refused
from ballast.venues.exchange.venue import LocalVenue


def rehearse(setup: Setup) -> None:
    """Load or compile what an exchange of this shape needs; takes half a minute once, and then a second."""
    venue = LocalVenue(setup)
    for symbol, name in enumerate(setup.market.symbols):
        last, listing = venue.last_price(symbol), setup.market.listings[symbol]
        if not last > 0.0:
            continue
        side = PositionSide.NONE if len(accounts.sides_of(venue, 0)) == 1 else PositionSide.LONG
        qty = (int(2.0 * listing.min_notional / last / listing.lot) + 2) * listing.lot
        market = OrderRequest(name, Side.BUY, OrderType.MARKET, qty, position_side=side)
        limit = replace(market, type=OrderType.LIMIT, price=0.9 * last)
        trigger = replace(market, trigger=Trigger.FALLS, trigger_price=0.8 * last)
        for request in (limit, market, trigger):
            with suppress(Refused):
                order = venue.place(0, request)
                venue.amend(order, qty=qty + listing.lot)
                venue.cancel(order)
        with suppress(Refused):
            venue.set_leverage(0, symbol, 2.0)
        quotes.book(venue, symbol, 1)
        quotes.bars(venue, symbol, setup.market.interval_ns, of_mark=True)
        accounts.position(venue, 0, symbol, side)
        break
    accounts.figures(venue, 0)
    venue.advance_to(min(venue.next_point_ns(), venue.now_ns + setup.market.interval_ns))

"""What an account is worth, from the kernel's own figures; quote money."""

from __future__ import annotations

from ballast.model.enums import PositionSide
from ballast.venues.exchange.steps import Money, PositionFigures
from ballast.venues.exchange.venue import LocalVenue

ONE_WAY = (PositionSide.NONE,)
HEDGED = (PositionSide.LONG, PositionSide.SHORT)


def figures(venue: LocalVenue, account: int) -> Money:
    """Return an account's figures at the marks."""
    return venue.host.money(account)


def sides_of(venue: LocalVenue, account: int) -> tuple[PositionSide, ...]:
    """Return the legs that an account's symbols have."""
    return HEDGED if venue.is_hedged(account) else ONE_WAY


def position(venue: LocalVenue, account: int, symbol: int, position_side: PositionSide) -> PositionFigures:
    """Return a leg at the mark."""
    return venue.host.position(account, symbol, position_side)

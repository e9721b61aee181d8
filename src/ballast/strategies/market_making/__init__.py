"""
Light market making, for any strategy: a bid and an ask around a centre that leans against the inventory.

Quotes are post-only. They are up only while they are wanted, the data is fresh, the spread is sane and the band is wide
enough to pay the fees; a daily loss stops the maker until the next day, UTC. The arithmetic of a quote is in
``quoting``, the life of a symbol's quotes in ``making``. A strategy inherits ``MakerParams``, keeps an array ``makers``
of ``Maker`` in its state, calls ``make_market`` at closes and ``answer`` between them.
"""

from __future__ import annotations

from ballast.strategies.market_making.attending import answer
from ballast.strategies.market_making.making import Maker, make_market
from ballast.strategies.market_making.settings import (
    QUOTE_REASONS,
    REFUSALS,
    TICK_CAUSES,
    MakerParams,
    assumptions,
    quotes_placed,
    refuse_quotes,
)

__all__ = [
    "QUOTE_REASONS",
    "REFUSALS",
    "TICK_CAUSES",
    "Maker",
    "MakerParams",
    "answer",
    "assumptions",
    "make_market",
    "quotes_placed",
    "refuse_quotes",
]

"""
Light market making in a tight range: a bid and an ask around a centre that leans against the inventory.

Quotes are post-only. They are up only while the regime is a tight range, the data is fresh, the spread is sane and the
band is wide enough to pay the fees; a daily loss stops the maker until the next day, UTC. The arithmetic of a quote is
in ``quoting``, the life of a symbol's quotes in ``making``: another strategy can call ``making.make_market`` with a
``Maker`` of its own.
"""

from __future__ import annotations

from ballast.strategies.range_maker.deciding import decide
from ballast.strategies.range_maker.making import Maker, make_market
from ballast.strategies.range_maker.settings import (
    EXIT_PLAN,
    QUOTE_REASONS,
    TICK_CAUSES,
    Params,
    Reason,
    State,
    assumptions,
    features,
    outcome,
    validate,
)

__all__ = [
    "EXIT_PLAN",
    "QUOTE_REASONS",
    "TICK_CAUSES",
    "Maker",
    "Params",
    "Reason",
    "State",
    "assumptions",
    "decide",
    "features",
    "make_market",
    "outcome",
    "validate",
]

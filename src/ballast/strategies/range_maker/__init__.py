"""Light market making and nothing else: the maker of ``market_making``, wherever the regime is a tight range."""

from __future__ import annotations

from ballast.strategies.range_maker.deciding import decide
from ballast.strategies.range_maker.settings import (
    EXIT_PLAN,
    QUOTE_REASONS,
    REFUSALS,
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
    "REFUSALS",
    "TICK_CAUSES",
    "Params",
    "Reason",
    "State",
    "assumptions",
    "decide",
    "features",
    "outcome",
    "validate",
]

"""
Trading in and around tight ranges: three layers, three paths, one handler.

L1 and L2 read indicators, L3 classifies the regime; a path joins them. In a tight range the handler buys a low
RSI and sells a high one. Entries pay their costs twice over or are not made, every position has a stop,
and what stands against a trend is capped in money. ``make_decide`` takes layers of one's own.
"""

from __future__ import annotations

from ballast.strategies.market_making import QUOTE_REASONS, TICK_CAUSES, assumptions
from ballast.strategies.market_making import REFUSALS as MAKER_REFUSALS
from ballast.strategies.tight_range.deciding import make_decide
from ballast.strategies.tight_range.handler import PATH2TightRangeFix, TightRangeHandler, TightRangeSignal
from ballast.strategies.tight_range.layers import FEATURES_PER_SYMBOL, Action, Feature, vote
from ballast.strategies.tight_range.processor import PATH2Processor, PathProcessor, PathSignal, allows
from ballast.strategies.tight_range.regimes import Regime, Subtype
from ballast.strategies.tight_range.settings import (
    EXIT_PLAN,
    Params,
    Reason,
    State,
    features,
    makes_market,
    outcome,
    validate,
)
from ballast.strategies.tight_range.telling import tell

__all__ = [
    "EXIT_PLAN",
    "FEATURES_PER_SYMBOL",
    "LEVELS",
    "MAKER_REASONS",
    "QUOTE_REASONS",
    "REFUSALS",
    "SIGNALS",
    "TICK_CAUSES",
    "Action",
    "Feature",
    "PATH2Processor",
    "PATH2TightRangeFix",
    "Params",
    "PathProcessor",
    "PathSignal",
    "Reason",
    "Regime",
    "State",
    "Subtype",
    "TightRangeHandler",
    "TightRangeSignal",
    "allows",
    "assumptions",
    "decide",
    "features",
    "make_decide",
    "makes_market",
    "outcome",
    "tell",
    "validate",
    "vote",
]

MAKER_REASONS = (Reason.BID, Reason.ASK, Reason.INVENTORY_CLOSED)
LEVELS = {Reason.STOP_IS: "stop", Reason.TARGET_IS: "target"}
SIGNALS = {Reason.SIGNALLED: Action}
REFUSALS = (
    Reason.COST_GATE,
    Reason.CONTRA_CAP,
    Reason.POSITION_CAP,
    Reason.BELOW_MINIMUM,
    Reason.SOURCE_REFUSED,
    Reason.BAND_PASSED,
    *MAKER_REFUSALS,
)

decide = make_decide()
"""The strategy over Ballast's own layers."""

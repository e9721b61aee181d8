"""Settings, memory and declarations of the range maker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from ballast.indicators.table import Request
from ballast.model.market import width_for
from ballast.model.records import ArrayOf, parameter, record
from ballast.strategies.market_making import (
    QUOTE_REASONS,
    REFUSALS,
    TICK_CAUSES,
    Maker,
    MakerParams,
    assumptions,
    quotes_placed,
    refuse_quotes,
)
from ballast.strategies.market_making.reasons import Reason
from ballast.strategies.tight_range import settings as tight_range
from ballast.strategies.tight_range.regimes import Evidence, RegimeMemory
from ballast.strategies.tight_range.settings import RegimeSource

EXIT_PLAN = "none"

__all__ = [
    "EXIT_PLAN",
    "QUOTE_REASONS",
    "REFUSALS",
    "TICK_CAUSES",
    "Params",
    "Reason",
    "State",
    "assumptions",
    "features",
    "outcome",
    "validate",
]


@record
class Params(MakerParams):
    """Settings of the range maker; fractions unless the name says otherwise."""

    regime: int = parameter(
        int(RegimeSource.CLASSIFIER), "Who says what the regime is; the classifier needs minutes.", choices=RegimeSource
    )
    assumed_confidence: float = parameter(
        0.8, "Confidence of a tight range that is assumed.", unit="fraction", minimum=0, maximum=1
    )
    bb_period: int = parameter(20, "Period of the band that must pay the fees.", unit="bars", minimum=2, maximum=1000)
    atr_period: int = parameter(14, "Period of the ATR (Wilder).", unit="bars", minimum=2, maximum=1000)


@record
class Symbol:
    """What one symbol's regime is judged by."""

    memory: RegimeMemory
    evidence: Evidence


@record
class State:
    """The strategy's memory, by symbol."""

    symbols: Annotated[Any, ArrayOf(Symbol, "symbols")]
    makers: Annotated[Any, ArrayOf(Maker, "symbols")]


def features(params: Params, n_symbols: int, interval_ns: int) -> Sequence[Request]:
    """Ask for the indicators that the regime is judged by, in the order of ``tight_range.layers.Feature``."""
    asked = tight_range.Params.new(symbols=width_for(n_symbols))  # type: ignore[attr-defined]
    for name in ("regime", "bb_period", "atr_period"):
        setattr(asked, name, getattr(params, name))
    return tight_range.features(asked, n_symbols, interval_ns)


def validate(params: Params, n_symbols: int) -> None:
    """Refuse quotes that are larger than the inventory may be."""
    refuse_quotes(params)


def outcome(state: State) -> Mapping[str, int]:
    """Return the counts that a result shows: quotes placed, over all symbols."""
    return {"quotes_placed": quotes_placed(state["makers"])}  # type: ignore[index]

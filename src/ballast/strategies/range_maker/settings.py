"""Settings, memory and declarations of the range maker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from ballast.indicators.table import Request
from ballast.model.enums import Cause
from ballast.model.errors import ConfigError
from ballast.model.market import width_for
from ballast.model.records import ArrayOf, parameter, record
from ballast.strategies.range_maker.making import Maker
from ballast.strategies.range_maker.reasons import Reason
from ballast.strategies.tight_range import settings as tight_range
from ballast.strategies.tight_range.regimes import Evidence, RegimeMemory
from ballast.strategies.tight_range.settings import RegimeSource

EXIT_PLAN = "none"
TICK_CAUSES = (Cause.QUOTE, Cause.TRADE)
QUOTE_REASONS = (Reason.BID, Reason.ASK)
LARGEST_SHARE = 0.5

__all__ = [
    "EXIT_PLAN",
    "QUOTE_REASONS",
    "TICK_CAUSES",
    "Params",
    "Reason",
    "State",
    "assumptions",
    "features",
    "outcome",
    "validate",
]


def _share(default: float, doc: str) -> Any:
    return parameter(default, doc, unit="fraction", minimum=0, exclusive_minimum=True, maximum=LARGEST_SHARE)


@record
class Params:
    """Settings of the range maker; fractions unless the name says otherwise."""

    regime: int = parameter(
        int(RegimeSource.CLASSIFIER), "Who says what the regime is; the classifier needs minutes.", choices=RegimeSource
    )
    assumed_confidence: float = parameter(
        0.8, "Confidence of a tight range that is assumed.", unit="fraction", minimum=0, maximum=1
    )
    bb_period: int = parameter(20, "Period of the band that must pay the fees.", unit="bars", minimum=2, maximum=1000)
    atr_period: int = parameter(14, "Period of the ATR (Wilder).", unit="bars", minimum=2, maximum=1000)
    k_atr: float = parameter(0.5, "Half-spread in ATRs, if that is more than fee and edge.", unit="ATRs", minimum=0)
    min_edge: float = parameter(
        0.0002, "Least half-spread beyond the maker fee.", unit="fraction", minimum=0, maximum=LARGEST_SHARE
    )
    skew: float = parameter(
        1.0, "Half-spreads by which a full inventory moves the centre.", unit="half-spreads", minimum=0, maximum=10
    )
    quote_size_pct: float = _share(0.01, "Part of equity that each side offers.")
    max_inventory_pct: float = _share(0.05, "Inventory at which the side that adds to it is off, as part of equity.")
    target_inventory_pct: float = parameter(
        0.0, "Inventory that is aimed at, as part of equity.", unit="fraction", minimum=0, maximum=LARGEST_SHARE
    )
    min_order_value: float = parameter(
        10.0, "Quotes worth less are not placed.", unit="quote", minimum=0, exclusive_minimum=True
    )
    refresh_move: float = parameter(
        0.5, "Half-spreads that the middle price moves before quotes are refreshed.", unit="half-spreads", minimum=0,
        maximum=1,
    )  # fmt: skip
    refresh_interval_s: float = parameter(
        15.0, "Age at which quotes are refreshed.", unit="seconds", minimum=0, exclusive_minimum=True, maximum=86_400
    )
    keep_distance: float = parameter(
        0.1, "A quote nearer than this to its place stays when quotes are refreshed.", unit="half-spreads", minimum=0,
        maximum=1,
    )  # fmt: skip
    keep_size: float = parameter(
        0.25, "A quote larger than its size by more than this is replaced.", unit="fraction", minimum=0, maximum=10
    )
    max_age_s: float = parameter(
        10.0, "Age of the last tick beyond which quotes are taken down; on bars, one and a half bars at least.",
        unit="seconds", minimum=0, exclusive_minimum=True, maximum=86_400,
    )  # fmt: skip
    max_spread_bps: float = parameter(
        50.0, "A market spread wider than this is not quoted in.", unit="bps", minimum=0, exclusive_minimum=True
    )
    daily_loss_pct: float = _share(0.005, "Loss of the maker since midnight UTC, as part of equity, that stops it.")
    close_inventory: bool = parameter(
        True, "Close the inventory at the market when the range or the day's loss ends it."
    )


@record
class Symbol:
    """One symbol: its regime's memory and evidence, and its quotes."""

    memory: RegimeMemory
    evidence: Evidence
    maker: Maker


@record
class State:
    """The strategy's memory, by symbol."""

    symbols: Annotated[Any, ArrayOf(Symbol, "symbols")]


def features(params: Params, n_symbols: int, interval_ns: int) -> Sequence[Request]:
    """Ask for the indicators that the regime is judged by, in the order of ``tight_range.layers.Feature``."""
    asked = tight_range.Params.new(symbols=width_for(n_symbols))  # type: ignore[attr-defined]
    for name in ("regime", "bb_period", "atr_period"):
        setattr(asked, name, getattr(params, name))
    return tight_range.features(asked, n_symbols, interval_ns)


def validate(params: Params, n_symbols: int) -> None:
    """Refuse quotes that are larger than the inventory may be."""
    if params.quote_size_pct > params.max_inventory_pct:
        raise ConfigError(
            f"strategy.quote_size_pct = {params.quote_size_pct:g}: "
            f"must not be above max_inventory_pct = {params.max_inventory_pct:g}"
        )


def outcome(state: State) -> Mapping[str, int]:
    """Return the counts that a result shows: quotes placed, over all symbols."""
    makers = state["symbols"]["maker"]  # type: ignore[index]
    return {"quotes_placed": int(makers["n_placed"].sum())}


def assumptions(has_ticks: bool) -> Sequence[str]:
    """Say what the maker takes for granted where it does not see ticks."""
    if has_ticks:
        return ()
    return (
        "The maker runs on bars: it looks at closes, and a quote fills once a bar goes through it, without a queue.",
    )

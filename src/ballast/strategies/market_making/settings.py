"""Settings and declarations of the maker, for every strategy that makes markets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ballast.model.enums import Cause
from ballast.model.errors import ConfigError
from ballast.model.records import parameter, record
from ballast.strategies.market_making.reasons import Reason

TICK_CAUSES = (Cause.QUOTE, Cause.TRADE)
QUOTE_REASONS = (Reason.BID, Reason.ASK)
REFUSALS = (Reason.STALE, Reason.LOSS_STOP, Reason.WIDE_SPREAD, Reason.NARROW_BAND)
"""Why quotes that were wanted were not put up, once for each run of the same."""
LARGEST_SHARE = 0.5


def _share(default: float, doc: str) -> Any:
    return parameter(default, doc, unit="fraction", minimum=0, exclusive_minimum=True, maximum=LARGEST_SHARE)


@record
class MakerParams:
    """Settings of the maker; fractions unless the name says otherwise."""

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


def refuse_quotes(params: MakerParams) -> None:
    """Raise ``ConfigError`` for quotes, or an inventory aimed at, that are larger than the inventory may be."""
    for key in ("quote_size_pct", "target_inventory_pct"):
        value = getattr(params, key)
        if value > params.max_inventory_pct:
            raise ConfigError(
                f"strategy.{key} = {value:g}: must not be above max_inventory_pct = {params.max_inventory_pct:g}"
            )


def quotes_placed(makers: Any) -> int:
    """Return how many quotes an array of ``Maker`` has sent, replacements included."""
    return int(makers["n_placed"].sum())


def assumptions(has_ticks: bool) -> Sequence[str]:
    """Say what the maker takes for granted where it does not see ticks."""
    if has_ticks:
        return ()
    return (
        "The maker runs on bars: it looks at closes, and a quote fills once a bar goes through it, without a queue.",
    )

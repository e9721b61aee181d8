"""Settings, memory and reasons of the cascade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from ballast.indicators.state import Indicator
from ballast.indicators.table import Request
from ballast.model.durations import HOUR_NS
from ballast.model.errors import ConfigError
from ballast.model.records import SymbolBools, SymbolFloats, SymbolInts, parameter, record

EXIT_PLAN = "rebalance"


class Profile(IntEnum):
    """RECOMMENDED is the corrected rule set; DOCUMENTED the literal original, with its flaws."""

    RECOMMENDED = 0
    DOCUMENTED = 1


class Reason(IntEnum):
    """Why the cascade traded, or did not."""

    START = 1
    UPSIDE_SELL = 2
    REDISTRIBUTION_BUY = 3
    SUPPORT_SELL = 4
    DOWNSIDE_BUY = 5
    CAP_BREACH = 6
    TREND_VETO = 7
    STOPPED_AVERAGING = 8
    DAILY_LIMIT = 9
    UNCONFIRMED = 10
    TRIM_SELL = 11


class Role(IntEnum):
    """What an order is for, in client order ids and events."""

    START = 0
    SELL = 1
    BUY = 2
    DOCUMENTED = 3  # nothing follows from its fate


class Direction(IntEnum):
    """What kind of event is under way."""

    NONE = 0
    UPSIDE = 1
    DOWNSIDE = 2
    TRIM = 3


@record
class Params:
    """Settings of the cascade; fractions unless the name says otherwise."""

    upside_threshold: float = parameter(
        0.40,
        "An asset this far above the mean value triggers a sale.",
        unit="fraction",
        minimum=0,
        exclusive_minimum=True,
        maximum=10,
    )
    downside_threshold: float = parameter(
        0.35,
        "An asset this far below the mean value triggers a purchase.",
        unit="fraction",
        minimum=0,
        exclusive_minimum=True,
        maximum=1,
        exclusive_maximum=True,
    )
    sell_percentage: float = parameter(
        0.20,
        "Part of the holding that an upside event sells.",
        unit="fraction",
        minimum=0,
        exclusive_minimum=True,
        maximum=1,
    )
    usdt_reserve: float = parameter(
        0.30,
        "Part of the capital kept in cash at the start, and of an upside sale's proceeds.",
        unit="fraction",
        minimum=0,
        maximum=1,
        exclusive_maximum=True,
    )
    min_order_value: float = parameter(
        15.0, "Orders worth less are not placed.", unit="quote", minimum=0, exclusive_minimum=True
    )
    cooldown_minutes: float = parameter(
        30.0, "Minutes after any fill of an asset before it may trigger again.", unit="minutes", minimum=0
    )
    max_position_pct: float = parameter(
        0.40,
        "No purchase may take an asset above this part of the total.",
        unit="fraction",
        minimum=0,
        exclusive_minimum=True,
        maximum=1,
    )
    min_position_pct: float = parameter(
        0.15,
        "Advisory: what the original suggests as a minimum; nothing acts on it.",
        unit="fraction",
        minimum=0,
        maximum=1,
    )
    min_usdt_reserve_pct: float = parameter(
        0.10,
        "Downside purchases leave at least this part of the total in cash; 0 is the original's behaviour.",
        unit="fraction",
        minimum=0,
        maximum=1,
        exclusive_maximum=True,
    )
    redistribute_shortfall: bool = parameter(True, "Let uncapped outperformers supply what a capped one cannot, once.")
    profile: int = parameter(
        int(Profile.RECOMMENDED), "`documented` reproduces the literal original, for comparison only.", choices=Profile
    )
    trend_filter: bool = parameter(False, "Do not sell into a strong rise or buy into a strong fall.")
    trend_window_hours: float = parameter(
        20.0, "Long mean of the trend filter.", unit="hours", minimum=0, exclusive_minimum=True
    )
    trend_short_hours: float = parameter(
        5.0, "Short mean of the trend filter.", unit="hours", minimum=0, exclusive_minimum=True
    )
    trend_strength: float = parameter(
        0.03, "Gap between the means, as a part of the long one, that counts as a trend.", unit="fraction", minimum=0
    )
    trend_max_veto_hours: float = parameter(
        24.0, "A veto ends after this time, so that the position cap is still served.", unit="hours", minimum=0
    )
    trim_over_max: bool = parameter(
        False, "Sell what an asset is above `max_position_pct`, when nothing else triggers."
    )
    refill_reserve: bool = parameter(
        False, "While cash is below `usdt_reserve` of the total, an upside event keeps what is missing."
    )
    stop_averaging_below: float = parameter(
        0.0,
        "No purchase of an asset whose price is below this part of its entry price; 0 is off.",
        unit="fraction",
        minimum=0,
        maximum=1,
    )
    max_events_per_day: int = parameter(
        0, "Events that one asset may trigger per UTC day; 0 is off.", unit="events", minimum=0
    )
    confirm_closes: int = parameter(
        1, "Closes in a row at which a trigger must stand; 1 acts at once.", unit="closes", minimum=1
    )


@record
class State:
    """
    Memory of the cascade.

    ``value``, ``is_tradable``, ``mean_value`` and ``total`` are of the close at which the event under way was
    decided and stay until the next one. ``excess`` and ``slice`` are scratch space of the downside plan.
    ``last_fill_ns`` starts far enough in the past to block nothing.
    """

    has_started: bool
    direction: int
    trigger: int
    is_counted: bool
    pending_sells: int
    expiry_ns: int
    n_events: int
    upside_events: int
    downside_events: int
    cash_use: float
    deficit: float
    proceeds: float
    mean_value: float
    total: float
    value: SymbolFloats
    is_tradable: SymbolBools
    excess: SymbolFloats
    slice: SymbolFloats
    is_tried: SymbolBools
    is_in_breach: SymbolBools
    last_fill_ns: SymbolInts = -(2**62)  # type: ignore[assignment]  # The default fills the array.
    veto_since_ns: SymbolInts = -1  # type: ignore[assignment]
    confirmations: SymbolInts
    last_direction: SymbolInts
    day: SymbolInts = -1  # type: ignore[assignment]
    day_events: SymbolInts
    close_1: SymbolFloats
    close_2: SymbolFloats
    close_3: SymbolFloats


def validate(params: Params, n_symbols: int) -> None:
    """Refuse settings that cannot work together."""
    if n_symbols < 2:
        raise ConfigError(f"data.symbols has {n_symbols} entry: the cascade needs at least 2 assets to level")
    room = n_symbols * params.max_position_pct
    if room < 1.0 - params.usdt_reserve - 1e-9:
        needed = (1.0 - params.usdt_reserve) / n_symbols
        raise ConfigError(
            f"strategy.max_position_pct = {params.max_position_pct:g}: {n_symbols} assets so capped hold {room:g} of "
            f"the total, less than the {1.0 - params.usdt_reserve:g} to invest (1 - usdt_reserve); "
            f"use at least {needed:.4g}"
        )
    if params.trend_short_hours >= params.trend_window_hours:
        raise ConfigError(
            f"strategy.trend_short_hours = {params.trend_short_hours:g}: "
            f"must be below trend_window_hours = {params.trend_window_hours:g}"
        )


def prepare(state: State, params: Params, has_positions: bool) -> None:
    """Begin levelling at once when the account already holds something; the start allocation is for empty ones."""
    state.has_started = has_positions


def features(params: Params, n_symbols: int, interval_ns: int) -> Sequence[Request]:
    """Ask for the trend filter's two means per symbol, if it is on."""
    if not params.trend_filter:
        return []
    spans = [
        max(1, round(hours * HOUR_NS / interval_ns)) for hours in (params.trend_window_hours, params.trend_short_hours)
    ]
    return [Request(Indicator.SMA, span, symbol=symbol) for symbol in range(n_symbols) for span in spans]


def execution_overrides(params: Params) -> Mapping[str, Any]:
    """Return what the documented profile fixes about fills: at the deciding close, without slippage."""
    return {"same_close": True, "slippage_bps": 0.0} if params.profile == Profile.DOCUMENTED else {}


def outcome(state: State) -> Mapping[str, int]:
    """Return the counts that a result shows."""
    return {
        "n_events": int(state.n_events),
        "upside_events": int(state.upside_events),
        "downside_events": int(state.downside_events),
    }

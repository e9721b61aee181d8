"""Settings of staged trend following, its reasons, and which settings cannot work together."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from ballast.model.enums import Cause, PositionMode, PositionSide
from ballast.model.errors import ConfigError
from ballast.model.records import SymbolBools, SymbolFloats, SymbolInts, parameter, record
from ballast.orders.elastic_settings import ElasticSettings
from ballast.orders.fixed_point import LARGEST_AMOUNT
from ballast.orders.polling import PollingSettings
from ballast.strategies.spec import Surroundings

MAX_TRADES = 3
"""Most trades that may be open at once, and so most tickets of one symbol."""


class RsiMethod(IntEnum):
    """How gains and losses are averaged: plainly over the period, or by Wilder's smoothing."""

    SMA = 0
    WILDER = 1


class LotMode(IntEnum):
    """RISK sizes by the stop's distance; MINIMUM always takes the smallest lot."""

    RISK = 0
    MINIMUM = 1


class Reason(IntEnum):
    """Why something was not done; NONE is consent."""

    NONE = 0
    LADDER_NOT_NORMAL = 1
    STALE_DATA = 2
    NO_SYMBOL = 3
    NO_SIGNAL = 4
    MAX_TRADES = 5
    STAGED_DISABLED = 6
    NO_RECORD = 7
    TREND_MISMATCH = 8
    WINDOW_EXPIRED = 9
    QUALITY = 10
    PROFIT = 11
    PROFIT_UNKNOWN = 12
    NEED_BREAKEVEN = 13
    RISK_PER_TRADE = 14
    RISK_TOTAL = 15
    RANDOMNESS = 16
    PRICE_UNKNOWN = 17
    TERMS_UNKNOWN = 18
    SPREAD = 19
    SPREAD_TO_PRICE = 20
    SPREAD_TO_STOP = 21
    COST = 22
    STOP_UNKNOWN = 23
    STOP_WRONG_SIDE = 24
    STOP_BELOW_MINIMUM_PIPS = 25
    STOP_BELOW_STOPS_LEVEL = 26
    STOP_INSIDE_SPREAD = 27
    MINIMUM_LOT_RISK = 28
    LOT_STEP_UNKNOWN = 29
    LOT_LIMITS = 30
    SIGNAL = 40  # both ways that the means and the RSI agree on
    ENTRY = 41
    STOP = 42
    LOCK = 43  # the elastic stop has moved
    MAX_DURATION = 44
    UNPROTECTED = 45  # closed, because the venue takes no stop for it


class Role(IntEnum):
    """What an order is for. Its level is the trade's slot, its cycle the trade's ticket."""

    ENTRY = 1
    STOP = 2
    CLOSE = 3


EXIT_PLAN = "stop"
POSITION_MODE = PositionMode.ONE_WAY
CARRIES_OWN_STOPS = True
TICK_CAUSES = (Cause.QUOTE, Cause.TRADE)
DECIDES_IN_CYCLES = True
SIGNALS = {Reason.SIGNAL: PositionSide}
REFUSALS = tuple(reason for reason in Reason if Reason.NONE < reason < Reason.SIGNAL)
LOCKS = (Reason.LOCK,)
SECTION_KEYS = {
    "risk": (
        *("max_open_trades", "staged_open_enabled", "staged_open_window_seconds", "staged_quality_threshold"),
        *("staged_min_profit_usd", "max_risk_per_trade_usd"),
    ),
    "trading": ("cycle_interval_seconds", "randomness_factor"),
}
"""Settings that stand in other sections than ``[strategy]``."""


@record
class Params:
    """
    Settings of staged trend following. Amounts are in account currency.

    ``elastic`` and ``pace`` are those of the stop that each trade carries; ``is_crypto`` and ``name_rank``, each
    symbol's place in alphabetical order, come from the symbols' names.
    """

    elastic: ElasticSettings
    pace: PollingSettings
    is_crypto: SymbolBools
    name_rank: SymbolInts
    cycle_interval_seconds: int = parameter(
        30,
        "Time between two looks for entries; on bars the first close at or after each multiple of it.",
        unit="seconds",
        minimum=1,
        maximum=86_400,
    )
    max_duration_minutes: float = parameter(
        1_440.0, "Age at which a trade is closed.", unit="minutes", minimum=0, exclusive_minimum=True, maximum=1e7
    )
    sma_fast: int = parameter(20, "Bars of the fast mean.", unit="bars", minimum=1, maximum=1000)
    sma_slow: int = parameter(50, "Bars of the slow mean.", unit="bars", minimum=2, maximum=1000)
    rsi_period: int = parameter(14, "Bars of the RSI.", unit="bars", minimum=1, maximum=1000)
    rsi_method: int = parameter(RsiMethod.SMA, "How the RSI averages gains and losses.", choices=RsiMethod)
    rsi_entry_min: float = parameter(
        30.0, "Least RSI of a LONG; a SHORT's most is 100 less this.", unit="RSI points", minimum=0, maximum=100
    )
    rsi_entry_max: float = parameter(
        50.0, "Most RSI of a LONG; a SHORT's least is 100 less this.", unit="RSI points", minimum=0, maximum=100
    )
    atr_period: int = parameter(14, "Bars of the ATR.", unit="bars", minimum=1, maximum=1000)
    adx_period: int = parameter(14, "Bars of the ADX.", unit="bars", minimum=1, maximum=1000)
    choppiness_period: int = parameter(14, "Bars of the choppiness.", unit="bars", minimum=2, maximum=1000)
    volatility_filter: bool = parameter(True, "Whether choppiness counts; without it the best quality is 80.")
    max_choppiness: float = parameter(
        0.7, "Choppiness below this earns its points.", unit="fraction", minimum=0, maximum=2
    )
    min_adx: float = parameter(15.0, "ADX from which a trend earns all its points.", unit="ADX", minimum=0, maximum=100)
    randomness_factor: float = parameter(
        0.05,
        "Part of the entries that is left out by chance; 0 leaves out none.",
        unit="fraction",
        minimum=0,
        maximum=1,
    )
    randomness_seed: int = parameter(0, "What the chance is drawn from; the same seed leaves out the same entries.")
    max_open_trades: int = parameter(
        2,
        "Trades open or on their way, over all symbols. No rule exceeds it.",
        unit="trades",
        minimum=1,
        maximum=MAX_TRADES,
    )
    staged_open_enabled: bool = parameter(True, "Whether further trades may join the first of a symbol.")
    staged_open_window_seconds: float = parameter(
        60.0,
        "They may join for so long after the first, the end included.",
        unit="seconds",
        minimum=0,
        exclusive_minimum=True,
        maximum=1e9,
    )
    staged_quality_threshold: float = parameter(
        50.0, "Least quality of a joining trade.", unit="points", minimum=0, maximum=100
    )
    staged_min_profit_usd: float = parameter(
        -0.10,
        "Least profit of the oldest trade when another joins.",
        unit="account currency",
        minimum=-LARGEST_AMOUNT,
        maximum=LARGEST_AMOUNT,
    )
    max_risk_per_trade_usd: float = parameter(
        2.00,
        "Most that one trade may lose at its stop.",
        unit="account currency",
        minimum=0,
        exclusive_minimum=True,
        maximum=LARGEST_AMOUNT / MAX_TRADES,
    )
    lot_mode: int = parameter(LotMode.RISK, "How large a trade is.", choices=LotMode)
    atr_stop_multiple: float = parameter(
        2.0, "Distance of the stop in ATRs.", unit="ATR", minimum=0, exclusive_minimum=True, maximum=100
    )
    min_stop_loss_pips: float = parameter(10.0, "Least distance of the stop.", unit="pips", minimum=0)
    min_crypto_stop_pips: float = parameter(15.0, "The same for crypto assets.", unit="pips", minimum=0)
    max_stop_loss_pips: float = parameter(
        500.0, "Most distance of the stop; not for crypto assets.", unit="pips", minimum=0, exclusive_minimum=True
    )
    max_crypto_stop_pct: float = parameter(
        0.005, "Most distance of a crypto asset's stop, as a part of its price.", unit="fraction", minimum=0, maximum=1
    )
    max_spread_points: float = parameter(15.0, "Most spread; not for crypto assets.", unit="points (ticks)", minimum=0)
    max_crypto_spread_pct: float = parameter(
        0.02, "Most spread of a crypto asset, as a part of the bid.", unit="fraction", minimum=0, maximum=1
    )
    max_spread_to_stop_pct: float = parameter(
        0.10, "Most spread as a part of the stop's distance.", unit="fraction", minimum=0, maximum=1
    )
    assumed_spread_points: SymbolFloats = parameter(
        0.0, "Spread that is assumed on bars, which show none; fills pay `execution.slippage_bps`.",
        unit="points (ticks)", minimum=0, maximum=1e6,
    )  # fmt: skip
    max_entry_cost_usd: float = parameter(
        0.30,
        "Most that spread and fees of one trade may cost together.",
        unit="account currency",
        minimum=0,
        maximum=LARGEST_AMOUNT,
    )


def validate(params: Params, n_symbols: int) -> None:
    """Refuse settings that cannot work together."""
    if params.sma_fast >= params.sma_slow:
        raise ConfigError(f"strategy.sma_fast = {params.sma_fast}: must be below strategy.sma_slow = {params.sma_slow}")
    if params.rsi_entry_min > params.rsi_entry_max:
        raise ConfigError(
            f"strategy.rsi_entry_min = {params.rsi_entry_min:g}: must not be above strategy.rsi_entry_max = "
            f"{params.rsi_entry_max:g}"
        )


def furnish(params: Params, surroundings: Surroundings) -> None:
    """Take the elastic stop's settings, what the symbols' names say, and leave nothing to chance under the screen."""
    params["elastic"], params["pace"] = surroundings.elastic, surroundings.pace  # type: ignore[index]
    names = surroundings.symbols
    params.name_rank[: len(names)] = np.argsort(np.argsort(names))
    params.is_crypto[: len(names)] = surroundings.is_crypto
    if surroundings.is_screened:
        params.randomness_factor = 0.0

"""Settings, memory and reasons of the tight-range strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Annotated, Any

import numpy as np

from ballast.indicators.state import BarField, Indicator
from ballast.indicators.table import Request
from ballast.model.errors import ConfigError
from ballast.model.records import ArrayOf, SymbolBools, SymbolFloats, parameter, record
from ballast.portfolio.rebalancing import Rebalance, refuse_weights
from ballast.strategies.market_making import Maker, MakerParams, quotes_placed, refuse_quotes
from ballast.strategies.market_making.reasons import Reason as MakerReason
from ballast.strategies.tight_range.handler import RangeSignal
from ballast.strategies.tight_range.layers import Opinion, Votes
from ballast.strategies.tight_range.paths import Path, Path1Policy, Verdict
from ballast.strategies.tight_range.regimes import Evidence, RegimeMemory, window_bars

EXIT_PLAN = "stop"
_SOURCE = "tight range system"


class Smoothing(IntEnum):
    """How an average forgets: as Wilder's does, or all at once after its period."""

    WILDER = 0
    SMA = 1


class TargetMode(IntEnum):
    """FLOOR: distances of the handler, with their least percentages. BAND: the bands' own levels."""

    FLOOR = 0
    BAND = 1


class BandTarget(IntEnum):
    """Where a trade inside the band aims."""

    OPPOSITE = 0
    MEAN = 1


class RegimeSource(IntEnum):
    """Who says what the regime is."""

    CLASSIFIER = 0
    ASSUME_TIGHT_RANGE = 1


class Reason(IntEnum):
    """Why the strategy traded, what its layers said when it did, and why it did not; then the maker's own."""

    RANGE_ENTRY = 1
    AGREEMENT_ENTRY = 2
    CONTRA_ENTRY = 3
    TREND_ENTRY = 4
    NEUTRAL_ENTRY = 5
    DOMINANCE_ENTRY = 6
    BREAKOUT_RANGE_ENTRY = 7
    TACTICAL_ENTRY = 8
    STOP = 9
    TARGET = 10
    TIME_STOP = 11
    REGIME_EXIT = 12
    REDUCTION = 13
    CONTRA_REDUCTION = 14
    UNPROTECTED = 15
    L1_SAID = 20
    L2_SAID = 21
    L1_L2_SAID = 22
    L3_SAID = 23
    PATH_SAID = 24
    INDICATORS_WERE = 25
    SCORES_WERE = 26
    RANGE_WAS = 28
    WINDOW_WAS = 29
    SIGNALLED = 27
    COST_GATE = 30
    CONTRA_CAP = 31
    POSITION_CAP = 32
    BELOW_MINIMUM = 33
    SOURCE_REFUSED = 34
    BAND_PASSED = 35
    DUST = 36
    PARTIAL_REBALANCE = 37
    DRIFT_WAS = 38
    STOP_IS = 39
    TARGET_IS = 40
    BID = MakerReason.BID.value
    ASK = MakerReason.ASK.value
    INVENTORY_CLOSED = MakerReason.INVENTORY_CLOSED.value
    REPLACED = MakerReason.REPLACED.value
    NO_SIZE = MakerReason.NO_SIZE.value
    RANGE_ENDED = MakerReason.RANGE_ENDED.value
    STALE = MakerReason.STALE.value
    LOSS_STOP = MakerReason.LOSS_STOP.value
    WIDE_SPREAD = MakerReason.WIDE_SPREAD.value
    NARROW_BAND = MakerReason.NARROW_BAND.value


class Role(IntEnum):
    """What an order is for, in client order ids and events; the maker's orders have roles of their own."""

    ENTRY = 1
    EXIT = 2
    STOP = 3
    TARGET = 4
    REBALANCE = 5


class Phase(IntEnum):
    """Where a symbol's trade stands."""

    FLAT = 0
    ENTERING = 1
    OPEN = 2
    CLOSING = 3


@record
class Params(MakerParams):
    """Settings of the tight-range strategy, the maker's last; fractions unless the name says otherwise."""

    path: int = parameter(int(Path.PATH2), "Which way the layers are joined.", choices=Path, source=_SOURCE)
    path1_policy: int = parameter(
        int(Path1Policy.TREND), "What PATH1 follows: the regime, or L2 with L3's veto.", choices=Path1Policy
    )
    regime: int = parameter(
        int(RegimeSource.CLASSIFIER), "Who says what the regime is; the classifier needs minutes.", choices=RegimeSource
    )
    assumed_confidence: float = parameter(
        0.8, "L3's confidence when the tight range is assumed.", unit="fraction", minimum=0, maximum=1
    )
    min_data_points: int = parameter(
        50, "Bars of a symbol before anything is decided on it.", unit="bars", minimum=2, source=_SOURCE
    )
    bb_period: int = parameter(20, "Bollinger's period.", unit="bars", minimum=2, maximum=1000, source=_SOURCE)
    rsi_period: int = parameter(14, "Period of the RSI.", unit="bars", minimum=2, maximum=1000, source=_SOURCE)
    atr_period: int = parameter(
        14, "Period of the handler's ATR.", unit="bars", minimum=2, maximum=1000, source=_SOURCE
    )
    rsi_method: int = parameter(int(Smoothing.WILDER), "How the RSI forgets.", choices=Smoothing, source=_SOURCE)
    atr_method: int = parameter(int(Smoothing.WILDER), "How the handler's ATR forgets.", choices=Smoothing)
    max_confidence: float = parameter(
        0.7, "No signal of the handler is surer than this.", unit="fraction", minimum=0, maximum=1, source=_SOURCE
    )
    target_mode: int = parameter(
        int(TargetMode.FLOOR), "Stops and targets of tight ranges: percentages at least, or the bands.",
        choices=TargetMode,
    )  # fmt: skip
    band_target: int = parameter(
        int(BandTarget.OPPOSITE), "Where `band` aims: the opposite band or the mean.", choices=BandTarget
    )
    time_stop_bars: int = parameter(48, "Bars after which a trade is closed; 0 is off.", unit="bars", minimum=0)
    regime_exit: bool = parameter(True, "Close a tight range's trade when the tight range is over.")
    cost_multiple: float = parameter(
        2.0, "A target nearer than this many round trips' costs is no trade.", unit="round trips", minimum=0
    )
    base_position_pct: float = parameter(
        0.10,
        "Part of equity that an entry of multiplier 1 buys.",
        unit="fraction",
        minimum=0,
        exclusive_minimum=True,
        maximum=1,
    )
    max_position_pct: float = parameter(
        0.40,
        "No purchase takes a symbol above this part of equity; the maker's bids have `max_inventory_pct`.",
        unit="fraction",
        minimum=0,
        exclusive_minimum=True,
        maximum=1,
    )
    max_contra_allocation: float = parameter(
        0.20,
        "Part of equity that may stand against trends on PATH2, and their greatest confidence.",
        unit="fraction",
        minimum=0,
        maximum=1,
        source=_SOURCE,
    )
    min_order_value: float = parameter(
        10.0, "Orders worth less are not placed.", unit="quote", minimum=0, exclusive_minimum=True
    )
    allow_partial_rebalance: bool = parameter(
        True, "Let tight ranges rebalance partially toward the target weights, if there are any.", source=_SOURCE
    )
    weight: SymbolFloats = parameter(
        0.0,
        "Target weight of a symbol for partial rebalances, set in `[strategy.symbols.NAME]`; all 0 means none are "
        "made.",
        unit="fraction",
        minimum=0,
        maximum=1,
    )
    cash_weight: float = parameter(
        0.0, "Part of the total kept in cash; with the target weights it sums to 1.",
        unit="fraction", minimum=0, maximum=1,
    )  # fmt: skip
    drift_threshold: float = parameter(
        0.10, "A partial rebalance is due when a weight is further than this from its target.",
        unit="fraction", minimum=0, maximum=1, source=_SOURCE,
    )  # fmt: skip
    partial_rebalance_factor: float = parameter(
        0.5, "Part of each gap that a partial rebalance trades.",
        unit="fraction", minimum=0, exclusive_minimum=True, maximum=1, source=_SOURCE,
    )  # fmt: skip
    market_making_enabled: bool = parameter(False, "Make markets in tight ranges.", source=_SOURCE)


@record
class Decision:
    """What every layer said about a symbol at its last close, and what came of it; ``refusal`` is a ``Reason`` or 0."""

    time_ns: int
    votes: Votes
    opinion: Opinion
    joint_action: int
    joint_confidence: float
    evidence: Evidence
    signal: RangeSignal
    verdict: Verdict
    max_contra_notional: float
    refusal: int


@record
class Trade:
    """
    One symbol's trade under way.

    ``number`` is its cycle in orders. ``qty`` is what it bought and still holds, ``entry_qty`` what it bought.
    ``notional`` is what its entry asked for. Prices of stop and target are 0 until the entry has filled,
    unless the band gave them.
    """

    phase: int
    number: int
    qty: float
    entry_qty: float
    entry_price: float
    entry_ns: int
    notional: float
    stop_fraction: float
    target_fraction: float
    stop_price: float
    target_price: float
    is_range: bool
    is_contra: bool
    is_contra_exit: bool
    has_target: bool
    must_close: bool


@record
class Market:
    """
    Everything remembered of one symbol.

    ``contra_qty`` is base units bought against a falling trend and still held, ``contra_sold`` the notional
    sold against the rise under way, ``contra_pending`` the notional of such an order in flight.
    """

    n_bars: int
    memory: RegimeMemory
    decision: Decision
    trade: Trade
    contra_qty: float
    contra_sold: float
    contra_pending: float
    last_direction: int
    last_refusal: int


@record
class State:
    """
    The strategy's memory.

    ``n_trades`` counts entries that filled, ``n_orders`` numbers trades, reductions and rebalances,
    ``rebalance_orders`` how many orders the rebalance under way waits for. ``free_cash`` and
    ``contra_room`` are what the decisions of one close may still use of each. The flags are the verdicts', by
    symbol, for whoever rebalances or quotes. ``makers`` has a row per symbol where markets are made, else none.
    """

    n_trades: int
    n_orders: int
    free_cash: float
    contra_room: float
    rebalance: Rebalance
    rebalance_orders: int
    n_rebalances: int
    allow_partial_rebalance: SymbolBools
    market_making_enabled: SymbolBools
    markets: Annotated[Any, ArrayOf(Market, "symbols")]
    makers: Annotated[Any, ArrayOf(Maker, "makers")]


def makes_market(params: Params) -> bool:
    """Tell whether a run with these settings ever quotes."""
    return bool(params.market_making_enabled)


def features(params: Params, n_symbols: int, interval_ns: int) -> Sequence[Request]:
    """Ask for each symbol's indicators, in the order of ``layers.Feature``; see ``window_bars`` for its error."""
    if params.regime == RegimeSource.CLASSIFIER:
        window_bars(interval_ns)
    rsi = Indicator.RSI if params.rsi_method == Smoothing.WILDER else Indicator.RSI_SIMPLE
    atr = Indicator.ATR if params.atr_method == Smoothing.WILDER else Indicator.ATR_SIMPLE
    requests = []
    for symbol in range(n_symbols):
        requests += [
            Request(rsi, int(params.rsi_period), symbol=symbol),
            Request(atr, int(params.atr_period), symbol=symbol),
            Request(Indicator.BOLLINGER, int(params.bb_period), symbol=symbol),
            Request(Indicator.ADX, 14, symbol=symbol),
            Request(Indicator.EMA, 12, symbol=symbol),
            Request(Indicator.SMA, 50, symbol=symbol),
            Request(Indicator.SMA, 20, symbol=symbol, field=BarField.VOLUME),
            Request(Indicator.ROLLING_HIGH, 20, symbol=symbol),
            Request(Indicator.ROLLING_LOW, 20, symbol=symbol),
            Request(Indicator.ATR, 14, symbol=symbol),
        ]
    return requests


def validate(params: Params, n_symbols: int) -> None:
    """Refuse a base position that the cap would cut every time, and weights and quotes that cannot be had."""
    refuse_quotes(params)
    if params.base_position_pct > params.max_position_pct:
        raise ConfigError(
            f"strategy.base_position_pct = {params.base_position_pct:g}: "
            f"must not be above max_position_pct = {params.max_position_pct:g}"
        )
    weights = np.asarray(params.weight)[:n_symbols]
    if not weights.any():
        if params.cash_weight > 0.0:
            raise ConfigError(
                f"strategy.cash_weight = {params.cash_weight:g}: nothing is rebalanced without target weights; "
                "set them in [strategy.symbols.NAME], or leave cash_weight out"
            )
        return
    refuse_weights(weights, float(params.cash_weight))
    if weights.max() > params.max_position_pct:
        raise ConfigError(
            f"strategy.weight = {weights.max():g}: must not be above max_position_pct = {params.max_position_pct:g}"
        )


def outcome(state: State) -> Mapping[str, int]:
    """Return the counts that a result shows: trades entered, rebalances begun, quotes placed."""
    makers = state["makers"]  # type: ignore[index]
    return {
        "entries": int(state.n_trades),
        "partial_rebalances": int(state.n_rebalances),
        "quotes_placed": quotes_placed(makers),
    }

"""
The handler of tight ranges: buy what has fallen, sell what has risen, by the RSI alone.

The rule is one compiled function of numbers, which the strategy calls at every close and
``TightRangeHandler`` for data that a caller brings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

from ballast.indicators.batch import atr, atr_simple, bollinger, rsi, rsi_simple
from ballast.model.compiled import compiled
from ballast.model.errors import ConfigError, nearest
from ballast.model.records import record
from ballast.model.units import is_number
from ballast.strategies.tight_range.layers import OVERBOUGHT, OVERSOLD, Action, clamp
from ballast.strategies.tight_range.market_data import BadMarketData, ClosedBars, closed_bars
from ballast.strategies.tight_range.readings import Reading
from ballast.strategies.tight_range.regimes import TOLERANCE

HOLD_CONFIDENCE = 0.45
ERROR_CONFIDENCE = 0.2
SIZE_MULTIPLIER = 0.5
AGREEMENT_BOOST = 1.2
METHODS = ("wilder", "sma")
SIDES = {"BUY": Action.BUY, "LONG": Action.BUY, "SELL": Action.SELL, "SHORT": Action.SELL}


@record
class RangeSignal:
    """What the handler wants. Distances are fractions of price, 0 on hold."""

    action: int
    confidence: float
    size_multiplier: float
    stop_fraction: float
    target_fraction: float


@compiled(inline=True)
def stop_fraction(atr_fraction: float) -> float:
    """Return the distance of the stop: 1.2 ATRs, 0.8 % of price at least."""
    return max(1.2 * atr_fraction, 0.008)


@compiled(inline=True)
def target_fraction(atr_fraction: float) -> float:
    """Return the distance of the target: 2 ATRs, 1.5 % of price at least."""
    return max(2.0 * atr_fraction, 0.015)


@compiled(inline=True)
def range_signal(
    out: RangeSignal,
    rsi_value: float,
    atr_fraction: float,
    l3_confidence: float,
    l1_l2_action: int,
    max_confidence: float,
) -> None:
    """
    Write the signal for an RSI: below 40 buys, above 60 sells, both strictly; all else, NaN too, holds.

    ``atr_fraction`` is the ATR by the price, ``l1_l2_action`` what the other layers say: agreement lifts the
    confidence, disagreement costs nothing.
    """
    action = Action.BUY if rsi_value < OVERSOLD - TOLERANCE else Action.HOLD
    action = Action.SELL if rsi_value > OVERBOUGHT + TOLERANCE else action
    holds = action == Action.HOLD
    base = min(max_confidence, 0.9 * clamp(l3_confidence))
    boosted = min(max_confidence, AGREEMENT_BOOST * base)
    confidence = boosted if l1_l2_action == action else base
    stop, target = stop_fraction(atr_fraction), target_fraction(atr_fraction)
    out.action = action
    out.confidence = HOLD_CONFIDENCE if holds else confidence
    out.size_multiplier = 0.0 if holds else SIZE_MULTIPLIER
    out.stop_fraction = 0.0 if holds else stop
    out.target_fraction = 0.0 if holds else target


@dataclass(frozen=True)
class RangeIndicators(Reading):
    """What the signal was made of. ``atr`` is in units of price, ``bb_position`` within 0..1."""

    bb_position: float
    bb_width: float
    rsi: float
    atr: float
    l3_confidence: float


@dataclass(frozen=True)
class TightRangeSignal(Reading):
    """
    The handler's answer; reads as a mapping too.

    ``stop_loss_pct`` and ``take_profit_pct`` are unsigned distances in percent of price (0.8 is 0.8 %),
    ``stop_price`` and ``take_profit_price`` the levels that they make; all None on hold. On an account that
    cannot go short SELL means to reduce, and no stop belongs to it. An error is a HOLD that names itself in
    ``error_type`` and ``error_details``, which are None otherwise.
    """

    symbol: str
    action: str
    confidence: float
    reason: str
    stop_loss_pct: float | None
    take_profit_pct: float | None
    stop_price: float | None
    take_profit_price: float | None
    entry_price: float | None
    position_size_multiplier: float
    indicators: Mapping[str, float]
    signal_type: str
    allow_partial_rebalance: bool
    market_making_enabled: bool
    error_type: str | None = None
    error_details: str | None = None


@dataclass(kw_only=True)
class TightRangeHandler:
    """
    Signals in a tight range, from data that the caller brings.

    Parameters
    ----------
    min_data_points : int
        Fewer closed bars are an error; exactly as many are enough, though Wilder's averages have only half
        forgotten their seed by then: a hundred are better.
    bb_period, rsi_period, atr_period : int
        Bars.
    max_confidence : float
        No signal is surer than this.
    rsi_method, atr_method : {"wilder", "sma"}
        Wilder's smoothing, or plain means of the last period.

    Examples
    --------
    >>> handler = TightRangeHandler()
    >>> signal = handler.process_tight_range_signal(symbol="BTCUSDT", market_data=[100.0] * 60, l3_confidence=0.8)
    >>> signal["action"], signal.confidence
    ('HOLD', 0.45)
    """

    min_data_points: int = 50
    bb_period: int = 20
    rsi_period: int = 14
    atr_period: int = 14
    max_confidence: float = 0.7
    rsi_method: str = "wilder"
    atr_method: str = "wilder"

    def __post_init__(self) -> None:
        for name in ("min_data_points", "bb_period", "rsi_period", "atr_period"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 2:
                raise ConfigError(f"{name} = {value!r}: expected a whole number of bars, 2 or more")
        if not is_fraction(self.max_confidence):
            raise ConfigError(f"max_confidence = {self.max_confidence!r}: expected a number from 0 to 1")
        for name in ("rsi_method", "atr_method"):
            value = getattr(self, name)
            if value not in METHODS:
                raise ConfigError(f"{name} = {value!r}: expected one of wilder, sma{nearest(str(value), METHODS)}")

    @property
    def window(self) -> int:
        """How many of the newest bars must be faultless."""
        return max(self.min_data_points, self.bb_period, self.rsi_period + 1, self.atr_period + 1)

    def process_tight_range_signal(
        self,
        symbol: str,
        market_data: Any,
        l3_confidence: float | None,
        l1_l2_signal: str | None = "HOLD",
        *,
        now_ms: int | None = None,
    ) -> TightRangeSignal:
        """
        Return the signal at the last closed bar; what is wrong with the input is an error signal, never raised.

        Parameters
        ----------
        symbol : str
        market_data : table, mapping or sequence
            See ``market_data.closed_bars``, which also explains ``now_ms``.
        l3_confidence : float
            How sure the third layer is of the regime, clamped to 0..1; None and NaN are errors.
        l1_l2_signal : str
            What the other layers say, in either case; LONG is BUY and SHORT is SELL.
        """
        try:
            bars = closed_bars(market_data, n_checked=self.window, n_needed=self.window, now_ms=now_ms)
            confidence = _confidence(l3_confidence)
        except BadMarketData as error:
            return _error_signal(symbol, error.error_type, str(error))
        return self._signal_of(symbol, self._indicators(bars, confidence), float(bars.close[-1]), l1_l2_signal)

    def _indicators(self, bars: ClosedBars, l3_confidence: float) -> RangeIndicators:
        bands = bollinger(bars.close, self.bb_period)
        index = rsi if self.rsi_method == "wilder" else rsi_simple
        mean_range = atr if self.atr_method == "wilder" else atr_simple
        return RangeIndicators(
            bb_position=float(clamp(bands.position[-1])),
            bb_width=float(bands.width[-1]),
            rsi=float(index(bars.close, self.rsi_period)[-1]),
            atr=float(mean_range(bars.high, bars.low, bars.close, self.atr_period)[-1]),
            l3_confidence=l3_confidence,
        )

    def _signal_of(
        self, symbol: str, indicators: RangeIndicators, price: float, l1_l2_signal: str | None
    ) -> TightRangeSignal:
        said = SIDES.get(str(l1_l2_signal).strip().upper(), Action.HOLD)
        atr_fraction = indicators.atr / price
        signal = RangeSignal.new()  # type: ignore[attr-defined]
        range_signal(signal, indicators.rsi, atr_fraction, indicators.l3_confidence, int(said), self.max_confidence)
        action = Action(int(signal.action))
        stop, target = float(signal.stop_fraction), float(signal.target_fraction)
        is_hold = action == Action.HOLD
        return TightRangeSignal(
            symbol=symbol,
            action=action.name,
            confidence=float(signal.confidence),
            reason=_reason(action, indicators.rsi),
            stop_loss_pct=None if is_hold else 100.0 * stop,
            take_profit_pct=None if is_hold else 100.0 * target,
            stop_price=None if is_hold else price * (1.0 - action * stop),
            take_profit_price=None if is_hold else price * (1.0 + action * target),
            entry_price=price,
            position_size_multiplier=float(signal.size_multiplier),
            indicators=indicators,
            signal_type=f"TIGHT_RANGE_{action.name}",
            allow_partial_rebalance=True,
            market_making_enabled=True,
        )


PATH2TightRangeFix = TightRangeHandler
"""The handler under the name of the document that it comes from."""


def is_fraction(value: object) -> bool:
    """Tell whether a setting is a number from 0 to 1; NaN and truth values are none."""
    return is_number(value) and 0.0 <= value <= 1.0


def _confidence(value: float | None) -> float:
    """Return L3's confidence within 0..1; raises ``BadMarketData`` for what is no number."""
    try:
        number = nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # None is the point.
    except (TypeError, ValueError):
        number = nan
    if isnan(number):
        raise BadMarketData("INVALID_CONFIDENCE", f"l3_confidence is {value!r}; give a number from 0 to 1")
    return float(clamp(number))


def _reason(action: Action, value: float) -> str:
    if action == Action.BUY:
        return f"RSI < 40 ({value:.1f}): oversold in a tight range"
    if action == Action.SELL:
        return f"RSI > 60 ({value:.1f}): overbought in a tight range"
    return f"Balanced RSI ({value:.1f}): nothing to do in a tight range"


def _error_signal(symbol: str, error_type: str, details: str) -> TightRangeSignal:
    return TightRangeSignal(
        symbol=symbol,
        action=Action.HOLD.name,
        confidence=ERROR_CONFIDENCE,
        reason=f"{error_type}: {details[:100]}",
        stop_loss_pct=None,
        take_profit_pct=None,
        stop_price=None,
        take_profit_price=None,
        entry_price=None,
        position_size_multiplier=0.0,
        indicators={},
        signal_type="ERROR_SIGNAL",
        allow_partial_rebalance=False,
        market_making_enabled=False,
        error_type=error_type,
        error_details=details,
    )

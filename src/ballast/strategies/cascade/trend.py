"""The optional trend filter: a veto on selling into a rise and buying into a fall."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.durations import HOUR_NS
from ballast.model.records import Record
from ballast.strategies.cascade.settings import Direction

MEAN_REVERSION_BAND = 0.05


@compiled
def is_against_trend(long_mean: float, short_mean: float, strength: float, direction: int) -> bool:
    """
    Tell whether an event would trade against a trend.

    The gap between the means, as a part of the long one, is the trend's strength and its sign. NaN means
    (a window not yet full) allow everything.
    """
    gap = (short_mean - long_mean) / long_mean
    if direction == Direction.UPSIDE:
        return gap > strength
    return gap < -strength


@compiled
def is_mean_reverting(price: float, long_mean: float, short_mean: float, change: float) -> bool:
    """
    Tell whether the price is back near its mean, or moves towards it; a statistic, never a decision.

    ``change`` is the price change over the last three bars.
    """
    return abs(price - long_mean) / long_mean < MEAN_REVERSION_BAND or change * (short_mean - long_mean) < 0.0


@compiled
def vetoes(view: Record, state: Record, params: Record, symbol: int, direction: int) -> bool:
    """Tell whether the filter stops this event now; a veto that has lasted its maximum gives way."""
    long_mean = view.feature[2 * symbol]
    short_mean = view.feature[2 * symbol + 1]
    if not is_against_trend(long_mean, short_mean, params.trend_strength, direction):
        state.veto_since_ns[symbol] = -1
        return False
    if state.veto_since_ns[symbol] < 0:
        state.veto_since_ns[symbol] = view.time_ns
    return view.time_ns - state.veto_since_ns[symbol] < params.trend_max_veto_hours * HOUR_NS

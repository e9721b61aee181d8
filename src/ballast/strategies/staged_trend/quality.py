"""
How good a signal is, 0 to 100: distance of the means, RSI, directness of the path, strength of the trend.

=======================  ===========================================================
part                     points
=======================  ===========================================================
distance of the means    30 above 0.10 %, 15 above 0.05 %, of the slow one
RSI                      25 in the entry window, 10 in 25 to 75
choppiness               20 below ``max_choppiness``, if the volatility filter is on
ADX                      25 from ``min_adx``, 15 from 0.7 and 5 from 0.5 of it
=======================  ===========================================================
"""

from __future__ import annotations

from math import nan

from ballast.model.compiled import compiled
from ballast.model.units import is_price
from ballast.orders.fixed_point import is_amount, to_fixed
from ballast.strategies.staged_trend.settings import Params
from ballast.strategies.staged_trend.signal import rsi_passes

CHOPPINESS_SCALE = 100.0
"""The index counts to 100, its setting to 1."""


@compiled
def exceeds(value: float, limit: float) -> bool:
    """Tell whether ``value`` is above ``limit``; within half of 1e-8 they are equal."""
    return to_fixed(value) > to_fixed(limit)


@compiled
def separation_points(sma_fast: float, sma_slow: float) -> float:
    """Return the points for the distance of the means."""
    separation = abs(sma_fast - sma_slow) / sma_slow * 100.0
    if exceeds(separation, 0.10):
        return 30.0
    return 15.0 if exceeds(separation, 0.05) else 0.0


@compiled
def rsi_points(rsi: float, side: int, params: Params) -> float:
    """Return the points for the RSI."""
    if rsi_passes(rsi, side, params):
        return 25.0
    return 10.0 if not exceeds(25.0, rsi) and not exceeds(rsi, 75.0) else 0.0


@compiled
def choppiness_points(choppiness: float, params: Params) -> float:
    """Return the points for a choppiness index of 0 to 100."""
    is_direct = exceeds(params.max_choppiness, choppiness / CHOPPINESS_SCALE)
    return 20.0 if params.volatility_filter and is_direct else 0.0


@compiled
def adx_points(adx: float, params: Params) -> float:
    """Return the points for the ADX."""
    if not exceeds(params.min_adx, adx):
        return 25.0
    if not exceeds(0.7 * params.min_adx, adx):
        return 15.0
    return 5.0 if not exceeds(0.5 * params.min_adx, adx) else 0.0


@compiled
def quality(
    sma_fast: float, sma_slow: float, rsi: float, choppiness: float, adx: float, side: int, params: Params
) -> float:
    """
    Return the quality of a signal to open ``side``; NaN when a part cannot be told.

    ``choppiness`` is the index of 0 to 100; it may be NaN while the volatility filter is off.
    """
    if not (is_price(sma_fast) and is_price(sma_slow) and is_amount(rsi) and is_amount(adx)):
        return nan
    points = separation_points(sma_fast, sma_slow) + rsi_points(rsi, side, params) + adx_points(adx, params)
    if not params.volatility_filter:
        return points
    return points + choppiness_points(choppiness, params) if is_amount(choppiness) else nan

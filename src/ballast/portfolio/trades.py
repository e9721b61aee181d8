"""
From weights to trades: the pure core of a rebalance.

1. Cash is a leg, never a trade: it is what sells bring and buys take.
2. Sells come first and fund the buys; the buys share what is there in proportion, fees included.
3. No trade passes its target, so no weight ends further from its target than it was.
4. Differences below 0.1 % of the portfolio, and trades below the minimum, are left alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled
from ballast.model.units import is_below, is_price
from ballast.portfolio.drift import TOLERANCE, Floats, is_beyond

SMALLEST_GAP = 0.001
"""Weights this near to their targets, as a fraction of the portfolio, are not traded."""


@compiled
def trade_value(weight: float, target: float, portfolio_value: float, factor: float) -> float:
    """
    Return the signed value, in quote, that moves a weight towards its target; buys > 0.

    ``factor`` in (0, 1] is the part of the gap to close. 0 where the gap is below ``SMALLEST_GAP``.
    """
    gap = target - weight
    if abs(gap) < SMALLEST_GAP - TOLERANCE:
        return 0.0
    return gap * portfolio_value * factor


@compiled
def affordable_part(wanted: float, available: float, fee_rate: float) -> float:
    """Return the part, in 0..1, of purchases worth ``wanted`` that ``available`` cash pays for with their fees."""
    cost = wanted * (1.0 + fee_rate)
    return 1.0 if cost <= available else max(0.0, available) / cost


@compiled
def priority_of(gap: float) -> int:
    """Return 1 for a gap above 5 % of the portfolio, 2 above 2 %, else 3; the sign does not matter."""
    if is_beyond(abs(gap), 0.05):
        return 1
    return 2 if is_beyond(abs(gap), 0.02) else 3


@compiled
def plan_trades(
    weights: Floats,
    targets: Floats,
    prices: Floats,
    is_cash: npt.NDArray[np.bool_],
    portfolio_value: float,
    cash: float,
    fee_rate: float,
    factor: float,
    min_trade_value: float,
    trades: Floats,
) -> float:
    """
    Write each asset's signed trade value, in quote, into ``trades``; return the cash left after all of them.

    Parameters
    ----------
    weights, targets, prices, trades : array of float, (n_assets,)
        Weights and targets are fractions of ``portfolio_value``. An asset whose price is not finite and
        above 0 is left as it is.
    is_cash : array of bool, (n_assets,)
        Legs that are money: never traded.
    portfolio_value, cash : float
        Quote currency, fees not yet paid.
    fee_rate : float
        Of every trade's value.
    factor : float
        Part of each gap to close, in (0, 1].
    min_trade_value : float
        Trades worth less are dropped, sells before they fund anything, buys after they were scaled.
    """
    wanted = 0.0
    for asset in range(weights.shape[0]):
        value = 0.0
        if not is_cash[asset] and is_price(prices[asset]):
            value = trade_value(weights[asset], targets[asset], portfolio_value, factor)
        if value < 0.0 and is_below(-value, min_trade_value):
            value = 0.0
        trades[asset] = value
        cash -= min(0.0, value) * (1.0 - fee_rate)
        wanted += max(0.0, value)
    part = affordable_part(wanted, cash, fee_rate) if wanted > 0.0 else 0.0
    for asset in range(weights.shape[0]):
        if trades[asset] > 0.0:
            value = trades[asset] * part
            trades[asset] = 0.0 if is_below(value, min_trade_value) or value <= 0.0 else value
            cash -= trades[asset] * (1.0 + fee_rate)
    return cash

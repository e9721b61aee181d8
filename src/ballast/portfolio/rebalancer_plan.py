"""From named weights and market data to a list of trades."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import fsum
from typing import NamedTuple

import numpy as np

from ballast.model.errors import nearest
from ballast.model.units import is_price
from ballast.portfolio.drift import Floats
from ballast.portfolio.prices import last_price
from ballast.portfolio.rebalancer_records import Trade
from ballast.portfolio.trades import plan_trades, priority_of


class Plan(NamedTuple):
    """
    Trades, sells first and each side by priority; the money in quote.

    ``skipped`` says, in one line each, why an asset is left as it is.
    """

    trades: tuple[Trade, ...]
    costs: float
    cash_after: float
    skipped: dict[str, str]


def plan_of(
    weights: Mapping[str, float],
    targets: Mapping[str, float],
    market_data: Mapping[str, object],
    cash_assets: Collection[str],
    *,
    portfolio_value: float,
    cash: float,
    fee_rate: float,
    factor: float,
    min_trade_value: float,
) -> Plan:
    """Return the plan of ``trades.plan_trades`` for named assets; one that has no target is sold."""
    assets = legs(weights, targets)
    held, wanted = as_array(weights, assets), as_array(targets, assets)
    prices = np.array([last_price(market_data.get(asset)) for asset in assets])
    is_cash = np.array([asset in cash_assets for asset in assets])
    values = np.zeros(len(assets))
    cash_after = plan_trades(
        held,
        wanted,
        prices,
        is_cash,
        float(portfolio_value),
        float(cash),
        float(fee_rate),
        float(factor),
        float(min_trade_value),
        values,
    )
    trades = [
        _trade(asset, float(value), float(price), float(gap), is_partial=factor < 1.0)
        for asset, value, price, gap in zip(assets, values, prices, wanted - held, strict=True)
        if value != 0.0
    ]
    trades.sort(key=lambda trade: (trade.side == "buy", trade.priority))
    costs = fee_rate * fsum(trade.estimated_value for trade in trades)
    skipped = {
        asset: _why_skipped(asset, price, market_data)
        for asset, price, is_money in zip(assets, prices, is_cash, strict=True)
        if not is_money and not is_price(price)
    }
    return Plan(tuple(trades), costs, float(cash_after), skipped)


def legs(weights: Mapping[str, float], targets: Mapping[str, float]) -> list[str]:
    """Return every asset that has a target or is held, in the order of the targets, then of the weights."""
    return [*targets, *(asset for asset in weights if asset not in targets)]


def as_array(weights: Mapping[str, float], assets: Collection[str]) -> Floats:
    """Return the weights in the order of ``assets``; 0 for those that have none."""
    return np.array([weights.get(asset, 0.0) for asset in assets], dtype=np.float64)


def _trade(asset: str, value: float, price: float, gap: float, *, is_partial: bool) -> Trade:
    where = "below" if gap > 0.0 else "above"
    return Trade(
        symbol=asset,
        side="buy" if value > 0.0 else "sell",
        quantity=abs(value) / price,
        estimated_price=price,
        estimated_value=abs(value),
        reason=f"weight {abs(gap):.4g} {where} target{' (partial)' if is_partial else ''}",
        priority=int(priority_of(gap)),
    )


def _why_skipped(asset: str, price: float, market_data: Mapping[str, object]) -> str:
    if asset not in market_data:
        return f"{asset}: not in market_data{nearest(asset, map(str, market_data))}"
    return f"{asset}: price {price:g} in market_data; expected a finite price above 0"

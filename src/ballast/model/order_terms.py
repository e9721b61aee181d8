"""
What a venue asks of an order that opens on a margin account before it takes it: its cost, and a tier that allows it.

Strategies and guards ask the same functions as the venue, so that nothing is sent that it would refuse.
"""

from __future__ import annotations

from typing import NamedTuple

from ballast.model.compiled import compiled
from ballast.model.enums import MarginModel, Side
from ballast.model.instrument import Tier


class Terms(NamedTuple):
    """How a symbol is charged: ``MarginModel``, leverage, and the account's taker fee rate."""

    model: int
    leverage: float
    taker_fee_rate: float


@compiled(inline=True)
def closing_fee_rate(side: int, terms: Terms) -> float:
    """Return the fee set aside for closing, per value at entry; ``side`` is the side that opened."""
    if terms.model != MarginModel.BYBIT_UNIFIED:
        return 0.0
    # The fee is reckoned at the price at which the position alone would be bankrupt.
    bankruptcy = 1.0 - 1.0 / terms.leverage if side == Side.BUY else 1.0 + 1.0 / terms.leverage
    return bankruptcy * terms.taker_fee_rate


@compiled
def order_cost(value: float, side: int, terms: Terms) -> float:
    """Return what an order of ``value`` = qty x price that opens on ``side`` needs: margin and both fees."""
    if terms.model != MarginModel.BYBIT_UNIFIED:
        return value / terms.leverage
    return value / terms.leverage + value * terms.taker_fee_rate + value * closing_fee_rate(side, terms)


@compiled
def tier_of(tiers: Tier, first: int, end: int, value: float) -> int:
    """Return the row of the tier that holds for a position value: bounds are inclusive; rows ``first`` to ``end``."""
    row = first
    while row < end - 1 and value > tiers[row].upper_value:  # type: ignore[index]
        row += 1
    return row


@compiled
def is_leverage_allowed(tiers: Tier, first: int, end: int, value: float, leverage: float) -> bool:
    """Tell whether the tier of a position value allows a leverage; without tiers (``first == end``) every one is."""
    if first == end:
        return True
    return bool(leverage <= tiers[tier_of(tiers, first, end, value)].max_leverage)  # type: ignore[index]


@compiled
def largest_value(tiers: Tier, first: int, end: int, leverage: float) -> float:
    """Return the largest position value whose tier allows a leverage; 0 when none does, or there are no tiers."""
    value = 0.0
    for row in range(first, end):
        tier = tiers[row]  # type: ignore[index]
        if leverage <= tier.max_leverage:
            value = tier.upper_value
    return float(value)

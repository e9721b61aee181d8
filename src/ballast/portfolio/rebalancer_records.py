"""What a rebalance consists of, as it is returned and kept in the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ballast.portfolio.triggers import RebalanceTrigger


@dataclass(frozen=True)
class Trade:
    """
    One planned trade.

    ``quantity`` (base units) and ``estimated_value`` (quote, without fee) are unsigned. ``priority`` is 1 for a
    gap above 5 % of the portfolio, 2 above 2 %, else 3, whatever part of the gap is traded.
    """

    symbol: str
    side: Literal["buy", "sell"]
    quantity: float
    estimated_price: float
    estimated_value: float
    reason: str
    priority: int


@dataclass(frozen=True)
class FilledTrade:
    """A planned trade, and how much of it, in base units, was filled."""

    trade: Trade
    quantity: float


@dataclass(frozen=True)
class RebalanceResult:
    """
    What one call came to.

    ``trades_required`` is the plan, sells first; ``total_value_change`` its gross sum in quote. ``filled`` is what
    an executor reported, empty without one. ``timestamp`` is ISO 8601 in UTC, None without a clock.
    """

    success: bool
    trades_required: tuple[Trade, ...]
    total_value_change: float
    execution_status: str
    timestamp: str | None
    filled: tuple[FilledTrade, ...]
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class HistoryEntry:
    """One rebalance that planned something; fields as in ``RebalanceResult``."""

    timestamp: str | None
    trigger: RebalanceTrigger
    trades: tuple[Trade, ...]
    filled: tuple[FilledTrade, ...]
    total_value_change: float
    portfolio_value: float
    partial: bool
    metadata: Mapping[str, Any]

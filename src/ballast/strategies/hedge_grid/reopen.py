"""How large a leg comes back after it was closed: by how much margin the other one has gathered."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import MarginModel, Side
from ballast.model.order_terms import Terms, is_leverage_allowed, order_cost
from ballast.model.records import Record
from ballast.strategies.hedge_grid.sizing import TOLERANCE, margin_qty, opening_qty

FULL_RATIO = 16.0
HALF_RATIO = 8.0
QUARTER_RATIO = 4.0


@compiled
def documented_fraction(opposite_margin: float, initial_margin: float) -> float:
    """
    Return the part of the opposite leg that a closed one comes back with; 0 means the initial size.

    By the ratio of the opposite leg's margin to the initial one: from 16 on all of it, from 8 a half, from 4 a
    quarter. Lower bounds are inclusive.
    """
    if _reaches(opposite_margin, FULL_RATIO * initial_margin):
        return 1.0
    if _reaches(opposite_margin, HALF_RATIO * initial_margin):
        return 0.5
    return 0.25 if _reaches(opposite_margin, QUARTER_RATIO * initial_margin) else 0.0


@compiled
def _reaches(amount: float, threshold: float) -> bool:
    return amount >= threshold - TOLERANCE * max(1.0, abs(threshold))


@compiled
def documented_reopen_margin(opposite_margin: float, initial_margin: float) -> float:
    """Return the margin that a closed leg comes back with, before any budget; 0 when the initial one is 0."""
    fraction = documented_fraction(opposite_margin, initial_margin)
    return fraction * opposite_margin if fraction > 0.0 and initial_margin > 0.0 else initial_margin


@compiled
def reopen_cost(view: Record, symbol: int, qty: float, opposite_qty: float, price: float) -> float:
    """
    Return what an empty leg of ``qty`` takes from the available balance: margin, both fees and slippage.

    Where the account charges the bigger leg only, the part that the opposite leg already carries is free.
    """
    charged = max(0.0, qty - opposite_qty) if view.margin_model == MarginModel.BYBIT_UNIFIED else qty
    return price * (charged / view.leverage[symbol] + qty * (2.0 * view.taker_fee_rate + view.slippage_rate))


@compiled
def is_taken(view: Record, symbol: int, qty: float, price: float) -> bool:
    """
    Tell whether the venue would take an order that opens an empty leg of ``qty``.

    It asks for the order's whole cost, whatever the opposite leg carries, and for a leverage that the tier allows.
    """
    value = qty * price * (1.0 + view.slippage_rate)
    leverage = view.leverage[symbol]
    # On the side where the fee of closing is higher.
    cost = order_cost(value, Side.SELL, Terms(view.margin_model, leverage, view.taker_fee_rate))
    if cost > view.available + TOLERANCE * max(1.0, abs(view.available)):
        return False
    return is_leverage_allowed(view.tiers, view.first_tier[symbol], view.end_tier[symbol], value, leverage)


@compiled
def reopen_qty(
    view: Record, symbol: int, opposite_qty: float, initial_margin: float, price: float, available_fraction: float
) -> float:
    """
    Return the quantity that a closed leg comes back with, within its budget; 0 when not even the initial size fits.

    Starts from the documented part of the opposite leg and steps down 100, 50, 25 %, initial size until the cost is
    at most ``available_fraction`` of the available balance and the venue would take the order. Never more than the
    opposite leg unless that is smaller than the initial size. ``opposite_qty`` is unsigned; an unknown balance (NaN)
    fits nothing.
    """
    leverage = view.leverage[symbol]
    budget = available_fraction * view.available
    initial_qty = margin_qty(initial_margin, leverage, price)
    most = max(opposite_qty, initial_qty)
    fraction = documented_fraction(opposite_qty * price / leverage, initial_margin)
    while True:
        wanted = min(most, fraction * opposite_qty) if fraction > 0.0 else initial_qty
        qty = opening_qty(view, symbol, wanted, price)
        cost = reopen_cost(view, symbol, qty, opposite_qty, price)
        is_within = cost <= budget + TOLERANCE * max(1.0, abs(budget))
        if qty > 0.0 and is_within and is_taken(view, symbol, qty, price):
            return qty
        if fraction == 0.0:
            return 0.0
        fraction = fraction / 2.0 if fraction > 0.25 else 0.0

"""
What a fill does to a position: the one definition, used by the venue's books and by our own fold.

Invariants: (L1) cash + sum(qty * price) changes by exactly -fee when a fill happens at ``price``;
(L2) realised profit is booked only on the part that reduces; (L3) a flat leg has no entry price.
"""

from __future__ import annotations

from math import nan

from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide


@compiled(inline=True)
def leg_index(account: int, n_symbols: int, symbol: int, position_side: int) -> int:
    """Return the index of a leg: NONE and LONG share the first of a symbol's two."""
    return 2 * (account * n_symbols + symbol) + (1 if position_side == PositionSide.SHORT else 0)


@compiled(inline=True)
def increases(held_qty: float, signed_qty: float) -> bool:
    """Tell whether adding ``signed_qty`` moves a leg away from flat."""
    return held_qty == 0.0 or (held_qty > 0.0) == (signed_qty > 0.0)


@compiled
def entry_after(held_qty: float, entry_price: float, signed_qty: float, price: float) -> float:
    """Return the leg's volume-weighted entry price after a fill; unchanged by a reduction, NaN when flat."""
    qty = held_qty + signed_qty
    if qty == 0.0:
        return nan
    if held_qty == 0.0:
        return price
    if increases(held_qty, signed_qty):
        return (entry_price * held_qty + price * signed_qty) / qty
    # Through zero: what is left was opened by this fill.
    return entry_price if (qty > 0.0) == (held_qty > 0.0) else price


@compiled
def realised(held_qty: float, entry_price: float, signed_qty: float, price: float) -> float:
    """Return the profit, before fees, on the part of a fill that reduces the leg; 0 when it adds."""
    if increases(held_qty, signed_qty):
        return 0.0
    closing = min(abs(signed_qty), abs(held_qty))
    return closing * (price - entry_price) * (1.0 if held_qty > 0.0 else -1.0)


@compiled
def cash_after(cash: float, signed_qty: float, price: float, fee: float) -> float:
    """Return cash after a spot fill: a buy costs its notional and the fee, a sell brings its notional less the fee."""
    return cash - (signed_qty * price + fee)


@compiled(inline=True)
def wallet_after(wallet: float, realised_pnl: float, fee: float) -> float:
    """Return a margin account's wallet after a fill: realised profit and fees move it, coins never do."""
    return wallet + (realised_pnl - fee)

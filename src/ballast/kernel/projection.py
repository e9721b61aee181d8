"""
The margin figures of an account as its view shows it, now or after a change that has not happened.

Takes anything with the fields of the engine's view, so that what stands below the engine may ask too. The sums
run over symbols in order, as the venue's do, so that equal accounts give equal figures to the bit.
"""

from __future__ import annotations

from typing import NamedTuple

from ballast.kernel.margin import Legs, Resting, legs_of, margin_rate, symbol_figures
from ballast.model.compiled import compiled
from ballast.model.instrument import quote_rate
from ballast.model.order_terms import Terms

View = object
"""The engine's view of a margin account."""


class AccountFigures(NamedTuple):
    """A margin account at its marks: margin balance, sum of leg values, margins and what is left."""

    equity: float
    gross: float
    initial_margin: float
    maintenance_margin: float
    available: float
    im_rate: float
    mm_rate: float


@compiled(inline=True)
def legs_in(view: View, symbol: int) -> Legs:
    """Return a symbol's legs, their sizes times the conversion rate."""
    k = 2 * symbol
    qty, entry = view.position_qty, view.entry_price  # type: ignore[attr-defined]
    rate = quote_rate(view, symbol)
    return legs_of(qty[k] * rate, entry[k], qty[k + 1] * rate, entry[k + 1])


@compiled(inline=True)
def terms_in(view: View, symbol: int) -> Terms:
    """Return how a symbol is charged."""
    return Terms(view.margin_model, view.leverage[symbol], view.taker_fee_rate)  # type: ignore[attr-defined]


@compiled(inline=True)
def resting_in(view: View, symbol: int) -> Resting:
    """Return what a symbol's resting orders hold."""
    k = 2 * symbol
    value, margin, fee = view.order_value, view.order_margin, view.order_closing_fee  # type: ignore[attr-defined]
    return Resting(value[k], value[k + 1], margin[k] + margin[k + 1], fee[k] + fee[k + 1])


@compiled(inline=True)
def figures_of(cash: float, profit: float, gross: float, initial: float, maintenance: float) -> AccountFigures:
    """Return an account's figures from the sums over its symbols."""
    equity = cash + profit
    return AccountFigures(
        equity,
        gross,
        initial,
        maintenance,
        equity - initial,
        margin_rate(initial, equity),
        margin_rate(maintenance, equity),
    )


@compiled(inline=True)
def account_figures(view: View) -> AccountFigures:
    """Return the account's figures at the view's marks."""
    return figures_with(view, -1, Legs(0.0, 0.0, 0.0, 0.0), 0.0)


@compiled(inline=True)
def figures_with(view: View, symbol: int, legs: Legs, cash_change: float) -> AccountFigures:
    """
    Return the account's figures as they would be with other ``legs`` of one symbol (-1: of none).

    ``cash_change`` is what getting there would add to the wallet: realised profit less fees.
    """
    profit, gross, initial, maintenance = 0.0, 0.0, 0.0, 0.0
    for s in range(view.n_symbols):  # type: ignore[attr-defined]
        mine = legs if s == symbol else legs_in(view, s)
        resting = resting_in(view, s)
        if mine.long_qty == 0.0 and mine.short_qty == 0.0 and resting.margin == 0.0:
            continue
        first, end = view.first_tier[s], view.end_tier[s]  # type: ignore[attr-defined]
        mark, tiers = view.mark[s], view.tiers  # type: ignore[attr-defined]
        one = symbol_figures(mine, terms_in(view, s), resting, mark, tiers, first, end)
        profit += one.profit
        gross += one.gross
        initial += one.initial_margin
        maintenance += one.maintenance_margin
    return figures_of(view.cash + cash_change, profit, gross, initial, maintenance)  # type: ignore[attr-defined]

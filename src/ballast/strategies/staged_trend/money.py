"""What prices are worth in the account's currency: contracts as the view shows them, and a trade's profit."""

from __future__ import annotations

from typing import Any

from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide
from ballast.model.instrument import quote_rate
from ballast.model.units import least_qty
from ballast.orders.contract_terms import ContractTerms, distance_of, pip_size, value_of
from ballast.strategies.staged_trend.settings import Params
from ballast.strategies.staged_trend.state import Trade, sign_of

View = Any
MAX_DIGITS = 12


@compiled
def best_prices(view: View, params: Params, symbol: int) -> tuple[float, float]:
    """Return bid and ask; on bars the last price, half of the assumed spread away on either side."""
    if view.quotes.shape[0] > 0:
        return view.quotes[symbol].bid, view.quotes[symbol].ask
    half = 0.5 * params.assumed_spread_points[symbol] * view.tick_units[symbol] / view.tick_scale[symbol]
    return view.price[symbol] - half, view.price[symbol] + half


@compiled
def closing_price(view: View, symbol: int, side: int) -> float:
    """Return the price at which a trade would close: the bid of a LONG, the ask of a SHORT; on bars the mark."""
    if view.quotes.shape[0] == 0:
        return view.mark[symbol]
    return view.quotes[symbol].bid if side == PositionSide.LONG else view.quotes[symbol].ask


@compiled
def read_terms(view: View, symbol: int, terms: ContractTerms) -> None:
    """Write a symbol's contract, a lot being one base unit; without a grid, or a known rate, it stays unknown."""
    if terms.tick_scale != view.tick_scale[symbol] or terms.pip_size == 0.0:
        # Few grids differ in scale, and finding the digits takes a division for each.
        terms.tick_scale = view.tick_scale[symbol]
        terms.pip_size = pip_size(digits_of(terms.tick_scale))
    terms.tick_units = view.tick_units[symbol]
    terms.tick_value = terms.tick_units / terms.tick_scale * quote_rate(view, symbol)
    terms.lot_units = view.lot_units[symbol]
    terms.lot_scale = view.lot_scale[symbol]
    terms.min_lots = least_qty(
        view.price[symbol], terms.lot_units, terms.lot_scale, view.min_qty[symbol], view.min_notional[symbol]
    )
    terms.max_lots = view.max_qty[symbol]
    terms.stops_level = 0.0


@compiled
def digits_of(scale: float) -> int:
    """Return how many decimals a grid of ``1 / scale`` has, at most ``MAX_DIGITS``."""
    digits = 0
    while scale > 1.0 and digits < MAX_DIGITS:
        scale /= 10.0
        digits += 1
    return digits


@compiled
def round_trip_fees(view: View, terms: ContractTerms, qty: float, price: float) -> float:
    """Return the fees of opening and closing at ``price``."""
    return 2.0 * view.taker_fee_rate * value_of(terms, qty, price)


@compiled
def break_even(view: View, terms: ContractTerms, trade: Trade) -> float:
    """Return the price at which closing brings back what was paid: the entry, and both fees."""
    costs = trade.costs + view.taker_fee_rate * value_of(terms, trade.qty, trade.entry_price)
    return trade.entry_price + sign_of(trade) * distance_of(terms, trade.qty, costs)


@compiled
def profit_at(view: View, terms: ContractTerms, trade: Trade, price: float) -> float:
    """Return a trade's profit if it closed at ``price``, net of both fees, at the present rate."""
    return profit_over(terms, trade, break_even(view, terms, trade), price)


@compiled
def profit_over(terms: ContractTerms, trade: Trade, even: float, price: float) -> float:
    """Return a trade's profit if it closed at ``price``, ``even`` being its break-even."""
    return value_of(terms, trade.qty, sign_of(trade) * (price - even))

"""What an entry costs before it earns anything, which costs are too much, and which symbol comes first."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import numpy.typing as npt

from ballast.model.compiled import compiled
from ballast.model.units import is_price
from ballast.orders.contract_terms import ContractTerms, is_known, value_of
from ballast.orders.fixed_point import is_amount, to_fixed
from ballast.strategies.staged_trend.settings import Params, Reason

PRICE_TOLERANCE = 1e-9
"""Relative; a spread exactly at its limit is allowed."""


@compiled
def entry_cost(terms: ContractTerms, lots: float, bid: float, ask: float, fees: float) -> float:
    """Return spread and ``fees`` of a round trip, account currency; NaN when a price or a term is unknown."""
    if not (is_known(terms) and is_price(bid) and is_price(ask) and is_price(lots)) or ask < bid:
        return nan
    return value_of(terms, lots, ask - bid) + fees


@compiled
def cost_reason(
    terms: ContractTerms,
    is_crypto: bool,
    bid: float,
    ask: float,
    stop_distance: float,
    cost: float,
    params: Params,
) -> int:
    """
    Return why an entry is too dear, or ``Reason.NONE``. Every limit itself is allowed.

    ``stop_distance`` is in price, ``cost`` what ``entry_cost`` returned. Crossed quotes are no price.
    """
    if not (is_price(bid) and is_price(ask)) or ask < bid:
        return Reason.PRICE_UNKNOWN
    if not is_known(terms):
        return Reason.TERMS_UNKNOWN
    spread = ask - bid
    slack = PRICE_TOLERANCE * ask
    if is_crypto:
        if spread > params.max_crypto_spread_pct * bid + slack:
            return Reason.SPREAD_TO_PRICE
    elif spread > params.max_spread_points * terms.tick_units / terms.tick_scale + slack:
        return Reason.SPREAD
    if not spread <= params.max_spread_to_stop_pct * stop_distance + slack:
        return Reason.SPREAD_TO_STOP
    if not is_amount(cost) or to_fixed(cost) > to_fixed(params.max_entry_cost_usd):
        return Reason.COST
    return Reason.NONE


@compiled
def scan_order(costs: npt.NDArray[np.float64], name_ranks: npt.NDArray[np.int64], order: npt.NDArray[np.int64]) -> int:
    """
    Write the symbols into ``order``, cheapest first, equal costs by name; return how many.

    All three are ``(n_symbols,)``; ``name_ranks`` is each symbol's place in alphabetical order. A symbol whose
    cost is NaN is left out.
    """
    n = 0
    for symbol in range(costs.shape[0]):
        if isnan(costs[symbol]):
            continue
        at = n
        while at > 0 and comes_before(costs, name_ranks, symbol, order[at - 1]):
            order[at] = order[at - 1]
            at -= 1
        order[at] = symbol
        n += 1
    return n


@compiled
def comes_before(costs: npt.NDArray[np.float64], name_ranks: npt.NDArray[np.int64], symbol: int, other: int) -> bool:
    """Tell whether one symbol is to be scanned before another."""
    if costs[symbol] != costs[other]:
        return bool(costs[symbol] < costs[other])
    return bool(name_ranks[symbol] < name_ranks[other])

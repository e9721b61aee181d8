"""How far the stop stands from the entry, and how many lots lose no more than the risk there."""

from __future__ import annotations

from math import nan

from ballast.model.compiled import compiled
from ballast.model.units import floor_to_step, is_price
from ballast.orders.contract_terms import ContractTerms, is_known, value_of
from ballast.orders.fixed_point import is_amount, to_fixed
from ballast.strategies.staged_trend.settings import LotMode, Params, Reason


@compiled
def stop_distance(terms: ContractTerms, is_crypto: bool, atr: float, bid: float, ask: float, params: Params) -> float:
    """
    Return the distance of the stop from the entry, in price; NaN when ATR, quotes or pip are unknown.

    A multiple of the ATR, at least so many pips, at most so many; a crypto asset's is limited by a part of
    the bid instead, because pips say nothing there. The broker's stops level counts from the other side of
    the quotes, so the distance is never below it and the spread together.
    """
    if not (is_price(atr) and is_price(bid) and is_price(ask) and is_price(terms.pip_size)) or ask < bid:
        return nan
    least = terms.stops_level + (ask - bid) if terms.stops_level > 0.0 else 0.0
    pips = max(params.atr_stop_multiple * atr / terms.pip_size, params.min_stop_loss_pips)
    if is_crypto:
        distance = max(pips, params.min_crypto_stop_pips) * terms.pip_size
        return max(min(distance, params.max_crypto_stop_pct * bid), least)
    return max(min(pips, params.max_stop_loss_pips) * terms.pip_size, least)


@compiled
def risk_of(terms: ContractTerms, lots: float, distance: float) -> float:
    """Return what ``lots`` lose when the price goes ``distance`` against them, in account currency, without costs."""
    return value_of(terms, lots, distance)


@compiled
def lots_reason(terms: ContractTerms, distance: float, params: Params) -> int:
    """Return why no lots can be found, or ``Reason.NONE``: something unknown, or the least lot risks too much."""
    if not is_price(distance):
        return Reason.STOP_UNKNOWN
    if not is_known(terms):
        return Reason.TERMS_UNKNOWN
    if terms.lot_units <= 0 or not is_price(terms.lot_scale):
        return Reason.LOT_STEP_UNKNOWN
    if not is_price(terms.min_lots) or not terms.max_lots >= terms.min_lots:
        return Reason.LOT_LIMITS
    least = risk_of(terms, terms.min_lots, distance)
    if not is_amount(least) or to_fixed(least) > to_fixed(params.max_risk_per_trade_usd):
        return Reason.MINIMUM_LOT_RISK
    return Reason.NONE


@compiled
def lots(terms: ContractTerms, distance: float, params: Params) -> float:
    """
    Return the lots to trade; NaN where ``lots_reason`` says why there are none.

    Floored to the lot step, never above ``max_lots``, so that the risk at the stop never exceeds its limit.
    """
    if lots_reason(terms, distance, params) != Reason.NONE:
        return nan
    if params.lot_mode == LotMode.MINIMUM:
        return terms.min_lots
    wanted = min(params.max_risk_per_trade_usd / risk_of(terms, 1.0, distance), terms.max_lots)
    return max(floor_to_step(wanted, terms.lot_units, terms.lot_scale), terms.min_lots)

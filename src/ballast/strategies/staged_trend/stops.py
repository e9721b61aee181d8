"""Whether a stop is one to send with an order; no position goes without."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide
from ballast.model.units import is_price
from ballast.orders.contract_terms import ContractTerms, is_known
from ballast.orders.fixed_point import is_amount, to_fixed
from ballast.strategies.staged_trend.settings import Params, Reason
from ballast.strategies.staged_trend.sizing import risk_of

SPREADS = 2.0
"""A stop must be further away than so many spreads."""
PIP_TOLERANCE = 1e-6
"""Part of a pip that counts as nothing."""


@compiled
def stop_reason(terms: ContractTerms, side: int, bid: float, ask: float, trigger_price: float, params: Params) -> int:
    """
    Return why a stop must not be sent with an entry to ``side``, or ``Reason.NONE``.

    In order: unknown terms, prices or stop; on the wrong side of the entry (ask for LONG, bid for SHORT);
    nearer than ``min_stop_loss_pips``; nearer to the closing price (bid for LONG, ask for SHORT) than the
    broker's stops level; within two spreads; the least lot loses more than the risk there.
    """
    if not is_known(terms) or not is_price(terms.pip_size) or not is_price(terms.min_lots):
        return Reason.TERMS_UNKNOWN
    if not (is_price(bid) and is_price(ask)) or ask < bid:
        return Reason.PRICE_UNKNOWN
    if not is_price(trigger_price):
        return Reason.STOP_UNKNOWN
    if side != PositionSide.LONG and side != PositionSide.SHORT:
        return Reason.NO_SIGNAL
    distance = ask - trigger_price if side == PositionSide.LONG else trigger_price - bid
    slack = PIP_TOLERANCE * terms.pip_size
    if distance <= slack:
        return Reason.STOP_WRONG_SIDE
    if distance < params.min_stop_loss_pips * terms.pip_size - slack:
        return Reason.STOP_BELOW_MINIMUM_PIPS
    if distance - (ask - bid) < terms.stops_level - slack:
        return Reason.STOP_BELOW_STOPS_LEVEL
    if distance <= SPREADS * (ask - bid) + slack:
        return Reason.STOP_INSIDE_SPREAD
    risk = risk_of(terms, terms.min_lots, distance)
    if not is_amount(risk) or to_fixed(risk) > to_fixed(params.max_risk_per_trade_usd):
        return Reason.MINIMUM_LOT_RISK
    return Reason.NONE

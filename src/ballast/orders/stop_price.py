"""From a locked profit to the price of a stop that the market accepts, and to the profit that it really locks."""

from __future__ import annotations

from enum import IntEnum
from math import nan

from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide
from ballast.model.records import record
from ballast.model.units import is_price, round_to_tick
from ballast.orders.contract_terms import ContractTerms, distance_of, is_known, value_of
from ballast.orders.elastic import is_better
from ballast.orders.elastic_settings import ElasticMode, ElasticSettings
from ballast.orders.fixed_point import is_amount, to_amount, to_fixed

PIPS_FROM_MARKET = 2.0
TICK_TOLERANCE = 1e-6
"""Part of a tick that counts as nothing, so that noise cannot put a stop on the market."""


class Placement(IntEnum):
    """Whether a stop can be placed, and if not, why."""

    PLACE = 0
    UNKNOWN_TERMS = 1  # tick, tick value, lots, side, entry or target unusable
    NO_MARKET_PRICE = 2
    THROUGH_MARKET = 3
    NOT_BETTER = 4  # after clamping it locks no more than the stop in force
    TOO_LOW = 5  # after clamping it locks a loss beyond ``lowest_lock_usd``


@record
class StopPlacement:
    """
    The stop to place: its price, and the profit that a fill there brings.

    Both are NaN unless ``verdict`` is PLACE. Hand ``lock`` to ``elastic.accept`` once the venue has the stop.
    """

    verdict: int
    price: float = nan
    lock: float = nan


@compiled
def place(
    terms: ContractTerms,
    settings: ElasticSettings,
    position_side: int,
    lots: float,
    entry_price: float,
    target: float,
    lock: float,
    market_price: float,
    placement: StopPlacement,
) -> int:
    """
    Find the stop's price, fill in ``placement``, and return its ``Placement`` verdict.

    The price is rounded to the tick away from the market, so that it never locks more than ``target``. Closer
    to the market than ``stops_level``, it is moved away to that distance. At or through the market RECONCILED
    places nothing; the other modes go to the larger of two pips and ``stops_level`` from it.

    Parameters
    ----------
    position_side : int
        ``PositionSide.LONG`` or ``SHORT``.
    lots, entry_price : float
        Size and volume-weighted entry of the position.
    target : float
        Profit to lock, account currency.
    lock : float
        Profit locked by the stop in force, NaN without one.
    market_price : float
        What a market order would close the position at: bid for LONG, ask for SHORT.
    """
    placement.price = nan
    placement.lock = nan
    placement.verdict = Placement.UNKNOWN_TERMS
    is_long = position_side == PositionSide.LONG
    if not is_known(terms) or not (is_price(lots) and is_price(entry_price) and is_amount(target)):
        return placement.verdict
    if not is_long and position_side != PositionSide.SHORT:
        return placement.verdict
    if not is_price(market_price):
        placement.verdict = Placement.NO_MARKET_PRICE
        return placement.verdict
    sign = 1.0 if is_long else -1.0
    price = away(terms, entry_price + sign * distance_of(terms, lots, target), is_long)
    price = allowed(terms, settings, price, market_price, is_long)
    if not is_price(price):
        placement.verdict = Placement.THROUGH_MARKET
        return placement.verdict
    locked = value_of(terms, lots, sign * (price - entry_price))
    if not is_amount(locked):
        return placement.verdict
    effective = to_fixed(locked)
    if not is_better(settings, lock, effective):
        placement.verdict = Placement.NOT_BETTER
    elif effective < to_fixed(settings.lowest_lock_usd):
        placement.verdict = Placement.TOO_LOW
    else:
        placement.verdict = Placement.PLACE
        placement.price = price
        placement.lock = to_amount(effective)
    return placement.verdict


@compiled
def away(terms: ContractTerms, price: float, is_long: bool) -> float:
    """Round to the tick away from the market: down for a LONG's stop, up for a SHORT's."""
    return round_to_tick(price, terms.tick_units, terms.tick_scale, not is_long)


@compiled
def allowed(terms: ContractTerms, settings: ElasticSettings, price: float, market_price: float, is_long: bool) -> float:
    """Return the nearest price to ``price`` at which the venue takes a stop; NaN if it should not be placed."""
    sign = 1.0 if is_long else -1.0
    tolerance = TICK_TOLERANCE * terms.tick_units / terms.tick_scale
    gap = sign * (market_price - price)
    if gap <= tolerance:
        if settings.mode == ElasticMode.RECONCILED:
            return nan
        return away(terms, market_price - sign * max(PIPS_FROM_MARKET * terms.pip_size, terms.stops_level), is_long)
    if gap < terms.stops_level:
        return away(terms, market_price - sign * terms.stops_level, is_long)
    return price

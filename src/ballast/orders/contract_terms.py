"""What a price distance is worth in account currency: ticks, lots and their value."""

from __future__ import annotations

from math import inf

from ballast.model.compiled import compiled
from ballast.model.records import record
from ballast.model.units import is_price

DIGITS_WITH_FRACTIONAL_PIPS = (3, 5)


@record
class ContractTerms:
    """
    How a broker quotes and sizes one symbol. Steps are ``units / scale`` as in ``Instrument``.

    ``tick_value`` is what one tick is worth on one lot, in account currency at the present rate: it, not
    the contract size, turns money into price where the symbol is quoted in another currency.
    ``stops_level`` is the least distance, in price, of a stop from the market; ``pip_size`` a price too.
    """

    tick_units: int
    tick_scale: float = 1.0
    tick_value: float
    lot_units: int
    lot_scale: float = 1.0
    min_lots: float
    max_lots: float = inf
    stops_level: float
    pip_size: float


@compiled
def is_known(terms: ContractTerms) -> bool:
    """Tell whether money and price can be turned into each other."""
    is_stepped = terms.tick_units > 0 and is_price(terms.tick_scale) and is_price(terms.tick_value)
    return is_stepped and terms.stops_level >= 0.0


@compiled
def value_of(terms: ContractTerms, lots: float, distance: float) -> float:
    """Return what ``distance`` in price is worth on ``lots``, in account currency, with the sign of the distance."""
    return distance * terms.tick_scale / terms.tick_units * terms.tick_value * lots


@compiled
def distance_of(terms: ContractTerms, lots: float, amount: float) -> float:
    """Return the price distance that is worth ``amount`` on ``lots``; the inverse of ``value_of``."""
    return amount / (terms.tick_value * lots) * terms.tick_units / terms.tick_scale


@compiled
def pip_size(digits: int) -> float:
    """
    Return a pip of a symbol quoted with ``digits`` decimals (>= 0): ten points where the last is a fraction of a pip.

    Examples
    --------
    >>> pip_size(5), pip_size(3), pip_size(2)
    (0.0001, 0.01, 0.01)
    """
    scale = 1.0
    for _ in range(digits):
        scale *= 10.0
    points = 10.0 if digits in DIGITS_WITH_FRACTIONAL_PIPS else 1.0
    return points / scale

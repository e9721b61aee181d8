"""Weights as users give them: checked, and brought to a sum of 1."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import fsum, isfinite

from ballast.model.errors import ConfigError, DataError
from ballast.model.units import is_number

CASH_ASSETS = frozenset({"USDT", "USD", "CASH"})
"""Assets that are money unless a rebalancer is told others."""

SUM_TOLERANCE = 0.001
CURRENT_SUM_TOLERANCE = 0.02


def target_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """
    Return a copy of the targets that sums to 1: as given when the sum is within 0.001 of it, else divided by it.

    Raises ``ConfigError`` for no targets, a weight that is negative or not finite, or a sum of 0.
    """
    if weights and not isinstance(weights, Mapping):
        raise ConfigError(f"target weights are a {type(weights).__name__}: give a mapping from assets to fractions")
    if not weights:
        raise ConfigError("target weights: none are given; name at least one asset with its weight, cash included")
    for asset, weight in weights.items():
        fault = _fault(weight)
        if fault:
            raise ConfigError(f"target weight of {asset} = {weight!r}: {fault}; write a fraction such as 0.4")
    total = fsum(weights.values())
    if total <= 0.0:
        raise ConfigError("target weights: they sum to 0; give at least one asset, or cash, a weight above 0")
    if abs(total - 1.0) <= SUM_TOLERANCE:
        return {asset: float(weight) for asset, weight in weights.items()}
    return {asset: weight / total for asset, weight in weights.items()}


def check_current_weights(weights: Mapping[str, float], cash_assets: Collection[str]) -> None:
    """
    Refuse weights that no portfolio without debt can have.

    They sum to 1 within 0.02 when a cash asset is among them; without one to at most that, the rest being
    cash. Raises ``DataError`` naming the asset, or the sum.
    """
    if not isinstance(weights, Mapping):
        raise DataError(f"current weights are a {type(weights).__name__}: expected a mapping from assets to fractions")
    for asset, weight in weights.items():
        fault = _fault(weight)
        if fault:
            raise DataError(f"current weight of {asset} = {weight!r}: {fault}; value the holding again")
    total = fsum(weights.values())
    has_cash = any(asset in cash_assets for asset in weights)
    if total > 1.0 + CURRENT_SUM_TOLERANCE or (has_cash and total < 1.0 - CURRENT_SUM_TOLERANCE):
        rule = "1, cash included" if has_cash else "at most 1, the rest being cash"
        raise DataError(f"current weights sum to {total:.6g}: they must sum to {rule}, within 0.02; value them again")


def cash_of(weights: Mapping[str, float], portfolio_value: float, cash_assets: Collection[str]) -> float:
    """Return the cash in quote: the weight of the cash assets, or without any what the other weights leave, >= 0."""
    held = [weight for asset, weight in weights.items() if asset in cash_assets]
    part = fsum(held) if held else max(0.0, 1.0 - fsum(weights.values()))
    return part * portfolio_value


def _fault(weight: object) -> str:
    """Return what is wrong with a weight, in words; empty when nothing is."""
    if not is_number(weight):
        return "not a number"
    if not isfinite(weight):
        return "not finite"
    return "negative" if weight < 0 else ""

"""The grid's first entries before there is an account: how large they would be, and whether they can be sized."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from ballast.model.errors import ConfigError
from ballast.model.records import SymbolFloats, SymbolInts, record
from ballast.strategies.hedge_grid.sizes import initial_qty
from ballast.strategies.spec import Start


@record
class _Terms:
    """What sizes depend on, under the names that the engine's view has for it."""

    leverage: SymbolFloats
    lot_units: SymbolInts
    lot_scale: SymbolFloats = 1.0  # type: ignore[assignment]  # The default fills the array.
    min_qty: SymbolFloats
    max_qty: SymbolFloats = inf  # type: ignore[assignment]
    min_notional: SymbolFloats


def first_quantities(params: Any, start: Start) -> Sequence[float]:
    """
    Return the quantity of each symbol's first entries, in base units; 0 where its size is refused.

    ``params`` is a record of the grid's ``Params``.
    """
    terms = _Terms.new(symbols=len(start.symbols))  # type: ignore[attr-defined]
    terms.leverage[:] = start.leverage
    for name in ("lot_units", "lot_scale", "min_qty", "max_qty", "min_notional"):
        getattr(terms, name)[:] = start.instruments[name]
    return [float(initial_qty(terms, params, k, price)) for k, price in enumerate(start.prices)]


def refuse_start(params: Any, start: Start) -> None:
    """Raise ``ConfigError`` where a first entry cannot be sized."""
    found = zip(first_quantities(params, start), start.symbols, start.prices, start.leverage, strict=True)
    for qty, symbol, price, leverage in found:
        if qty == 0.0:
            raise ConfigError(
                f"strategy.initial_position_size_usd: too small for {symbol} at {price:g} with leverage {leverage:g}: "
                "the venue's minimum is more than 1.5 times as much; raise it"
            )

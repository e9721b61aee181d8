"""What can be traded, and in which steps."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.errors import ConfigError
from ballast.model.records import record


@record
class Instrument:
    """
    Steps and limits of one symbol.

    A step is ``units / scale`` exactly, with ``scale`` a power of ten, so that ``n`` steps are
    ``n * units / scale``: the float nearest to the venue's decimal string. ``units == 0`` means no grid.
    """

    tick_units: int = 0
    tick_scale: float = 1.0
    lot_units: int = 0
    lot_scale: float = 1.0
    min_qty: float = 0.0
    max_qty: float = inf
    min_notional: float = 0.0


@record
class Tier:
    """
    One step of a symbol's risk limits.

    It holds for position values at mark up to and including ``upper_value`` (inf in the last tier).
    Maintenance margin is value x ``maintenance_margin_rate`` - ``deduction``; a tier's deduction makes it
    continue where the tier below ends. A table is ascending by symbol, then by ``upper_value``.
    """

    symbol: int
    upper_value: float = inf
    maintenance_margin_rate: float = 0.0
    deduction: float = 0.0
    max_leverage: float = inf


@record
class Conversion:
    """
    How money of a symbol's quote currency becomes account currency.

    ``rate`` is account currency for one unit of quote currency, 0 while it is unknown. It is fixed, or with
    ``via_symbol`` >= 0 that symbol's mark at the last close, ``is_inverse``: one over it. A venue without
    such records pays in the quote currency itself.
    """

    via_symbol: int = -1
    is_inverse: bool
    rate: float = 1.0


@compiled(inline=True)
def quote_rate(holder: Any, symbol: int) -> float:
    """Return a symbol's conversion rate, as a venue or a view holds it; 0 while it is unknown."""
    return float(holder.conversions[symbol].rate) if holder.conversions.shape[0] > 0 else 1.0


def step_units(step: float | str, key: str) -> tuple[int, float]:
    """
    Split a decimal step into (units, scale); 0 gives (0, 1.0).

    Raises ``ConfigError`` for a negative or non-finite step, naming ``key``.
    """
    exact = Decimal(str(step))
    if not exact.is_finite() or exact < 0:
        raise ConfigError(f"{key} = {step}: a step is a decimal number >= 0; use 0 for no grid")
    if exact == 0:
        return 0, 1.0
    exponent = max(0, -int(exact.normalize().as_tuple().exponent))
    return int(exact.scaleb(exponent)), float(10**exponent)


def instruments(n_symbols: int) -> Any:
    """Return an array of ``n_symbols`` instruments without grids or limits."""
    return Instrument.array(n_symbols)  # type: ignore[attr-defined]

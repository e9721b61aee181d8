"""
Buy what has fallen, sell what has risen: the RSI as a mean-reversion signal on one symbol.

All in below ``low``, all out above ``high``, decided at the close. A small, honest example of the
contract, and the workload that the engine's speed is measured with.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from ballast.indicators.scan import first_above, first_below
from ballast.indicators.state import Indicator
from ballast.indicators.table import Request
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, QtyUnit, Side
from ballast.model.errors import ConfigError
from ballast.model.intents import Intent, place_market
from ballast.model.records import Record, parameter, record

EXIT_PLAN = "none"
ACTS_ON_BARS_ONLY = True


class Reason(IntEnum):
    """Why this strategy traded."""

    OVERSOLD = 1
    OVERBOUGHT = 2


@record
class Params:
    """Settings of the RSI rule."""

    period: int = parameter(14, "Bars of the RSI (Wilder).", unit="bars", minimum=2, maximum=1000)
    low: float = parameter(40.0, "Buy when the RSI is below this.", unit="RSI points", minimum=0, maximum=100)
    high: float = parameter(60.0, "Sell when the RSI is above this.", unit="RSI points", minimum=0, maximum=100)


@record
class State:
    """Nothing to remember: the position says it all."""

    n_entries: int


def validate(params: Params, n_symbols: int) -> None:
    """Refuse a low threshold at or above the high one."""
    if params.low >= params.high:
        raise ConfigError(f"strategy.low = {params.low}: must be below strategy.high = {params.high}")


def features(params: Params, n_symbols: int, interval_ns: int) -> Sequence[Request]:
    """Ask for the RSI of the first symbol."""
    return [Request(Indicator.RSI, int(params.period), symbol=0)]


@compiled
def decide(row: Any, view: Record, state: State, params: Params, intents: Intent) -> int:
    """Buy with all cash below ``low`` when flat; sell everything above ``high`` when long."""
    if view.cause != Cause.BAR:
        return 0
    rsi = view.feature[0]
    if view.position_qty[0] == 0.0:
        if rsi < params.low and view.open_orders[0] == 0:
            state.n_entries += 1
            return place_market(intents, 0, 0, Side.BUY, 1.0, QtyUnit.CASH_FRACTION, Reason.OVERSOLD)
    elif rsi > params.high and view.open_orders[0] == 0:
        return place_market(intents, 0, 0, Side.SELL, 1.0, QtyUnit.POSITION_FRACTION, Reason.OVERBOUGHT)
    return 0


@compiled
def quiet(features: Any, frame: int, stop: int, view: Record, state: State, params: Params) -> int:
    """Return the first frame, from ``frame`` on, whose RSI asks for a trade; ``stop`` if none does."""
    if view.position_qty[0] == 0.0:
        return first_below(features[0], frame, stop, params.low)
    return first_above(features[0], frame, stop, params.high)

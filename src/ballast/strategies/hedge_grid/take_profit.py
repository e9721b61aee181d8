"""The price at which a leg is closed with its profit."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide
from ballast.model.units import round_to_tick

DOCUMENTED_TAKER_PERCENT = 0.055
DOCUMENTED_MAKER_PERCENT = 0.020


@compiled
def take_profit_price(
    position_side: int,
    entry_price: float,
    take_profit_percent: float,
    taker_fee_rate: float,
    maker_fee_rate: float,
    extra_per_coin: float,
) -> float:
    """
    Return the price that nets exactly ``take_profit_percent`` of the entry notional after both fees.

    A LONG leg bought at E pays E taker; sold at P it brings P (1 - maker). So P = E (1 + tp + taker) / (1 - maker),
    and mirrored P = E (1 - tp - taker) / (1 + maker). ``extra_per_coin`` (quote) is earned on top, for funding paid
    (negative: received). Not on any tick; may be negative for a SHORT leg whose target is beyond 100 %.
    """
    gain = take_profit_percent / 100.0 + taker_fee_rate
    if position_side == PositionSide.LONG:
        return (entry_price * (1.0 + gain) + extra_per_coin) / (1.0 - maker_fee_rate)
    return (entry_price * (1.0 - gain) - extra_per_coin) / (1.0 + maker_fee_rate)


@compiled
def documented_take_profit_price(
    position_side: int, entry_price: float, take_profit_percent: float, n_entries: int
) -> float:
    """Return the original's price, which charges the taker fee once per entry on the whole."""
    percent = take_profit_percent + n_entries * DOCUMENTED_TAKER_PERCENT + DOCUMENTED_MAKER_PERCENT
    sign = 1.0 if position_side == PositionSide.LONG else -1.0
    return entry_price * (1.0 + sign * percent / 100.0)


@compiled
def on_tick(position_side: int, price: float, tick_units: int, tick_scale: float) -> float:
    """Return the tick at or beyond a take-profit: up for a LONG leg, down for a SHORT one."""
    return round_to_tick(price, tick_units, tick_scale, position_side == PositionSide.LONG)

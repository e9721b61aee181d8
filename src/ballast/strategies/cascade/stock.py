"""What the basket is worth at a close, and which asset triggers."""

from __future__ import annotations

from math import floor
from typing import Any

from ballast.model.compiled import compiled
from ballast.model.durations import MINUTE_NS
from ballast.model.records import Record
from ballast.strategies.cascade.settings import Direction

TOLERANCE = 1e-9


@compiled(inline=True)
def take_stock(row: Any, view: Record, state: Record) -> None:
    """
    Value every asset at its last close and take the mean of the tradable ones.

    An asset is tradable while its last bar is at most ``max_stale_bars`` intervals old. Untradable ones
    keep their last value in the total and take no part in the mean.
    """
    oldest_ns = row.ts_ns - view.max_stale_bars * view.interval_ns
    total = view.cash
    tradable_value = 0.0
    n_tradable = 0
    for symbol in range(view.n_symbols):
        value = view.position_qty[2 * symbol] * view.price[symbol] if view.bar_ts_ns[symbol] >= 0 else 0.0
        is_tradable = view.bar_ts_ns[symbol] >= oldest_ns and view.bar_ts_ns[symbol] >= 0
        state.value[symbol] = value
        state.is_tradable[symbol] = is_tradable
        total += value
        if is_tradable:
            tradable_value += value
            n_tradable += 1
    state.total = total
    state.mean_value = tradable_value / n_tradable if n_tradable > 0 else 0.0


@compiled(inline=True)
def deviation(state: Record, symbol: int) -> float:
    """Return how far an asset's value stands from the mean, as a fraction of it; 0 when the mean is 0."""
    return (state.value[symbol] - state.mean_value) / state.mean_value if state.mean_value != 0.0 else 0.0


@compiled(inline=True)
def direction_of(deviation: float, params: Record) -> int:
    """Return which event a deviation asks for; a threshold that is only just met asks for none."""
    if deviation > params.upside_threshold + TOLERANCE:
        return Direction.UPSIDE
    if deviation < -params.downside_threshold - TOLERANCE:
        return Direction.DOWNSIDE
    return Direction.NONE


@compiled
def severity(deviation: float, params: Record) -> float:
    """Return a deviation in units of its threshold, rounded to 9 decimals so that equals tie."""
    ratio = deviation / params.upside_threshold if deviation > 0.0 else -deviation / params.downside_threshold
    return floor(ratio * 1e9 + 0.5) / 1e9


@compiled
def is_cooling(view: Record, state: Record, params: Record, symbol: int) -> bool:
    """Tell whether an asset's latest fill is too recent for it to trigger; at exactly the cooldown it is free."""
    return view.time_ns - state.last_fill_ns[symbol] < params.cooldown_minutes * MINUTE_NS


@compiled
def best_candidate(view: Record, state: Record, params: Record) -> int:
    """Return the untried candidate of greatest severity, the first configured when equal; -1 when none is left."""
    best = -1
    best_severity = 0.0
    for symbol in range(view.n_symbols):
        if not state.is_tradable[symbol] or state.is_tried[symbol]:
            continue
        strays = deviation(state, symbol)
        if direction_of(strays, params) == Direction.NONE or is_cooling(view, state, params, symbol):
            continue
        rank = severity(strays, params)
        if rank > best_severity:
            best = symbol
            best_severity = rank
    return best

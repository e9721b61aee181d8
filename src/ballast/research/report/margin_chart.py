"""What the chart of a margin account draws: price with levels and fills, and the account beneath."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any, NamedTuple

import numpy as np

from ballast.backtest.formatting import significant
from ballast.backtest.leg_attribution import entries, legs_of
from ballast.backtest.margin_result import MarginResult
from ballast.backtest.margin_summary import closed_legs, rate_text, worst_margin_rate
from ballast.backtest.metrics import IntArray
from ballast.backtest.result import Result
from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import EngineRole, LadderState
from ballast.research.report.packing import packed, series

OPENS, CLOSES, BY_ENGINE, LIQUIDATES = range(4)
"""What a fill did to its leg, or who did it."""


class Leg(NamedTuple):
    """
    One leg through a run: what each of its fills did, its levels and its mean entry.

    ``levels`` has a row per fill that added: from when, until when (the leg was closed), price, level number.
    ``entry`` are the corners of the mean entry's steps, time and price, NaN while flat.
    """

    doings: list[int]
    levels: list[tuple[float, float, float, float]]
    entry: list[tuple[float, float]]


def margin_chart(result: Result, margin: MarginResult) -> dict[str, Any]:
    """Return the panels beneath the price, the bands of the ladder's states, and the liquidation if there was one."""
    return {
        "money": [
            series("Equity", closes_ms(result), result.equity),
            series("Available", closes_ms(result), margin.points["available"]),
            series("Initial margin", closes_ms(result), margin.points["initial_margin"]),
            series("Maintenance margin", closes_ms(result), margin.points["maintenance_margin"]),
        ],
        "ladder": _ladder(result, margin),
        "rate": series("MM rate", closes_ms(result), margin.points["mm_rate"]),
        "rate_lines": _rate_lines(margin),
        "rate_title": f"Maintenance margin rate, at worst {rate_text(worst_margin_rate(margin).value)}",
        "funding": _funding(result, margin),
        "states": [state.name for state in LadderState],
        "bands": [[int(state), *span] for state, *span in spells(result, margin) if state != LadderState.NORMAL],
        "liquidation": _liquidation(result, margin),
    }


def margin_trades(result: Result, margin: MarginResult, symbol: int) -> dict[str, Any]:
    """Return what the price chart of one symbol draws beside its price and fills."""
    fills = result.fills
    legs, doings = legs_of(fills), np.zeros(len(fills))
    levels: list[tuple[float, ...]] = []
    entry: list[dict[str, str]] = []
    exits: list[dict[str, str]] = []
    for side in (0, 1):
        own = legs == 2 * symbol + side
        leg = leg_history(result, margin, 2 * symbol + side)
        doings[own] = leg.doings
        levels += [(side, *level) for level in leg.levels]
        if leg.entry:
            entry.append({"leg": str(side), **_columns(("ts", "price"), leg.entry)})
        if corners := exit_corners(result, margin, 2 * symbol + side):
            exits.append({"leg": str(side), **_columns(("ts", "price"), corners)})
    here = fills["symbol"] == symbol
    marks, closes = result.marks[:, symbol], result.close_prices[:, symbol]
    return {
        **series(result.symbols[symbol], closes_ms(result), closes),
        "fills": {
            "leg": packed(legs[here] - 2 * symbol),
            "doing": packed(doings[here]),
            "level": packed(margin.levels[here]),
        },
        "mark": None
        if np.array_equal(marks, closes, equal_nan=True)
        else series("Mark price", closes_ms(result), marks),
        "levels": _columns(("leg", "start", "end", "price", "number"), levels),
        "entry": entry,
        "exits": exits,
        "leg_names": ["LONG", "SHORT"] if margin.mode else ["Position", ""],
    }


def leg_history(result: Result, margin: MarginResult, leg: int) -> Leg:
    """Return one leg's fills, levels and mean entry; ``leg`` is ``2 * symbol``, one further for SHORT."""
    everything = result.position_fills
    n_before = len(everything) - len(result.fills)
    is_own = legs_of(everything) == leg
    fills = everything[is_own]
    numbers = np.append(np.zeros(n_before, np.int64), margin.levels)[is_own]
    end = float(_end_ms(result))
    doings: list[int] = []
    levels: list[tuple[float, float, float, float]] = []
    opened: list[tuple[float, float, float]] = []
    entry: list[tuple[float, float]] = []
    held, mean = 0.0, nan
    for fill, number, (qty, price, _) in zip(fills, numbers.tolist(), entries(fills), strict=True):
        ts_ms = float(fill["ts_ms"])
        if held and (qty == 0.0 or (qty > 0.0) != (held > 0.0)):
            levels += [(start, ts_ms, level_price, level) for start, level_price, level in opened]
            opened.clear()
        if abs(qty) > abs(held) or (not opened and qty):
            opened.append((ts_ms, float(fill["price"]), float(number)))
        doings.append(_doing(result.reasons[int(fill["reason"])], is_adding=abs(qty) > abs(held)))
        entry += [(ts_ms, mean), (ts_ms, price)]
        held, mean = qty, price
    levels += [(start, end, price, level) for start, price, level in opened]
    if entry:
        entry.append((end, mean))
    return Leg(doings[int(is_own[:n_before].sum()) :], levels, entry)


def exit_corners(result: Result, margin: MarginResult, leg: int) -> list[tuple[float, float]]:
    """Return when a leg's resting take-profit changed, and to what, NaN for none; with the end; empty without any."""
    if margin.exits is None:
        return []
    prices = margin.exits.prices[:, leg]
    if np.isnan(prices).all():
        return []
    before = np.append(np.nan, prices[:-1])
    changes = np.flatnonzero((prices != before) & ~(np.isnan(prices) & np.isnan(before)))
    times = closes_ms(result)[margin.exits.frames]
    corners = [(float(times[at]), float(prices[at])) for at in changes.tolist()]
    return [*corners, (float(times[-1]), float(prices[-1]))]


_BY_ENGINE = {role.name.lower() for role in (EngineRole.BALANCE, EngineRole.REDUCE_HEAVIER, EngineRole.EMERGENCY)}


def _doing(reason: str, *, is_adding: bool) -> int:
    if reason == EngineRole.LIQUIDATION.name.lower():
        return LIQUIDATES
    if reason in _BY_ENGINE:
        return BY_ENGINE
    return OPENS if is_adding else CLOSES


def spells(result: Result, margin: MarginResult) -> list[tuple[LadderState, int, int]]:
    """Return the states in which the ladder stood, from when until when, from the first close to the last."""
    times = [int(closes_ms(result)[0]), *(int(str(move["ts_ms"])) for move in margin.transitions), _end_ms(result)]
    states = [LadderState.NORMAL, *(LadderState[str(move["to"])] for move in margin.transitions)]
    return list(zip(states, times[:-1], times[1:], strict=True))


def _ladder(result: Result, margin: MarginResult) -> list[dict[str, str]]:
    """Return what the ladder weighs: A, the worst case of the next steps at both multiples, and the reserve."""
    if margin.risk is None:
        return []
    points, risk = margin.points, margin.risk
    worst_case = points["next_worst_case"]
    return [
        series("A: available for trading", closes_ms(result), points["available_for_trading"]),
        series(f"Freeze: {risk.early_freeze_mult:g} N", closes_ms(result), risk.early_freeze_mult * worst_case),
        series(f"Panic: {risk.panic_mult:g} N", closes_ms(result), risk.panic_mult * worst_case),
        series("Reserve", closes_ms(result), points["reserve"]),
    ]


def _funding(result: Result, margin: MarginResult) -> list[dict[str, str]]:
    paid = margin.points["funding_paid"]
    # What two equal legs pay each other leaves nothing but rounding.
    return [series("Paid since the start", closes_ms(result), paid)] if np.max(np.abs(paid)) > 1e-6 else []


def _rate_lines(margin: MarginResult) -> list[dict[str, Any]]:
    lines = [{"value": 1.0, "name": "liquidation"}]
    if margin.risk is not None:
        lines.append({"value": float(margin.risk.mm_rate_threshold) / 100.0, "name": "emergency"})
        lines.append({"value": float(margin.risk.mm_warn_pct) / 100.0, "name": "warning"})
    return lines


def _liquidation(result: Result, margin: MarginResult) -> dict[str, Any] | None:
    if not margin.liquidated:
        return None
    closed = {leg.symbol: leg.mark for leg in closed_legs(result)}
    return {
        "ts": margin.liquidation_ts_ms,
        "has_fills_after": bool((result.fills["ts_ms"] > margin.liquidation_ts_ms).any()),
        "words": [
            f"LIQUIDATED at {significant(closed[s])}" if s in closed else "LIQUIDATED"
            for s in range(len(result.symbols))
        ],
    }


def _columns(names: Sequence[str], rows: Sequence[Sequence[float]]) -> dict[str, str]:
    table = np.array(rows, dtype=np.float64).reshape(-1, len(names))
    return {name: packed(table[:, index]) for index, name in enumerate(names)}


def closes_ms(result: Result) -> IntArray:
    """Return when each bar closed: beside fills at their own times, what stood at a close stands there."""
    return np.asarray(result.ts_ms + result.interval_ns // MILLISECOND_NS)


def _end_ms(result: Result) -> int:
    return int(closes_ms(result)[-1])

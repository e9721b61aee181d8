"""The counted events of a run, each told from its fills and the prices on which it was decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ballast.backtest.metrics import FloatArray, RecordArray, event_values
from ballast.backtest.result import Result


class Leg(NamedTuple):
    """One fill of an event: symbol index, +1 bought or -1 sold, notional in quote currency."""

    symbol: int
    side: int
    notional: float


class Rebalance(NamedTuple):
    """
    One event.

    ``trigger`` is the index of the symbol that caused it, ``deviation`` that symbol's value over the mean
    value of all symbols with a price, less one, at the decision (NaN when the mean was zero); ``gain`` what
    the event had earned, or cost, when the next one was decided, against not having acted.
    """

    number: int
    ts_ms: int
    is_upside: bool
    trigger: int
    deviation: float
    legs: list[Leg]
    fee: float
    gain: float


def rebalances(result: Result) -> list[Rebalance]:
    """Return the counted events of a run in order of time; none for a strategy that counts none."""
    if result.n_events == 0:
        return []
    events = result.events
    before, after = event_values(events, result.close_prices)
    fills_of: dict[int, list[int]] = {}
    for index, cycle in enumerate(result.fills["cycle"].tolist()):
        if cycle > 0:
            fills_of.setdefault(cycle, []).append(index)
    told = []
    for event, (number, indices) in enumerate(fills_of.items()):
        fills = result.fills[indices]
        deviations = _deviations(events.qty_before[event], result.close_prices[events.decision_frame[event]])
        is_upside = _is_upside(fills, result.reasons)
        trigger = _trigger(fills, deviations, is_upside=is_upside)
        legs = [
            Leg(symbol, side, notional)
            for symbol, side, notional in zip(
                fills["symbol"].tolist(), fills["side"].tolist(), (fills["qty"] * fills["price"]).tolist(), strict=True
            )
        ]
        told.append(
            Rebalance(
                number=number,
                ts_ms=int(fills["ts_ms"][0]),
                is_upside=is_upside,
                trigger=trigger,
                deviation=float(deviations[trigger]),
                legs=legs,
                fee=float(np.sum(fills["fee"])),
                gain=float(after[event] - before[event]),
            )
        )
    return told


def _deviations(qty: FloatArray, closes: FloatArray) -> FloatArray:
    """Value over the mean value, less one; NaN for symbols without a price."""
    listed = ~np.isnan(closes)
    values = qty * np.nan_to_num(closes)
    mean = float(np.mean(values[listed])) if listed.any() else 0.0
    if mean == 0.0:
        return np.full(len(qty), np.nan)
    return np.where(listed, values / mean - 1.0, np.nan)


def _is_upside(fills: RecordArray, reasons: Sequence[str]) -> bool:
    """Tell an event's direction by the reasons of its fills or, when they are silent, by where the cash went."""
    words = " ".join(reasons[index].lower() for index in fills["reason"].tolist())
    if "upside" in words:
        return True
    if "downside" in words or "support" in words:
        return False
    return bool(np.sum(fills["side"] * fills["qty"] * fills["price"]) < 0.0)


def _trigger(fills: RecordArray, deviations: FloatArray, *, is_upside: bool) -> int:
    # An upside event sells its trigger, a downside event buys it; among several, the furthest from the mean.
    # When that order did not fill, the trigger is sought among all symbols.
    side = -1 if is_upside else 1
    candidates = fills["symbol"][fills["side"] == side]
    if len(candidates) == 0:
        candidates = np.arange(len(deviations))
    distance = np.nan_to_num(-side * deviations[candidates], nan=-np.inf)
    return int(candidates[np.argmax(distance)])

"""
Closed round trips from fills: first in, first out, per symbol and position side.

A fill in the direction of the position opens a lot; a fill against it closes the oldest lots and makes
exactly one round trip, however many lots it takes. On a one-way position a fill larger than the
position closes it and opens the rest on the other side. Fees of both sides go pro rata to the quantity.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ballast.backtest.metrics import RecordArray

TRIP = np.dtype([
    ("symbol", "i8"),
    ("position_side", "i8"),
    ("side", "i8"),
    ("qty", "f8"),
    ("entry_ts_ms", "i8"),
    ("entry_price", "f8"),
    ("exit_ts_ms", "i8"),
    ("exit_price", "f8"),
    ("fee", "f8"),
    ("pnl", "f8"),
    ("reason", "i8"),
    ("cycle", "i8"),
])
"""
A closed round trip. ``side`` is that of the entry (+1 bought first, -1 sold first), ``entry_ts_ms`` the
time of the oldest lot closed, ``entry_price`` the mean over the lots weighted by quantity, ``fee`` both
sides' share, ``pnl`` net of it in account currency; its rate, ``reason`` and ``cycle`` are the closing fill's.
"""

OPEN_LOT = np.dtype([
    ("symbol", "i8"),
    ("position_side", "i8"),
    ("side", "i8"),
    ("qty", "f8"),
    ("entry_ts_ms", "i8"),
    ("entry_price", "f8"),
    ("fee", "f8"),
])
"""What is left of an opening fill: ``qty`` > 0 still open and the ``fee`` that belongs to it."""

_DUST = 1e-9
"""A remainder below this fraction of its fill is the rounding of the account's own sums, not a position."""


class RoundTrips(NamedTuple):
    """Round trips in order of their exits, and the lots still open, oldest first within a symbol."""

    closed: RecordArray
    open: RecordArray


@dataclass(slots=True)
class _Lot:
    side: int
    qty: float
    filled_qty: float
    ts_ms: int
    price: float
    fee_per_unit: float


def round_trips(fills: RecordArray) -> RoundTrips:
    """
    Match fills into closed round trips and open lots.

    Parameters
    ----------
    fills : structured array
        Fields ``ts_ms``, ``symbol``, ``side`` (+1 buy, -1 sell), ``position_side`` (0 one-way, 1 LONG,
        2 SHORT), ``qty`` > 0, ``price``, ``fee``, ``reason``, ``cycle``, ``quote_rate``; in order of execution.
    """
    columns = ("symbol", "position_side", "side", "qty", "ts_ms", "price", "fee", "reason", "cycle", "quote_rate")
    lots_of: dict[tuple[int, int], deque[_Lot]] = {}
    trips: list[tuple[float, ...]] = []
    for symbol, position_side, side, qty, ts_ms, price, fee, reason, cycle, rate in zip(
        *(fills[name].tolist() for name in columns), strict=True
    ):
        if qty <= 0.0:
            continue
        lots = lots_of.setdefault((symbol, position_side), deque())
        closed_qty, value, entry_fee, entry_ts_ms = _close(lots, side, qty)
        if closed_qty > 0.0:
            trip_fee = entry_fee + fee * closed_qty / qty
            pnl = side * (value - closed_qty * price) * rate - trip_fee
            entry = (symbol, position_side, -side, closed_qty, entry_ts_ms, value / closed_qty)
            trips.append((*entry, ts_ms, price, trip_fee, pnl, reason, cycle))
        if qty - closed_qty > _DUST * qty:
            lots.append(_Lot(side, qty - closed_qty, qty, ts_ms, price, fee / qty))
    open_lots = [
        (symbol, position_side, lot.side, lot.qty, lot.ts_ms, lot.price, lot.fee_per_unit * lot.qty)
        for (symbol, position_side), lots in sorted(lots_of.items())
        for lot in lots
    ]
    return RoundTrips(np.array(trips, dtype=TRIP), np.array(open_lots, dtype=OPEN_LOT))


def _close(lots: deque[_Lot], side: int, qty: float) -> tuple[float, float, float, int]:
    """Take up to ``qty`` from the oldest lots of the other side: quantity, entry value, entry fee, oldest time."""
    closed_qty = value = fee = 0.0
    entry_ts_ms = 0
    while lots and lots[0].side == -side and qty - closed_qty > _DUST * qty:
        lot = lots[0]
        if closed_qty == 0.0:
            entry_ts_ms = lot.ts_ms
        taken = min(lot.qty, qty - closed_qty)
        closed_qty += taken
        value += taken * lot.price
        fee += taken * lot.fee_per_unit
        lot.qty -= taken
        if lot.qty <= _DUST * lot.filled_qty:
            lots.popleft()
    return closed_qty, value, fee, entry_ts_ms

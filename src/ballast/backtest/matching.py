"""Fills matched against open lots, first in, first out: the compiled part of ``round_trips``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ballast.backtest.metrics import IntArray, RecordArray
from ballast.model.compiled import compiled
from ballast.model.enums import PositionSide
from ballast.model.records import record

DUST = 1e-9
"""A remainder below this fraction of its fill is the rounding of the account's own sums, not a position."""

LEGS_PER_SYMBOL = len(PositionSide)


@record
class Lot:
    """What is left of a fill; ``next`` is the lot of its leg that was opened after it, -1 for none."""

    symbol: int
    position_side: int
    side: int
    qty: float
    filled_qty: float
    ts_ms: int
    price: float
    fee_per_unit: float
    next: int


def matched(fills: RecordArray, trips: RecordArray) -> tuple[int, list[tuple[Any, ...]]]:
    """
    Write the trips that fills, one at least, make; return how many they are, and the open lots as rows.

    ``trips`` has room for a trip each fill; a row of an open lot has the fields of ``OPEN_LOT``.
    """
    lots = Lot.array(len(fills))  # type: ignore[attr-defined]  # Added by @record.
    oldest = np.full(LEGS_PER_SYMBOL * (int(fills["symbol"].max()) + 1), -1)
    n_trips = match(fills.view(np.recarray), lots, oldest, oldest.copy(), trips.view(np.recarray))
    return n_trips, [_row(lots[number]) for leg in oldest.tolist() for number in _chain(lots, leg)]


def _chain(lots: Any, number: int) -> Iterator[int]:
    """Yield a leg's open lots by number, from the oldest on; -1 is none."""
    while number >= 0:
        yield number
        number = int(lots[number].next)


def _row(lot: Any) -> tuple[Any, ...]:
    fee = lot.fee_per_unit * lot.qty
    return lot.symbol, lot.position_side, lot.side, lot.qty, lot.ts_ms, lot.price, fee


@compiled
def match(fills: Any, lots: Any, oldest: IntArray, newest: IntArray, trips: Any) -> int:
    """
    Match all fills, and return how many trips they make.

    Fill ``k`` opens lot ``k``; ``oldest`` and ``newest`` are the first and last open lot of each leg, -1 for none.
    """
    n_trips = 0
    for number in range(fills.shape[0]):
        fill = fills[number]
        if fill.qty <= 0.0:
            continue
        leg = LEGS_PER_SYMBOL * fill.symbol + fill.position_side
        trip = trips[n_trips]
        closed_qty = _close(fill, lots, oldest, leg, trip)
        n_trips += closed_qty > 0.0
        if fill.qty - closed_qty > DUST * fill.qty:
            _open(fill, fill.qty - closed_qty, lots[number])
            if oldest[leg] < 0:
                oldest[leg] = number
            else:
                lots[newest[leg]].next = number
            newest[leg] = number
    return n_trips


@compiled
def _open(fill: Any, qty: float, lot: Any) -> None:
    """Open a lot of ``qty`` of a fill."""
    lot.symbol = fill.symbol
    lot.position_side = fill.position_side
    lot.side = fill.side
    lot.qty = qty
    lot.filled_qty = fill.qty
    lot.ts_ms = fill.ts_ms
    lot.price = fill.price
    lot.fee_per_unit = fill.fee / fill.qty
    lot.next = -1


@compiled
def _close(fill: Any, lots: Any, oldest: IntArray, leg: int, trip: Any) -> float:
    """Close the oldest lots of the other side, write the trip that this makes, if any, and return its quantity."""
    closed_qty = value = entry_fee = 0.0
    entry_ts_ms = 0
    while oldest[leg] >= 0 and lots[oldest[leg]].side == -fill.side and fill.qty - closed_qty > DUST * fill.qty:
        lot = lots[oldest[leg]]
        if closed_qty == 0.0:
            entry_ts_ms = lot.ts_ms
        taken = min(lot.qty, fill.qty - closed_qty)
        closed_qty += taken
        value += taken * lot.price
        entry_fee += taken * lot.fee_per_unit
        lot.qty -= taken
        if lot.qty <= DUST * lot.filled_qty:
            oldest[leg] = lot.next
    if closed_qty > 0.0:
        fee = entry_fee + fill.fee * closed_qty / fill.qty
        trip.symbol = fill.symbol
        trip.position_side = fill.position_side
        trip.side = -fill.side
        trip.qty = closed_qty
        trip.entry_ts_ms = entry_ts_ms
        trip.entry_price = value / closed_qty
        trip.exit_ts_ms = fill.ts_ms
        trip.exit_price = fill.price
        trip.fee = fee
        trip.pnl = fill.side * (value - closed_qty * fill.price) * fill.quote_rate - fee
        trip.reason = fill.reason
        trip.cycle = fill.cycle
    return closed_qty

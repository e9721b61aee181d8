"""
Closed round trips from fills: first in, first out, per symbol and position side.

A fill in the direction of the position opens a lot; a fill against it closes the oldest lots and makes
exactly one round trip, however many lots it takes. On a one-way position a fill larger than the
position closes it and opens the rest on the other side. Fees of both sides go pro rata to the quantity.
"""

from __future__ import annotations

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


class RoundTrips(NamedTuple):
    """Round trips in order of their exits, and the lots still open, oldest first within a symbol."""

    closed: RecordArray
    open: RecordArray


def round_trips(fills: RecordArray) -> RoundTrips:
    """
    Match fills into closed round trips and open lots.

    Parameters
    ----------
    fills : structured array
        Fields ``ts_ms``, ``symbol``, ``side`` (+1 buy, -1 sell), ``position_side`` (0 one-way, 1 LONG,
        2 SHORT), ``qty`` > 0, ``price``, ``fee``, ``reason``, ``cycle``, ``quote_rate``; in order of execution.
    """
    from ballast.backtest.matching import matched

    trips = np.zeros(len(fills), TRIP)
    if not len(fills):
        return RoundTrips(trips, np.zeros(0, OPEN_LOT))
    n_trips, open_lots = matched(fills, trips)
    return RoundTrips(trips[:n_trips].copy(), np.array(open_lots, OPEN_LOT))

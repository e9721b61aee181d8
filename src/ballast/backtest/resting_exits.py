"""The take-profits that rested at the venue while a session ran, looked at again and again between its frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ballast.backtest.metrics import FloatArray, IntArray
from ballast.backtest.session import Session
from ballast.kernel.venue import OrderStatus
from ballast.model.enums import OrderType, PositionSide, Side

LOOKS = 1_000
"""How often a run is looked at, at most: a chart has no room for more."""


class RestingExits(NamedTuple):
    """
    Where each leg would have taken its profit.

    ``prices``, (n_looks, 2 * n_symbols), are of the resting limit order that would only reduce a leg (``2 * symbol``
    for NONE and LONG, one further for SHORT), the nearest if there are several, NaN where there is none, once the
    frame of the same row in ``frames`` had closed. In runs of up to ``LOOKS`` frames that is every frame.
    """

    frames: IntArray
    prices: FloatArray


def run_watched(session: Session, progress: Callable[[float], None] | None = None) -> RestingExits:
    """Run a session to its end, as ``session.run`` does, and return what rested on the way."""
    n_frames = len(session.frames)
    step = -(-n_frames // LOOKS)
    stops = [*range(step, n_frames, step), n_frames]
    prices = np.full((len(stops), 2 * session.setup.n_symbols), np.nan)
    for row, stop in zip(prices, stops, strict=True):
        session.run(stop)
        row[:] = resting(session)
        if progress is not None:
            progress(stop / n_frames)
    return RestingExits(np.asarray(stops) - 1, prices)


def resting(session: Session) -> FloatArray:
    """Return the price of each leg's nearest take-profit now, (2 * n_symbols,); NaN for none."""
    orders = session.venue.orders[: int(session.venue.clock.n_orders)]
    is_exit = (orders["status"] == OrderStatus.RESTING) & (orders["type"] == OrderType.LIMIT) & orders["reduce_only"]
    found = np.full(2 * session.setup.n_symbols, np.nan)
    for order in orders[is_exit]:
        leg = 2 * int(order["symbol"]) + int(order["position_side"] == PositionSide.SHORT)
        nearer = np.fmin if order["side"] == Side.SELL else np.fmax
        found[leg] = nearer(found[leg], order["price"])
    return found

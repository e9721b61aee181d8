"""
Bars out of ticks.

A symbol's bar is made of its trades; an interval without a trade but with quotes has a bar of the prices between the
best two, without volume. Intervals are counted from 1970, open times inclusive; an interval without a tick of any
symbol is no frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.model.enums import TickKind
from ballast.model.market import Frame, width_for

_PRICES = ("open", "high", "low", "close", "volume", "mark")


def frames_of_ticks(ticks: Any, n_symbols: int, interval_ns: int, *, width: int | None = None) -> Any:
    """
    Return the bars of ``ticks``, an array of ``Tick`` ascending in time, as an array of ``Frame``.

    Every tick must have a price. ``width`` is how many symbols a record holds.
    """
    slots = ticks["ts_ns"] // interval_ns
    opens = np.unique(slots)
    frames = empty_frames(opens * interval_ns, n_symbols, width=width)
    for symbol in range(n_symbols):
        rows = np.flatnonzero(ticks["symbol"] == symbol)
        frame_of_row = np.searchsorted(opens, slots[rows])
        is_trade = ticks["kind"][rows] != TickKind.QUOTE
        traded = np.zeros(len(opens), np.bool_)
        traded[frame_of_row[is_trade]] = True
        counts = is_trade | ~traded[frame_of_row]
        _write(frames, symbol, ticks[rows[counts]], frame_of_row[counts])
    return frames


def empty_frames(open_ns: npt.NDArray[np.int64], n_symbols: int, *, width: int | None = None) -> Any:
    """Return frames that open at these times and have no bars."""
    frames = Frame.array(len(open_ns), symbols=width or width_for(n_symbols))  # type: ignore[attr-defined]
    for name in _PRICES:
        frames[name] = np.nan
    frames["ts_ns"] = open_ns
    return frames


def without_gaps(frames: Any, interval_ns: int) -> Any:
    """Return frames with one for every interval between the first and the last; new ones have no bars."""
    places = (frames["ts_ns"] - frames["ts_ns"][0]) // interval_ns
    width = frames.dtype["close"].shape[0]
    whole = empty_frames(frames["ts_ns"][0] + np.arange(int(places[-1]) + 1) * interval_ns, width)
    whole[places] = frames
    return whole


def middles(ticks: Any) -> npt.NDArray[np.float64]:
    """Return each tick's price: a trade's own, else what lies between the best two, or the one that there is."""
    bid, ask = ticks["price"], ticks["ask"]
    middle = np.where(np.isnan(bid), ask, np.where(np.isnan(ask), bid, 0.5 * (bid + ask)))
    prices: npt.NDArray[np.float64] = np.where(ticks["kind"] == TickKind.QUOTE, middle, bid)
    return prices


def _write(frames: Any, symbol: int, ticks: Any, frame_of_tick: Sequence[int]) -> None:
    """Write one symbol's bars; its ticks are ascending, so that each frame's are one slice."""
    if len(ticks) == 0:
        return
    prices = middles(ticks)
    at, first = np.unique(frame_of_tick, return_index=True)
    last = np.append(first[1:], len(ticks)) - 1
    volume = np.where((ticks["kind"] == TickKind.QUOTE) | np.isnan(ticks["qty"]), 0.0, ticks["qty"])
    bars = {
        "open": prices[first],
        "high": np.maximum.reduceat(prices, first),
        "low": np.minimum.reduceat(prices, first),
        "close": prices[last],
        "volume": np.add.reduceat(volume, first),
    }
    for name, values in bars.items():
        frames[name][at, symbol] = values

"""What the account was made of over time, rebuilt from fills and closes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ballast.backtest.metrics import FloatArray, IntArray
from ballast.backtest.result import Result

MAX_POINTS = 2_000


class Allocation(NamedTuple):
    """
    Weights at some bars: ``frames`` (n_points,), ``weights`` (n_points, n_symbols), signed fractions of equity.

    What the weights leave of 1 is the reserve. NaN where equity was not positive.
    """

    frames: IntArray
    weights: FloatArray

    @property
    def is_stackable(self) -> bool:
        """Whether the weights and the reserve are parts of a whole: nothing short, nothing borrowed."""
        known = self.weights[~np.isnan(self.weights).any(axis=1)]
        return bool((known >= -1e-9).all() and (known.sum(axis=1) <= 1.0 + 1e-6).all())


def holdings(result: Result, frames: IntArray) -> FloatArray:
    """Return the net quantities after the fills inside each of the given bars, (n_points, n_symbols)."""
    fills = result.position_fills
    fill_frames = np.searchsorted(result.ts_ms, fills["ts_ms"], side="right") - 1
    signed_qty = fills["side"] * fills["qty"]
    held = np.zeros((len(frames), len(result.symbols)))
    for symbol in range(len(result.symbols)):
        own = fills["symbol"] == symbol
        running = np.append(0.0, np.cumsum(signed_qty[own]))
        held[:, symbol] = running[np.searchsorted(fill_frames[own], frames, side="right")]
    return held


def allocation(result: Result, max_points: int = MAX_POINTS) -> Allocation:
    """Return the weights at evenly spaced bars and, as far as there is room, on both sides of every fill."""
    n = len(result.ts_ms)
    frames = np.unique(np.linspace(0, n - 1, min(n, max_points)).astype(np.int64))
    fill_frames = np.unique(np.searchsorted(result.ts_ms, result.fills["ts_ms"], side="right") - 1)
    if len(fill_frames) <= max_points:
        frames = np.unique(np.concatenate([frames, fill_frames, np.maximum(fill_frames - 1, 0)]))
    values = holdings(result, frames) * np.nan_to_num(result.close_prices[frames])
    equity = result.equity[frames]
    solvent = np.where(equity > 0.0, equity, np.nan)
    return Allocation(frames, np.asarray(values / solvent[:, None], dtype=np.float64))

"""What the account was made of over time, rebuilt from fills and closes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ballast.backtest.leg_attribution import leg_quantities
from ballast.backtest.margin_summary import leg_name
from ballast.backtest.metrics import FloatArray, IntArray
from ballast.backtest.result import Result
from ballast.model.enums import PositionSide

MAX_POINTS = 2_000


class Allocation(NamedTuple):
    """
    Weights at some bars: ``frames`` (n_points,), ``weights`` (n_points, n_columns), signed fractions of equity.

    A column is a symbol or, on accounts with margin, a leg. What the weights leave of 1 is the reserve. NaN where
    equity was not positive.
    """

    frames: IntArray
    weights: FloatArray
    names: list[str]

    @property
    def is_stackable(self) -> bool:
        """Whether the weights and the reserve are parts of a whole: nothing short, nothing borrowed."""
        known = self.weights[~np.isnan(self.weights).any(axis=1)]
        return bool((known >= -1e-9).all() and (known.sum(axis=1) <= 1.0 + 1e-6).all())


def allocation(result: Result, max_points: int = MAX_POINTS) -> Allocation:
    """Return the weights at evenly spaced bars and, as far as there is room, on both sides of every fill."""
    n = len(result.ts_ms)
    frames = np.unique(np.linspace(0, n - 1, min(n, max_points)).astype(np.int64))
    fill_frames = np.unique(result.fills["frame"])
    if len(fill_frames) <= max_points:
        frames = np.unique(np.concatenate([frames, fill_frames, np.maximum(fill_frames - 1, 0)]))
    held = leg_quantities(result.position_fills, frames, len(result.symbols))
    prices = np.nan_to_num(result.marks[frames])
    if result.margin is None:
        names, values = list(result.symbols), (held[:, 0::2] + held[:, 1::2]) * prices
    else:
        legs = [2 * leg.symbol + (leg.position_side == PositionSide.SHORT) for leg in result.legs]
        names = [leg_name(result, leg.symbol, leg.position_side) for leg in result.legs]
        values = (held * np.repeat(prices, 2, axis=1))[:, legs]
    equity = result.equity[frames]
    solvent = np.where(equity > 0.0, equity, np.nan)
    return Allocation(frames, np.asarray(values / solvent[:, None], dtype=np.float64), names)

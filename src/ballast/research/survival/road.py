"""One way through the market: prices that move a tick a minute, all in one direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ballast.backtest.made_bars import Floats, on_ticks
from ballast.backtest.setup import Setup

FARTHEST = {1: 2.0, -1: 0.95}
"""How far a road goes by direction, as a fraction of the starting price."""
GRIDLESS_STEP = 1e-4

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Road:
    """
    The way that all symbols go together, step by step.

    Attributes
    ----------
    direction : int
        1 up, -1 down.
    starts : array, (n_symbols,)
        Where each symbol begins, on its tick.
    ticks : array, (n_symbols,)
        Length of each symbol's tick; 0 for none.
    step : float
        What one step moves, as a fraction of the start: the coarsest symbol's tick. The others stand on their tick
        nearest to the same fraction.
    n_steps : int
    """

    direction: int
    starts: Floats
    units: Floats
    scales: Floats
    step: float
    n_steps: int

    def fraction(self, step: int) -> float:
        """Return how far from the start a step is, unsigned."""
        return step * self.step

    def prices(self, steps: npt.ArrayLike) -> Floats:
        """Return the prices at steps, (n_steps, n_symbols)."""
        moved = self.starts * (1.0 + self.direction * self.step * np.asarray(steps, np.float64)[:, None])
        return on_ticks(moved, self.units, self.scales)


def road_of(setup: Setup, direction: int, farthest: float | None = None) -> Road:
    """Return the road from the last close of a setup's bars, ``farthest`` (a fraction of the start) long."""
    grids = setup.grids()
    units, scales = np.asarray(grids["tick_units"], float), np.asarray(grids["tick_scale"], float)
    starts = on_ticks(last_closes(setup), units, scales)
    relative = np.where(units > 0.0, units / scales, 0.0) / starts
    step = float(relative.max()) or GRIDLESS_STEP
    length = FARTHEST[direction] if farthest is None else farthest
    return Road(direction, starts, units, scales, step, max(2, int(length / step)))


def last_closes(setup: Setup) -> Floats:
    """Return each symbol's last close."""
    closes = np.asarray(setup.frames.records["close"][:, : setup.n_symbols])
    last = len(closes) - 1 - np.argmin(np.isnan(closes[::-1]), axis=0)
    return np.asarray(closes[last, np.arange(setup.n_symbols)])

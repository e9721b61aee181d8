"""One way through the market: prices that move a tick a minute, all in one direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.backtest.setup import Setup

MINUTE_NS = 60_000_000_000
START_NS = 1_704_067_200_000_000_000  # a midnight, UTC
FARTHEST = {1: 2.0, -1: 0.95}
"""How far a road goes by direction, as a fraction of the starting price."""
GRIDLESS_STEP = 1e-4
AMPLE_VOLUME = 1e15

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bars:
    """Bars made here, as a setup takes them."""

    records: Any
    symbols: Sequence[str]
    interval_ns: int
    rows_skipped: int = 0
    rows_widened: int = 0
    data_hash: str = "made for a question"


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


def on_ticks(prices: Floats, units: Floats, scales: Floats) -> Floats:
    """Return each price on its nearest tick; symbols with 0 units have none."""
    has_tick = units > 0.0
    ticks = np.round(prices * scales / np.where(has_tick, units, 1.0))
    return np.where(has_tick, np.maximum(ticks, 1.0) * units / scales, prices)


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


def unwritten_bars(setup: Setup, n_bars: int) -> Any:
    """Return room for bars of a setup's width; pages that nobody writes cost nothing."""
    return np.empty(n_bars, setup.frames.records.dtype).view(np.recarray)


def lay(records: Any, first: int, end: int, n_symbols: int, interval_ns: int) -> None:
    """Make bars ready for prices, rows ``first`` to ``end`` (exclusive): times, ample volume, nothing else."""
    rows = records[first:end]
    rows["ts_ns"] = START_NS + np.arange(first, end) * interval_ns
    for name in ("open", "high", "low", "close", "volume", "mark"):
        rows[name] = np.nan
    rows["volume"][:, :n_symbols] = AMPLE_VOLUME


def empty_bars(setup: Setup, n_bars: int, interval_ns: int) -> Any:
    """Return bars of a setup's width, one after the other, without prices yet."""
    records = unwritten_bars(setup, n_bars)
    lay(records, 0, n_bars, setup.n_symbols, interval_ns)
    return records


def put(records: Any, first: int, opens: Floats, highs: Floats, lows: Floats, closes: Floats) -> None:
    """Write prices, (n, n_symbols), into bars from row ``first`` on."""
    rows, columns = slice(first, first + len(closes)), slice(0, closes.shape[1])
    for name, values in (("open", opens), ("high", highs), ("low", lows), ("close", closes)):
        records[name][rows, columns] = values


def on_bars(setup: Setup, records: Any, interval_ns: int) -> Setup:
    """Return the setup with other bars, without marks of their own and without funding."""
    bars = Bars(records, tuple(setup.frames.symbols), interval_ns)
    return replace(setup, frames=bars, marks=None, funding=None, benchmarks=())

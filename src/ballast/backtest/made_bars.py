"""Bars that no market made, for runs that ask a question: prices as given, ample volume, no marks and no funding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ballast.backtest.setup import Setup

START_NS = 1_704_067_200_000_000_000  # a midnight, UTC
AMPLE_VOLUME = 1e15

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bars:
    """Bars made here, as a setup takes them."""

    records: Any
    symbols: Sequence[str]
    interval_ns: int
    rows_skipped: int = 0
    rows_superseded: int = 0
    rows_widened: int = 0
    data_hash: str = "made for a question"


def on_ticks(prices: Floats, units: Floats, scales: Floats) -> Floats:
    """Return each price on its nearest tick; symbols with 0 units have none."""
    has_tick = units > 0.0
    ticks = np.round(prices * scales / np.where(has_tick, units, 1.0))
    return np.where(has_tick, np.maximum(ticks, 1.0) * units / scales, prices)


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
    """Return the setup with other bars, without marks of their own, ticks and funding."""
    bars = Bars(records, tuple(setup.frames.symbols), interval_ns)
    return replace(setup, frames=bars, marks=None, funding=None, ticks=None, benchmarks=())

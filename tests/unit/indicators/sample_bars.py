"""Markets to compute indicators of."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Bars(NamedTuple):
    """Five columns, each ``(n_bars,)``."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def walk(n_bars: int, seed: int, gap_size: float = 0.0) -> Bars:
    """Return a random walk of bars; a tenth of them open with a gap of about ``gap_size`` (a log return)."""
    rng = np.random.default_rng(seed)
    gaps = np.where(rng.random(n_bars) < 0.1, rng.normal(0.0, gap_size, n_bars), 0.0)
    moves = rng.normal(0.0, 0.003, n_bars)
    close = 100.0 * np.exp(np.cumsum(moves + gaps))
    open_ = close * np.exp(-moves)
    reach = np.abs(rng.normal(0.0, 0.002, (2, n_bars)))
    high = np.maximum(open_, close) * (1.0 + reach[0])
    low = np.minimum(open_, close) * (1.0 - reach[1])
    return Bars(open_, high, low, close, rng.exponential(1000.0, n_bars))


def recorded(file: Path, symbol: str) -> Bars:
    """Return one symbol's recorded bars, oldest first."""
    import polars as pl

    names = list(Bars._fields)
    frame = pl.scan_parquet(file).filter(pl.col("symbol") == symbol).sort("ts").select(names).collect()
    return Bars(*(frame[name].to_numpy() for name in names))

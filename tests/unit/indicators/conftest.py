"""Markets to compute indicators of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

Floats = npt.NDArray[np.float64]


class Bars(NamedTuple):
    """Five columns, each ``(n_bars,)``."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def walk(n_bars: int, seed: int, gap_size: float = 0.0) -> Bars:
    """Return a random walk of bars; a tenth of them open with a gap of about ``gap_size``."""
    rng = np.random.default_rng(seed)
    gaps = np.where(rng.random(n_bars) < 0.1, rng.normal(0.0, gap_size, n_bars), 0.0)
    moves = rng.normal(0.0, 0.003, n_bars)
    close = 100.0 * np.exp(np.cumsum(moves + gaps))
    open_ = close * np.exp(-moves)
    reach = np.abs(rng.normal(0.0, 0.002, (2, n_bars)))
    high = np.maximum(open_, close) * (1.0 + reach[0])
    low = np.minimum(open_, close) * (1.0 - reach[1])
    return Bars(open_, high, low, close, rng.exponential(1000.0, n_bars))


def recorded(directory: Path) -> Bars:
    """Return five months of one coin in bars of an hour, a crash among them."""
    import polars as pl

    names = list(Bars._fields)
    frame = (
        pl.scan_parquet(directory / "binance_spot_1h_2018-01_2025-08.parquet")
        .filter((pl.col("symbol") == "ETHUSDT") & pl.col("ts").dt.year().eq(2021) & pl.col("ts").dt.month().is_between(3, 7))
        .sort("ts")
        .select(names)
        .collect()
    )
    return Bars(*(frame[name].cast(pl.Float64).to_numpy() for name in names))


@pytest.fixture(params=["walk", "gaps", "recorded"])
def bars(request: pytest.FixtureRequest) -> Bars:
    """Return a quiet market, one that jumps, and a recorded one."""
    if request.param == "recorded":
        return recorded(request.getfixturevalue("recorded_data"))
    return walk(4000, seed=7, gap_size=0.2 if request.param == "gaps" else 0.0)


@pytest.fixture
def random_walk() -> Callable[..., Bars]:
    """Return the maker of random walks: ``(n_bars, seed, gap_size=0.0) -> Bars``."""
    return walk

"""
The made-up markets that every engine is timed on, as plain arrays.

Made once from fixed seeds and kept in ``$BALLAST_BENCH/data``, so that all engines, each in its own process and
environment, read the same bytes. Needs NumPy alone, because the peers' environments read it too.

- **w1**, 1,000,000 minutes of one symbol: the log price is a slow random walk (2e-4 a bar) plus a fast swing that
  reverts (2 % a bar, shocks of 1.6e-3), so that a rule on the RSI about earns its fees: equity neither dies nor
  overflows over ten thousand round trips, and agreement can be judged to the last digits. Tick 0.01.
- **w2**, 500,000 minutes of ten symbols: log prices that revert to a constant with a half-life of 30 days, driven by
  heavy-tailed shocks of their own (Student's t with 4 degrees of freedom, scaled to 0.3 % a bar) and a common one
  (0.1 %). Tick 0.0001.
- **perpetuals**, a year of minutes of five symbols: log prices that revert with a half-life of ten days, shocks of
  1e-3 a bar of their own and as much in common, about 5 % a day. Tick 0.0001.

Opens gap from the close before, so a fill at the close and a fill at the next open give different results.
"""

from __future__ import annotations

import os
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from peers.setup import HOME

MINUTE_NS = 60_000_000_000
START_NS = 1_577_836_800_000_000_000  # 2020-01-01
SIZES = {"w1": 1_000_000, "w2": 500_000, "perpetuals": 525_600}


class Market(NamedTuple):
    """Bars: open times in ns, ``(n,)``; prices and volume, ``(n, n_symbols)``."""

    ts_ns: Any
    open: Any
    high: Any
    low: Any
    close: Any
    volume: Any


def market(name: str, n_bars: int) -> Market:
    """Return the first ``n_bars`` of a market, made if it is not there yet."""
    directory = HOME / "data" / name
    if not directory.is_dir():
        _write(directory, {"w1": _swinging, "w2": _basket, "perpetuals": _perpetuals}[name](SIZES[name]))
    return Market(*(np.array(np.load(directory / f"{field}.npy", mmap_mode="r")[:n_bars]) for field in Market._fields))


def _write(directory: Path, made: Market) -> None:
    scratch = directory.with_name(f"{directory.name}.{os.getpid()}")
    scratch.mkdir(parents=True)
    for field, array in made._asdict().items():
        np.save(scratch / f"{field}.npy", array)
    scratch.rename(directory)


def _swinging(n_bars: int) -> Market:
    rng = np.random.default_rng(14)
    walk = np.cumsum(rng.normal(0.0, 2e-4, n_bars))
    swing = _reverting(rng.normal(0.0, 1.6e-3, n_bars), 0.02)
    return _bars(rng, 30_000.0 * np.exp(walk + swing)[:, None], tick_decimals=2, gap=1e-4, reach=4e-4)


def _basket(n_bars: int) -> Market:
    rng = np.random.default_rng(10)
    own = rng.standard_t(4, (n_bars, 10)) * (3e-3 / np.sqrt(2.0))
    common = rng.normal(0.0, 1e-3, (n_bars, 1))
    log_price = _reverting(own + common, np.log(2.0) / (30 * 1440))
    return _bars(rng, np.geomspace(3.0, 1000.0, 10) * np.exp(log_price), tick_decimals=4, gap=2e-4, reach=5e-4)


def _perpetuals(n_bars: int) -> Market:
    rng = np.random.default_rng(5)
    shocks = rng.normal(0.0, 1e-3, (n_bars, 5)) + rng.normal(0.0, 1e-3, (n_bars, 1))
    log_price = _reverting(shocks, np.log(2.0) / (10 * 1440))
    return _bars(rng, np.geomspace(0.5, 50.0, 5) * np.exp(log_price), tick_decimals=4, gap=2e-5, reach=2e-4)


def _reverting(shocks: Any, rate: float) -> Any:
    """Return the Ornstein-Uhlenbeck series x[i] = (1 - rate) * x[i - 1] + shocks[i]."""
    return np.array(list(accumulate(shocks, lambda level, shock: (1.0 - rate) * level + shock)))


def _bars(rng: Any, price: Any, *, tick_decimals: int, gap: float, reach: float) -> Market:
    """Return bars that close at ``price``, open near the close before, and reach a little beyond both."""
    n_bars = len(price)
    close = np.round(price, tick_decimals)
    before = np.vstack([close[:1], close[:-1]])
    open_ = np.round(before * (1.0 + rng.normal(0.0, gap, close.shape)), tick_decimals)
    high = np.maximum(open_, close) * (1.0 + np.abs(rng.normal(0.0, reach, close.shape)))
    low = np.minimum(open_, close) * (1.0 - np.abs(rng.normal(0.0, reach, close.shape)))
    return Market(
        ts_ns=START_NS + MINUTE_NS * np.arange(n_bars, dtype=np.int64),
        open=open_,
        high=np.round(high, tick_decimals),
        low=np.round(low, tick_decimals),
        close=close,
        volume=np.round(rng.lognormal(8.0, 0.5, close.shape), 3),
    )

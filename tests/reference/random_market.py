"""
Seeded random markets that bring out the cascade's corner cases, and their way into a Parquet file.

The rows are raw: gaps, late listings, bad values and duplicates are left for the reader to treat.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tests.reference.bars import Bar, Bars

START_MS = 1_704_067_200_000  # 2024-01-01 00:00 UTC
INTERVAL_MS = 60_000
# Longer than the default limit for forward-filled prices (5 bars), so that gaps end on both sides of it.
LONGEST_GAP_BARS = 12
BAD_VALUES = (None, math.nan, math.inf, 0.0, -1.0)


def random_market(seed: int, n_symbols: int, n_bars: int, gap_probability: float, volatility: float) -> Bars:
    """
    Return minute bars of symbols ``S0USDT``, ``S1USDT``, ... as ``symbol -> (open time in ms, open, close)``.

    The last bar of every symbol is there and good, so that no symbol is without a usable bar.

    Parameters
    ----------
    seed : int
        Same seed, same rows. With an odd one all symbols miss the three bars after the first, so that the initial
        allocation is decided more than once.
    n_symbols : int
        Every third symbol (``S2USDT``, ``S5USDT``, ...) is listed late, within the first half of the bars.
    n_bars : int
        Length of the timeline, gaps included; at least 6.
    gap_probability : float
        Chance per symbol and bar that a gap of 1 to 12 bars begins, a quarter of it for a gap of all symbols at once;
        also the chance of a row with a bad value, and of one whose time an earlier row has too.
    volatility : float
        Standard deviation of one bar's log return; one bar in a hundred moves ten times as much.
    """
    generator = np.random.default_rng(seed)
    shared_gap = draw_gaps(generator, n_bars, gap_probability / 4.0)
    shared_gap[1:4] |= seed % 2 == 1
    market: Bars = {}
    for index in range(n_symbols):
        opens, closes = draw_prices(generator, n_bars, volatility)
        missing = shared_gap | draw_gaps(generator, n_bars, gap_probability)
        if index % 3 == 2:
            missing[: generator.integers(1, n_bars // 2)] = True
        rows: list[Bar] = []
        for bar in np.flatnonzero(~missing[:-1]):
            row = (START_MS + int(bar) * INTERVAL_MS, float(opens[bar]), float(closes[bar]))
            rows += record(generator, row, gap_probability)
        rows.append((START_MS + (n_bars - 1) * INTERVAL_MS, float(opens[-1]), float(closes[-1])))
        market[f"S{index}USDT"] = rows
    return market


def draw_gaps(generator: np.random.Generator, n_bars: int, probability: float) -> NDArray[np.bool_]:
    """Return which bars are missing, shape ``(n_bars,)``."""
    missing = np.zeros(n_bars, dtype=np.bool_)
    for start in np.flatnonzero(generator.random(n_bars) < probability):
        missing[start : start + generator.integers(1, LONGEST_GAP_BARS + 1)] = True
    return missing


def draw_prices(
    generator: np.random.Generator, n_bars: int, volatility: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return opens and closes, each ``(n_bars,)`` and > 0; an open lies a fifth of a bar's move from the last close."""
    scale = np.where(generator.random(n_bars) < 0.01, 10.0 * volatility, volatility)
    start = 10.0 ** generator.uniform(-5.0, 4.0)
    closes = start * np.exp(np.cumsum(scale * generator.standard_normal(n_bars)))
    last_closes = np.concatenate(([start], closes[:-1]))
    return last_closes * np.exp(0.2 * volatility * generator.standard_normal(n_bars)), closes


def record(generator: np.random.Generator, row: tuple[int, float, float], defect_probability: float) -> list[Bar]:
    """Return the row as a careless recorder would: as it is, with a bad value, or after a wrong one of its time."""
    ts_ms, open_, close = row
    draw = generator.random()
    if draw < defect_probability:
        bad = BAD_VALUES[generator.integers(len(BAD_VALUES))]
        return [(ts_ms, bad, close) if generator.random() < 0.5 else (ts_ms, open_, bad)]
    if draw < 2.0 * defect_probability:
        return [(ts_ms, 1.5 * open_, 1.5 * close), row]
    return [row]


def write_parquet(bars: Mapping[str, Iterable[Bar]], path: Path | str) -> None:
    """Write the rows as they are, in order, with high and low that enclose them and every seventh volume 0."""
    rows = [(symbol, *row) for symbol, symbol_rows in bars.items() for row in symbol_rows]
    present = [[price for price in row[2:] if price is not None and not math.isnan(price)] for row in rows]
    table = pa.table({
        "ts": pa.array([row[1] for row in rows], pa.timestamp("ms", tz="UTC")),
        "symbol": pa.array([row[0] for row in rows], pa.string()),
        "open": pa.array([row[2] for row in rows], pa.float64()),
        "high": pa.array([max(prices, default=None) for prices in present], pa.float64()),
        "low": pa.array([min(prices, default=None) for prices in present], pa.float64()),
        "close": pa.array([row[3] for row in rows], pa.float64()),
        "volume": pa.array([0.0 if index % 7 == 0 else 1.0 for index in range(len(rows))], pa.float64()),
    })
    pq.write_table(table, path)

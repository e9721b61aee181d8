"""Small markets in memory, laid out as the engine reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ballast.model.market import Frame, width_for

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
START_NS = 1_706_400_000_000_000_000  # 2024-01-28 00:00 UTC: four days before the end of a month
LONGEST_GAP = 12
WIDTH = 4
"""Records are this wide or wider, so that the loop compiles once for all small markets."""

Quote = float | tuple[float, float] | None
"""One bar: nothing, one price for all of it, or its open and its close."""


@dataclass(frozen=True)
class Market:
    """Bars side by side, as a backtest takes them."""

    records: Any
    symbols: Sequence[str]
    interval_ns: int
    rows_skipped: int = 0
    rows_superseded: int = 0
    rows_widened: int = 0
    data_hash: str = "synthetic"

    @property
    def closes(self) -> Any:
        """Closes of the configured symbols, (n_frames, n_symbols)."""
        return self.records["close"][:, : len(self.symbols)]


def lay_out(
    bars: Mapping[str, Sequence[Quote]],
    *,
    interval_ns: int = HOUR_NS,
    start_ns: int = START_NS,
    steps: Sequence[int] | None = None,
) -> Market:
    """
    Lay quotes side by side, one frame after the other.

    ``steps`` numbers the interval that each frame stands at; by default none is missing.
    """
    columns = [list(column) for column in bars.values()]
    n_frames = len(columns[0])
    frames = _empty(n_frames, len(columns))
    frames["ts_ns"] = start_ns + np.asarray(range(n_frames) if steps is None else steps) * interval_ns
    for symbol, column in enumerate(columns):
        for frame, quote in enumerate(column):
            if quote is not None:
                open_, close = quote if isinstance(quote, tuple) else (quote, quote)
                _write(frames, frame, symbol, (open_, max(open_, close), min(open_, close), close, 1e9))
    return Market(frames, tuple(bars), interval_ns)


def random_market(
    seed: int, n_symbols: int = 3, n_frames: int = 300, *, interval_ns: int = HOUR_NS, volatility: float = 0.04
) -> Market:
    """
    Return a seeded market with everything that real ones have.

    Jumps, bars without volume, gaps of one symbol, frames without any bar, times that are missing
    altogether, and every third symbol listed late.
    """
    draw = np.random.default_rng(seed)
    frames = _empty(n_frames, n_symbols)
    frames["ts_ns"] = START_NS + interval_ns * np.cumsum(np.where(draw.random(n_frames) < 0.01, 4, 1))
    for symbol in range(n_symbols):
        # Products of even draws alone: the same numbers on every processor, which logarithms do not promise.
        width = np.where(draw.random(n_frames) < 0.02, 6.0, 1.0) * 1.5 * volatility
        close = draw.choice([0.004, 0.7, 30.0, 900.0]) * np.cumprod(1.0 + draw.uniform(-width, 1.02 * width))
        open_ = np.append(close[0], close[:-1]) * (1.0 + 0.1 * volatility * draw.uniform(-1.0, 1.0, n_frames))
        wick = 0.5 * volatility * draw.random((2, n_frames))
        high = np.maximum(open_, close) * (1.0 + wick[0])
        low = np.minimum(open_, close) / (1.0 + wick[1])
        volume = np.where(draw.random(n_frames) < 0.05, 0.0, draw.uniform(0.0, 20_000.0, n_frames) / close)
        bars = np.stack([open_, high, low, close, volume])
        bars[:, _gaps(draw, n_frames)] = np.nan
        if symbol % 3 == 2:
            bars[:, : int(draw.integers(5, n_frames // 3))] = np.nan
        for name, values in zip(("open", "high", "low", "close", "volume"), bars, strict=True):
            frames[name][:, symbol] = values
    is_empty = draw.random(n_frames) < 0.01
    for name in ("open", "high", "low", "close", "volume"):
        frames[name][is_empty] = np.nan
    return Market(frames, tuple(f"S{symbol}USDT" for symbol in range(n_symbols)), interval_ns)


def until(market: Market, n_frames: int) -> Market:
    """Return the market as it was known after ``n_frames`` frames."""
    return replace(market, records=market.records[:n_frames].copy())


def with_other_future(market: Market, n_frames: int, seed: int) -> Market:
    """Return a market that is the same for ``n_frames`` frames, with other prices, gaps and volumes after them."""
    draw = np.random.default_rng(seed)
    frames = market.records.copy()
    n_left = len(frames) - n_frames
    factor = np.exp(draw.standard_normal((n_left, 1)))
    gone = draw.random((n_left, frames["close"].shape[1])) < 0.3
    for name in ("open", "high", "low", "close"):
        frames[name][n_frames:] = np.where(gone, np.nan, frames[name][n_frames:] * factor)
    frames["volume"][n_frames:] = np.where(gone, np.nan, frames["volume"][n_frames:] * draw.uniform(0.0, 3.0))
    return replace(market, records=frames)


def with_width(market: Market, width: int) -> Market:
    """Return the market in records with room for ``width`` symbols."""
    frames = Frame.array(len(market.records), symbols=width)  # type: ignore[attr-defined]
    frames["ts_ns"] = market.records["ts_ns"]
    n_symbols = market.records["close"].shape[1]
    for name in ("open", "high", "low", "close", "volume", "mark"):
        frames[name] = np.nan
        frames[name][:, :n_symbols] = market.records[name]
    return replace(market, records=frames)


def _empty(n_frames: int, n_symbols: int) -> Any:
    frames = Frame.array(n_frames, symbols=max(WIDTH, width_for(n_symbols)))  # type: ignore[attr-defined]
    for name in ("open", "high", "low", "close", "volume", "mark"):
        frames[name] = np.nan
    return frames


def _write(frames: Any, frame: int, symbol: int, bar: tuple[float, ...]) -> None:
    for name, value in zip(("open", "high", "low", "close", "volume"), bar, strict=True):
        frames[name][frame, symbol] = value


def _gaps(draw: np.random.Generator, n_frames: int) -> Any:
    missing = np.zeros(n_frames, dtype=np.bool_)
    for start in np.flatnonzero(draw.random(n_frames) < 0.02):
        missing[start : start + int(draw.integers(1, LONGEST_GAP + 1))] = True
    return missing

"""
A made-up market of trades and quotes in a tight range, from a seed: for tests, benchmarks and first steps.

The best prices walk on the tick grid between two walls; sizes, sides and gaps are dice. It knows nothing of how real
books answer to trades, so what a maker earns on it says nothing about what it would earn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ballast.files.durable import write_parquet
from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import TickKind
from ballast.model.errors import ConfigError
from ballast.model.market import Tick


@dataclass(frozen=True)
class TickMarket:
    """
    What to make up.

    ``middle`` is the price in the middle of the range in units of ``tick``, ``reach`` how many ticks the price may go
    from it, ``spread`` how many lie between the best two. ``trade_share`` of the ticks are trades, ``moves`` of them
    move the price by one tick. ``mean_gap_ms`` is the mean time between two ticks. ``has_quotes`` leaves quotes out.
    """

    seed: int = 1
    n_ticks: int = 100_000
    middle: int = 100_000
    reach: int = 300
    spread: int = 1
    tick: float = 0.01
    trade_share: float = 0.3
    moves: float = 0.3
    mean_gap_ms: int = 40
    start_ns: int = 1_706_400_000_000_000_000
    has_quotes: bool = True

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"sample seed {self.seed} is negative; choose 0 or more")
        if self.n_ticks < 1:
            raise ConfigError(f"a sample of {self.n_ticks} ticks holds nothing; ask for at least 1")


def sample_ticks(market: TickMarket) -> Any:
    """Return a made-up market as an array of ``Tick`` of symbol 0; equal markets, equal bytes."""
    draw = np.random.Generator(np.random.PCG64(market.seed))
    n = market.n_ticks
    ticks = Tick.array(n)  # type: ignore[attr-defined]
    gaps = draw.integers(0, 2 * market.mean_gap_ms + 1, n)
    ticks["ts_ns"] = market.start_ns + 1_000_000 * np.cumsum(gaps)
    steps = np.where(draw.random(n) < market.moves, draw.integers(0, 2, n) * 2 - 1, 0)
    # A walk between walls is a walk without them, folded.
    period = 4 * market.reach
    folded = np.abs((np.cumsum(steps) + market.reach) % period - 2 * market.reach) - market.reach
    bid = market.middle + folded
    ask = bid + market.spread
    is_trade = draw.random(n) < market.trade_share
    if not market.has_quotes:
        is_trade[:] = True
    is_buy = draw.random(n) < 0.5
    sizes = draw.integers(1, 1_000, (2, n)) / 100.0
    ticks["kind"] = np.where(is_trade, np.where(is_buy, TickKind.BUY, TickKind.SELL), TickKind.QUOTE)
    # Whole ticks over a whole number: the float that the exchange's own decimal text means.
    per_unit = round(1.0 / market.tick)
    ticks["price"] = np.where(is_trade & is_buy, ask, bid) / per_unit
    ticks["qty"] = np.where(is_trade, sizes[0] / 10.0, sizes[0])
    ticks["ask"] = np.where(is_trade, np.nan, ask / per_unit)
    ticks["ask_qty"] = np.where(is_trade, np.nan, sizes[1])
    return ticks


def write_sample_trades(path: Path, market: TickMarket, symbol: str) -> int:
    """Write the trades of a made-up market as one Parquet file: ts, symbol, price, size, side; return how many."""
    import pyarrow as pa

    ticks = sample_ticks(market)
    ticks = ticks[ticks["kind"] != TickKind.QUOTE]
    table = {
        "ts": pa.array(ticks["ts_ns"] // MILLISECOND_NS, pa.timestamp("ms", tz="UTC")),
        "symbol": pa.repeat(symbol, len(ticks)),
        "price": ticks["price"],
        "size": ticks["qty"],
        "side": np.where(ticks["kind"] == TickKind.BUY, "buy", "sell"),
    }
    write_parquet(pa.table(table), path)
    return len(ticks)

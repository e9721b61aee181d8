"""A market as the Parquet file that ``ballast backtest`` reads: ``write_bars.py MARKET N_BARS FILE``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from markets import market


def main(name: str, n_bars: int, path: Path) -> None:
    """Write the bars in time order, symbols S0, S1 and so on."""
    bars = market(name, n_bars)
    n_symbols = bars.close.shape[1]
    pl.DataFrame({
        "ts": pl.Series(np.repeat(bars.ts_ns // 1_000_000, n_symbols)).cast(pl.Datetime("ms", "UTC")),
        "symbol": np.tile([f"S{k}" for k in range(n_symbols)], n_bars),
        **{field: getattr(bars, field).ravel() for field in ("open", "high", "low", "close", "volume")},
    }).write_parquet(path)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))

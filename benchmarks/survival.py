"""
How long survival takes: 10,000 paths of 30 days at 1h, both models, and the ways of one symbol.

``python benchmarks/survival.py [PATHS]``; the market is made here, the shape is compiled before the clock starts.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ballast.research.survival.analysis import one_way, path_models
from ballast.research.survival.paths import hourly
from tests.conformance.markets import HOUR_NS
from tests.unit.research.survival.grids import grid

HORIZONS = {"1d": 1.0, "7d": 7.0, "30d": 30.0}


def main() -> None:
    n_paths = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    setup = grid(n_bars=2_000, capital=1_000.0)
    quotes, interval_ns = hourly(setup.frames.records, 1, HOUR_NS)
    path_models(setup, quotes, interval_ns, 2, HORIZONS, 1)
    one_way(setup, 1)
    start = time.perf_counter()
    models = path_models(setup, quotes, interval_ns, n_paths, HORIZONS, 1)
    seconds = time.perf_counter() - start
    for model in models:
        month = model.at_horizon[30.0]
        shares = ", ".join(f"{layer} {chance.p:.1%}" for layer, chance in month.items())
        print(f"{model.name}: {model.n_paths:,} paths; within 30 days {shares}")
    print(f"both models, 30 days at 1h: {seconds:.1f} s, {2 * n_paths / seconds:,.0f} paths/s")
    start = time.perf_counter()
    for direction in (1, -1):
        one_way(setup, direction)
    print(f"one way up and down with the table: {time.perf_counter() - start:.3f} s")


if __name__ == "__main__":
    main()

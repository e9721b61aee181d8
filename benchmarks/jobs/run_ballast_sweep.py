"""
Ballast on W3, on one core: ``run_ballast_sweep.py full|shared|figures N_BARS N_PAIRS REPETITIONS``.

- full: every pair runs the whole engine, its own RSI and its equity curve included, in one session that is reset.
- shared: a sweep that keeps final figures only; the RSI is computed once, and quiet stretches are passed over.
- figures: a sweep as ``ballast sweep`` runs it, with the curve and all figures of every pair.

Beside the sums, the result carries a digest of every pair's final equity.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import reference
from run_ballast import setup_of
from timing import report

from ballast import __version__
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.backtest.sweep import Cell, sweep


def run_full(setups: list[Setup]) -> tuple[Any, int]:
    """Run every setup through the engine, nothing shared but the session's memory."""
    session = Session(setups[0], specialised=True)
    equity, fills = [], 0
    for setup in setups:
        session.reset(setup)
        session.run()
        equity.append(session.final_equity)
        fills += int(session.engine.log.n_fills)
    return equity, fills


def run_sweep(setups: list[Setup], *, final_only: bool) -> tuple[Any, int]:
    """Run every setup as a cell of a sweep."""
    cells = [Cell({"pair": number}, setup) for number, setup in enumerate(setups)]
    columns = sweep(cells, workers=1, final_only=final_only).columns
    return columns["final_equity"], sum(columns["n_fills"])


def main(mode: str, n_bars: int, n_pairs: int, repetitions: int) -> None:
    """Time the sweep and print the result."""
    setup = setup_of("w1", n_bars)

    def run() -> dict[str, Any]:
        pairs = [{"low": low, "high": high} for low, high in reference.pairs(n_pairs)]
        setups = [replace(setup, params=setup.strategy.params(pair, 1)) for pair in pairs]
        equity, fills = run_full(setups) if mode == "full" else run_sweep(setups, final_only=mode == "shared")
        digest = hashlib.sha256(np.array(equity).tobytes()).hexdigest()
        return {"equity": sum(equity), "fills": fills, "digest": digest}

    report(f"Ballast, {mode}", __version__, n_bars * n_pairs, run, repetitions)


if __name__ == "__main__":
    main(sys.argv[1], *(int(number) for number in sys.argv[2:]))

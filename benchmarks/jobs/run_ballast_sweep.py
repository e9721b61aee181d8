"""
Ballast on W3, in one process: ``run_ballast_sweep.py full|shared N_BARS N_PAIRS REPETITIONS``.

Every pair is a session of its own. Beside the sums, the result carries a digest of every pair's final equity.
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
from ballast.indicators.batch import rsi


def main(mode: str, n_bars: int, n_pairs: int, repetitions: int) -> None:
    """Time the sweep and print the result."""
    setup = setup_of("w1", n_bars)
    close = setup.frames.records["close"][:, 0]

    def run() -> dict[str, Any]:
        feature = rsi(close, reference.PERIOD)[:, None] if mode == "shared" else None
        equity, fills = np.empty(n_pairs), 0
        for k, (low, high) in enumerate(reference.pairs(n_pairs)):
            params = setup.strategy.params({"low": low, "high": high}, 1)
            session = Session(replace(setup, params=params), specialised=True, shared_feature=feature)
            session.run()
            equity[k] = session.engine.equity[-1]
            fills += int(session.engine.log.n_fills)
        return {"equity": equity.sum(), "fills": fills, "digest": hashlib.sha256(equity.tobytes()).hexdigest()}

    report(f"Ballast, {mode}", __version__, n_bars * n_pairs, run, repetitions)


if __name__ == "__main__":
    main(sys.argv[1], *(int(number) for number in sys.argv[2:]))

"""
The range maker over ticks: ``run_ballast_maker.py TICKS|FILE SYMBOL KIND REPETITIONS``.

A number makes up so many ticks; a file of recorded trades or quotes is repeated, one copy after the other in time,
until there are as many as ``BALLAST_BENCH_TICKS`` says (10,000,000 if it is not set).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from timing import report

from ballast import __version__
from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.data.tick_sample import TickMarket, sample_ticks
from ballast.data.ticks import Kind, Ticks, frames_from_ticks, read_ticks
from ballast.model.instrument import Instrument
from ballast.strategies import registry

DAY_NS = 86_400_000_000_000


def repeated(ticks: Any, n_ticks: int) -> Any:
    """Return so many ticks: copies of ``ticks``, each whole days after the one before."""
    n_copies = -(-n_ticks // len(ticks))
    days = -(-(int(ticks["ts_ns"][-1]) - int(ticks["ts_ns"][0]) + 1) // DAY_NS)
    many = np.tile(ticks, n_copies).view(np.recarray)
    many["ts_ns"] += np.repeat(np.arange(n_copies) * days * DAY_NS, len(ticks))
    return many[:n_ticks]


def ticks_of(source: str, symbol: str, kind: Kind) -> Any:
    """Return the ticks that the command line asks for."""
    if source.isdigit():
        return sample_ticks(TickMarket(n_ticks=int(source), has_quotes=kind == "quotes"))
    n_ticks = int(os.environ.get("BALLAST_BENCH_TICKS", "10000000"))
    return repeated(read_ticks(Path(source), [symbol], kind).records, n_ticks)


def main(source: str, symbol: str, kind: Kind, repetitions: int) -> None:
    """Time the maker and print the result."""
    ticks = ticks_of(source, symbol, kind)
    frames = frames_from_ticks(Ticks(ticks, 0), [symbol], 60_000)
    strategy = registry.load("range_maker")
    values = {"regime": "assume_tight_range", "k_atr": 0.0, "min_edge": 0.00003, "refresh_move": 1.0}
    instruments = Instrument.array(1)  # type: ignore[attr-defined]
    instruments["tick_units"], instruments["tick_scale"] = 1, 100.0
    instruments["lot_units"], instruments["lot_scale"] = 1, 1000.0
    setup = Setup(
        frames=frames,
        ticks=ticks,
        strategy=strategy,
        params=strategy.params({**values, "max_age_s": 120.0}, 1),
        instruments=instruments,
        costs=Costs(maker_fee_rate=0.0, taker_fee_rate=0.0, slippage_bps=0.0),
        execution=ExecutionSettings(latency_ns=5_000_000),
    )

    def run() -> dict[str, Any]:
        session = Session(setup)
        session.run()
        placed = int(session.state.makers["n_placed"].sum())
        return {"equity": session.final_equity, "fills": int(session.engine.log.n_fills), "placed": placed}

    report(f"Ballast range maker, {kind}", __version__, len(ticks), run, repetitions)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "trades" if sys.argv[3] == "trades" else "quotes", int(sys.argv[4]))

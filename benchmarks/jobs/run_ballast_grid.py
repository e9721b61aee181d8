"""
Ballast's hedge grid, in a process of its own: ``run_ballast_grid.py N_BARS N_SYMBOLS CAPITAL REPETITIONS``.

One margin account in hedge mode under the ladder: marks of their own beside the bars, risk tiers, funding every eight
hours, the grid's own take-profits and levels. A run is everything from bars in memory to final equity.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from markets import MINUTE_NS, market
from run_ballast import Frames
from timing import report

from ballast import __version__
from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, Setup
from ballast.model.enums import AccountKind, MarginModel, PositionMode
from ballast.model.instrument import Instrument, Tier
from ballast.model.market import Frame, FundingStamp, MarkBar, width_for
from ballast.risk.settings import risk_settings
from ballast.strategies import registry

EIGHT_HOURS_NS = 480 * MINUTE_NS
TIERS = [(50_000.0, 0.01, 0.0, 50.0), (200_000.0, 0.02, 500.0, 25.0), (np.inf, 0.05, 6_500.0, 10.0)]


def setup_of(n_bars: int, n_symbols: int, capital: float) -> Setup:
    """Return the run."""
    bars = market("perpetuals", n_bars)
    width = width_for(n_symbols)
    records = Frame.array(n_bars, symbols=width)  # type: ignore[attr-defined]
    marks = MarkBar.array(n_bars, symbols=width)  # type: ignore[attr-defined]
    records["ts_ns"] = bars.ts_ns
    records["mark"] = np.nan
    for field in ("open", "high", "low", "close"):
        records[field], marks[field] = np.nan, np.nan
        records[field][:, :n_symbols] = marks[field][:, :n_symbols] = getattr(bars, field)[:, :n_symbols]
    records["volume"] = bars.volume[0, 0]
    tiers = Tier.array(len(TIERS) * n_symbols)  # type: ignore[attr-defined]
    for row, tier in enumerate(TIERS * n_symbols):
        tiers[row] = (row // len(TIERS), *tier)
    stamps = np.arange(bars.ts_ns[0] // EIGHT_HOURS_NS + 1, bars.ts_ns[-1] // EIGHT_HOURS_NS + 1) * EIGHT_HOURS_NS
    funding = FundingStamp.array(len(stamps) * n_symbols)  # type: ignore[attr-defined]
    funding["ts_ns"] = np.repeat(stamps, n_symbols)
    funding["symbol"] = np.tile(np.arange(n_symbols), len(stamps))
    funding["rate"] = 0.0001
    instruments = Instrument.array(n_symbols)  # type: ignore[attr-defined]
    instruments["tick_units"], instruments["tick_scale"] = 1, 1e4
    instruments["lot_units"], instruments["lot_scale"] = 1, 1e3
    instruments["min_qty"] = 0.001
    strategy = registry.load("hedge_grid")
    values = {"grid_step_percent": 1.0, "initial_position_size_usd": 10.0, "max_grid_levels_per_side": 6}
    return Setup(
        frames=Frames(records, tuple(f"S{k}" for k in range(n_symbols))),
        strategy=strategy,
        params=strategy.params(values, n_symbols),
        initial_capital=capital,
        costs=Costs(maker_fee_rate=0.0002, taker_fee_rate=0.00055, slippage_bps=2.0),
        instruments=instruments,
        account_kind=AccountKind.UNIFIED_MARGIN,
        position_mode=PositionMode.HEDGE,
        margin_model=MarginModel.BYBIT_UNIFIED,
        leverage=(10.0,) * n_symbols,
        tiers=tiers,
        marks=marks,
        funding=funding,
        risk=risk_settings({}, has_margin=True),
    )


def main(n_bars: int, n_symbols: int, capital: float, repetitions: int) -> None:
    """Time the grid and print the result."""
    setup = setup_of(n_bars, n_symbols, capital)

    def run() -> dict[str, Any]:
        session = Session(setup)
        session.run()
        log = session.engine.log
        return {"equity": session.final_equity, "fills": int(log.n_fills), "moves": int(log.n_moves)}

    report("Ballast hedge grid", __version__, n_bars * n_symbols, run, repetitions)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))

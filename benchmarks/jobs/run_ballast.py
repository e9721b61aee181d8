"""
Ballast on one workload, in a process of its own: ``run_ballast.py WORKLOAD N_BARS BUILD REPETITIONS``.

WORKLOAD is w1, w2, or a strategy that ships: cascade on the market of w2; tight_range, staged_trend (an account at an
FX broker) and target_weights (half of it in cash) on the market of w1. BUILD is shared (as `ballast backtest` runs) or
specialised (as a sweep runs). A run is everything from bars in memory to final equity: the session with its account,
venue and logs, the real order path, the ladder and the accounting.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markets import MINUTE_NS, market
from reference import FEE_RATE, W1_CASH, W2_CASH
from timing import report

from ballast import __version__
from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, Setup
from ballast.model.enums import AccountKind, MarginModel, PositionMode
from ballast.model.instrument import Instrument, Tier
from ballast.model.market import Frame, width_for
from ballast.strategies import registry

STRATEGIES = {
    "w1": "rsi_reversion",
    "w2": str(Path(__file__).parents[1] / "strategies" / "w2_cascade.py"),
    "cascade": "cascade",
    "tight_range": "tight_range",
    "staged_trend": "staged_trend",
    "target_weights": "target_weights",
}
ON_W1 = ("w1", "tight_range", "staged_trend", "target_weights")
VALUES = {
    # Its limits are made for pairs of currencies, not for a price of thirty thousand.
    "staged_trend": {"max_stop_loss_pips": 1e6, "max_risk_per_trade_usd": 20.0, "max_entry_cost_usd": 20.0},
    "target_weights": {"weight": 0.5, "cash_weight": 0.5, "drift_threshold": 0.01},
}


@dataclass(frozen=True)
class Frames:
    """The bars of a market, as a run takes them."""

    records: Any
    symbols: tuple[str, ...]
    interval_ns: int = MINUTE_NS
    rows_skipped: int = 0
    rows_superseded: int = 0
    rows_widened: int = 0
    data_hash: str = ""


def frames_of(workload: str, n_bars: int) -> Frames:
    """Lay a market out as frames."""
    bars = market("w1" if workload in ON_W1 else "w2", n_bars)
    n_symbols = bars.close.shape[1]
    records = Frame.array(n_bars, symbols=width_for(n_symbols))  # type: ignore[attr-defined]
    records["ts_ns"] = bars.ts_ns
    for field in ("open", "high", "low", "close", "volume"):
        records[field] = np.nan
        records[field][:, :n_symbols] = getattr(bars, field)
    records["mark"] = np.nan
    return Frames(records, tuple(f"S{k}" for k in range(n_symbols)))


def fx_account() -> dict[str, Any]:
    """Return an account at an FX broker with one symbol."""
    tiers, instruments = Tier.array(1), Instrument.array(1)  # type: ignore[attr-defined]
    tiers["maintenance_margin_rate"] = 0.5 / 30
    instruments["lot_units"], instruments["lot_scale"], instruments["min_qty"] = 1, 1000.0, 0.001
    instruments["tick_units"], instruments["tick_scale"] = 1, 100.0
    return {
        "account_kind": AccountKind.FX_MARGIN,
        "position_mode": PositionMode.ONE_WAY,
        "margin_model": MarginModel.FX,
        "leverage": (30.0,),
        "tiers": tiers,
        "instruments": instruments,
    }


def setup_of(workload: str, n_bars: int, values: dict[str, Any] | None = None) -> Setup:
    """Return a run of a workload."""
    strategy = registry.load(STRATEGIES[workload])
    frames = frames_of(workload, n_bars)
    return Setup(
        frames=frames,
        strategy=strategy,
        params=strategy.params({**VALUES.get(workload, {}), **(values or {})}, len(frames.symbols)),
        initial_capital=W1_CASH if workload in ON_W1 else W2_CASH,
        costs=Costs(maker_fee_rate=FEE_RATE, taker_fee_rate=FEE_RATE, slippage_bps=0.0),
        **(fx_account() if workload == "staged_trend" else {}),
    )


def main(workload: str, n_bars: int, build: str, repetitions: int) -> None:
    """Time a workload and print the result."""
    setup = setup_of(workload, n_bars)

    def run() -> dict[str, Any]:
        session = Session(setup, specialised=build == "specialised")
        session.run()
        return {"equity": session.final_equity, "fills": int(session.engine.log.n_fills)}

    report(f"Ballast, {build}", __version__, n_bars, run, repetitions)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))

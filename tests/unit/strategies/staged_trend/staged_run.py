"""Whole runs of staged trend following on an FX account in dollars, with means so short that a test can plan them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ballast.backtest.session import Session
from ballast.backtest.setup import Setup, setup_from_config
from ballast.config import from_dict
from ballast.config.fx import fx_assumptions, fx_tiers
from ballast.data.contracts import NO_CONTRACTS, Contracts
from tests.conformance.markets import MINUTE_NS, Quote, lay_out
from tests.unit.backtest.fx_runs import Bars, FxMarket

SHORT_MEANS = {
    "sma_fast": 1, "sma_slow": 2, "rsi_period": 1, "rsi_entry_min": 0.0, "rsi_entry_max": 100.0,
    "atr_period": 1, "adx_period": 1, "choppiness_period": 2,
}  # fmt: skip
QUIET = 1.0999
"""Before the story: equal means, no signal."""
START: list[Quote] = [*(QUIET for _ in range(5)), 1.1]
"""The last close is the first above the mean: a LONG that fills at the next open."""


def staged_setup(
    bars: Bars,
    *,
    strategy: dict[str, Any] | None = None,
    risk: dict[str, Any] | None = None,
    interval_ns: int = MINUTE_NS,
    **sections: Any,
) -> Setup:
    """Return a run without costs in which the least lot is traded, unless something else is said."""
    account = {"kind": "fx_margin", "initial_capital": 10_000.0, "fee_rate": 0.0} | sections.pop("account", {})
    raw = {
        "data": {"path": "bars.parquet", "symbols": list(bars)},
        "account": account,
        "execution": {"slippage_bps": 0.0},
        "trading": {"randomness_factor": 0.0},
        "strategy": {"name": "staged_trend", "lot_mode": "minimum", **SHORT_MEANS, **(strategy or {})},
        "risk": {"max_open_trades": 1, **(risk or {})},
        "report": {"benchmarks": []},
    }
    config = from_dict(raw | sections)
    market = lay_out(bars, interval_ns=interval_ns)
    terms = Contracts(NO_CONTRACTS.funding, fx_tiers(config), "", tuple(fx_assumptions(config)))
    return setup_from_config(config, FxMarket(market.records, market.symbols, interval_ns, contracts=terms))


def staged_run(bars: Bars | Sequence[Quote], **settings: Any) -> Session:
    """Return the finished session; bars without names are those of EURUSD."""
    session = Session(staged_setup(bars if isinstance(bars, dict) else {"EURUSD": bars}, **settings))  # type: ignore[dict-item]
    session.run()
    return session


def with_slippage(setup: Setup, slippage_bps: float) -> Setup:
    """Return the setup with takers paying more."""
    return replace(setup, costs=replace(setup.costs, slippage_bps=slippage_bps))


def fills(session: Session) -> Any:
    """Return the fills of a session."""
    return session.engine.fills[: int(session.engine.log.n_fills)]


def told(session: Session, reason: int) -> Any:
    """Return the notes of one reason."""
    notes = session.engine.notes[: int(session.engine.log.n_notes)]
    return notes[notes["reason"] == reason]

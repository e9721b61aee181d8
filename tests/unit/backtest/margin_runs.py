"""Real runs of the grid on a margin account: one that is liquidated, one that its ladder stops, one of two symbols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from ballast.backtest.resting_exits import run_watched
from ballast.backtest.result import Result
from ballast.backtest.run import result_of
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.model.market import FundingStamp, MarkBar
from ballast.risk.settings import Profile, risk_settings
from tests.conformance.markets import Quote
from tests.unit.strategies.hedge_grid.grid_run import grid_setup

GRID_SETTINGS = {
    "max_grid_levels_per_side": 8,
    "grid_step_percent": 0.6,
    "take_profit_percent": 0.5,
    "initial_position_size_usd": 2.0,
}


def market(seed: int, n_bars: int, drifts: Sequence[float], starts: Sequence[float] = (100.0,)) -> dict[str, Any]:
    """Return bars of random walks, each drift (a bar) for its part of the time; a name per start price."""
    draw = np.random.default_rng(seed)
    bars: dict[str, Sequence[Quote]] = {}
    for symbol, start in enumerate(starts):
        drift = np.repeat(drifts, -(-n_bars // len(drifts)))[:n_bars]
        close = start * np.exp(np.cumsum(drift + 0.0012 * draw.standard_t(4, n_bars)))
        open_ = np.append(close[0], close[:-1])
        bars[f"S{symbol}USDT"] = [(float(o), float(c)) for o, c in zip(open_.round(3), close.round(3), strict=True)]
    return bars


def funding_of(frames: Any, every: int = 300) -> Any:
    """Return a stamp per symbol every so many frames: longs pay, more each time."""
    times = frames.records["ts_ns"][every::every]
    n_symbols = len(frames.symbols)
    stamps = FundingStamp.array(len(times) * n_symbols)  # type: ignore[attr-defined]
    stamps["ts_ns"] = np.repeat(times, n_symbols)
    stamps["symbol"] = np.tile(np.arange(n_symbols), len(times))
    stamps["rate"] = 0.0001 * (1 + np.arange(len(stamps)))
    return stamps


def with_ladder(setup: Setup, profile: Profile = Profile.SAFE) -> Setup:
    """Return the setup with a ladder and funding."""
    risk = risk_settings({"profile": profile}, has_margin=True)
    return replace(setup, risk=risk, funding=funding_of(setup.frames))


def marks_above(setup: Setup, factor: float) -> Any:
    """Return marks that stand by this factor above the price, all bars but every tenth."""
    records = setup.frames.records
    marks = MarkBar.array(len(records), symbols=records.dtype["close"].shape[0])  # type: ignore[attr-defined]
    for name in ("open", "high", "low", "close"):
        marks[name] = records[name] * factor
        marks[name][::10] = np.nan
    return marks


def result_from(setup: Setup) -> Result:
    """Return the result of the whole run."""
    session = Session(setup)
    return result_of(session, exits=run_watched(session))


@cache
def liquidated() -> Result:
    """Return a run without a ladder that dies on its short leg."""
    bars = market(5, 900, [0.0, 0.0, 0.00036, 0.0004])
    setup = grid_setup(bars, capital=700.0, leverage=50.0, **GRID_SETTINGS)
    return result_from(with_ladder(setup, Profile.OFF))


@cache
def panicked() -> Result:
    """Return a run that freezes, and then panics, with marks of its own and funding."""
    setup = grid_setup(market(7, 1_500, [0.0, 0.00005, -0.00004]), capital=500.0, leverage=20.0, **GRID_SETTINGS)
    return result_from(replace(with_ladder(setup), marks=marks_above(setup, 1.001)))


@cache
def two_symbols() -> Result:
    """Return a calm run of two symbols with funding."""
    bars = market(11, 1_500, [0.0, 0.00006, -0.00006], starts=(100.0, 7.3))
    return result_from(with_ladder(grid_setup(bars, capital=6_000.0, leverage=20.0, **GRID_SETTINGS)))

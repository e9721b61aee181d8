"""Whole runs of the grid on a margin account in hedge mode, over random paths and circumstances."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.model.enums import AccountKind, LimitFill, MarginModel, PanicTakeProfit, PathPolicy, PositionMode
from ballast.model.instrument import Instrument, Tier
from ballast.model.market import FundingStamp
from ballast.risk.settings import Profile, risk_settings
from tests.conformance.markets import MINUTE_NS, Quote, lay_out
from tests.unit.strategies.hedge_grid.desk import GRID, MAKER, SECOND_NS, TAKER

SEEDS = (1, 2, 3, 4)


def grid_setup(
    bars: dict[str, Sequence[Quote]], *, capital: float = 1_000.0, leverage: float = 75.0, **values: Any
) -> Setup:
    """Return the grid on these bars, with cents for ticks and hundredths for lots."""
    n_symbols = len(bars)
    instruments = Instrument.array(n_symbols)  # type: ignore[attr-defined]
    instruments["tick_units"], instruments["tick_scale"] = 1, 1000.0
    instruments["lot_units"], instruments["lot_scale"] = 1, 100.0
    instruments["min_qty"] = 0.01
    tiers = Tier.array(n_symbols)  # type: ignore[attr-defined]
    tiers["symbol"] = np.arange(n_symbols)
    tiers["maintenance_margin_rate"], tiers["max_leverage"] = 0.005, 100.0
    return Setup(
        frames=lay_out(bars, interval_ns=MINUTE_NS),
        strategy=GRID,
        params=GRID.params(values, n_symbols),
        initial_capital=capital,
        costs=Costs(maker_fee_rate=MAKER, taker_fee_rate=TAKER, slippage_bps=0.0),
        instruments=instruments,
        account_kind=AccountKind.UNIFIED_MARGIN,
        position_mode=PositionMode.HEDGE,
        leverage=(leverage,) * n_symbols,
        tiers=tiers,
    )


def random_setup(seed: int, n_frames: int = 120) -> Setup:
    """
    Return a seeded run.

    Paths that trend and turn, gaps, latency, thin volume, funding, little or much money,
    with and without a ladder.
    """
    draw = np.random.default_rng(seed)
    n_symbols = int(draw.integers(1, 3))
    step = draw.uniform(0.002, 0.01)
    bars: dict[str, Sequence[Quote]] = {}
    for symbol in range(n_symbols):
        drift = draw.uniform(-0.3, 0.3) * step
        close = 100.0 * np.cumprod(1.0 + drift + draw.uniform(-step, step, n_frames))
        open_ = np.append(close[0], close[:-1]) * (1.0 + draw.uniform(-0.3, 0.3, n_frames) * step)
        quotes = [(float(o), float(c)) for o, c in zip(open_.round(3), close.round(3), strict=True)]
        missing = draw.random(n_frames) < 0.02
        bars[f"S{symbol}USDT"] = [None if gone else quote for gone, quote in zip(missing, quotes, strict=True)]
    setup = grid_setup(
        bars,
        capital=float(draw.choice([20.0, 200.0, 5_000.0])),
        max_grid_levels_per_side=int(draw.integers(1, 9)),
        averaging_multiplier=float(draw.choice([1.3, 2.0, 3.0])),
        take_profit_percent=float(draw.choice([0.5, 1.0])),
        funding_in_take_profit=bool(draw.integers(0, 2)),
    )
    execution = ExecutionSettings(
        latency_ns=int(draw.choice([0, 0, SECOND_NS // 10, 45 * SECOND_NS])),
        volume_participation=float(draw.choice([0.0, 1e-8])),
        path_policy=PathPolicy(int(draw.integers(0, 3))),
        limit_fill=LimitFill(int(draw.integers(0, 2))),
    )
    return replace(
        setup,
        execution=execution,
        margin_model=MarginModel(int(draw.integers(0, 2))),
        costs=replace(setup.costs, slippage_bps=float(draw.choice([0.0, 5.0]))),
        funding=funding_of(setup.frames, draw),
        risk=ladder_of(draw),
    )


def ladder_of(draw: np.random.Generator) -> Any:
    """Return the settings of one ladder or another, half the time none."""
    profile = draw.choice([Profile.OFF, Profile.OFF, Profile.SAFE, Profile.DOCUMENTED])
    policy = draw.choice(list(PanicTakeProfit))
    values = {"profile": int(profile), "panic_min_available_usd": 0.1, "panic_tp_policy": int(policy)}
    return risk_settings(values, has_margin=True)


def funding_of(frames: Any, draw: np.random.Generator) -> Any:
    """Return stamps every 20 frames with rates of both signs."""
    times = frames.records["ts_ns"][20::20]
    n_symbols = len(frames.symbols)
    stamps = FundingStamp.array(len(times) * n_symbols)  # type: ignore[attr-defined]
    stamps["ts_ns"] = np.repeat(times, n_symbols)
    stamps["symbol"] = np.tile(np.arange(n_symbols), len(times))
    stamps["rate"] = draw.uniform(-0.002, 0.002, len(stamps))
    return stamps


def trend(start: float, factor: float, n_bars: int) -> Sequence[Quote]:
    """Return bars that run one way, each opening where the last one closed."""
    closes = [start * factor**k for k in range(n_bars + 1)]
    return list(pairwise(closes))


def finished(setup: Setup) -> Session:
    """Return a session that has run to its end."""
    session = Session(setup)
    session.run()
    return session


def digest(session: Session) -> str:
    """Return a short name for all memory of a session."""
    return hashlib.sha256(session.snapshot()).hexdigest()


if __name__ == "__main__":
    # Run under BALLAST_INTERPRET=1: the door reads it once, at import.
    sys.stdout.write(json.dumps([digest(finished(random_setup(seed))) for seed in SEEDS]))

"""Small hedge grids to ask about: bars in memory, tiers, cents for ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ballast.backtest.setup import Costs, Setup
from ballast.model.enums import AccountKind, MarginModel, PositionMode
from ballast.model.instrument import Instrument, Tier
from ballast.risk.settings import risk_settings
from ballast.strategies.registry import load
from tests.conformance.markets import HOUR_NS, lay_out

GRID = load("hedge_grid")
SAFE: Mapping[str, float] = {"profile": 0}
DOCUMENTED: Mapping[str, float] = {"profile": 1}
OFF: Mapping[str, float] = {"profile": 2}


def grid(
    *,
    prices: Sequence[float] = (100.0,),
    ticks: Sequence[tuple[int, float]] = ((1, 100.0),),
    capital: float = 1_000.0,
    leverage: float = 75.0,
    risk: Mapping[str, float] = SAFE,
    model: MarginModel = MarginModel.BYBIT_UNIFIED,
    slippage_bps: float = 0.0,
    n_bars: int = 200,
    seed: int = 1,
    **values: Any,
) -> Setup:
    """
    Return a grid whose last closes are ``prices``.

    ``ticks`` are units and scale by symbol; maintenance rises from 0.5 to 1 % at a value of 20,000.
    """
    n_symbols = len(prices)
    draw = np.random.default_rng(seed)
    walks = 1.0 + 0.004 * np.cumsum(draw.uniform(-1.0, 1.0, (n_bars, n_symbols)), axis=0)
    walks *= np.asarray(prices) / walks[-1]
    bars = {
        f"S{k}USDT": list(zip(np.append(walks[0, k], walks[:-1, k]).tolist(), walks[:, k].tolist(), strict=True))
        for k in range(n_symbols)
    }
    instruments = Instrument.array(n_symbols)  # type: ignore[attr-defined]
    instruments["tick_units"] = [units for units, _ in ticks]
    instruments["tick_scale"] = [scale for _, scale in ticks]
    instruments["lot_units"], instruments["lot_scale"], instruments["min_qty"] = 1, 1_000.0, 0.001
    tiers = Tier.array(2 * n_symbols)  # type: ignore[attr-defined]
    tiers["symbol"] = np.repeat(np.arange(n_symbols), 2)
    tiers["upper_value"] = [20_000.0, np.inf] * n_symbols
    tiers["maintenance_margin_rate"] = [0.005, 0.01] * n_symbols
    tiers["deduction"] = [0.0, 100.0] * n_symbols
    tiers["max_leverage"] = 100.0
    return Setup(
        frames=lay_out(bars, interval_ns=HOUR_NS),
        strategy=GRID,
        params=GRID.params(values, n_symbols),
        initial_capital=capital,
        costs=Costs(maker_fee_rate=0.0002, taker_fee_rate=0.00055, slippage_bps=slippage_bps),
        instruments=instruments,
        account_kind=AccountKind.UNIFIED_MARGIN,
        position_mode=PositionMode.HEDGE,
        margin_model=model,
        leverage=(leverage,) * n_symbols,
        tiers=tiers,
        risk=risk_settings(risk, has_margin=True),
    )


def with_capital(setup: Setup, capital: float) -> Setup:
    """Return the setup with other money."""
    return replace(setup, initial_capital=capital)

"""Every strategy in every circumstance, and the ways of running one."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ballast.backtest.session import Session
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.indicators.table import Request
from ballast.model.enums import AccountKind, EngineRole, LimitFill, MarginModel, PathPolicy, PositionMode
from ballast.model.instrument import Instrument, Tier
from ballast.strategies.registry import BUILT_IN, load
from tests.conformance.markets import HOUR_NS, Market, random_market

FILES = Path(__file__).parent / "strategies"
N_SYMBOLS = 4
N_FRAMES = 200
SEEDS = (1, 2, 3)

_LIVELY = {"upside_threshold": 0.1, "downside_threshold": 0.1, "cooldown_minutes": 120.0}
_STAGED = {
    "sma_fast": 2,
    "sma_slow": 5,
    "rsi_period": 3,
    "rsi_entry_min": 0.0,
    "rsi_entry_max": 100.0,
    "atr_period": 3,
    "adx_period": 3,
    "choppiness_period": 3,
    "staged_quality_threshold": 20.0,
    "max_risk_per_trade_usd": 100.0,
    "max_entry_cost_usd": 100.0,
    "max_stop_loss_pips": 1e9,
    "staged_min_profit_usd": -50.0,
    "min_stop_loss_pips": 1.0,
}
VARIANTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "cascade": {
        "lively": _LIVELY,
        "documented": {**_LIVELY, "profile": "documented"},
        "all options": {
            **_LIVELY,
            "trend_filter": True,
            "trim_over_max": True,
            "refill_reserve": True,
            "stop_averaging_below": 0.7,
            "max_events_per_day": 2,
            "confirm_closes": 2,
            "max_position_pct": 0.3,
        },
    },
    "equal_weight": {"monthly": {"rebalance": "monthly"}},
    "hedge_grid": {
        "coarse": {
            "is_documented": True,
            "grid_step_percent": 4.0,
            "take_profit_percent": 3.0,
            "max_grid_levels_per_side": 3,
        },
    },
    "range_maker": {
        "assumed": {"regime": "assume_tight_range", "k_atr": 0.05, "refresh_move": 1.0},
        "no close": {"regime": "assume_tight_range", "k_atr": 0.1, "close_inventory": False, "daily_loss_pct": 0.001},
    },
    "staged_trend": {
        "lively": {**_STAGED, "max_open_trades": 3, "staged_open_window_seconds": 1e6},
        "literal": {**_STAGED, "max_duration_minutes": 600.0, "lot_mode": "minimum", "randomness_factor": 0.3},
    },
    "tight_range": {
        "assumed": {"regime": "assume_tight_range", "time_stop_bars": 6},
        "bands": {"regime": "assume_tight_range", "target_mode": "band", "rsi_method": "sma", "atr_method": "sma"},
        "path 1": {"path": "path1", "path1_policy": "l3_aware"},
        "path 3": {"path": "path3", "min_order_value": 50.0},
        "rebalancing": {
            "regime": "assume_tight_range",
            "weight": 0.15,
            "cash_weight": 0.4,
            "drift_threshold": 0.03,
            "time_stop_bars": 6,
        },
        "making markets": {
            "regime": "assume_tight_range",
            "market_making_enabled": True,
            "k_atr": 0.05,
            "time_stop_bars": 6,
            "weight": 0.15,
            "cash_weight": 0.4,
        },
    },
    "target_weights": {
        "partial": {
            "partial": True,
            "weight": 0.2,
            "cash_weight": 0.2,
            "drift_threshold": 0.03,
        },
        "weekly": {"trigger": "calendar_based", "frequency": "weekly"},
        "elapsed days": {"trigger": "calendar_based", "calendar_days": 2},
        "volatility": {"trigger": "volatility_based", "window_bars": 20},
        "correlation": {"trigger": "correlation_based", "window_bars": 20},
    },
}
"""Settings beside the defaults that make a strategy show more of itself."""

SILENT = {"range_maker"}
"""Cases that trade nothing here, by design: these markets are never a tight range."""

FOLLOWED = "is_documented"
"""No key of a strategy's own: whether the ladder that it follows has the documented profile."""

ON_MARGIN = {"hedge_grid", "staged_trend"}
"""Strategies that need a margin account: in hedge mode, or at an FX broker."""


class Case(NamedTuple):
    """A strategy with its settings."""

    label: str
    strategy: str
    values: Mapping[str, Any]


def cases() -> list[Case]:
    """Return every registered strategy and every file in ``strategies``, each with its settings."""
    found = []
    for name in [*BUILT_IN, *sorted(str(path) for path in FILES.glob("*.py"))]:
        label = Path(name).stem
        found.append(Case(label, name, {}))
        found += [Case(f"{label}, {variant}", name, values) for variant, values in VARIANTS.get(name, {}).items()]
    return found


CASES = {case.label: case for case in cases()}


@cache
def market_of(seed: int) -> Market:
    """Return the market of a seed."""
    return random_market(seed, N_SYMBOLS, N_FRAMES)


def setup_of(label: str, seed: int) -> Setup:
    """Return one case on one market, under the circumstances that go with the seed."""
    case = CASES[label]
    strategy = load(case.strategy)
    values = {key: value for key, value in case.values.items() if key != FOLLOWED}
    params = strategy.params(values, N_SYMBOLS, is_documented=case.values.get(FOLLOWED, False))
    setup = Setup(frames=market_of(seed), strategy=strategy, params=params)
    setup = replace(setup, **circumstances(seed))
    if case.strategy == "staged_trend":
        return replace(setup, **fx_terms())
    return replace(setup, **margin_terms(seed)) if case.strategy in ON_MARGIN else setup


def margin_terms(seed: int) -> Mapping[str, Any]:
    """Return a margin account in hedge mode, charged by one model or the other."""
    tiers = Tier.array(N_SYMBOLS)  # type: ignore[attr-defined]
    tiers["symbol"] = np.arange(N_SYMBOLS)
    tiers["maintenance_margin_rate"], tiers["max_leverage"] = 0.005, 100.0
    return {
        "account_kind": AccountKind.UNIFIED_MARGIN,
        "position_mode": PositionMode.HEDGE,
        "margin_model": MarginModel(seed % 2),
        "leverage": (10.0,) * N_SYMBOLS,
        "tiers": tiers,
    }


def fx_terms() -> Mapping[str, Any]:
    """Return an account at an FX broker, with grids for every symbol."""
    tiers, instruments = Tier.array(N_SYMBOLS), Instrument.array(N_SYMBOLS)  # type: ignore[attr-defined]
    tiers["symbol"], tiers["maintenance_margin_rate"] = np.arange(N_SYMBOLS), 0.5 / 30
    instruments["lot_units"], instruments["lot_scale"], instruments["min_qty"] = 1, 1000.0, 0.01
    instruments["tick_units"], instruments["tick_scale"] = 1, 100_000.0
    return {
        "account_kind": AccountKind.FX_MARGIN,
        "position_mode": PositionMode.ONE_WAY,
        "margin_model": MarginModel.FX,
        "leverage": (30.0,) * N_SYMBOLS,
        "tiers": tiers,
        "instruments": instruments,
    }


def circumstances(seed: int) -> Mapping[str, Any]:
    """Return costs and fills: the defaults, everything at once, and the bare minimum."""
    if seed % 3 == 2:
        instruments = Instrument.array(N_SYMBOLS)  # type: ignore[attr-defined]
        instruments["lot_units"], instruments["lot_scale"] = 5, 1000.0
        instruments["tick_units"], instruments["tick_scale"] = 1, 100_000.0
        instruments["min_notional"] = 5.0
        execution = ExecutionSettings(
            latency_ns=HOUR_NS // 4,
            volume_participation=0.3,
            path_policy=PathPolicy.HIGH_FIRST,
            limit_fill=LimitFill.TOUCH,
            max_stale_bars=1,
        )
        return {"instruments": instruments, "execution": execution, "costs": Costs(maker_fee_rate=-0.0001)}
    if seed % 3 == 0:
        execution = ExecutionSettings(path_policy=PathPolicy.LOW_FIRST, max_stale_bars=0)
        return {"execution": execution, "costs": Costs(maker_fee_rate=0.0, taker_fee_rate=0.0, slippage_bps=0.0)}
    return {}


def requests_of(setup: Setup) -> tuple[Request, ...]:
    """Return the indicators that a setup's strategy asks for."""
    return tuple(setup.strategy.features(setup.params, setup.n_symbols, setup.frames.interval_ns))


def finished(setup: Setup, **options: Any) -> Session:
    """Return a session that has run to its end."""
    session = Session(setup, **options)
    session.run()
    return session


@cache
def undisturbed(label: str, seed: int) -> Session:
    """Return the finished run of a case as it is; for reading only."""
    return finished(setup_of(label, seed))


def fills(session: Session) -> Any:
    """Return the fills of a session so far."""
    return session.engine.fills[: int(session.engine.log.n_fills)]


def own_fills(session: Session) -> Any:
    """Return the fills of orders that the strategy placed, not the engine or the venue."""
    return fills(session)[fills(session)["role"] < EngineRole.BALANCE]


def notes(session: Session) -> Any:
    """Return the notes of a session so far."""
    return session.engine.notes[: int(session.engine.log.n_notes)]


def moved(session: Session) -> Session:
    """Return a new session that goes on where this one stands, from nothing but the bytes of its memory."""
    fresh = Session(session.setup)
    logs = {name: getattr(session.engine, name) for name in ("fills", "notes")}
    # NumPy's zeros_like leaves the padding of records as it finds it.
    grown = {name: np.zeros(len(log), log.dtype).view(np.recarray) for name, log in logs.items()}
    fresh.engine = fresh.engine._replace(**grown)
    for target, source in zip(_memory(fresh), _memory(session), strict=True):
        target[...] = np.frombuffer(source.tobytes(), source.dtype).reshape(source.shape)
    return fresh


def _memory(session: Session) -> list[Any]:
    return [np.asarray(part) for part in (session.venue, *session.engine, session.state)]


def digest(session: Session) -> str:
    """Return a short name for all memory of a session."""
    return hashlib.sha256(session.snapshot()).hexdigest()


if __name__ == "__main__":
    # Run under BALLAST_INTERPRET=1: the door reads it once, at import.
    chosen = sys.argv[1]
    sys.stdout.write(json.dumps([digest(finished(setup_of(chosen, int(seed)))) for seed in sys.argv[2:]]))

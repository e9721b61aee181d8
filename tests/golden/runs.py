"""Small runs whose results are kept as text, and the way of writing them anew: ``python -m tests.golden.runs``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from math import fsum
from pathlib import Path
from typing import Any

from ballast.backtest.run import run
from ballast.backtest.setup import Setup
from ballast.strategies.registry import load
from tests.conformance.markets import random_market
from tests.integration.test_hedge_grid_golden_path import golden_setup
from tests.unit.strategies.range_maker.ticks import BUSY, made_up
from tests.unit.strategies.range_maker.ticks import setup_of as maker_setup

DIRECTORY = Path(__file__).parent
LIVELY = {"upside_threshold": 0.1, "downside_threshold": 0.1}
RUNS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "cascade": ("cascade", {}),
    "cascade_lively": ("cascade", LIVELY),
    "cascade_documented": ("cascade", {**LIVELY, "profile": "documented"}),
    "cascade_trend_filter": ("cascade", {**LIVELY, "trend_filter": True}),
    "equal_weight": ("equal_weight", {}),
    "equal_weight_monthly": ("equal_weight", {"rebalance": "monthly"}),
    "range_maker": ("range_maker", {"regime": "assume_tight_range", "k_atr": 0.05}),
    "rsi_reversion": ("rsi_reversion", {}),
    "tight_range": ("tight_range", {}),
    "tight_range_assumed": ("tight_range", {"regime": "assume_tight_range"}),
    "tight_range_bands": ("tight_range", {"regime": "assume_tight_range", "target_mode": "band"}),
    "target_weights": ("target_weights", {}),
    "target_weights_partial_weekly": (
        "target_weights",
        {"trigger": "calendar_based", "frequency": "weekly", "partial": True},
    ),
    "target_weights_volatility": ("target_weights", {"trigger": "volatility_based"}),
}
SETUPS: Mapping[str, Callable[[], Setup]] = {
    "hedge_grid_golden_path": golden_setup,
    "range_maker_ticks": lambda: maker_setup(made_up(), BUSY, interval_ms=5_000, latency_ns=70_000_000),
}
"""Runs with a market and an account of their own."""


def setup_of(name: str) -> Setup:
    """Return one of the runs, ready to go."""
    if name in SETUPS:
        return SETUPS[name]()
    strategy_name, values = RUNS[name]
    strategy = load(strategy_name)
    market = random_market(7, n_symbols=4, n_frames=1_000)
    return Setup(frames=market, strategy=strategy, params=strategy.params(values, 4))


def golden_text(name: str) -> str:
    """Return the facts of one run as sorted lines ``key = value``; numbers in the fewest digits that say them."""
    result = run(replace(setup_of(name), benchmarks=()))
    figures = result.metrics
    facts: dict[str, object] = {
        "final_equity": figures.final_equity,
        "max_drawdown": figures.max_drawdown,
        "fees": fsum(result.fills["fee"]),
        "n_fills": figures.n_fills,
        "n_events": figures.n_events,
        "upside_events": figures.upside_events,
        "downside_events": figures.downside_events,
        "breaches": len(result.breaches),
        "ambiguous_fills": result.ambiguous_fills,
    }
    facts |= {f"rejects.{reason}": count for reason, count in result.rejects.items()}
    if result.quotes is not None:
        facts |= {f"quotes.{name}": value for name, value in asdict(result.quotes).items()}
    if result.margin is not None:
        margin = result.margin
        facts |= {"min_available": margin.min_available, "max_mm_rate": margin.max_mm_rate}
        for k, move in enumerate(margin.transitions):
            facts[f"move.{k:02}"] = " ".join(str(move[key]) for key in ("ts_ms", "from", "to", "reason"))
        facts |= {f"actions.{action}": count for action, count in margin.actions.items()}
    for fill in result.fills[-1:]:
        where = f"{fill['ts_ms']} {fill['symbol']} {fill['side']}"
        facts["last_fill"] = f"{where} {float(fill['qty'])!r} {float(fill['price'])!r}"
    return "".join(f"{key} = {facts[key]}\n" for key in sorted(facts))


if __name__ == "__main__":
    for each in (*RUNS, *SETUPS):
        (DIRECTORY / f"{each}.txt").write_text(golden_text(each))

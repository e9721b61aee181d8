"""The shipped cascade beside an independent implementation of its rules."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ballast.backtest.run import run
from ballast.backtest.setup import Costs, ExecutionSettings, Setup
from ballast.data.frames import load_frames
from ballast.model.instrument import Instrument, step_units
from ballast.strategies.registry import load
from tests.reference.cascade_reference import Config, load_bars
from tests.reference.cascade_reference import run as run_reference
from tests.reference.random_market import random_market, write_parquet

WIDTH = 4
"""One record width for all, so that the loop compiles once."""
TOLERANCE = 1e-9


def assert_agreement(
    path: Path,
    symbols: Sequence[str],
    values: Mapping[str, Any],
    *,
    fee_rate: float = 0.001,
    slippage_bps: float = 10.0,
    max_stale_bars: int = 5,
    lot_step: float = 0.0,
    window: tuple[int | None, int | None] = (None, None),
) -> int:
    """Assert that both give the same fills, equity and events on a file; return the number of fills."""
    frames = load_frames(path, symbols, start_ms=window[0], end_ms=window[1], width=max(WIDTH, len(symbols)))
    strategy = load("cascade")
    instruments = Instrument.array(len(symbols))  # type: ignore[attr-defined]
    instruments["lot_units"], instruments["lot_scale"] = step_units(lot_step, "lot_step")
    ours = run(
        Setup(
            frames=frames,
            strategy=strategy,
            params=strategy.params(values, len(symbols)),
            costs=Costs(maker_fee_rate=fee_rate, taker_fee_rate=fee_rate, slippage_bps=slippage_bps),
            execution=ExecutionSettings(max_stale_bars=max_stale_bars),
            instruments=instruments,
        )
    )
    config = Config(
        trading_fee=fee_rate, slippage_bps=slippage_bps, max_stale_bars=max_stale_bars, lot_step=lot_step, **values
    )
    theirs = run_reference(load_bars(path, symbols, *window), symbols, config)
    facts = [
        (int(fill["ts_ms"]), symbols[fill["symbol"]], "BUY" if fill["side"] > 0 else "SELL", int(fill["cycle"]))
        for fill in ours.fills
    ]
    assert facts == [(fill.ts_ms, fill.symbol, fill.side, fill.event_number) for fill in theirs.fills]
    for name in ("qty", "price", "fee"):
        expected = [getattr(fill, name) for fill in theirs.fills]
        assert ours.fills[name].tolist() == pytest.approx(expected, rel=TOLERANCE, abs=0.0), name
    assert ours.ts_ms.tolist() == [ts_ms for ts_ms, _ in theirs.equity]
    assert ours.equity.tolist() == pytest.approx([value for _, value in theirs.equity], rel=TOLERANCE)
    assert (ours.n_events, ours.upside_events, ours.downside_events) == (
        theirs.n_events,
        theirs.upside,
        theirs.downside,
    )
    figures = ours.metrics
    assert figures.rebalance_win_rate == theirs.win_rate
    assert (figures.total_return, figures.max_drawdown, figures.sharpe, figures.fees) == pytest.approx(
        (theirs.total_return, theirs.max_drawdown, theirs.sharpe, theirs.fees), rel=1e-6, abs=1e-12
    )
    return len(facts)


def assert_agreement_on_a_random_market(seed: int, directory: Path) -> int:
    """Draw market, settings and costs from the seed; return the number of fills."""
    draw = random.Random(seed)
    market = random_market(
        seed,
        n_symbols=draw.choice([2, 3, 4]),
        n_bars=draw.choice([150, 400]),
        gap_probability=draw.choice([0.0, 0.02, 0.1]),
        volatility=draw.choice([0.01, 0.03, 0.08]),
    )
    path = directory / f"{seed}.parquet"
    write_parquet(market, path)
    values = {
        "upside_threshold": draw.choice([0.1, 0.2, 0.4]),
        "downside_threshold": draw.choice([0.1, 0.2, 0.35]),
        "sell_percentage": draw.choice([0.1, 0.2, 0.5, 1.0]),
        "usdt_reserve": draw.choice([0.0, 0.1, 0.3]),
        "min_order_value": draw.choice([1.0, 15.0, 100.0]),
        "cooldown_minutes": draw.choice([0.0, 5.0, 30.0, 60.0]),
        "max_position_pct": draw.choice([0.5, 0.6, 1.0]),
        "min_usdt_reserve_pct": draw.choice([0.0, 0.05, 0.1]),
    }
    return assert_agreement(
        path,
        list(market),
        values,
        fee_rate=draw.choice([0.0, 0.001, 0.01]),
        slippage_bps=draw.choice([0.0, 10.0, 50.0]),
        max_stale_bars=draw.choice([0, 1, 5]),
        lot_step=draw.choice([0.0, 0.0, 0.1, 0.001]),
    )

"""Equity, margins, A and N at every fill are what a second set of books says; PANIC never doubles a leg."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ballast.backtest.session import Session
from ballast.backtest.setup import setup_from_config
from ballast.cli.market import frames_of
from ballast.config import load
from ballast.model.enums import EngineRole, LadderState, MarginModel, PositionSide
from ballast.risk.settings import risk_settings
from ballast.strategies.hedge_grid.settings import Role
from tests.integration.hedge_grid_books import Audit
from tests.integration.hedge_grid_files import write_file
from tests.unit.backtest.margin_runs import GRID_SETTINGS, market, marks_above, with_ladder
from tests.unit.strategies.hedge_grid.grid_run import grid_setup, random_setup, trend


@pytest.mark.parametrize(("model", "capital"), [(MarginModel.BYBIT_UNIFIED, 500.0), (MarginModel.TEXTBOOK, 300.0)])
def test_a_run_that_panics_agrees_with_books_kept_beside_it(model: MarginModel, capital: float) -> None:
    setup = grid_setup(market(7, 1_500, [0.0, 0.00005, -0.00004]), capital=capital, leverage=20.0, **GRID_SETTINGS)
    setup = replace(with_ladder(setup), marks=marks_above(setup, 1.001), margin_model=model)
    audit = Audit(setup)
    assert audit.n_checked["fills"] > 20
    assert audit.n_checked["funding"] > 3
    assert LadderState.PANIC in audit.session.engine.moves["after"][: int(audit.session.engine.log.n_moves)]


@pytest.mark.parametrize("seed", [3, 5, 8, 13, 21])
def test_random_circumstances_agree_with_books_kept_beside_them(seed: int) -> None:
    setup = random_setup(seed)
    audit = Audit(replace(setup, risk=risk_settings({}, has_margin=True)))
    assert audit.n_checked["fills"] > 3


def recorded_setup(tmp_path: Path, data: Path, *overrides: str) -> Any:
    config = load(write_file(tmp_path, data, "hour"), overrides)
    return setup_from_config(config, frames_of(config))


@pytest.mark.parametrize("model", ["bybit_unified", "textbook"])
def test_recorded_months_with_marks_funding_and_tiers_agree_with_books_kept_beside_them(
    model: str, tmp_path: Path, recorded_data: Path
) -> None:
    audit = Audit(recorded_setup(tmp_path, recorded_data, f'account.margin_model="{model}"'))
    assert audit.n_checked["fills"] > 60
    assert audit.n_checked["funding"] > 4
    states = set(audit.session.engine.moves["after"][: int(audit.session.engine.log.n_moves)].tolist())
    assert {LadderState.FROZEN, LadderState.PANIC} <= states


def held_after(session: Session) -> list[tuple[int, int, float, float]]:
    """Return (time, symbol, long, short) after all fills of each instant, sizes unsigned."""
    fills = session.engine.fills[: int(session.engine.log.n_fills)]
    held = np.zeros((session.setup.n_symbols, 2))
    moments = []
    for time_ns, group in groupby(fills, key=lambda fill: int(fill["time_ns"])):
        for fill in group:
            leg = int(fill["position_side"] == PositionSide.SHORT)
            held[int(fill["symbol"]), leg] += fill["qty"] * fill["side"] * (-1 if leg else 1)
        moments += [(time_ns, symbol, *held[symbol]) for symbol in range(session.setup.n_symbols)]
    return moments


def panics(session: Session) -> list[tuple[int, float]]:
    """Return from when to when the ladder stood in PANIC."""
    moves = session.engine.moves[: int(session.engine.log.n_moves)]
    ends = [*(int(move["time_ns"]) for move in moves[1:]), inf]
    return [
        (int(move["time_ns"]), end) for move, end in zip(moves, ends, strict=True) if move["after"] == LadderState.PANIC
    ]


def assert_the_heavier_leg_never_grows_in_panic(session: Session) -> None:
    heaviest: dict[int, float] = {}
    for since, until in panics(session):
        for time_ns, symbol, long, short in held_after(session):
            if time_ns < since:
                heaviest[symbol] = max(long, short)
            elif time_ns < until:
                assert max(long, short) <= heaviest.get(symbol, inf) * (1.0 + 1e-9) or time_ns == since
                heaviest[symbol] = max(long, short)


@pytest.mark.parametrize("latency_ns", [0, 45_000_000_000])
def test_a_leg_closed_in_panic_comes_back_once_and_not_by_reopening_and_balancing_at_once(latency_ns: int) -> None:
    # Up until PANIC, then on: the LONG leg takes its profit and comes back again and again.
    path = [*trend(100.0, 1.0025, 30), *trend(100.0 * 1.0025**30, 1.002, 30)]
    setup = grid_setup({"A": path}, capital=60.0, leverage=20.0, averaging_multiplier=2.0)
    risk = risk_settings({"max_account_drawdown": 0.0, "panic_balance_retry_s": 1.0}, has_margin=True)
    session = Session(replace(setup, risk=risk, execution=replace(setup.execution, latency_ns=latency_ns)))
    session.run()
    assert panics(session)
    roles = set(session.engine.fills["role"][: int(session.engine.log.n_fills)].tolist())
    assert {int(Role.REOPEN), int(EngineRole.BALANCE)} <= roles
    assert_the_heavier_leg_never_grows_in_panic(session)


def test_recorded_panics_never_make_a_leg_heavier(tmp_path: Path, recorded_data: Path) -> None:
    session = Session(recorded_setup(tmp_path, recorded_data, "risk.max_account_drawdown=0.0"))
    session.run()
    assert panics(session)
    assert_the_heavier_leg_never_grows_in_panic(session)

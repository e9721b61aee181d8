"""The grid against the real venue: what must hold after every event, whatever the path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.backtest.session import Session
from ballast.model.enums import Cause, EventKind, LadderState, PositionSide
from ballast.strategies.hedge_grid import attribution, outcome
from ballast.strategies.hedge_grid.settings import Role, TakeProfitStatus
from tests.architecture.sources import ROOT
from tests.unit.strategies.hedge_grid.desk import GRID
from tests.unit.strategies.hedge_grid.grid_run import SEEDS, digest, finished, grid_setup, random_setup, trend


class Watched:
    """A run whose every decision is looked at from outside, before and after."""

    def __init__(self, setup: Any) -> None:
        self.levels_filled: Counter[tuple[int, int, int]] = Counter()
        self.n_looked = 0
        self.session = Session(replace(setup, strategy=replace(GRID, decide=self.decide, is_compiled=False)))
        self.n_symbols = setup.n_symbols
        self.session.run()

    def decide(self, row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        """Decide, and check everything that must hold around it."""
        if view.cause == Cause.ORDER and view.event_role == Role.AVERAGE and view.event_kind == EventKind.FILLED:
            leg = 2 * int(view.event_symbol) + (1 if view.event_position_side == PositionSide.SHORT else 0)
            self.levels_filled[leg, int(view.event_cycle), int(view.event_level)] += 1
        n = int(GRID.decide(row, view, state, params, intents))
        # A move of the ladder is told before the fill behind it.
        for leg_index in range(2 * int(view.n_symbols)) if view.cause != Cause.LADDER else ():
            self.check_levels(view, state.leg[leg_index], leg_index)
            if self.session.venue.clock.events_read == self.session.venue.clock.events_written:
                self.check_take_profit(view, state.leg[leg_index], leg_index, n, intents)
        self.n_looked += 1
        return n

    def check_levels(self, view: Any, leg: Any, leg_index: int) -> None:
        """Levels and balance sum to the position."""
        held = abs(float(view.position_qty[leg_index]))
        total = float(leg.level_qty[: leg.n_levels].sum()) + float(leg.balance_qty)
        assert total == pytest.approx(held, rel=1e-9, abs=1e-9)
        assert leg.qty == pytest.approx(held, rel=1e-9, abs=1e-9)
        assert not leg.level_qty[leg.n_levels :].any()
        assert leg.n_levels <= leg.levels_max

    def check_take_profit(self, view: Any, leg: Any, leg_index: int, n: int, intents: Any) -> None:
        """With nothing in flight and nothing unread, exactly one order rests, for the whole leg."""
        venue = self.session.venue
        orders = [
            order
            for order in venue.orders[: venue.clock.n_orders]
            if order.role == Role.TP and 2 * order.symbol + (order.position_side == PositionSide.SHORT) == leg_index
        ]
        is_moving = leg.pending != 0 or any(order.status == 0 or order.amend_ns or order.cancel_ns for order in orders)
        is_asking = any(intents[k].role == Role.TP for k in range(n))
        is_emergency = view.ladder_state >= LadderState.EMERGENCY
        if is_moving or is_asking or leg.take_profit_retries > 0 or is_emergency:
            return
        held = 0.0 if leg.is_take_profit_held else abs(float(view.position_qty[leg_index]))
        assert [float(order.qty) for order in orders] == ([pytest.approx(held, rel=1e-9)] if held else [])
        assert (leg.take_profit == TakeProfitStatus.RESTING) == (held > 0.0)


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=40)
def test_after_every_event_the_books_of_the_grid_are_the_venues(seed: int) -> None:
    run = Watched(random_setup(seed))
    assert run.n_looked > 100
    assert max(run.levels_filled.values(), default=1) == 1
    session = run.session
    assert session.engine.strategy_view.cash == session.venue.accounts[0].cash


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=25)
def test_price_fees_and_funding_are_all_that_moved_the_wallet(seed: int) -> None:
    session = finished(random_setup(seed))
    net = sum(leg.net for leg in attribution(session.state, session.setup.n_symbols))
    account = session.venue.accounts[0]
    moved = account.cash - session.setup.initial_capital - account.insurance_loss
    assert net == pytest.approx(moved, rel=1e-9, abs=1e-7)


@given(st.integers(0, 2**32), st.integers(1, 119), st.integers(1, 119))
@settings(deadline=None, max_examples=25)
def test_a_restart_from_bytes_in_the_middle_changes_nothing(seed: int, first: int, second: int) -> None:
    setup = random_setup(seed)
    pieces = Session(setup)
    for stop in sorted((first, second)):
        pieces.run(stop)
        kept = pieces.state.tobytes()
        pieces.state.leg["qty"] = -1.0
        np.asarray(pieces._state)[:] = np.frombuffer(kept, pieces._state.dtype)
    pieces.run()
    assert digest(pieces) == digest(finished(setup))


def test_the_interpreter_gives_the_same_bytes() -> None:
    environment = {**os.environ, "BALLAST_INTERPRET": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "tests.unit.strategies.hedge_grid.grid_run"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [digest(finished(random_setup(seed))) for seed in SEEDS]


def test_the_random_runs_show_what_they_are_there_to_show() -> None:
    counts: Counter[str] = Counter()
    for seed in range(20):
        session = finished(random_setup(seed))
        counts.update(outcome(session.state))
        counts["liquidated"] += int(session.engine.strategy_view.liquidated)
        counts["partial"] += int((session.engine.fills["kind"][: session.engine.log.n_fills] == 1).any())
    assert all(counts[name] > 5 for name in ("open", "average", "tp", "reopen", "partial")), counts
    assert counts["liquidated"] > 0


def test_a_market_that_runs_one_way_is_averaged_level_by_level_at_the_levels_own_prices() -> None:
    session = finished(grid_setup({"A": trend(100.0, 0.9975, 24)}, max_grid_levels_per_side=5))
    fills = session.engine.fills[: session.engine.log.n_fills]
    averaged = fills[fills["role"] == Role.AVERAGE]
    assert averaged["level"].tolist() == [1, 2, 3, 4]
    assert set(averaged["position_side"].tolist()) == {PositionSide.LONG}
    first = fills[(fills["role"] == Role.OPEN) & (fills["position_side"] == PositionSide.LONG)][0]
    prices = [float(first["price"]), *averaged["price"].tolist()]
    for earlier, later in pairwise(prices):
        assert later == pytest.approx(earlier * 0.99, abs=0.001)
        assert later <= earlier * 0.99
    assert averaged["qty"].tolist() == [1.5, 3.0, 6.0, 12.0]


def test_without_protection_the_martingale_dies() -> None:
    session = finished(grid_setup({"A": trend(100.0, 1.0025, 60)}, capital=400.0))
    assert session.engine.strategy_view.liquidated
    assert session.state.is_stopped[0]
    assert session.engine.strategy_view.equity < 40.0

"""Whole runs: what a ladder refuses, and that on spot one which never moves changes no bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ballast.backtest.session import Session
from ballast.model.enums import EngineRole, LadderState, PositionSide, Reason, Side
from ballast.risk.ladder import enter
from ballast.risk.operator import acknowledge, halt, operator_flatten, operator_freeze
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import risk_settings
from tests.conformance.runs import CASES, ON_MARGIN, setup_of

OUT_OF_REACH = 0.999


def guarded(label: str, **limits: float) -> Any:
    """Return a case with a ladder, whose limits on losses are out of reach unless given."""
    limits = limits or {"drawdown_limit": OUT_OF_REACH}
    return replace(setup_of(label, 1), risk=risk_settings(limits, has_margin=False))


def put_into(ladder: Any, state: LadderState, now_ns: int) -> None:
    if state == LadderState.FROZEN:
        operator_freeze(ladder, now_ns)
    elif state == LadderState.PANIC:
        enter(ladder, state, LadderReason.LOW_MARGIN, now_ns)
    elif state == LadderState.EMERGENCY:
        operator_flatten(ladder, now_ns)
    else:
        halt(ladder, LadderReason.OPERATOR_HALT, now_ns)


@pytest.mark.parametrize("label", [label for label, case in CASES.items() if case.strategy not in ON_MARGIN])
@pytest.mark.parametrize("state", [state for state in LadderState if state != LadderState.NORMAL])
def test_a_run_under_the_ladder_never_raises(label: str, state: LadderState) -> None:
    session = Session(guarded(label))
    session.run(100)
    n_before = int(session.engine.log.n_fills)
    # What was accepted before stays at the venue; the ladder sees requests.
    resting = set(session.venue.orders["id"][: session.venue.clock.n_orders].tolist())
    put_into(session.engine.ladder, state, int(session.engine.strategy_view.time_ns))
    session.run()
    assert session.engine.ladder.state == state
    later = session.engine.fills[n_before : session.engine.log.n_fills]
    new = [fill for fill in later if int(fill["order_id"]) not in resting]
    assert all(fill["side"] == Side.SELL for fill in new)
    assert not new or state != LadderState.HALTED
    if state == LadderState.EMERGENCY:
        assert all(fill["role"] == EngineRole.EMERGENCY for fill in new)
        assert not session.engine.strategy_view.position_qty.any()


@pytest.mark.parametrize("label", [label for label, case in CASES.items() if case.strategy in ON_MARGIN])
def test_a_frozen_margin_account_takes_no_leg_beyond_the_heavier(label: str) -> None:
    session = Session(replace(setup_of(label, 1), risk=risk_settings({}, has_margin=True)))
    session.run(20)
    n_before = int(session.engine.log.n_fills)
    resting = set(session.venue.orders["id"][: session.venue.clock.n_orders].tolist())
    held = session.engine.strategy_view.position_qty.copy()
    operator_freeze(session.engine.ladder, int(session.engine.strategy_view.time_ns))
    session.run()
    assert session.engine.ladder.state >= LadderState.FROZEN
    for fill in session.engine.fills[n_before : session.engine.log.n_fills]:
        first = 2 * int(fill["symbol"])
        leg = first + (fill["position_side"] == PositionSide.SHORT)
        heavier, size = abs(held[first : first + 2]).max(), abs(held[leg])
        held[leg] += fill["qty"] * fill["side"]
        if int(fill["order_id"]) not in resting and abs(held[leg]) > size:
            assert abs(held[leg]) <= heavier * (1.0 + 1e-9)


def test_a_refused_request_is_counted_under_its_reason() -> None:
    setup = guarded("cascade, lively")
    session = Session(setup)
    halt(session.engine.ladder, LadderReason.OPERATOR_HALT, 0)
    session.run()
    assert session.engine.log.rejects[Reason.LADDER_HALTED] > 0
    assert session.engine.strategy_view.open_orders.sum() == 0
    assert session.engine.equity[-1] == setup.initial_capital


@pytest.mark.parametrize("limit", ["drawdown_limit", "daily_loss_limit", "max_account_drawdown"])
@pytest.mark.parametrize("label", ["cascade, lively", "rsi_reversion", "every_order", "plain_python"])
def test_a_ladder_that_never_moves_changes_no_bit(label: str, limit: str) -> None:
    without, within = Session(setup_of(label, 1)), Session(guarded(label, **{limit: OUT_OF_REACH}))
    without.run()
    within.run()
    assert within.engine.equity.tobytes() == without.engine.equity.tobytes()
    n_fills = int(without.engine.log.n_fills)
    assert n_fills == within.engine.log.n_fills > 0
    assert within.engine.fills[:n_fills].tobytes() == without.engine.fills[:n_fills].tobytes()
    assert within.state.tobytes() == without.state.tobytes()


def test_a_daily_loss_stops_entries_for_the_day_and_no_exit() -> None:
    session = Session(guarded("cascade, lively", daily_loss_limit=0.001))
    session.run()
    moves = session.engine.moves[: session.engine.log.n_moves]
    frozen = [move for move in moves if move["after"] == LadderState.FROZEN]
    thawed = [move for move in moves if move["after"] == LadderState.NORMAL]
    assert frozen
    assert {int(move["reason"]) for move in frozen} == {LadderReason.DAILY_LOSS}
    day_ns = 86_400_000_000_000
    assert thawed
    assert all(move["time_ns"] // day_ns > frozen[k]["time_ns"] // day_ns for k, move in enumerate(thawed))
    assert session.engine.log.rejects[Reason.LADDER_FROZEN] > 0


def test_an_acknowledged_emergency_lets_the_run_go_on() -> None:
    session = Session(guarded("cascade, lively"))
    session.run(100)
    operator_flatten(session.engine.ladder, int(session.engine.strategy_view.time_ns))
    session.run(110)
    acknowledge(session.engine.ladder, int(session.engine.strategy_view.time_ns))
    session.run()
    assert session.engine.ladder.state == LadderState.NORMAL

"""Every cell of the ladder's table, and that a normal ladder is not there at all."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from ballast.backtest.session import Session
from ballast.engine.view import View
from ballast.model.enums import IntentKind, LadderState, PositionSide, QtyUnit, Reason, Side
from ballast.model.intents import Intent, cancel, note, place_market, place_stop, timer, watch
from ballast.risk.ladder import Ladder, is_raising, review
from tests.architecture.sources import ROOT
from tests.conformance.runs import CASES, setup_of

REFUSAL = {
    LadderState.NORMAL: Reason.NONE,
    LadderState.FROZEN: Reason.LADDER_FROZEN,
    LadderState.PANIC: Reason.LADDER_PANIC,
    LadderState.EMERGENCY: Reason.LADDER_EMERGENCY,
    LadderState.HALTED: Reason.LADDER_HALTED,
}
CLOSES_ITSELF = {LadderState.EMERGENCY, LadderState.HALTED}


def view_with(long: float = 0.0, short: float = 0.0) -> Any:
    view = View.new(symbols=2, legs=4, features=8)  # type: ignore[attr-defined]
    view.n_symbols = 2
    view.position_qty[2], view.position_qty[3] = long, short
    return view


def order(side: Side, **fields: Any) -> Any:
    intents = Intent.array(1)  # type: ignore[attr-defined]
    place_market(intents, 0, 1, side, 1.0, QtyUnit.BASE, 1)
    for name, value in fields.items():
        setattr(intents[0], name, value)
    return intents[0]


def ladder(state: LadderState) -> Any:
    record = Ladder.new()  # type: ignore[attr-defined]
    record.state = state
    return record


each_state = pytest.mark.parametrize("state", LadderState)


@each_state
@pytest.mark.parametrize(("held", "side"), [(0.0, Side.BUY), (5.0, Side.BUY), (0.0, Side.SELL), (-5.0, Side.SELL)])
def test_what_raises_passes_a_normal_ladder_only(state: LadderState, held: float, side: Side) -> None:
    assert review(ladder(state), view_with(held), order(side)) == REFUSAL[state]


@each_state
@pytest.mark.parametrize(("held", "side"), [(5.0, Side.SELL), (-5.0, Side.BUY)])
def test_what_reduces_passes_until_the_engine_closes_by_itself(state: LadderState, held: float, side: Side) -> None:
    expected = REFUSAL[state] if state in CLOSES_ITSELF else Reason.NONE
    assert review(ladder(state), view_with(held), order(side)) == expected


@each_state
@pytest.mark.parametrize("side", Side)
def test_what_protects_passes_until_the_engine_closes_by_itself(state: LadderState, side: Side) -> None:
    expected = REFUSAL[state] if state in CLOSES_ITSELF else Reason.NONE
    assert review(ladder(state), view_with(5.0), order(side, reduce_only=True)) == expected
    tighter = order(side, kind=IntentKind.AMEND, qty=0.0, trigger_price=90.0)
    assert review(ladder(state), view_with(5.0), tighter) == expected


@each_state
def test_an_amendment_of_the_quantity_counts_as_raising(state: LadderState) -> None:
    assert review(ladder(state), view_with(5.0), order(Side.SELL, kind=IntentKind.AMEND, qty=9.0)) == REFUSAL[state]


@each_state
def test_cancelling_watching_and_noting_pass_always(state: LadderState) -> None:
    intents = Intent.array(4)  # type: ignore[attr-defined]
    n = cancel(intents, 0, 1, 0, 0, 1)
    n = watch(intents, n, 1, Side.BUY, 1.0, 0, 1)
    n = timer(intents, n, 1, 0, 1)
    note(intents, n, 1, 1.0, 0, 1)
    assert [review(ladder(state), view_with(), intent) for intent in intents] == [Reason.NONE] * 4


def test_both_legs_of_a_symbol_count_together() -> None:
    hedged = view_with(long=5.0, short=-8.0)
    assert is_raising(hedged, order(Side.SELL, position_side=PositionSide.LONG))
    assert not is_raising(hedged, order(Side.BUY, position_side=PositionSide.LONG))
    assert not is_raising(view_with(5.0), order(Side.SELL))


def test_a_stop_is_judged_like_any_order() -> None:
    intents = Intent.array(1)  # type: ignore[attr-defined]
    place_stop(intents, 0, 1, Side.BUY, 1.0, 120.0, 1)
    assert review(ladder(LadderState.FROZEN), view_with(), intents[0]) == Reason.LADDER_FROZEN


BYPASSED = """
import sys
import ballast.engine.act as act
from tests.conformance.runs import digest, finished, setup_of
reviewed = digest(finished(setup_of(sys.argv[1], 1)))
calls = []
act.review = lambda *arguments: calls.append(1) or 0
assert digest(finished(setup_of(sys.argv[1], 1))) == reviewed
assert calls
"""


def test_a_normal_ladder_changes_no_bit() -> None:
    environment = {**os.environ, "BALLAST_INTERPRET": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-c", BYPASSED, "cascade, lively"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("label", CASES)
@pytest.mark.parametrize("state", [state for state in LadderState if state != LadderState.NORMAL])
def test_a_run_under_the_ladder_never_raises(label: str, state: LadderState) -> None:
    session = Session(setup_of(label, 1))
    session.run(100)
    n_before = int(session.engine.log.n_fills)
    # What was accepted before stays at the venue; the ladder sees requests.
    resting = set(session.venue.orders["id"][: session.venue.clock.n_orders].tolist())
    session.engine.ladder.state = state
    session.run()
    later = session.engine.fills[n_before : session.engine.log.n_fills]
    new = [fill for fill in later if int(fill["order_id"]) not in resting]
    assert all(fill["side"] == Side.SELL for fill in new)
    assert not new or state not in CLOSES_ITSELF


def test_a_refused_request_is_counted_under_its_reason() -> None:
    setup = setup_of("cascade, lively", 1)
    session = Session(setup)
    session.engine.ladder.state = LadderState.HALTED
    session.run()
    assert session.engine.log.rejects[Reason.LADDER_HALTED] > 0
    assert session.engine.strategy_view.open_orders.sum() == 0
    assert session.engine.equity[-1] == setup.initial_capital


@pytest.mark.parametrize(
    ("unit", "qty", "expected"),
    [
        (QtyUnit.BASE, 10.0, Reason.NONE),
        (QtyUnit.BASE, 20.0, Reason.NONE),
        (QtyUnit.BASE, 20.1, Reason.LADDER_FROZEN),
        (QtyUnit.POSITION_FRACTION, 1.0, Reason.NONE),
        (QtyUnit.POSITION_FRACTION, 2.1, Reason.LADDER_FROZEN),
        (QtyUnit.QUOTE, 1_000.0, Reason.NONE),
        (QtyUnit.QUOTE, 2_001.0, Reason.LADDER_FROZEN),
        (QtyUnit.CASH_FRACTION, 0.1, Reason.LADDER_FROZEN),
        (QtyUnit.BASE, float("nan"), Reason.LADDER_FROZEN),
    ],
)
def test_a_reduction_that_would_pass_beyond_its_mirror_is_raising(unit: QtyUnit, qty: float, expected: Reason) -> None:
    view = View.new(symbols=1, legs=2, features=8)  # type: ignore[attr-defined]
    view.n_symbols, view.price[0], view.position_qty[0] = 1, 100.0, 10.0
    ladder = Ladder.new()  # type: ignore[attr-defined]
    ladder.state = LadderState.FROZEN
    intents = Intent.array(1)  # type: ignore[attr-defined]
    place_market(intents, 0, 0, Side.SELL, qty, unit, 1)

    assert review(ladder, view, intents[0]) == expected

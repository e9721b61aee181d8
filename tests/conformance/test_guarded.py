"""Every strategy under every guard: the same bytes in every mode, and no exit that a guard has kept from the venue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from ballast.backtest.session import Session
from ballast.engine.guarding import Guards
from ballast.model.enums import EngineRole, EventKind, NoteKind, Side
from ballast.risk.supervisor import operator_halt
from ballast.risk.verdicts import VERDICTS
from tests.architecture.sources import ROOT
from tests.conformance.guarded import SEED_OF, filtered_setup, guarded_setup
from tests.conformance.markets import until, with_other_future
from tests.conformance.runs import CASES, ON_MARGIN, digest, fills, finished, moved, notes, setup_of, undisturbed

each_case = pytest.mark.parametrize("label", CASES)
each_spot_case = pytest.mark.parametrize("label", [label for label in CASES if CASES[label].strategy not in ON_MARGIN])


@cache
def guarded(label: str) -> Session:
    return finished(guarded_setup(label))


def test_every_guard_acts_somewhere() -> None:
    sessions = [guarded(label) for label in CASES]
    refused = {number for session in sessions for number in np.flatnonzero(session.engine.log.rejects).tolist()}
    # A release near, a calendar too short, the rollover near, the cooldown after an error, a symbol that is denied.
    assert {100, 106, 113, 122, 130} <= refused & set(VERDICTS)
    roles = {int(role) for session in sessions for role in fills(session)["role"]}
    assert {EngineRole.ELASTIC_TRAILING, EngineRole.COMPLIANCE} <= roles
    kinds = {int(kind) for session in sessions for kind in notes(session)["kind"]}
    assert {NoteKind.REFUSAL, NoteKind.ENTRY, NoteKind.LOCK, NoteKind.CLOSING} <= kinds


@each_case
def test_a_python_decide_gives_the_same_bytes(label: str) -> None:
    setup = guarded_setup(label)
    if setup.strategy.is_compiled:
        plain = setup.strategy.decide.py_func  # type: ignore[attr-defined]
        setup = replace(setup, strategy=replace(setup.strategy, decide=plain, is_compiled=False))
        assert digest(finished(setup)) == digest(guarded(label))


def interpreted(kind: str) -> dict[str, str]:
    """Return the digest of every case under a kind of guards, in the interpreter."""
    environment = {**os.environ, "BALLAST_INTERPRET": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "tests.conformance.guarded", kind, *CASES]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.verify
def test_the_interpreter_gives_the_same_bytes() -> None:
    assert interpreted("guarded") == {label: digest(guarded(label)) for label in CASES}


@pytest.mark.verify
def test_the_interpreter_gives_the_same_bytes_without_stops() -> None:
    assert interpreted("filtered") == {label: digest(finished(filtered_setup(label))) for label in CASES}


@each_case
def test_a_run_goes_on_from_the_bytes_of_its_memory_at_any_bar(label: str) -> None:
    session = Session(guarded_setup(label))
    for stop in range(1, len(session.frames), 9):
        session.run(stop)
        session = moved(session)
    session.run()
    assert digest(session) == digest(guarded(label))


@each_case
def test_a_session_that_is_reset_forgets_its_run(label: str) -> None:
    setup = guarded_setup(label)
    session = finished(setup)
    session.reset(setup)
    session.run()
    assert session.engine.equity.tobytes() == guarded(label).engine.equity.tobytes()
    assert session.engine.guarding.tobytes() == guarded(label).engine.guarding.tobytes()


@each_case
def test_the_past_is_the_same_whatever_comes_after_it(label: str) -> None:
    setup: Any = guarded_setup(label)
    for cut in (40, 111, 170):
        known = finished(replace(setup, frames=until(setup.frames, cut)))
        other = finished(replace(setup, frames=with_other_future(setup.frames, cut, cut)))
        for later in (guarded(label), other):
            assert known.engine.equity.tobytes() == later.engine.equity[:cut].tobytes()
            assert notes(known).tobytes() == notes(later)[: len(notes(known))].tobytes()


@each_case
def test_our_books_and_the_venues_agree_to_the_bit(label: str) -> None:
    session = guarded(label)
    view = session.engine.strategy_view
    assert view.cash == session.venue.accounts[0].cash
    assert view.position_qty.tobytes() == np.ascontiguousarray(session.venue.positions["qty"]).tobytes()


@each_case
def test_every_stop_that_rests_belongs_to_a_position(label: str) -> None:
    session = guarded(label)
    resting = session.venue.orders[: session.venue.clock.n_orders]
    own = resting[resting["role"] == EngineRole.ELASTIC_TRAILING]
    for order in own:
        leg = 2 * int(order["symbol"]) + (1 if order["position_side"] == 2 else 0)
        assert order["reduce_only"]
        assert session.venue.positions["qty"][leg] * order["side"] < 0.0
    # One a leg: moved, never doubled.
    assert len({(int(order["symbol"]), int(order["position_side"])) for order in own}) == len(own)


@each_case
def test_a_stop_only_moves_towards_the_market_while_a_position_lives(label: str) -> None:
    session = guarded(label)
    flat_ns: dict[int, list[int]] = {}
    held: dict[int, float] = {}
    signs: dict[tuple[int, int], float] = {}
    for fill in fills(session):
        leg = 2 * int(fill["symbol"]) + (1 if fill["position_side"] == 2 else 0)
        before = held.get(leg, 0.0)
        held[leg] = before + float(fill["qty"]) * int(fill["side"])
        if before * held[leg] <= 0.0:
            flat_ns.setdefault(leg, []).append(int(fill["time_ns"]))
        signs[leg, len(flat_ns[leg])] = float(np.sign(held[leg]))
    last: dict[tuple[int, int], float] = {}
    for note in notes(session)[notes(session)["kind"] == NoteKind.LOCK]:
        leg = 2 * int(note["symbol"]) + (1 if note["position_side"] == 2 else 0)
        life = sum(time <= note["time_ns"] for time in flat_ns.get(leg, []))
        sign = signs[leg, life]
        assert sign * float(note["price"]) > last.get((leg, life), -np.inf)
        last[leg, life] = sign * float(note["price"])


@each_spot_case
def test_no_sale_was_ever_refused_by_a_guard(label: str) -> None:
    refused: list[tuple[int, int]] = []
    setup = guarded_setup(label)
    decide = setup.strategy.decide.py_func if setup.strategy.is_compiled else setup.strategy.decide  # type: ignore[attr-defined]

    def watching(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        if view.cause == 1 and view.event_kind == EventKind.REJECTED and int(view.event_reason) in VERDICTS:
            refused.append((int(view.event_side), int(view.event_reason)))
        return int(decide(row, view, state, params, intents))

    finished(replace(setup, strategy=replace(setup.strategy, decide=watching, is_compiled=False)))
    assert all(side == Side.BUY for side, _ in refused)


@each_case
def test_a_halt_from_the_first_bar_on_lets_nothing_in(label: str) -> None:
    setup = guarded_setup(label)
    session = Session(setup)
    operator_halt(session.engine.guarding.supervisor, 1)
    session.run()
    assert len(fills(session)) == 0


@each_case
def test_guards_that_never_act_change_no_bit(label: str) -> None:
    """No filter objects and no profit is large enough: the run is the one without guards."""
    seed = SEED_OF[label]
    setup = setup_of(label, seed)
    found = guarded_setup(label).guards
    assert found is not None
    elastic = found.elastic.copy()
    elastic.min_lock_increment_usd = 1e10
    inert = Guards(elastic=elastic, pace=found.pace, supervision=None, listing=[0] * 4)
    session = finished(replace(setup, guards=inert))
    bare = undisturbed(label, seed)
    assert session.engine.equity.tobytes() == bare.engine.equity.tobytes()
    assert fills(session).tobytes() == fills(bare).tobytes()
    assert notes(session).tobytes() == notes(bare).tobytes()
    assert session.state.tobytes() == bare.state.tobytes()

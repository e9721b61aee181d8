"""What every strategy must hold to, found by discovery: the registered ones and the example files beside this."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ballast.backtest import batch
from ballast.backtest.session import Session
from ballast.backtest.sweep import shared_features
from ballast.model.enums import Side
from tests.architecture.sources import ROOT
from tests.conformance.markets import until, with_other_future, with_width
from tests.conformance.runs import (
    CASES,
    ON_MARGIN,
    SEEDS,
    SILENT,
    circumstances,
    digest,
    fills,
    finished,
    moved,
    notes,
    own_fills,
    requests_of,
    setup_of,
    undisturbed,
)

each_case = pytest.mark.parametrize("label", CASES)
each_compiled_case = pytest.mark.parametrize(
    "label", [label for label in CASES if setup_of(label, 1).strategy.is_compiled]
)
each_case_with_indicators = pytest.mark.parametrize(
    "label", [label for label in CASES if requests_of(setup_of(label, 1)) and setup_of(label, 1).strategy.is_compiled]
)
each_spot_case = pytest.mark.parametrize("label", [label for label in CASES if CASES[label].strategy not in ON_MARGIN])
each_margin_case = pytest.mark.parametrize("label", [label for label in CASES if CASES[label].strategy in ON_MARGIN])
each_seed = pytest.mark.parametrize("seed", SEEDS)


def in_python(session_setup: Any, decide: Callable[..., int]) -> Any:
    """Return the setup with ``decide`` between the two compiled halves of a step."""
    return replace(session_setup, strategy=replace(session_setup.strategy, decide=decide, is_compiled=False))


@pytest.mark.parametrize("label", [label for label in CASES if label not in SILENT])
def test_the_battery_trades(label: str) -> None:
    assert sum(len(fills(undisturbed(label, seed))) for seed in SEEDS) >= 9


@each_compiled_case
@each_seed
def test_a_python_decide_gives_the_same_bytes(label: str, seed: int) -> None:
    setup = setup_of(label, seed)
    twin = in_python(setup, setup.strategy.decide.py_func)  # type: ignore[attr-defined]
    assert digest(undisturbed(label, seed)) == digest(finished(twin))


@each_compiled_case
@each_seed
def test_a_specialised_loop_gives_the_same_bytes(label: str, seed: int) -> None:
    setup = setup_of(label, seed)
    assert digest(undisturbed(label, seed)) == digest(finished(setup, specialised=True))


def assert_interpreted_alike(label: str, seeds: Sequence[int]) -> None:
    environment = {**os.environ, "BALLAST_INTERPRET": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "tests.conformance.runs", label, *map(str, seeds)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [digest(undisturbed(label, seed)) for seed in seeds]


@each_case
def test_the_interpreter_gives_the_same_bytes(label: str) -> None:
    # The circumstances in turn; all of them take half a minute a strategy.
    assert_interpreted_alike(label, [SEEDS[list(CASES).index(label) % len(SEEDS)]])


@pytest.mark.verify
@each_case
def test_the_interpreter_gives_the_same_bytes_in_all_circumstances(label: str) -> None:
    assert_interpreted_alike(label, SEEDS)


@each_case
@each_seed
def test_twice_is_the_same(label: str, seed: int) -> None:
    assert digest(finished(setup_of(label, seed))) == digest(undisturbed(label, seed))


def assert_same_past(session: Session, known: Session) -> None:
    """Assert that ``session``, whose market goes on longer, did what ``known`` did while that lasted."""
    n_frames, n_fills = len(known.engine.equity), int(known.engine.log.n_fills)
    assert known.engine.equity.tobytes() == session.engine.equity[:n_frames].tobytes()
    assert fills(known).tobytes() == fills(session)[:n_fills].tobytes()
    assert notes(known).tobytes() == notes(session)[: len(notes(known))].tobytes()


@each_case
@each_seed
def test_the_past_is_the_same_whatever_comes_after_it(label: str, seed: int) -> None:
    setup = setup_of(label, seed)
    whole = undisturbed(label, seed)
    for cut in np.random.default_rng(seed).integers(2, len(setup.frames.records), 5).tolist():
        known = finished(replace(setup, frames=until(setup.frames, cut)))  # type: ignore[arg-type]
        assert_same_past(whole, known)
        other = finished(replace(setup, frames=with_other_future(setup.frames, cut, seed)))  # type: ignore[arg-type]
        assert_same_past(other, known)


@each_case
@each_seed
def test_a_run_in_pieces_is_the_run(label: str, seed: int) -> None:
    setup = setup_of(label, seed)
    pieces = Session(setup)
    for stop in sorted(np.random.default_rng(seed).integers(0, len(setup.frames.records), 9).tolist()):
        pieces.run(stop)
    pieces.run()
    assert digest(pieces) == digest(undisturbed(label, seed))


@each_case
@each_seed
def test_a_run_goes_on_from_the_bytes_of_its_memory(label: str, seed: int) -> None:
    setup = setup_of(label, seed)
    session = Session(setup)
    for stop in sorted(np.random.default_rng(seed + 100).integers(1, len(setup.frames.records), 3).tolist()):
        session.run(stop)
        session = moved(session)
    session.run()
    assert digest(session) == digest(undisturbed(label, seed))


@each_case
@each_seed
def test_deciding_writes_nothing_that_it_was_only_shown(label: str, seed: int) -> None:
    setup = setup_of(label, seed)
    written = []

    def decide(row: Any, view: Any, state: Any, params: Any, intents: Any) -> int:
        before = row.tobytes(), view.tobytes(), params.tobytes()
        n_intents = int(setup.strategy.decide(row, view, state, params, intents))
        if before != (row.tobytes(), view.tobytes(), params.tobytes()):
            written.append(int(view.frame))
        return n_intents

    assert digest(finished(in_python(setup, decide))) == digest(undisturbed(label, seed))
    assert written == []


@each_case
@each_seed
def test_nothing_happens_before_the_first_close(label: str, seed: int) -> None:
    session = undisturbed(label, seed)
    first_close_ns = int(session.frames["ts_ns"][0]) + session.setup.frames.interval_ns
    # With `same_close` the first close already has fills, and they cost their fee.
    at_first_close = fills(session)[fills(session)["time_ns"] == first_close_ns]
    paid = at_first_close["fee"].sum() if session.setup.execution.same_close else 0.0
    assert session.engine.equity[0] == pytest.approx(session.setup.initial_capital - paid, rel=1e-15, abs=1e-9)
    assert (fills(session)["time_ns"] >= first_close_ns).all()


@each_case
@each_seed
def test_our_books_and_the_venues_agree_to_the_bit(label: str, seed: int) -> None:
    session = undisturbed(label, seed)
    view, (account,) = session.engine.strategy_view, session.venue.accounts
    n_legs = 2 * session.setup.n_symbols
    assert view.cash == account.cash
    assert view.position_qty[:n_legs].tobytes() == session.venue.positions["qty"][:n_legs].tobytes()
    assert view.entry_price[:n_legs].tobytes() == session.venue.positions["entry_price"][:n_legs].tobytes()
    resting = np.bincount(session.venue.orders["symbol"][: session.venue.clock.n_orders], minlength=n_legs // 2)
    assert view.open_orders[: n_legs // 2].tolist() == resting.tolist()


@each_margin_case
@each_seed
def test_money_is_conserved_on_margin(label: str, seed: int) -> None:
    session = undisturbed(label, seed)
    view, (account,), log = session.engine.strategy_view, session.venue.accounts, fills(session)
    legs = session.venue.positions[session.venue.positions["qty"] != 0.0]
    invested = float(np.sum(legs["qty"] * legs["entry_price"]))
    realised = invested - float(np.sum(log["side"] * log["qty"] * log["price"]))
    paid = float(np.sum(log["fee"])) + account.funding_paid - account.insurance_loss
    assert view.cash == pytest.approx(session.setup.initial_capital + realised - paid, rel=1e-9, abs=1e-6)
    marks = np.repeat(view.mark, 2)[: len(session.venue.positions)]
    worth = float(np.sum(legs["qty"] * marks[session.venue.positions["qty"] != 0.0]))
    assert view.equity == pytest.approx(view.cash + worth - invested, rel=1e-9, abs=1e-6)


@each_spot_case
@each_seed
def test_money_is_conserved(label: str, seed: int) -> None:
    session = undisturbed(label, seed)
    view, log = session.engine.strategy_view, fills(session)
    cash_flow = -np.sum(log["side"] * log["qty"] * log["price"]) - np.sum(log["fee"])
    assert view.cash == pytest.approx(session.setup.initial_capital + cash_flow, rel=1e-9, abs=1e-6)
    held = view.position_qty[::2][: session.setup.n_symbols]
    listed = held != 0.0
    worth = float(np.sum(held[listed] * view.price[: session.setup.n_symbols][listed]))
    assert view.equity == pytest.approx(view.cash + worth, rel=1e-12)
    assert view.cash >= -1e-6
    assert (held >= 0.0).all()


@each_case
@each_seed
def test_gaps_and_late_listings_leave_equity_a_number(label: str, seed: int) -> None:
    session = undisturbed(label, seed)
    assert np.isnan(session.setup.frames.records["close"]).any()
    assert np.isfinite(session.engine.equity).all()
    for name in ("qty", "price", "fee", "slippage"):
        assert np.isfinite(fills(session)[name]).all()


@each_case
@each_seed
def test_every_fill_and_note_carries_a_declared_reason(label: str, seed: int) -> None:
    session = undisturbed(label, seed)
    used = {*own_fills(session)["order_reason"].tolist(), *notes(session)["reason"].tolist()}
    assert used <= set(session.setup.strategy.reasons)


@each_case
@each_seed
def test_fills_pay_the_stated_costs(label: str, seed: int) -> None:
    session = undisturbed(label, seed)
    costs, log = session.setup.costs, own_fills(session)
    rate = np.where(log["is_maker"], costs.maker_fee_rate, costs.taker_fee_rate)
    assert log["fee"] == pytest.approx(log["qty"] * log["price"] * rate, rel=1e-12)
    paid_by_takers = log["slippage"][~log["is_maker"]] > 0.0
    if costs.slippage_bps:
        assert paid_by_takers.all()
    elif session.setup.instruments is None:
        # A grid rounds to the tick beyond.
        assert not paid_by_takers.any()


@pytest.mark.verify
@each_case
def test_the_room_in_the_records_changes_nothing(label: str) -> None:
    setup = setup_of(label, 1)
    roomier = replace(setup, frames=with_width(setup.frames, 8))  # type: ignore[arg-type]
    narrow, wide = finished(setup), finished(roomier)
    assert narrow.engine.equity.tobytes() == wide.engine.equity.tobytes()
    assert fills(narrow).tobytes() == fills(wide).tobytes()


@each_case
def test_a_session_that_is_reset_forgets_its_run(label: str) -> None:
    setup = setup_of(label, 1)
    session = finished(setup)
    session.reset(setup)
    session.run()
    fresh = undisturbed(label, 1)
    assert fresh.engine.equity.tobytes() == session.engine.equity.tobytes()
    assert fills(fresh).tobytes() == fills(session).tobytes()
    assert notes(fresh).tobytes() == notes(session).tobytes()


@each_case_with_indicators
@each_seed
def test_indicators_computed_before_give_the_same_run(label: str, seed: int) -> None:
    setup = setup_of(label, seed)
    values = shared_features(setup, requests_of(setup))
    own = undisturbed(label, seed)
    shared = finished(setup, specialised=True, shared_feature=values)
    assert fills(own).tobytes() == fills(shared).tobytes()
    assert own.engine.equity.tobytes() == shared.engine.equity.tobytes()
    bare = finished(setup, specialised=True, shared_feature=values, keeps_curve=False)
    assert bare.final_equity == own.final_equity
    assert bare.engine.log.n_fills == own.engine.log.n_fills
    assert bare.venue.accounts.tobytes() == own.venue.accounts.tobytes()
    assert bare.venue.positions.tobytes() == own.venue.positions.tobytes()


@each_compiled_case
@pytest.mark.parametrize("stretch_frames", [1, 7, 10_000])
def test_cells_that_take_turns_are_runs_of_their_own(
    label: str, stretch_frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = setup_of(label, SEEDS[0])
    own = undisturbed(label, SEEDS[0])
    monkeypatch.setattr(batch, "STRETCH_BYTES", stretch_frames * own.frames.itemsize)
    session = Session(setup, specialised=True, keeps_curve=False)
    session.engine = session.engine._replace(fills=session.engine.fills[:1])
    expected = [own.final_equity, own.engine.log.n_fills, own.venue.accounts[0].fees]
    assert session.final_figures([setup] * 3).tolist() == [expected] * 3


def test_circumstances_differ_by_seed() -> None:
    assert len({str(circumstances(seed)) for seed in SEEDS}) == len(SEEDS)


def test_every_case_sells_as_well_as_buys_somewhere() -> None:
    sides = {int(side) for label in CASES for side in fills(undisturbed(label, SEEDS[0]))["side"]}
    assert sides == {Side.BUY, Side.SELL}

"""The maker's runs over ticks: the same bytes however they are run, and nothing known before its time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ballast
from ballast.backtest.run import result_of, run
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.model.enums import AccountKind, PathPolicy
from ballast.model.errors import ConfigError, DataError
from tests.unit.strategies.range_maker.ticks import BUSY, bytes_of, fills_of, finished, made_up, setup_of

ROOT = Path(__file__).parents[4]


def busy_setup(**market: Any) -> Setup:
    return setup_of(made_up(**market), BUSY, interval_ms=5_000, latency_ns=70_000_000)


def digest() -> str:
    """Return a short name for all that a busy run leaves, on quotes and on trades alone."""
    runs = [finished(busy_setup(n_ticks=4_000, has_quotes=has_quotes)) for has_quotes in (True, False)]
    return hashlib.sha256(b"".join(map(bytes_of, runs))).hexdigest()


def test_the_maker_is_busy_here() -> None:
    assert len(fills_of(finished(busy_setup()))) > 50
    assert len(fills_of(finished(busy_setup(has_quotes=False)))) > 50


def test_a_run_in_pieces_is_the_run() -> None:
    setup = busy_setup()
    pieces = Session(setup)
    for stop in (3, 4, 50, 51, 120):
        pieces.run(stop)
    pieces.run()
    assert bytes_of(pieces) == bytes_of(finished(setup))


def test_the_build_for_one_strategy_gives_the_same_bytes() -> None:
    setup = busy_setup()
    special = Session(setup, specialised=True)
    special.run()
    assert bytes_of(special) == bytes_of(finished(setup))


def test_a_plain_python_decide_gives_the_same_bytes() -> None:
    setup = busy_setup(n_ticks=4_000)
    plain = replace(setup, strategy=replace(setup.strategy, is_compiled=False))
    assert bytes_of(finished(plain)) == bytes_of(finished(setup))


def test_the_interpreter_gives_the_same_bytes() -> None:
    code = "from tests.unit.strategies.range_maker.test_runs import digest; print(digest())"
    paths = os.pathsep.join([str(Path(ballast.__file__).parents[1]), str(ROOT)])
    environment = {**os.environ, "BALLAST_INTERPRET": "1", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digest()


@pytest.mark.parametrize("cut", [5_000, 12_345])
def test_ticks_to_come_change_nothing_that_has_happened(cut: int) -> None:
    ticks = made_up()
    other = ticks.copy()
    later = np.random.default_rng(cut).permutation(np.arange(cut, len(ticks)))
    for name in ("kind", "price", "qty", "ask", "ask_qty"):
        other[name][cut:] = ticks[name][later]
    end = int(ticks["ts_ns"][cut])
    logs = []
    for one in (ticks, other):
        session = finished(setup_of(one, BUSY, interval_ms=5_000))
        fills = session.engine.fills[: int(session.engine.log.n_fills)]
        logs.append(fills[: int(np.searchsorted(fills["time_ns"], end))].tobytes())
    assert logs[0] == logs[1]
    assert logs[0]


def test_conservation_of_money_and_coins() -> None:
    session = finished(busy_setup())
    view, fills = session.engine.strategy_view, session.engine.fills[: int(session.engine.log.n_fills)]
    flow = float(np.sum(fills["side"] * fills["qty"] * fills["price"]) + np.sum(fills["fee"]))
    assert view.cash == pytest.approx(10_000.0 - flow, abs=1e-6)
    assert view.cash == session.venue.accounts[0].cash
    assert view.position_qty[0] == pytest.approx(float(np.sum(fills["side"] * fills["qty"])), abs=1e-9)


def test_the_result_tells_of_quotes_and_of_what_was_assumed() -> None:
    result = run(busy_setup())
    facts = result.to_dict()["quotes"]
    assert facts["filled"] == int(result.fills["is_maker"].sum()) > 50
    assert facts["placed"] > facts["filled"] // 2
    assert facts["spread_captured"] > 0.0
    assert any("every recorded tick" in sentence for sentence in result.assumptions)
    assert "Quotes" in result.summary()
    assert "quotes_placed" not in result.to_dict()


def test_the_result_counts_why_wanted_quotes_were_not_put_up() -> None:
    narrow = run(setup_of(made_up(2_000), {"min_edge": 0.4}, interval_ms=5_000))
    assert narrow.refusals["narrow_band"] >= 1
    assert narrow.quotes is not None
    assert narrow.quotes.placed == 0


def test_trades_alone_say_what_stands_for_quotes() -> None:
    session = finished(busy_setup(n_ticks=4_000, has_quotes=False))
    said = " ".join(result_of(session).assumptions)
    assert "There are no quotes" in said
    assert "10 mean trades are assumed" in said


@pytest.mark.parametrize("policy", [PathPolicy.NEAR_FIRST, PathPolicy.HIGH_FIRST])
def test_a_path_through_the_bar_counts_for_nothing_on_ticks_and_the_result_says_so(policy: PathPolicy) -> None:
    setup = busy_setup(n_ticks=4_000)
    session = finished(replace(setup, execution=replace(setup.execution, path_policy=policy)))
    assert fills_of(session) == fills_of(finished(setup))
    said = [sentence for sentence in result_of(session).assumptions if sentence.startswith("execution.path")]
    assert len(said) == (policy == PathPolicy.HIGH_FIRST)


def test_a_longer_queue_fills_less() -> None:
    counts = [
        len(fills_of(finished(setup_of(made_up(has_quotes=False), BUSY, interval_ms=5_000, queue_ahead_trades=ahead))))
        for ahead in (0.0, 3.0, 30.0)
    ]
    assert counts[0] > counts[1] > counts[2]


def test_on_bars_it_runs_and_says_so() -> None:
    setup = replace(busy_setup(), ticks=None)
    said = " ".join(run(setup).assumptions)
    assert "The maker runs on bars" in said


def test_ticks_out_of_order_are_refused() -> None:
    setup = busy_setup(n_ticks=1_000)
    ticks = setup.ticks.copy()
    ticks["ts_ns"][10] = ticks["ts_ns"][9] - 1
    with pytest.raises(DataError, match="row 10 is before"):
        Session(replace(setup, ticks=ticks))


def test_ticks_without_a_bar_are_refused() -> None:
    setup = busy_setup(n_ticks=1_000)
    ticks = setup.ticks.copy()
    ticks["ts_ns"] += 3_600_000_000_000
    with pytest.raises(DataError, match="lies in no bar"):
        Session(replace(setup, ticks=ticks))


def test_margin_accounts_and_fills_at_the_deciding_close_are_refused_on_ticks() -> None:
    setup = busy_setup(n_ticks=1_000)
    with pytest.raises(ConfigError, match="spot and fx_margin accounts only"):
        Session(replace(setup, account_kind=AccountKind.UNIFIED_MARGIN))
    with pytest.raises(ConfigError, match="same_close"):
        Session(replace(setup, execution=replace(setup.execution, same_close=True)))

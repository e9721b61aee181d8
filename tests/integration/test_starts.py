"""A second start compiles nothing, and a strategy file that was edited runs as it now reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, run_python

RUN = """
import json, sys
sys.path.insert(0, {root!r})
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.model.compiled import cache_stats
from ballast.strategies.registry import load
from tests.conformance.markets import random_market

strategy = load({strategy!r})
session = Session(Setup(frames=random_market(1), strategy=strategy, params=strategy.params({{}}, 3)))
session.run()
print(json.dumps([session.final_equity, cache_stats()["misses"]]))
"""
HOLD = """
from ballast.model.compiled import compiled
from ballast.model.enums import Cause, QtyUnit, Side
from ballast.model.intents import place_market
from ballast.model.records import parameter, record


@record
class Params:
    part: float = parameter(0.5, "Part of cash that is spent.", unit="fraction")


@record
class State:
    n_bars: int


@compiled
def decide(row, view, state, params, intents):
    if view.cause == Cause.BAR:
        state.n_bars += 1
        if state.n_bars == {bar}:
            return place_market(intents, 0, 0, Side.BUY, params.part, QtyUnit.CASH_FRACTION, 1)
    return 0
"""


def start(strategy: str, cache: Path | None = None) -> tuple[float, int]:
    """Run a small backtest in a new interpreter; return its final equity and how much it had to compile."""
    environment = {"BALLAST_INTERPRET": ""} | ({} if cache is None else {"BALLAST_CACHE_DIR": str(cache)})
    done = run_python(RUN.format(root=str(ROOT), strategy=strategy), ROOT / "src", **environment)
    assert done.returncode == 0, done.stderr
    equity, misses = json.loads(done.stdout)
    return equity, misses


@pytest.mark.verify
def test_a_second_start_compiles_nothing(tmp_path: Path) -> None:
    first_equity, first_misses = start("cascade", tmp_path)
    second_equity, second_misses = start("cascade", tmp_path)
    assert first_misses > 0
    assert (second_equity, second_misses) == (first_equity, 0)


def test_an_edited_strategy_file_gives_the_new_answer(tmp_path: Path) -> None:
    file = tmp_path / "hold.py"
    file.write_text(HOLD.format(bar=5))
    before, _ = start(str(file))
    assert start(str(file)) == (before, 0)
    file.write_text(HOLD.format(bar=50))
    after, misses = start(str(file))
    assert after != before
    # Only the strategy compiles anew, not the loop that calls it.
    assert 0 < misses < 5
    file.write_text(HOLD.format(bar=5))
    assert start(str(file))[0] == before

"""The ladder gives the same bytes compiled and interpreted, on random accounts and histories."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np

from ballast.kernel.venue import Guard
from ballast.model.enums import MarginModel, PositionSide, QtyUnit, Side
from ballast.model.intents import Intent, place_market
from ballast.risk.balancing import plan_balancing
from ballast.risk.climb import climb, is_balancing_due, next_deadline_ns
from ballast.risk.facts import Facts, measure
from ballast.risk.gate import gate
from ballast.risk.guards import N_GUARDS, arm_guards
from ballast.risk.ladder import expect, review
from ballast.risk.operator import acknowledge
from ballast.risk.safety import take_bar
from tests.architecture.sources import ROOT
from tests.unit.risk.accounts import MINUTE, SECOND, ladder_for, margin_view, refresh, settings

N_STEPS = 400


def history_digest(model: MarginModel) -> str:
    """Return a short name for every byte that the ladder wrote in one random history of two symbols."""
    dice = np.random.default_rng(7)
    chosen = settings(daily_loss_limit=0.05, drawdown_limit=0.1)
    view = margin_view((20.0, 6.0), (3.0, 30.0), cash=400.0, price=(100.0, 20.0), leverage=(50.0, 25.0), model=model)
    ladder = ladder_for(view, 10.0, 5.0, 4.0, 20.0)
    facts = Facts.new(symbols=2, legs=4)  # type: ignore[attr-defined]
    guards = Guard.array(N_GUARDS, symbols=2)  # type: ignore[attr-defined]
    intents = Intent.array(16)  # type: ignore[attr-defined]
    told = hashlib.sha256()
    for step in range(N_STEPS):
        view.mark = np.array([100.0, 20.0]) * (1.0 + dice.normal(0.0, 0.05, 2))
        view.time_ns += int(dice.integers(1, 40)) * SECOND
        view.bar_ts_ns = view.time_ns - MINUTE
        refresh(view)
        if dice.random() < 0.03:
            view.mm_rate = np.nan
        for symbol, mark in enumerate(view.mark):
            take_bar(ladder.volatility[symbol], chosen, step * MINUTE, MINUTE, mark * 1.01, mark * 0.99, mark)
        measure(view, ladder, chosen, facts)
        climb(ladder, chosen, facts)
        arm_guards(view, ladder, chosen, facts, guards)
        n = plan_balancing(view, ladder, chosen, facts, intents) if is_balancing_due(ladder, chosen) else 0
        place_market(intents, n, step % 2, Side.SELL, float(dice.integers(1, 9)), QtyUnit.BASE, 1)
        intents[n].position_side, intents[n].next_qty = PositionSide.SHORT, 3.0
        verdict = review(ladder, view, intents[n]) or gate(view, ladder, chosen, facts, intents[n])
        expect(ladder, view, intents[n])
        if dice.random() < 0.3:
            acknowledge(ladder, int(ladder.evaluated_ns))
        told.update(ladder.tobytes() + facts.tobytes() + guards.tobytes() + intents[: n + 1].tobytes())
        told.update(f"{verdict} {next_deadline_ns(ladder, chosen)}".encode())
    assert ladder.n_moves > 20
    return told.hexdigest()


def digests() -> list[str]:
    return [history_digest(model) for model in MarginModel]


def test_compiled_and_interpreted_ladders_write_the_same_bytes() -> None:
    path = os.pathsep.join([str(ROOT), *sys.path])
    variables = {**os.environ, "BALLAST_INTERPRET": "1", "PYTHONPATH": path}
    code = "from tests.unit.risk.test_interpreted import digests; print(*digests())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == digests()

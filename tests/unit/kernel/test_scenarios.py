"""The table of scenarios, through both builds of the kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ballast
from tests.unit.kernel.scenario import MAKER_RATE, TAKER_RATE, Scenario, digest, play, read_scenarios

ROOT = Path(__file__).parents[3]
SCENARIOS = read_scenarios()
DIGESTS = """
import json
import numpy as np
from tests.unit.kernel.scenario import digest, read_scenarios
with np.errstate(all="ignore"):
    print(json.dumps({scenario.name: digest(scenario) for scenario in read_scenarios()}))
"""


def test_every_scenario_has_its_own_name() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS) > 170


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_venue_says_what_the_rules_say(scenario: Scenario) -> None:
    log, venue = play(scenario)
    assert log == list(scenario.expected)
    assert 0 <= venue.clock.n_orders < len(venue.orders)
    assert all(order.qty > 0.0 for order in venue.orders[: venue.clock.n_orders])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_money_and_coins_change_by_the_fills_alone(scenario: Scenario) -> None:
    cash = [scenario.cash] * scenario.n_accounts
    coins: dict[tuple[int, int], float] = {(0, 0): scenario.held}
    log, venue = play(scenario)
    for line in log:
        words = [word for word in line.split() if word not in ("part", "filled")]
        if "@" not in words:
            continue
        account = next((int(word[1:]) for word in words[1:3] if word[0] == "a"), 0)
        symbol = next((int(word[1:]) for word in words[1:3] if word[0] == "s" and word[1:].isdigit()), 0)
        side, qty, price = words[-5], float(words[-4]), float(words[-2])
        sign = 1.0 if side == "buy" else -1.0
        cash[account] -= sign * qty * price + qty * price * (MAKER_RATE if words[-1] == "maker" else TAKER_RATE)
        coins[account, symbol] = coins.get((account, symbol), 0.0) + sign * qty
    assert [account.cash for account in venue.accounts] == pytest.approx(cash, rel=1e-8, abs=1e-5)
    for (account, symbol), qty in coins.items():
        assert venue.positions[2 * (account * venue.clock.n_symbols + symbol)].qty == pytest.approx(
            qty, rel=1e-11, abs=1e-6
        )


def test_the_interpreter_gives_the_same_bytes() -> None:
    environment = {
        **os.environ,
        "BALLAST_INTERPRET": "1",
        "PYTHONPATH": os.pathsep.join([str(Path(ballast.__file__).parents[1]), str(ROOT)]),
    }
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    interpreted = json.loads(done.stdout)
    assert interpreted == {scenario.name: digest(scenario) for scenario in SCENARIOS}

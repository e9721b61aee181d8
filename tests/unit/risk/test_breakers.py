"""Limits on losses: their boundaries, the day, and what clears them."""

from __future__ import annotations

from math import nan
from typing import Any

import pytest

from ballast.model.enums import LadderState
from ballast.risk.climb import climb, next_deadline_ns
from ballast.risk.operator import acknowledge, operator_release
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import risk_settings
from tests.unit.risk.accounts import NOON, SAFE, SECOND, figures, fresh_ladder, settings

DAY = 86_400 * SECOND
MIDNIGHT = NOON + DAY // 2
DAILY = settings(daily_loss_limit=0.02, max_account_drawdown=0.0)
DRAWDOWN = settings(drawdown_limit=0.05, max_account_drawdown=0.0)


def at(ladder: Any, equity: float, chosen: Any, now_ns: int = NOON, *, has_margin: bool = True) -> LadderState:
    facts = figures(now_ns, equity=equity)
    facts.has_margin = has_margin
    climb(ladder, chosen, facts)
    return LadderState(int(ladder.state))


@pytest.mark.parametrize(("equity", "trips"), [(98_000.00, True), (98_000.01, False)])
@pytest.mark.parametrize("has_margin", [True, False])
def test_the_daily_limit_trips_at_its_loss(equity: float, trips: bool, has_margin: bool) -> None:
    ladder = fresh_ladder()
    at(ladder, 100_000.0, DAILY, has_margin=has_margin)
    state = at(ladder, equity, DAILY, NOON + SECOND, has_margin=has_margin)
    assert state == (LadderState.FROZEN if trips else LadderState.NORMAL)


@pytest.mark.parametrize(("equity", "trips"), [(104_500.00, True), (104_500.01, False)])
def test_the_drawdown_limit_reckons_from_the_peak(equity: float, trips: bool) -> None:
    ladder = fresh_ladder()
    for seconds, reached in enumerate((100_000.0, 110_000.0, 108_000.0)):
        assert at(ladder, reached, DRAWDOWN, NOON + seconds * SECOND) == LadderState.NORMAL
    state = at(ladder, equity, DRAWDOWN, NOON + 9 * SECOND)
    assert state == (LadderState.FROZEN if trips else LadderState.NORMAL)


@pytest.mark.parametrize(("chosen", "equity"), [(DAILY, 97_000.0), (DRAWDOWN, 94_000.0)], ids=["daily", "drawdown"])
def test_a_tripped_breaker_holds_for_the_day_whatever_comes_back(chosen: Any, equity: float) -> None:
    ladder = fresh_ladder()
    at(ladder, 100_000.0, chosen)
    assert at(ladder, equity, chosen, NOON + SECOND) == LadderState.FROZEN
    assert at(ladder, 200_000.0, chosen, MIDNIGHT - 1) == LadderState.FROZEN
    assert next_deadline_ns(ladder, chosen) == MIDNIGHT
    assert at(ladder, 200_000.0, chosen, MIDNIGHT) == LadderState.NORMAL


@pytest.mark.parametrize(("chosen", "equity"), [(DAILY, 97_000.0), (DRAWDOWN, 94_000.0)], ids=["daily", "drawdown"])
def test_the_loss_of_yesterday_does_not_trip_again(chosen: Any, equity: float) -> None:
    ladder = fresh_ladder()
    at(ladder, 100_000.0, chosen)
    at(ladder, equity, chosen, NOON + SECOND)
    assert at(ladder, equity, chosen, MIDNIGHT) == LadderState.NORMAL
    assert at(ladder, equity * 0.9, chosen, MIDNIGHT + SECOND) == LadderState.FROZEN


@pytest.mark.parametrize(("chosen", "equity"), [(DAILY, 97_000.0), (DRAWDOWN, 94_000.0)], ids=["daily", "drawdown"])
def test_the_operator_clears_a_breaker_for_good(chosen: Any, equity: float) -> None:
    ladder = fresh_ladder()
    at(ladder, 100_000.0, chosen)
    at(ladder, equity, chosen, NOON + SECOND)
    operator_release(ladder)
    assert at(ladder, equity, chosen, NOON + 20 * SECOND) == LadderState.NORMAL


def test_a_peak_outlives_the_day_unless_it_tripped() -> None:
    ladder = fresh_ladder()
    at(ladder, 110_000.0, DRAWDOWN)
    at(ladder, 106_000.0, DRAWDOWN, MIDNIGHT)
    assert at(ladder, 104_500.0, DRAWDOWN, MIDNIGHT + SECOND) == LadderState.FROZEN


@pytest.mark.parametrize(("equity", "reached"), [(80_000.0, True), (80_000.01, False)])
def test_the_accounts_own_limit_is_an_emergency(equity: float, reached: bool) -> None:
    ladder = fresh_ladder()
    at(ladder, 100_000.0, SAFE)
    state = at(ladder, equity, SAFE, NOON + SECOND)
    assert state == (LadderState.EMERGENCY if reached else LadderState.NORMAL)


def test_an_acknowledged_drawdown_is_no_new_one() -> None:
    ladder = fresh_ladder()
    at(ladder, 100_000.0, SAFE)
    at(ladder, 70_000.0, SAFE, NOON + SECOND)
    acknowledge(ladder, NOON + 2 * SECOND)
    assert at(ladder, 70_000.0, SAFE, NOON + 3 * SECOND) == LadderState.FROZEN
    assert at(ladder, 70_000.0, SAFE, NOON + 13 * SECOND) == LadderState.NORMAL
    assert at(ladder, 56_000.0, SAFE, NOON + 14 * SECOND) == LadderState.EMERGENCY


def test_an_unknown_equity_trips_nothing_and_is_no_peak() -> None:
    ladder = fresh_ladder()
    at(ladder, 100_000.0, DRAWDOWN)
    at(ladder, nan, DRAWDOWN, NOON + SECOND)
    assert ladder.tripped == LadderReason.NONE
    assert ladder.breaker_peak == 100_000.0


def test_on_accounts_without_margin_no_limit_acts_unless_it_is_named() -> None:
    none = risk_settings({}, has_margin=False)
    ladder = fresh_ladder()
    at(ladder, 100_000.0, none, has_margin=False)
    assert at(ladder, 1.0, none, NOON + SECOND, has_margin=False) == LadderState.NORMAL
    named = risk_settings({"max_account_drawdown": 0.2}, has_margin=False)
    assert at(ladder, 1.0, named, NOON + 2 * SECOND, has_margin=False) == LadderState.EMERGENCY

"""Who leaves which state, and what a person can always do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ballast.model.enums import LadderState
from ballast.risk.climb import climb
from ballast.risk.operator import acknowledge, halt, operator_flatten, operator_freeze, operator_release, raise_alarm
from ballast.risk.reasons import LadderReason
from tests.unit.risk.accounts import NOON, SAFE, SECOND, figures, fresh_ladder

NORMAL, FROZEN, PANIC, EMERGENCY, HALTED = LadderState
LATER = NOON + 100 * SECOND


@pytest.mark.parametrize("state", LadderState)
def test_a_freeze_of_the_operator_never_lowers_a_state(state: LadderState) -> None:
    ladder = fresh_ladder(state)
    operator_freeze(ladder, NOON)
    assert ladder.state == max(state, FROZEN)


def test_only_the_operator_ends_his_freeze() -> None:
    ladder = fresh_ladder()
    operator_freeze(ladder, NOON)
    climb(ladder, SAFE, figures(NOON))
    climb(ladder, SAFE, figures(LATER))
    assert ladder.state == FROZEN
    operator_release(ladder)
    climb(ladder, SAFE, figures(LATER + 1))
    assert ladder.state == NORMAL


@pytest.mark.parametrize("state", LadderState)
def test_the_operator_can_flatten_from_everywhere(state: LadderState) -> None:
    ladder = fresh_ladder(state)
    operator_flatten(ladder, NOON)
    assert ladder.state == EMERGENCY
    assert ladder.alarm == LadderReason.OPERATOR_FLATTEN


@pytest.mark.parametrize("state", LadderState)
def test_the_operator_can_halt_from_everywhere(state: LadderState) -> None:
    ladder = fresh_ladder(state)
    halt(ladder, LadderReason.OPERATOR_HALT, NOON)
    assert ladder.state == HALTED


@pytest.mark.parametrize("state", LadderState)
def test_an_acknowledged_ladder_goes_through_frozen(state: LadderState) -> None:
    ladder = fresh_ladder(state)
    moved = acknowledge(ladder, LATER)
    assert (moved == LadderReason.ACKNOWLEDGED) == (state >= EMERGENCY)
    if state >= EMERGENCY:
        assert ladder.state == FROZEN
        climb(ladder, SAFE, figures(LATER))
        climb(ladder, SAFE, figures(LATER + 10 * SECOND - 1))
        assert ladder.state == FROZEN
        climb(ladder, SAFE, figures(LATER + 10 * SECOND))
        assert ladder.state == NORMAL


def reach_the_rate(ladder: Any, now_ns: int) -> None:
    climb(ladder, SAFE, figures(now_ns, mm_rate=0.95))


@pytest.mark.parametrize("raised", [operator_flatten, reach_the_rate])
def test_an_acknowledged_alarm_is_over(raised: Callable[[Any, int], object]) -> None:
    ladder = fresh_ladder()
    raised(ladder, NOON)
    assert ladder.state == EMERGENCY
    acknowledge(ladder, NOON)
    climb(ladder, SAFE, figures(NOON))
    climb(ladder, SAFE, figures(LATER))
    assert ladder.state == NORMAL


def test_an_acknowledged_loss_is_over() -> None:
    ladder = fresh_ladder()
    climb(ladder, SAFE, figures(equity=1_000.0))
    climb(ladder, SAFE, figures(NOON + 1, equity=700.0))
    assert ladder.reason == LadderReason.ACCOUNT_DRAWDOWN
    acknowledge(ladder, NOON + 2)
    climb(ladder, SAFE, figures(NOON + 2, equity=700.0))
    climb(ladder, SAFE, figures(LATER, equity=700.0))
    assert ladder.state == NORMAL


def test_an_acknowledged_emergency_begins_again_while_its_cause_stands() -> None:
    ladder = fresh_ladder()
    climb(ladder, SAFE, figures(mm_rate=0.95))
    acknowledge(ladder, LATER)
    climb(ladder, SAFE, figures(LATER, mm_rate=0.95))
    assert ladder.state == EMERGENCY


def test_an_alarm_does_not_open_a_halted_ladder() -> None:
    ladder = fresh_ladder(HALTED)
    raise_alarm(ladder, LadderReason.STATE_MISMATCH, NOON)
    assert ladder.state == HALTED


def test_an_alarm_is_remembered_until_it_is_acknowledged() -> None:
    ladder = fresh_ladder()
    raise_alarm(ladder, LadderReason.STATE_MISMATCH, NOON)
    assert (ladder.state, ladder.reason) == (EMERGENCY, LadderReason.STATE_MISMATCH)
    ladder.state = NORMAL
    climb(ladder, SAFE, figures(LATER))
    assert ladder.state == EMERGENCY

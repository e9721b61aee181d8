"""The record of a symbol's trades: T1 order, T2 one window, T3 nothing left behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.strategies.staged_trend.registry import (
    Stage,
    forget_missing,
    register,
    set_profit,
    unregister,
)
from tests.unit.strategies.staged_trend.staged import LONG, NONE, OPENED_NS, SECOND_NS, SHORT, stage_of


def ids(stage: Any) -> list[int]:
    return [int(ticket.id) for ticket in stage.tickets[: stage.n_tickets]]


def test_the_first_trade_begins_the_window_and_later_ones_do_not() -> None:
    stage = stage_of(0.1, 0.2)
    assert (stage.first_trade_ns, stage.trend, ids(stage)) == (OPENED_NS, LONG, [100, 101])


def test_the_window_is_not_renewed_when_the_first_trade_closes() -> None:
    stage = stage_of(0.1, 0.2)
    assert unregister(stage, 100)
    assert (stage.first_trade_ns, ids(stage), stage.tickets[0].profit) == (OPENED_NS, [101], 0.2)


def test_the_last_trade_takes_time_and_trend_with_it() -> None:
    stage = stage_of(0.1, 0.2, side=SHORT)
    assert unregister(stage, 101)
    assert unregister(stage, 100)
    assert stage.tobytes() == stage_of().tobytes()
    assert register(stage, 7, LONG, OPENED_NS + 90 * SECOND_NS, 1.0)
    assert (stage.first_trade_ns, stage.trend) == (OPENED_NS + 90 * SECOND_NS, LONG)


@pytest.mark.parametrize(("ticket_id", "side"), [(-1, LONG), (-7, LONG), (100, LONG), (5, NONE), (5, 9)])
def test_what_was_not_opened_is_not_registered(ticket_id: int, side: int) -> None:
    stage = stage_of(0.1)
    before = stage.tobytes()
    assert not register(stage, ticket_id, side, OPENED_NS, 1.0)
    assert stage.tobytes() == before


def test_there_is_room_for_three() -> None:
    stage = stage_of(0.1, 0.2, 0.3)
    assert not register(stage, 5, LONG, OPENED_NS, 1.0)
    assert ids(stage) == [100, 101, 102]


def test_what_is_not_there_cannot_be_taken_out_or_written_to() -> None:
    stage = stage_of(0.1)
    before = stage.tobytes()
    assert not unregister(stage, 5)
    assert not set_profit(stage, 5, 1.0)
    assert stage.tobytes() == before


def test_trades_that_the_venue_does_not_hold_are_forgotten() -> None:
    stage = stage_of(0.1, 0.2, 0.3)
    assert forget_missing(stage, np.array([101, 900])) == 2
    assert ids(stage) == [101]
    assert forget_missing(stage, np.array([], np.int64)) == 1
    assert stage.tobytes() == stage_of().tobytes()


@given(st.permutations([0, 1, 2]))
def test_after_a_restart_the_order_of_registration_does_not_matter(order: list[int]) -> None:
    rebuilt, expected = Stage.new(), Stage.new()  # type: ignore[attr-defined]
    sides = [SHORT, LONG, LONG]
    for number in (0, 1, 2):
        register(expected, number, sides[number], OPENED_NS + number, 1.0)
    for number in order:
        register(rebuilt, number, sides[number], OPENED_NS + number, 1.0)
    assert rebuilt.tobytes() == expected.tobytes()
    assert (rebuilt.first_trade_ns, rebuilt.trend) == (OPENED_NS, SHORT)


@given(st.lists(st.tuples(st.booleans(), st.integers(min_value=0, max_value=5), st.integers(min_value=0, max_value=9))))
def test_tickets_stand_in_the_order_of_their_times(moves: list[tuple[bool, int, int]]) -> None:
    stage = Stage.new()  # type: ignore[attr-defined]
    held: dict[int, int] = {}
    for is_opening, ticket_id, time in moves:
        if is_opening:
            fits = ticket_id not in held and len(held) < 3
            assert register(stage, ticket_id, LONG, time, 1.0) == fits
            held |= {ticket_id: time} if fits else {}
        else:
            assert unregister(stage, ticket_id) == (held.pop(ticket_id, None) is not None)
        assert set(ids(stage)) == set(held)
        times = [int(ticket.opened_ns) for ticket in stage.tickets[: stage.n_tickets]]
        assert times == sorted(held.values())
        assert not held or stage.first_trade_ns <= min(held.values())

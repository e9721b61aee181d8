"""Waits before connecting again."""

from __future__ import annotations

import pytest

from ballast.venues.reconnecting import EXECUTION_PLAN, PUBLIC_PLAN, Reconnecting, ReconnectPlan


def waits(plan: ReconnectPlan, draw: float = 0.0) -> list[float]:
    """Return all waits of a venue that never answers."""
    state = Reconnecting(plan, lambda: draw)
    found = []
    while (wait_s := state.lost(0.0)) is not None:
        found.append(wait_s)
    return found


def test_waits_double_to_a_minute_ten_times_and_then_end() -> None:
    assert waits(PUBLIC_PLAN) == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert sum(waits(PUBLIC_PLAN)) == 303
    assert waits(EXECUTION_PLAN) == [2, 4, 8]


def test_jitter_stretches_a_wait_by_a_fifth_at_most() -> None:
    assert waits(PUBLIC_PLAN, draw=0.5) == pytest.approx([1.1 * wait for wait in waits(PUBLIC_PLAN)])
    assert max(waits(PUBLIC_PLAN, draw=1.0)) == pytest.approx(72.0)


@pytest.mark.parametrize(("held_s", "next_wait"), [(59.9, 4.0), (60.0, 1.0)])
def test_only_a_connection_that_has_held_makes_the_next_failure_the_first(held_s: float, next_wait: float) -> None:
    state = Reconnecting(PUBLIC_PLAN, lambda: 0.0)
    assert [state.lost(0.0), state.lost(1.0)] == [1.0, 2.0]
    state.connected(10.0)
    assert state.lost(10.0 + held_s) == next_wait


def test_a_connection_that_flaps_uses_its_attempts_up() -> None:
    state = Reconnecting(PUBLIC_PLAN, lambda: 0.0)
    for second in range(10):
        state.connected(float(second))
        assert state.lost(second + 0.5) is not None
    assert state.lost(11.0) is None

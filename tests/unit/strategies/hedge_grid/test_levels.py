"""Where levels lie, how they grow, and how many a quantity amounts to."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ballast.model.enums import PositionSide
from ballast.strategies.hedge_grid.levels import is_triggered, trigger_price, virtual_last_qty, virtual_levels

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


@pytest.mark.parametrize(
    ("side", "last", "price", "expected"),
    [
        (LONG, 100.0, 99.00, True),
        (LONG, 100.0, 99.01, False),
        (SHORT, 100.0, 101.00, True),
        (SHORT, 100.0, 100.99, False),
        (LONG, 0.19933, 0.1973367, True),
        (LONG, 100.0, 101.0, False),
        (SHORT, 100.0, 99.0, False),
    ],
)
def test_a_step_against_the_last_entry_triggers(side: PositionSide, last: float, price: float, expected: bool) -> None:
    assert is_triggered(side, last, price, 1.0) == expected


def test_the_next_level_of_a_long_leg_lies_below_and_of_a_short_leg_above() -> None:
    assert trigger_price(LONG, 100.0, 1.0) == 99.0
    assert trigger_price(SHORT, 100.0, 1.0) == 101.0
    assert trigger_price(LONG, 0.19933, 1.0) == pytest.approx(0.1973367, abs=1e-15)


@given(st.sampled_from([LONG, SHORT]), st.floats(1e-8, 1e6), st.floats(0.01, 99.0))
@settings(deadline=None)
def test_the_price_that_is_watched_triggers(side: PositionSide, last: float, step: float) -> None:
    assert is_triggered(side, last, trigger_price(side, last, step), step)


@pytest.mark.parametrize(
    ("qty", "n_levels", "last"),
    [(1.0, 1, 1.0), (3.0, 2, 2.0), (7.0, 3, 4.0), (15.0, 4, 8.0), (31.0, 5, 16.0), (5.8, 3, 3.3142857)],
)
def test_a_quantity_is_the_ladder_that_comes_nearest(qty: float, n_levels: int, last: float) -> None:
    assert virtual_levels(qty, 1.0, 2.0, 50) == n_levels
    assert virtual_last_qty(qty, 2.0, n_levels) == pytest.approx(last, rel=1e-7)


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e3), st.floats(1.05, 10.0), st.integers(1, 50))
@settings(deadline=None)
def test_the_count_of_levels_is_the_rounded_logarithm(
    qty: float, first: float, multiplier: float, max_levels: int
) -> None:
    exact = log(qty * (multiplier - 1.0) / first + 1.0) / log(multiplier)
    assume(abs(exact % 1.0 - 0.5) > 1e-6)
    assert virtual_levels(qty, first, multiplier, max_levels) == min(max_levels, max(1, round(exact)))


@given(st.floats(0.01, 1e6), st.floats(1.05, 10.0), st.integers(1, 50))
@settings(deadline=None)
def test_virtual_levels_sum_to_what_is_held(qty: float, multiplier: float, n_levels: int) -> None:
    last = virtual_last_qty(qty, multiplier, n_levels)
    assert sum(last / multiplier**k for k in range(n_levels)) == pytest.approx(qty, rel=1e-9)

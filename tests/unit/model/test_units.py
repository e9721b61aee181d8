"""Rounding to lots and ticks: never more than asked for, exact multiples stay, noise is forgiven."""

from __future__ import annotations

from decimal import Decimal
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ballast.model.instrument import step_units
from ballast.model.units import (
    MONEY_TOLERANCE,
    RELATIVE_NUDGE,
    STEP_NUDGE,
    floor_to_step,
    is_below,
    is_price,
    round_to_tick,
)

STEPS = st.sampled_from(["1", "0.1", "0.01", "0.001", "0.00000001", "0.5", "0.25", "5", "25", "0.05"])
COUNTS = st.integers(min_value=0, max_value=10**9)


@given(st.floats(min_value=0.0, max_value=1e9), STEPS)
def test_a_floor_is_never_above_by_more_than_the_nudge(value: float, step: str) -> None:
    units, scale = step_units(step, "lot")
    size = float(step)
    floored = floor_to_step(value, units, scale)
    nudge = value * (RELATIVE_NUDGE - 1.0) + STEP_NUDGE * size
    rounding = 1e-15 * value
    assert floored <= value + nudge + rounding
    assert floored > value - size - rounding


@given(COUNTS, STEPS)
def test_a_multiple_stays_and_is_the_venues_decimal(count: int, step: str) -> None:
    units, scale = step_units(step, "lot")
    exact = float(Decimal(step) * count)
    assert floor_to_step(exact, units, scale) == exact
    assert round_to_tick(exact, units, scale, True) == exact  # noqa: FBT003
    assert round_to_tick(exact, units, scale, False) == exact  # noqa: FBT003


@given(st.floats(min_value=1e-9, max_value=1e8), STEPS)
def test_a_tick_is_at_or_beyond_the_price(price: float, step: str) -> None:
    units, scale = step_units(step, "tick")
    size = float(step)
    slack = price * 2e-12 + size * 2e-9
    up = round_to_tick(price, units, scale, True)  # noqa: FBT003
    down = round_to_tick(price, units, scale, False)  # noqa: FBT003
    assert price - slack <= up < price + size + slack
    assert price - size - slack < down <= price + slack
    assert up - down <= size * (1 + 1e-9) + slack


@given(st.integers(min_value=1, max_value=10**6), st.floats(min_value=0.01, max_value=0.99), STEPS)
def test_flooring_twice_changes_nothing(count: int, part: float, step: str) -> None:
    units, scale = step_units(step, "lot")
    once = floor_to_step(count * float(step) * part, units, scale)
    assert floor_to_step(once, units, scale) == once


def test_a_fifth_of_35_lots_is_7_lots() -> None:
    assert 0.2 * 0.35 != 0.07
    assert floor_to_step(0.2 * 0.35, *step_units("0.01", "lot")) == 0.07


def test_a_product_of_many_roundings_is_still_its_multiple() -> None:
    assert floor_to_step(1e6 * (1.0 - 5e-13), 1, 1.0) == 1e6
    assert floor_to_step(1e6 * (1.0 - 5e-12), 1, 1.0) == 1e6 - 1.0


def test_twelve_figures_of_ticks_are_still_exact() -> None:
    """Products of large counts are wrong by more than 1e-9 ticks; an exact price must not move a tick."""
    for count in range(123_456_789_012, 123_456_789_512):
        price = count / 100.0
        assert round_to_tick(price, 1, 100.0, True) == price  # noqa: FBT003
        assert round_to_tick(price, 1, 100.0, False) == price  # noqa: FBT003


@pytest.mark.parametrize("value", [nan, inf])
def test_what_is_no_number_passes_through(value: float) -> None:
    for result in (floor_to_step(value, 1, 100.0), round_to_tick(value, 1, 100.0, True)):  # noqa: FBT003
        assert isnan(result) if isnan(value) else result == inf


def test_more_steps_than_an_integer_holds() -> None:
    assert floor_to_step(1e15, 1, 1e8) == pytest.approx(1e15, rel=1e-11)


def test_no_grid_changes_nothing() -> None:
    assert floor_to_step(1.23456789, 0, 1.0) == 1.23456789
    assert round_to_tick(1.23456789, 0, 1.0, True) == 1.23456789  # noqa: FBT003


@given(st.floats(min_value=0.0, max_value=1e6), st.floats(min_value=-1e-8, max_value=1e-8))
def test_money_within_the_tolerance_meets_its_minimum(minimum: float, difference: float) -> None:
    assume(abs(abs(difference) - MONEY_TOLERANCE) > 1e-15 + minimum * 1e-15)
    amount = minimum + difference
    assume(abs((minimum - amount) - MONEY_TOLERANCE) > 1e-15 + minimum * 1e-15)
    assert is_below(amount, minimum) == (minimum - amount > MONEY_TOLERANCE)


@pytest.mark.parametrize(("value", "expected"), [(1e-8, True), (0.0, False), (-1.0, False), (nan, False), (inf, False)])
def test_a_price_is_finite_and_above_zero(value: float, expected: bool) -> None:
    assert bool(is_price(np.float64(value))) == expected

"""Amounts on a grid of 1e-8: where binary fractions lose a step, these do not."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ballast.orders.fixed_point import LARGEST_AMOUNT, ONE, fraction_of, is_amount, to_amount, to_fixed

GRID = st.integers(min_value=-(10**15), max_value=10**15)


@pytest.mark.parametrize("cents", [30, 60, 70, 120, 140, 190])
def test_a_step_that_binary_fractions_lose_is_counted(cents: int) -> None:
    assert int(cents / 100 / 0.1) < cents // 10, "the example shows nothing"
    assert to_fixed(cents / 100) // to_fixed(0.1) == cents // 10


@given(GRID)
def test_every_point_of_the_grid_survives_the_way_there_and_back(fixed: int) -> None:
    assert to_fixed(to_amount(fixed)) == fixed


@example(int(LARGEST_AMOUNT) * ONE, ONE)
@example(int(LARGEST_AMOUNT) * ONE - 1, 60_000_000)
@given(st.integers(min_value=0, max_value=int(LARGEST_AMOUNT) * ONE), st.integers(min_value=0, max_value=ONE))
def test_a_part_of_an_amount_is_exact_and_rounded_down(fixed: int, fraction: int) -> None:
    exact = Fraction(fixed) * fraction / ONE
    assert exact - 1 < fraction_of(fixed, fraction) <= exact


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1.1e10, -1.1e10])
def test_what_has_no_place_on_the_grid_is_no_amount(value: float) -> None:
    assert not is_amount(value)


@pytest.mark.parametrize("value", [0.0, -0.0, LARGEST_AMOUNT, -LARGEST_AMOUNT])
def test_the_ends_of_the_grid_belong_to_it(value: float) -> None:
    assert is_amount(value)
    assert to_fixed(value) == int(value) * ONE

"""A leg's levels after any course of fills."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.model.enums import EngineRole
from ballast.strategies.hedge_grid.book import add_fill, effective_role, end_cycle, held_price, ladder_price, take_fill
from ballast.strategies.hedge_grid.settings import Leg, Role

FIRST_QTY, MULTIPLIER, MAX_LEVELS = 1.0, 2.0, 10


def new_leg() -> Any:
    return Leg.array(1)[0]  # type: ignore[attr-defined]


def add(leg: Any, role: int, level: int, qty: float, price: float) -> None:
    add_fill(leg, role, level, qty, price, FIRST_QTY, MULTIPLIER, MAX_LEVELS)


def levels(leg: Any) -> list[float]:
    return [float(qty) for qty in leg.level_qty[: leg.n_levels]]


def test_each_order_fills_the_level_of_its_number() -> None:
    leg = new_leg()
    for level, qty in enumerate((0.75, 1.5, 3.0, 6.0)):
        add(leg, Role.AVERAGE if level else Role.OPEN, level, qty, 100.0 * 0.99**level)
    assert levels(leg) == [0.75, 1.5, 3.0, 6.0]
    assert leg.qty == 11.25
    assert held_price(leg) == pytest.approx(97.75194667, abs=5e-9)


def test_a_level_that_fills_in_parts_is_one_level_at_their_average() -> None:
    leg = new_leg()
    add(leg, Role.OPEN, 0, 1.0, 100.0)
    add(leg, Role.OPEN, 0, 3.0, 104.0)
    assert levels(leg) == [4.0]
    assert leg.level_price[0] == 103.0


def test_what_the_engine_adds_is_no_level_and_not_the_last_size() -> None:
    leg = new_leg()
    add(leg, Role.OPEN, 0, 1.0, 100.0)
    add(leg, EngineRole.BALANCE, 0, 9.0, 110.0)
    assert levels(leg) == [1.0]
    assert (leg.qty, leg.balance_qty) == (10.0, 9.0)
    assert held_price(leg) == 109.0
    assert ladder_price(leg) == 100.0


def test_a_reduction_takes_the_same_part_of_every_entry() -> None:
    leg = new_leg()
    add(leg, Role.OPEN, 0, 1.0, 100.0)
    add(leg, Role.AVERAGE, 1, 2.0, 99.0)
    add(leg, EngineRole.BALANCE, 0, 1.0, 98.0)
    before = held_price(leg)
    take_fill(leg, 1.0)
    assert levels(leg) == [0.75, 1.5]
    assert (leg.qty, leg.balance_qty) == (3.0, 0.75)
    assert held_price(leg) == pytest.approx(before)


def test_a_reopened_leg_is_laid_out_as_a_ladder() -> None:
    leg = new_leg()
    add(leg, Role.REOPEN, 0, 31.0, 100.0)
    assert levels(leg) == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0])
    assert list(leg.level_price[:5]) == [100.0] * 5


def test_a_leg_that_reopens_in_parts_is_the_ladder_of_the_whole() -> None:
    leg, whole = new_leg(), new_leg()
    add(leg, Role.REOPEN, 0, 5.0, 90.0)
    add(leg, Role.REOPEN, 0, 10.0, 105.0)
    add(whole, Role.REOPEN, 0, 15.0, 100.0)
    assert levels(leg) == levels(whole) == pytest.approx([1.0, 2.0, 4.0, 8.0])
    assert leg.level_price[3] == 100.0


def test_a_whole_reduction_leaves_nothing_and_the_next_cycle_begins() -> None:
    leg = new_leg()
    add(leg, Role.OPEN, 0, 0.1, 100.0)
    add(leg, Role.AVERAGE, 1, 0.2, 99.0)
    take_fill(leg, 0.3)
    assert (leg.qty, leg.n_levels, levels(leg)) == (0.0, 0, [])
    end_cycle(leg)
    assert leg.cycle == 1
    assert not leg.level_qty.any()


def test_an_addition_of_an_earlier_cycle_begins_the_leg_anew() -> None:
    leg = new_leg()
    leg.cycle = 3
    assert effective_role(leg, Role.AVERAGE, 3) == Role.AVERAGE
    assert effective_role(leg, Role.AVERAGE, 2) == Role.REOPEN
    assert effective_role(leg, Role.OPEN, 2) == Role.OPEN


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "part", "balance", "take", "close", "reopen"]), st.floats(0.01, 50.0), st.floats(1, 500)
    ),
    max_size=40,
)


@given(STEPS)
@settings(deadline=None)
def test_levels_and_balance_always_sum_to_the_leg(steps: list[tuple[str, float, float]]) -> None:
    leg = new_leg()
    held = value = 0.0
    for word, size, price in steps:
        if word in {"take", "close"}:
            if held == 0.0:
                continue
            qty = held if word == "close" else held * min(0.99, size / 60.0)
            value *= 1.0 - qty / held
            held = 0.0 if word == "close" else held - qty
            take_fill(leg, qty)
        else:
            level = int(leg.n_levels)
            if word == "part" and level > 0:
                level -= 1
            if word == "reopen" and held > 0.0:
                continue
            if level >= MAX_LEVELS:
                continue
            role = {"balance": EngineRole.BALANCE, "reopen": Role.REOPEN}.get(word, Role.AVERAGE)
            add(leg, role, level, size, price)
            held, value = held + size, value + size * price
        assert leg.qty == pytest.approx(held, rel=1e-9, abs=1e-12)
        assert sum(levels(leg)) + leg.balance_qty == pytest.approx(leg.qty, rel=1e-9, abs=1e-12)
        assert leg.n_levels <= MAX_LEVELS
        if held > 0.0:
            assert held_price(leg) == pytest.approx(value / held, rel=1e-9)
        else:
            assert leg.n_levels == 0

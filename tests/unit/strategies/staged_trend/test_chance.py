"""Draws that a seed, a symbol and a decision alone determine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.strategies.staged_trend.chance import draw, is_left_out, mix, times

INTEGERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)


@pytest.mark.parametrize(("drawn", "is_skipped"), [(0.0, True), (0.0499, True), (0.05, False), (0.9999, False)])
def test_a_draw_below_the_factor_leaves_out(drawn: float, is_skipped: bool) -> None:
    """D34."""
    assert is_left_out(drawn, 0.05) == is_skipped


@given(INTEGERS, INTEGERS, INTEGERS)
def test_a_factor_of_0_leaves_out_nothing_and_one_of_1_everything(seed: int, symbol: int, decision: int) -> None:
    drawn = draw(seed, symbol, decision)
    assert 0.0 <= drawn < 1.0
    assert not is_left_out(drawn, 0.0)
    assert is_left_out(drawn, 1.0)
    assert drawn == draw(seed, symbol, decision)


@given(st.integers(min_value=0, max_value=2**32 - 1), st.integers(min_value=0, max_value=2**32 - 1))
def test_products_are_those_of_32_bits(value: int, factor: int) -> None:
    assert times(value, factor) == value * factor % 2**32


def test_the_mix_is_the_published_one() -> None:
    """The finaliser with plain big integers."""

    def published(value: int) -> int:
        value ^= value >> 16
        value = value * 0x85EBCA6B % 2**32
        value ^= value >> 13
        value = value * 0xC2B2AE35 % 2**32
        return value ^ value >> 16

    for value in (0, 1, 2, 0xDEADBEEF, 2**32 - 1):
        assert mix(value) == published(value)


def test_draws_are_spread_evenly_and_apart_from_their_neighbours() -> None:
    for symbol in (0, 1, 7):
        draws = np.array([draw(42, symbol, decision) for decision in range(20_000)])
        counts = np.histogram(draws, bins=20, range=(0.0, 1.0))[0]
        # Chi-square with 19 degrees of freedom: 43.8 is passed once in a thousand times; the draws are fixed.
        assert ((counts - 1_000) ** 2 / 1_000).sum() < 43.8
        assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03
        assert np.mean(draws < 0.05) == pytest.approx(0.05, abs=0.006)


def test_seed_symbol_and_decision_each_matter_with_all_their_bits() -> None:
    base = draw(1, 1, 1)
    changed = [
        draw(1 + 2**40, 1, 1),
        draw(2, 1, 1),
        draw(1, 2, 1),
        draw(1, 1, 2),
        draw(1, 1, 1 + 2**40),
        draw(-1, 1, 1),
    ]
    assert len({base, *changed}) == len(changed) + 1

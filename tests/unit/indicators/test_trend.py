from __future__ import annotations

from math import log10

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.indicators import batch
from tests.unit.indicators.sample_bars import walk

RISE = np.arange(100.0, 160.0)
FLAT = np.full(60, 100.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_straight_line_is_all_direction(sign: float) -> None:
    close = 1000.0 + sign * RISE
    movement = batch.adx(close + 0.5, close - 0.5, close)
    favoured, other = (movement.plus_di, movement.minus_di) if sign > 0 else (movement.minus_di, movement.plus_di)
    # Each bar moves by 1 within a true range of 1.5.
    assert favoured[14:] == pytest.approx(100.0 / 1.5, rel=1e-12)
    assert set(other[14:]) == {0.0}
    assert movement.adx[27:] == pytest.approx(100.0, rel=1e-12)


def test_directions_come_before_their_index() -> None:
    movement = batch.adx(RISE + 1.0, RISE - 1.0, RISE, 5)
    assert [int(np.isnan(column).sum()) for column in movement] == [5, 5, 9]


def test_a_bar_that_widens_both_ways_alike_has_no_direction() -> None:
    reach = np.arange(1.0, 61.0)
    movement = batch.adx(100.0 + reach, 100.0 - reach, FLAT)
    assert set(movement.plus_di[14:]) == {0.0}
    assert set(movement.minus_di[14:]) == {0.0}
    assert set(movement.adx[27:]) == {0.0}


def test_a_dead_market_has_no_direction_and_no_range() -> None:
    movement = batch.adx(FLAT, FLAT, FLAT)
    assert [set(column[27:]) for column in movement] == [{0.0}, {0.0}, {0.0}]


def test_the_index_keeps_its_value_once_all_movement_is_forgotten() -> None:
    close = np.concatenate([RISE, np.full(20_000, RISE[-1])])
    movement = batch.adx(close, close, close)
    assert movement.plus_di[-1] == 0.0
    assert movement.adx[-1] == pytest.approx(100.0, rel=1e-9)


@given(seed=st.integers(0, 1000), period=st.integers(1, 20))
def test_directional_movement_stays_within_0_and_100(seed: int, period: int) -> None:
    bars = walk(80, seed, gap_size=0.2)
    for column in batch.adx(bars.high, bars.low, bars.close, period):
        defined = column[~np.isnan(column)]
        assert ((defined >= 0.0) & (defined <= 100.0 * (1.0 + 1e-12))).all()


@given(seed=st.integers(0, 1000))
def test_a_market_turned_upside_down_swaps_the_directions(seed: int) -> None:
    bars = walk(80, seed, gap_size=0.2)
    upright = batch.adx(bars.high, bars.low, bars.close)
    turned = batch.adx(-bars.low, -bars.high, -bars.close)
    assert np.array_equal(turned.plus_di, upright.minus_di, equal_nan=True)
    assert np.array_equal(turned.adx, upright.adx, equal_nan=True)


def test_choppiness_of_a_straight_line_counts_its_steps() -> None:
    # Fourteen steps of 1 with no other range: sum 14 over a span of 13, the oldest step entering from outside.
    values = batch.choppiness(RISE, RISE, RISE)
    assert np.isnan(values[:14]).all()
    assert values[14:] == pytest.approx(100.0 * log10(14.0 / 13.0) / log10(14.0), rel=1e-12)


def test_choppiness_of_bars_that_all_cover_the_same_range_is_100() -> None:
    assert batch.choppiness(FLAT + 2.0, FLAT - 1.0, FLAT)[14:] == pytest.approx(100.0, rel=1e-14)


def test_choppiness_of_a_market_without_range_is_100() -> None:
    assert set(batch.choppiness(FLAT, FLAT, FLAT)[14:]) == {100.0}
    after_a_gap = np.concatenate([[50.0], FLAT])
    assert batch.choppiness(after_a_gap, after_a_gap, after_a_gap)[14] == 100.0


def test_choppiness_of_closes_outside_their_bars_is_not_negative() -> None:
    assert batch.choppiness([10.0, 10.0, 100.0], [10.0, 10.0, 100.0], [10.0, 100.0, 100.0], 2)[-1] == 0.0


@given(seed=st.integers(0, 1000), period=st.integers(2, 30))
def test_choppiness_is_the_log_of_path_over_span(seed: int, period: int) -> None:
    high, low, close = (column.tolist() for column in walk(60, seed, gap_size=0.2)[1:4])
    values = batch.choppiness(high, low, close, period)
    for bar in range(period, 60):
        window = range(bar - period + 1, bar + 1)
        path = sum(max(high[i], close[i - 1]) - min(low[i], close[i - 1]) for i in window)
        span = max(high[i] for i in window) - min(low[i] for i in window)
        assert values[bar] == pytest.approx(100.0 * log10(path / span) / log10(period), rel=1e-9, abs=1e-9)
        assert values[bar] >= 0.0

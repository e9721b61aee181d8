from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.indicators import batch
from tests.unit.indicators.sample_bars import walk

FALL = [-2, 1, -2, -2, 1, -2, -2, 1, -2, -2, 1, -2, -2, -2]


def test_a_fall_with_pauses_gives_the_worked_ranges_and_bands() -> None:
    close = np.concatenate([np.full(46, 1000.0), 1000.0 + np.cumsum(FALL)])
    bands = batch.bollinger(close)
    assert np.clip(bands.position[-1], 0.0, 1.0) == 0.0
    assert bands.width[-1] == pytest.approx(0.020483139, rel=1e-6)
    assert batch.atr_simple(close + 1.0, close - 1.0, close)[-1] == pytest.approx(2.714285714, rel=1e-9)
    assert batch.atr(close + 1.0, close - 1.0, close)[-1] == pytest.approx(2.476671006, rel=1e-9)


def test_a_gap_counts_as_range() -> None:
    # Ranges 10 - 4 (from the close of 4 up to the high of 10) and 9 - 1.
    high, low, close = [5.0, 10.0, 9.0], [3.0, 8.0, 1.0], [4.0, 9.0, 2.0]
    assert batch.atr(high, low, close, 2)[2] == 7.0
    assert batch.atr_simple(high, low, close, 1)[1:].tolist() == [6.0, 8.0]


def test_wilders_range_keeps_all_but_one_part_of_its_past() -> None:
    high, low, close = [1.0, 5.0, 5.0, 9.0], [1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]
    assert batch.atr(high, low, close, 2)[2:].tolist() == [4.0, (4.0 + 8.0) / 2]


def test_range_forgets_in_the_simple_form_only() -> None:
    bars = walk(100, seed=3)
    whole = bars.high, bars.low, bars.close
    tail = bars.high[50:], bars.low[50:], bars.close[50:]
    assert batch.atr_simple(*tail)[-1] == pytest.approx(batch.atr_simple(*whole)[-1], rel=1e-14)
    assert batch.atr(*tail)[-1] != pytest.approx(batch.atr(*whole)[-1], rel=1e-6)


def test_bands_of_a_flat_market_coincide_and_the_close_is_half_way() -> None:
    bands = batch.bollinger(np.full(60, 0.1))
    for band in (bands.middle, bands.upper, bands.lower):
        assert set(band[19:]) == {0.1}
    assert set(bands.width[19:]) == {0.0}
    assert set(bands.position[19:]) == {0.5}


def test_bands_use_the_population_deviation() -> None:
    # Mean 5 and population deviation 2, by hand.
    bands = batch.bollinger([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 8, 2.0)
    last = [column[-1] for column in bands]
    assert last == pytest.approx([5.0, 9.0, 1.0, 8.0 / 5.0, 1.0], rel=1e-15)


def test_width_is_undefined_where_the_mean_is_zero() -> None:
    bands = batch.bollinger([-1.0, 1.0], 2)
    assert np.isnan(bands.width[-1])
    assert bands.upper[-1] == 2.0


@given(seed=st.integers(0, 1000), period=st.integers(1, 30), multiplier=st.floats(0.1, 5.0))
def test_bands_lie_evenly_about_the_middle(seed: int, period: int, multiplier: float) -> None:
    close = walk(80, seed, gap_size=0.3).close
    middle, upper, lower, width, position = (
        column[period - 1 :] for column in batch.bollinger(close, period, multiplier)
    )
    deviation = batch.rolling_std(close, period)[period - 1 :]
    assert (lower <= middle).all()
    assert (middle <= upper).all()
    np.testing.assert_allclose(upper - middle, multiplier * deviation, atol=1e-11)
    np.testing.assert_allclose(middle - lower, multiplier * deviation, atol=1e-11)
    np.testing.assert_allclose(width * middle, upper - lower, rtol=1e-12)
    spread = upper > lower
    np.testing.assert_allclose((lower + position * (upper - lower))[spread], close[period - 1 :][spread], rtol=1e-12)


@given(seed=st.integers(0, 1000), period=st.integers(1, 30), exponent=st.integers(-60, 30))
def test_width_and_position_do_not_know_the_unit_of_price(seed: int, period: int, exponent: int) -> None:
    close = walk(80, seed).close
    bands, scaled = batch.bollinger(close, period), batch.bollinger(np.ldexp(close, exponent), period)
    assert np.array_equal(scaled.width, bands.width, equal_nan=True)
    assert np.array_equal(scaled.position, bands.position, equal_nan=True)


@given(seed=st.integers(0, 1000), period=st.integers(1, 30), exponent=st.integers(-30, 30))
def test_range_scales_with_the_unit_of_price_and_is_never_negative(seed: int, period: int, exponent: int) -> None:
    bars = walk(80, seed, gap_size=0.3)
    columns = bars.high, bars.low, bars.close
    scaled_columns = np.ldexp(bars.high, exponent), np.ldexp(bars.low, exponent), np.ldexp(bars.close, exponent)
    for average_range in (batch.atr, batch.atr_simple):
        values = average_range(*columns, period)
        assert (values[period:] >= 0.0).all()
        scaled = average_range(*scaled_columns, period)
        assert np.array_equal(scaled, np.ldexp(values, exponent), equal_nan=True)

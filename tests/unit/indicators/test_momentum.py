from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.indicators import batch
from tests.unit.indicators.sample_bars import Floats

FALL = [-2, 1, -2, -2, 1, -2, -2, 1, -2, -2, 1, -2, -2, -2]
NEARLY_OVERSOLD = [1, -1, 0, 1, -1, 0, -1, 0, 0, 0, 0, 0, 0, 0]
Rsi = Callable[..., Floats]
BOTH = pytest.mark.parametrize("rsi", [batch.rsi, batch.rsi_simple])


def closes(changes: list[int], sign: int = 1) -> Floats:
    """Return 46 closes at 1000, then the changes, summed."""
    return np.concatenate([np.full(46, 1000.0), 1000.0 + sign * np.cumsum(changes)])


@pytest.mark.parametrize(("sign", "simple", "wilder"), [(1, 16.666667, 15.057321), (-1, 83.333333, 84.942680)])
def test_a_fall_with_pauses_and_its_mirror_give_the_worked_values(sign: int, simple: float, wilder: float) -> None:
    close = closes(FALL, sign)
    assert batch.rsi_simple(close)[-1] == pytest.approx(simple, rel=1e-6)
    assert batch.rsi(close)[-1] == pytest.approx(wilder, rel=1e-6)


@pytest.mark.parametrize(("sign", "expected"), [(1, 40.0), (-1, 60.0)])
def test_two_gains_against_three_losses_of_one_tick_are_on_the_boundary_exactly(sign: int, expected: float) -> None:
    assert batch.rsi_simple(closes(NEARLY_OVERSOLD, sign))[-1] == expected


@pytest.mark.parametrize(("sign", "expected"), [(1, 40.0), (-1, 60.0)])
def test_the_seed_of_wilders_rsi_is_exact_too(sign: int, expected: float) -> None:
    assert batch.rsi(closes(NEARLY_OVERSOLD, sign)[45:])[-1] == expected


@BOTH
def test_the_first_value_comes_with_the_last_change_of_the_first_period(rsi: Rsi) -> None:
    values = rsi(np.arange(20.0), 14)
    assert np.isnan(values[:14]).all()
    assert not np.isnan(values[14:]).any()


@BOTH
def test_prices_that_never_moved_are_neither_strong_nor_weak(rsi: Rsi) -> None:
    assert set(rsi(np.full(60, 100.0))[14:]) == {50.0}


@BOTH
@given(gains=st.lists(st.floats(1e-6, 1e3), min_size=20, max_size=40))
def test_only_gains_are_100_and_only_losses_0(rsi: Rsi, gains: list[float]) -> None:
    rise = 1e5 + np.cumsum(gains)
    assert set(rsi(rise)[14:]) == {100.0}
    assert set(rsi(rise[::-1])[14:]) == {0.0}


def test_a_loss_too_small_to_matter_does_not_round_strength_above_100() -> None:
    gain = 0.7111917696952796
    assert 100.0 * gain / gain > 100.0
    assert batch.rsi_simple([1e-17, 0.0, gain], 2)[-1] == 100.0


@pytest.mark.parametrize("changes", [FALL, [2] * 14, [-2] * 14])
def test_a_market_that_stands_still_long_enough_forgets_what_it_did(changes: list[int]) -> None:
    before = closes(changes)
    values = batch.rsi(np.concatenate([before, np.full(20_000, before[-1])]))
    assert values[60 + 5000] == pytest.approx(values[59], rel=1e-9)
    assert values[-1] == 50.0


def test_a_missing_bar_is_passed_over_and_the_next_change_spans_it() -> None:
    close = closes(FALL)
    with_hole = np.insert(close, 50, np.nan)
    values = batch.rsi(with_hole)
    assert values[50] == values[49]
    assert np.array_equal(np.delete(values, 50), batch.rsi(close), equal_nan=True)


@BOTH
@given(
    close=st.lists(st.floats(1e-8, 1e8), min_size=2, max_size=60),
    period=st.integers(1, 20),
    exponent=st.integers(-40, 40),
)
def test_rsi_stays_within_0_and_100_and_does_not_know_the_unit_of_price(
    rsi: Rsi, close: list[float], period: int, exponent: int
) -> None:
    values = rsi(close, period)
    defined = values[~np.isnan(values)]
    assert len(defined) == max(0, len(close) - period)
    assert ((defined >= 0.0) & (defined <= 100.0)).all()
    assert np.array_equal(rsi(np.ldexp(close, exponent), period), values, equal_nan=True)

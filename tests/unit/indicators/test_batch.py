from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ballast.indicators import batch
from ballast.model.errors import ConfigError, DataError


def test_lists_series_integers_and_frozen_arrays_are_all_series() -> None:
    values = [3, 1, 4, 1, 5, 9, 2, 6]
    frozen = np.array(values, np.float64)
    frozen.flags.writeable = False
    expected = batch.sma(np.array(values, np.float64), 3)
    for series in (values, tuple(values), np.array(values, np.int32), frozen, pl.Series(values), frozen.repeat(2)[::2]):
        assert np.array_equal(batch.sma(series, 3), expected, equal_nan=True)


def test_the_input_is_left_alone() -> None:
    values = np.arange(30.0)
    batch.bollinger(values)
    assert np.array_equal(values, np.arange(30.0))


def test_an_empty_series_has_an_empty_result() -> None:
    assert batch.rsi([]).shape == (0,)
    assert [column.shape for column in batch.adx([], [], [])] == [(0,)] * 3


def test_a_series_shorter_than_the_warm_up_has_no_value() -> None:
    assert np.isnan(batch.sma([1.0, 2.0], 3)).all()


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match=r"high, low and close have \[3, 2, 3\] bars"):
        batch.atr([1.0, 2.0, 3.0], [1.0, 2.0], [1.0, 2.0, 3.0])


def test_a_table_is_no_series() -> None:
    with pytest.raises(DataError, match="close has 2 dimensions"):
        batch.choppiness([1.0], [1.0], np.ones((1, 1)))


def test_a_period_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="ema: period is 0; use 1 or more"):
        batch.ema([1.0], 0)

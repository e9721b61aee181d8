"""The first value beyond a level, found many at a time, is the one that looking at each finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.indicators.scan import STRIDE, first_above, first_below

values = st.lists(st.sampled_from([-1.0, -0.0, 0.0, 1.0, np.nan, np.inf, -np.inf]), max_size=5 * STRIDE)


@settings(deadline=None)
@given(values, st.integers(0, 5 * STRIDE), st.integers(0, 5 * STRIDE), st.sampled_from([0.0, 1.0, np.nan, np.inf]))
def test_it_is_the_first_that_looking_at_each_finds(found: list[float], one: int, other: int, level: float) -> None:
    start, stop = sorted(min(end, len(found)) for end in (one, other))
    array = np.array(found)
    below = next((k for k in range(start, stop) if found[k] < level), stop)
    above = next((k for k in range(start, stop) if found[k] > level), stop)
    assert first_below(array, start, stop, level) == below
    assert first_above(array, start, stop, level) == above


@pytest.mark.parametrize("at", range(4 * STRIDE))
def test_a_single_value_is_found_wherever_it_stands(at: int) -> None:
    array = np.zeros(4 * STRIDE)
    array[at] = -1.0
    assert first_below(array, 0, array.size, 0.0) == at
    assert first_above(-array, 0, array.size, 0.0) == at
    assert first_below(array, at + 1, array.size, 0.0) == array.size

"""Steps as exact fractions."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.model.errors import ConfigError
from ballast.model.instrument import step_units


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("0.01", (1, 100.0)),
        (0.1, (1, 10.0)),
        ("25", (25, 1.0)),
        ("2.5", (25, 10.0)),
        (1e-8, (1, 1e8)),
        (0, (0, 1.0)),
        ("100", (100, 1.0)),
    ],
)
def test_a_step_is_units_over_a_power_of_ten(step: float | str, expected: tuple[int, float]) -> None:
    assert step_units(step, "tick") == expected


@given(st.integers(min_value=1, max_value=10**6), st.integers(min_value=0, max_value=10), st.integers(0, 10**6))
def test_steps_count_in_the_venues_decimals(units: int, places: int, count: int) -> None:
    step = Decimal(units).scaleb(-places)
    whole, scale = step_units(str(step), "tick")
    assert count * whole / scale == float(step * count)


@pytest.mark.parametrize("step", ["-0.1", "nan", "inf"])
def test_a_step_that_is_none_is_refused_with_its_key(step: str) -> None:
    with pytest.raises(ConfigError, match=r"instruments\.X\.tick"):
        step_units(step, "instruments.X.tick")

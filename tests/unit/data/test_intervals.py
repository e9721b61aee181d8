from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.data.intervals import interval_name, parse_interval
from ballast.model.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "milliseconds"),
    [("250ms", 250), ("1s", 1_000), ("1m", 60_000), ("90m", 5_400_000), ("4h", 14_400_000), ("1d", 86_400_000)],
)
def test_a_name_means_its_length(name: str, milliseconds: int) -> None:
    assert parse_interval(name) == milliseconds
    assert interval_name(milliseconds) == name


@pytest.mark.parametrize("name", ["", "m", "0m", "1.5h", "-1m", "1M", "1 hour", "1mm"])
def test_anything_else_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ConfigError, match=r"write 1s, 1m"):
        parse_interval(name)


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=10**12))
def test_every_length_has_a_name_that_means_it(milliseconds: int) -> None:
    assert parse_interval(interval_name(milliseconds)) == milliseconds

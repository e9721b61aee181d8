"""Grids: ranges that include their end, lists, and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.config.grid import parse_grid
from ballast.model.errors import ConfigError

KEYS = ["strategy.upside_threshold", "strategy.cooldown_minutes", "execution.slippage_bps", "execution.latency_bars"]


def values(text: str) -> tuple[object, ...]:
    return parse_grid([f"strategy.upside_threshold={text}"], KEYS)["strategy.upside_threshold"]


def test_a_range_includes_its_end_in_clean_decimals() -> None:
    assert values("0.2:0.6:0.05") == (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


def test_a_range_that_does_not_meet_its_end_stops_before_it() -> None:
    assert values("0.2:0.4:0.15") == (0.2, 0.35)


@pytest.mark.parametrize(("last", "count"), [("0.2999999995", 2), ("0.299999998", 1)])
def test_an_end_is_met_within_a_billionth(last: str, count: int) -> None:
    assert len(values(f"0.2:{last}:0.1")) == count


def test_whole_numbers_stay_whole() -> None:
    assert values("10:30:10") == (10, 20, 30)
    assert all(isinstance(value, int) for value in values("10:30:10"))
    assert all(isinstance(value, float) for value in values("10:30:10.0"))


def test_a_list_holds_numbers_switches_and_words() -> None:
    assert values("0.2, 3, true, documented") == (0.2, 3, True, "documented")


def test_axes_keep_their_order() -> None:
    grid = parse_grid(["execution.slippage_bps=5,10", "strategy.cooldown_minutes=0:60:30"], KEYS)
    assert list(grid.items()) == [("execution.slippage_bps", (5, 10)), ("strategy.cooldown_minutes", (0, 30, 60))]


@given(st.integers(-50, 50), st.integers(1, 40), st.integers(0, 60))
def test_a_range_has_every_step_from_first_to_last(first: int, step: int, count: int) -> None:
    decimals = [(first + step * k) / 100 for k in range(count + 1)]
    assert values(f"{decimals[0]}:{decimals[-1]}:{step / 100}") == tuple(decimals)


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ("strategy.upside_treshold=1,2", "did you mean 'strategy.upside_threshold'?"),
        ("account.fee_rate=1,2", "'account.fee_rate' cannot be varied; a sweep varies keys of [strategy], [execution]"),
        ("strategy.upside_threshold", "expected key=first:last:step or key=a,b,c"),
        ("strategy.upside_threshold=", "expected key=first:last:step or key=a,b,c"),
        ("strategy.upside_threshold=0.2:0.6", "expected key=first:last:step"),
        ("strategy.upside_threshold=a:b:c", "expected key=first:last:step"),
        ("strategy.upside_threshold=0:inf:1", "expected key=first:last:step"),
        ("strategy.upside_threshold=0:1e999999:1", "expected key=first:last:step"),
        ("strategy.upside_threshold=0:1:1e-300", "more than 100,000 values"),
        ("strategy.upside_threshold=0.2:0.6:0", "the step must be above 0"),
        ("strategy.upside_threshold=0.6:0.2:0.1", "the last value not below the first"),
        ("strategy.upside_threshold=0:1:0.000001", "more than 100,000 values; take a larger step"),
        ("strategy.upside_threshold=1,,2", "a value is missing between commas"),
        ("strategy.upside_threshold=1,2,1", "1 is there twice"),
    ],
)
def test_a_grid_that_cannot_be_meant_is_refused(axis: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        parse_grid([axis], KEYS)


def test_a_key_has_one_axis() -> None:
    with pytest.raises(ConfigError, match="has an axis already"):
        parse_grid(["strategy.upside_threshold=1,2", "strategy.upside_threshold=3"], KEYS)


def test_a_grid_of_too_many_cells_is_refused() -> None:
    axes = ["strategy.upside_threshold=1:2000:1", "strategy.cooldown_minutes=1:2000:1"]
    with pytest.raises(ConfigError, match="4,000,000 combinations, more than 1,000,000; take fewer values"):
        parse_grid(axes, KEYS)


def test_a_grid_without_axes_is_refused() -> None:
    with pytest.raises(ConfigError, match="--grid is missing"):
        parse_grid([], KEYS)

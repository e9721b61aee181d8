"""The pace machine, look by look."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.orders.polling import Polling, PollingSettings, look, pace_ns


def settings_of(**values: Any) -> Any:
    settings = PollingSettings.new()  # type: ignore[attr-defined]
    for key, value in values.items():
        setattr(settings, key, value)
    return settings


def paces(profits: list[float], settings: Any) -> str:
    """Return one letter a look: F fast, N normal."""
    polling = Polling.new()  # type: ignore[attr-defined]
    return "".join("F" if look(polling, settings, profit) else "N" for profit in profits)


def test_a_dip_counts_only_in_a_row() -> None:
    """D27."""
    assert paces([0.09, 0.10, 0.12, 0.09, 0.11, 0.08, 0.08, 0.07], settings_of()) == "NFFFFFFN"


def test_dips_with_a_recovery_between_them_never_end_the_fast_pace() -> None:
    """D27: a threshold of 0.20."""
    profits = [0.25, 0.15, 0.22, 0.15, 0.22, 0.15]
    assert paces(profits, settings_of(fast_trailing_threshold_usd=0.20)) == "FFFFFF"


def test_the_count_starts_anew_with_each_fast_spell() -> None:
    assert paces([0.10, 0.0, 0.0, 0.0, 0.10, 0.0, 0.0, 0.10, 0.0, 0.0, 0.0], settings_of()) == "FFFNFFFFFFN"


def test_a_debounce_of_one_ends_at_the_first_dip() -> None:
    assert paces([0.10, 0.09, 0.10], settings_of(fast_trailing_debounce_cycles=1)) == "FNF"


@pytest.mark.parametrize("unreadable", [float("nan"), float("inf"), -float("inf")])
def test_a_profit_that_cannot_be_read_changes_nothing(unreadable: float) -> None:
    assert paces([unreadable, 0.10, 0.0, unreadable, unreadable, 0.0, unreadable, 0.0], settings_of()) == "NFFFFFFN"


def test_the_paces_are_300_milliseconds_and_3_seconds() -> None:
    polling = Polling.new()  # type: ignore[attr-defined]
    assert pace_ns(polling, settings_of()) == 3_000_000_000
    look(polling, settings_of(), 0.10)
    assert pace_ns(polling, settings_of()) == 300_000_000


@given(st.lists(st.floats(min_value=-1.0, max_value=1.0)), st.integers(min_value=1, max_value=5))
def test_normal_means_that_so_many_looks_in_a_row_were_below(profits: list[float], cycles: int) -> None:
    settings = settings_of(fast_trailing_debounce_cycles=cycles)
    seen = paces(profits, settings)
    is_fast, n_below = False, 0
    for profit, letter in zip(profits, seen, strict=True):
        n_below = n_below + 1 if profit < 0.10 - 5e-9 else 0
        is_fast = n_below == 0 or (is_fast and n_below < cycles)
        assert letter == ("F" if is_fast else "N")

"""Points for a signal: the three worked scores, every boundary, and nothing for what is unknown."""

from __future__ import annotations

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.strategies.staged_trend.quality import (
    adx_points,
    choppiness_points,
    quality,
    rsi_points,
    separation_points,
)
from tests.unit.strategies.staged_trend.staged import LONG, SHORT, params_of


def score(separation_pct: float, rsi: float, choppiness: float, adx: float, side: int = LONG) -> float:
    return quality(100.0 + separation_pct, 100.0, rsi, choppiness * 100.0, adx, side, params_of())


def test_the_worked_scores() -> None:
    """D30."""
    assert score(0.12, 40.0, 0.5, 20.0) == 100.0
    assert score(0.07, 55.0, 0.75, 11.0) == 40.0
    assert score(0.04, 45.0, 0.6, 8.0) == 50.0


def test_a_short_in_its_own_window_earns_what_a_long_does_in_its() -> None:
    assert score(0.07, 55.0, 0.75, 11.0, SHORT) == 55.0


@pytest.mark.parametrize(
    ("fast", "points"),
    [(100.05, 0.0), (100.0501, 15.0), (100.10, 15.0), (100.1001, 30.0), (99.90, 15.0), (99.8999, 30.0), (100.0, 0.0)],
)
def test_points_of_the_distance_are_for_more_than_the_limit(fast: float, points: float) -> None:
    assert separation_points(fast, 100.0) == points


@pytest.mark.parametrize(
    ("rsi", "points"),
    [(24.99, 0.0), (25.0, 10.0), (29.99, 10.0), (30.0, 25.0), (50.0, 25.0), (75.0, 10.0), (75.01, 0.0)],
)
def test_points_of_the_rsi(rsi: float, points: float) -> None:
    assert rsi_points(rsi, LONG, params_of()) == points


@pytest.mark.parametrize(("index", "points"), [(0.0, 20.0), (69.99, 20.0), (70.0, 0.0), (100.0, 0.0)])
def test_points_of_a_direct_path(index: float, points: float) -> None:
    assert choppiness_points(index, params_of()) == points


@pytest.mark.parametrize(
    ("adx", "points"), [(15.0, 25.0), (14.99, 15.0), (10.5, 15.0), (10.49, 5.0), (7.5, 5.0), (7.49, 0.0), (0.0, 0.0)]
)
def test_points_of_a_strong_trend(adx: float, points: float) -> None:
    assert adx_points(adx, params_of()) == points


def test_without_the_volatility_filter_eighty_is_the_most() -> None:
    assert quality(101.0, 100.0, 40.0, nan, 20.0, LONG, params_of(volatility_filter=False)) == 80.0


@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize("unknown", [nan, float("inf")])
def test_an_unknown_part_makes_the_quality_unknown(position: int, unknown: float) -> None:
    parts = [100.1, 100.0, 40.0, 50.0, 20.0]
    parts[position] = unknown
    assert isnan(quality(parts[0], parts[1], parts[2], parts[3], parts[4], LONG, params_of()))


@given(*(st.floats(min_value=0.1, max_value=100.0) for _ in range(5)), st.sampled_from([LONG, SHORT]))
def test_a_quality_is_from_0_to_100_and_mirrors(
    fast: float, slow: float, rsi: float, choppiness: float, adx: float, side: int
) -> None:
    points = quality(fast, slow, rsi, choppiness, adx, side, params_of())
    assert 0.0 <= points <= 100.0
    mirror = SHORT if side == LONG else LONG
    assert quality(2 * slow - fast, slow, 100.0 - rsi, choppiness, adx, mirror, params_of()) == points or (
        fast >= 2 * slow or abs(2 * slow - fast) < 0.1
    )

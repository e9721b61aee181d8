"""How loudly margin is reported."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest

from ballast.engine.state import MarginPoint
from ballast.risk.facts import Facts, weigh
from ballast.risk.monitoring import MarginLevel, available_level, maintenance_level, take_levels
from tests.unit.risk.accounts import DOCUMENTED, NOON, SAFE, figures


@pytest.mark.parametrize(
    ("reserve", "percent", "level"),
    [
        (6.0, 64.0, MarginLevel.INFO),
        (40.0, 30.0, MarginLevel.INFO),
        (40.01, 29.99, MarginLevel.WARNING),
        (55.0, 15.0, MarginLevel.WARNING),
        (55.01, 14.99, MarginLevel.ERROR),
        (70.0, 0.0, MarginLevel.ERROR),
        (70.01, -0.01, MarginLevel.CRITICAL),
    ],
)
def test_seventy_available_beside_thirty_of_margin(reserve: float, percent: float, level: MarginLevel) -> None:
    facts = Facts.new(symbols=1, legs=2)  # type: ignore[attr-defined]
    facts.available, facts.equity, facts.reserve = 70.0, 100.0, reserve
    weigh(facts, SAFE)
    assert facts.available_pct == pytest.approx(percent, abs=1e-9)
    assert available_level(SAFE, facts) == level


@pytest.mark.parametrize(
    ("mm_rate", "level"),
    [
        (0.50, MarginLevel.INFO),
        (0.5001, MarginLevel.WARNING),
        (0.8999, MarginLevel.WARNING),
        (0.90, MarginLevel.CRITICAL),
        (nan, MarginLevel.UNKNOWN),
    ],
)
def test_the_maintenance_margin_rate_has_levels_of_its_own(mm_rate: float, level: MarginLevel) -> None:
    assert maintenance_level(SAFE, figures(mm_rate=mm_rate)) == level


def test_the_originals_percentage_has_no_value_below_nothing_but_that_is_critical() -> None:
    facts = Facts.new(symbols=1, legs=2)  # type: ignore[attr-defined]
    facts.available, facts.equity, facts.reserve = -5.0, 100.0, 0.0
    weigh(facts, DOCUMENTED)
    assert available_level(DOCUMENTED, facts) == MarginLevel.CRITICAL


@pytest.mark.parametrize("field", ["available_for_trading", "available_pct"])
def test_what_is_unknown_is_said_to_be(field: str) -> None:
    assert available_level(SAFE, figures(NOON, **{field: nan})) == MarginLevel.UNKNOWN


def test_every_point_of_a_run_has_both_levels() -> None:
    points = MarginPoint.array(3)  # type: ignore[attr-defined]
    points.available, points.reserve, points.mm_rate = [70.0, 70.0, 70.0], [6.0, 55.0, 70.01], [0.1, 0.6, 0.95]
    facts, levels = Facts.new(symbols=1, legs=2), np.zeros((3, 2), np.int64)  # type: ignore[attr-defined]
    take_levels(SAFE, facts, points, np.full(3, 100.0), levels)
    assert levels.tolist() == [
        [MarginLevel.INFO, MarginLevel.INFO],
        [MarginLevel.WARNING, MarginLevel.WARNING],
        [MarginLevel.CRITICAL, MarginLevel.CRITICAL],
    ]

"""Other settings: which of them is the configured one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ballast.research.survival import variants
from tests.unit.research.survival.grids import grid


def marked(setup: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Return the value that is marked as configured, by key, without walking any road."""
    monkeypatch.setattr(variants, "fractions", lambda setup, direction: {})
    return {one.key: one.value for one in variants.sensitivity(setup) if one.is_configured}


def two_symbols() -> Any:
    return grid(prices=(100.0, 7.0), ticks=((1, 100.0), (1, 1_000.0)), leverage=10.0, capital=5_000.0)


def test_the_value_that_all_symbols_have_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert marked(two_symbols(), monkeypatch) == {
        "grid_step_percent": 1.0,
        "averaging_multiplier": 2.0,
        "leverage": 10.0,
        "max_grid_levels_per_side": 10.0,
    }


def test_where_symbols_differ_no_value_is_the_configured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = two_symbols()
    params: Any = np.asarray(setup.params).copy().view(np.recarray)[()]
    params.grid_step_percent[1] = 3.0
    found = marked(replace(setup, leverage=(10.0, 5.0), params=params), monkeypatch)
    assert set(found) == {"averaging_multiplier", "max_grid_levels_per_side"}

"""A capital that could not carry the grid is refused with the one that could."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.backtest.setup import Setup
from ballast.model.enums import LadderState, MarginModel
from ballast.model.errors import ConfigError
from ballast.research.survival.road import road_of
from ballast.research.survival.start import require_start
from ballast.research.survival.walk import Walk
from tests.unit.research.survival.grids import OFF, grid, with_capital


def least_of(error: BaseException) -> float:
    return float(re.findall(r"at least ([\d.]+)", str(error))[0])


def state_after_opening(setup: Setup) -> int:
    walk = Walk(setup, road_of(setup, 1))
    walk.go(np.zeros(1, np.int64))
    return int(walk.session.engine.strategy_view.ladder_state)


@given(
    leverage=st.sampled_from([10.0, 50.0, 100.0]),
    model=st.sampled_from(list(MarginModel)),
    size=st.floats(0.5, 30.0),
    multiplier=st.floats(1.2, 4.0),
    slippage_bps=st.sampled_from([0.0, 10.0]),
)
@settings(deadline=None, max_examples=25)
def test_the_smallest_capital_is_the_smallest(
    leverage: float, model: MarginModel, size: float, multiplier: float, slippage_bps: float
) -> None:
    setup = grid(
        capital=1e6,
        leverage=leverage,
        model=model,
        slippage_bps=slippage_bps,
        initial_position_size_usd=size,
        averaging_multiplier=multiplier,
    )
    with pytest.raises(ConfigError) as raised:
        require_start(with_capital(setup, 1e-3))
    least = least_of(raised.value)
    assert state_after_opening(with_capital(setup, least)) == LadderState.NORMAL
    assert state_after_opening(with_capital(setup, least * 0.999)) >= LadderState.FROZEN


def test_too_little_capital_is_refused_with_what_would_do() -> None:
    setup = grid(capital=10.0)
    with pytest.raises(ConfigError, match=r"initial_capital = 10: .* FROZEN .* use at least [\d.]+") as raised:
        require_start(setup)
    require_start(with_capital(setup, least_of(raised.value)))


def test_without_a_ladder_the_capital_must_open_the_legs() -> None:
    with pytest.raises(ConfigError, match="use at least"):
        require_start(grid(capital=1.0, risk=OFF))
    require_start(grid(capital=10.0, risk=OFF))


def test_a_size_below_the_venues_minimum_is_refused() -> None:
    setup = grid(initial_position_size_usd=0.5)
    setup.instruments["min_notional"] = 500.0
    with pytest.raises(ConfigError, match="initial_position_size_usd: too small"):
        require_start(setup)

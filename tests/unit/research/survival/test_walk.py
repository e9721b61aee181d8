"""One way, leaping from event to event, is one way, tick by tick."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.backtest.setup import Setup
from ballast.model.enums import MarginModel
from ballast.research.survival.layers import Layer
from ballast.research.survival.road import road_of
from ballast.research.survival.walk import Walk, foreseen, walked
from tests.unit.research.survival.grids import DOCUMENTED, OFF, SAFE, grid

TICKS = ((1, 100.0), (5, 100.0), (1, 10.0), (25, 1000.0))


def end_of(walk: Walk) -> tuple[Any, ...]:
    """Return all that a walk came to: layers, every fill with its step and price, and the account."""
    fills = walk.session.engine.fills[: int(walk.session.engine.log.n_fills)]
    told = [
        (walk.step_at(int(fill["time_ns"])), int(fill["role"]), float(fill["qty"]), float(fill["price"]))
        for fill in fills
    ]
    view = walk.session.engine.strategy_view
    return dict(walk.layers()), told, float(view.cash), view.position_qty.tolist()


def look_away(walk: Walk) -> None:
    """Make the walk stop at every tick that may matter."""


def assert_same_steps(setup: Setup, direction: int, farthest: float) -> Walk:
    road = road_of(setup, direction, farthest)
    leaping, dense = walked(setup, road, watcher=look_away), walked(setup, road, leaps=False)
    assert end_of(leaping) == end_of(dense)
    assert end_of(walked(setup, road)) == end_of(dense)
    return leaping


@given(
    capital=st.floats(30.0, 5_000.0),
    leverage=st.sampled_from([5.0, 20.0, 50.0, 75.0, 100.0]),
    risk=st.sampled_from([SAFE, DOCUMENTED, OFF]),
    model=st.sampled_from(list(MarginModel)),
    tick=st.sampled_from(TICKS),
    slippage_bps=st.sampled_from([0.0, 1.0, 10.0]),
    step=st.floats(0.3, 3.0),
    multiplier=st.floats(1.1, 3.0),
    profit=st.floats(0.2, 3.0),
    levels=st.integers(1, 14),
    direction=st.sampled_from([1, -1]),
)
@settings(deadline=None, max_examples=150)
def test_leaps_name_the_same_tick_as_single_steps(
    capital: float,
    leverage: float,
    risk: dict[str, float],
    model: MarginModel,
    tick: tuple[int, float],
    slippage_bps: float,
    step: float,
    multiplier: float,
    profit: float,
    levels: int,
    direction: int,
) -> None:
    setup = grid(
        capital=capital,
        leverage=leverage,
        risk=risk,
        model=model,
        ticks=(tick,),
        slippage_bps=slippage_bps,
        grid_step_percent=step,
        averaging_multiplier=multiplier,
        take_profit_percent=profit,
        max_grid_levels_per_side=levels,
    )
    assert_same_steps(setup, direction, 0.4)


@given(
    second=st.floats(0.05, 900.0),
    capital=st.floats(100.0, 3_000.0),
    risk=st.sampled_from([SAFE, OFF]),
    direction=st.sampled_from([1, -1]),
)
@settings(deadline=None, max_examples=25)
def test_leaps_name_the_same_tick_on_two_symbols(
    second: float, capital: float, risk: dict[str, float], direction: int
) -> None:
    scale = 10.0 ** (4 - int(np.floor(np.log10(second))))
    setup = grid(prices=(100.0, second), ticks=((1, 100.0), (1, scale)), capital=capital, risk=risk)
    assert_same_steps(setup, direction, 0.3)


@pytest.mark.parametrize("direction", [1, -1])
def test_most_of_a_way_is_leapt_over(direction: int) -> None:
    walk = assert_same_steps(grid(risk=OFF), direction, 0.3)
    assert walk.row < walk.step / 2


def test_what_was_not_foreseen_is_walked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = grid(risk=OFF)
    road = road_of(setup, 1, 0.3)
    dense = walked(setup, road, leaps=False)
    monkeypatch.setattr("ballast.research.survival.walk.foreseen", lambda walk: walk.step + 500)
    assert end_of(walked(setup, road)) == end_of(dense)


def test_a_level_is_foreseen_at_its_price() -> None:
    setup = grid(risk=OFF)
    walk = Walk(setup, road_of(setup, 1))
    walk.go(walk.next_steps(2))
    while walk.session.engine.log.n_fills < 3:
        expected = foreseen(walk)
        walk.go(walk.next_steps(1))
        assert walk.session.engine.log.n_fills == 2 or walk.step >= expected


def test_the_bare_martingale_dies_where_its_equity_meets_its_maintenance_margin() -> None:
    """By hand: equity = maintenance margin of the net short, after the entries that the run itself reports."""
    setup = grid(risk=OFF, model=MarginModel.TEXTBOOK, max_grid_levels_per_side=6, capital=150.0)
    road = road_of(setup, 1)
    walk = walked(setup, road)
    step = walk.layers()[Layer.LIQUIDATION]
    assert step is not None
    cash, long_qty, short_qty, long_cost, short_cost = 150.0, 0.0, 0.0, 0.0, 0.0
    for fill in walk.session.engine.fills[: int(walk.session.engine.log.n_fills)]:
        if walk.step_at(int(fill["time_ns"])) == step:
            break
        qty, price = float(fill["qty"]), float(fill["price"])
        cash -= float(fill["fee"])
        if fill["position_side"] == 2:
            short_qty, short_cost = short_qty + qty, short_cost + qty * price
        elif fill["side"] == 1:
            long_qty, long_cost = long_qty + qty, long_cost + qty * price
        else:
            cash += qty * price - long_cost * qty / long_qty
            long_qty, long_cost = long_qty - qty, long_cost * (1.0 - qty / long_qty)

    def spare(price: float) -> float:
        profit = long_qty * price - long_cost + short_cost - short_qty * price
        tiers = [
            0.005 * qty * price if qty * price <= 20_000 else 0.01 * qty * price - 100 for qty in (long_qty, short_qty)
        ]
        return cash + profit - sum(tiers)

    assert spare(float(road.prices([step])[0, 0])) <= 1e-6 < spare(float(road.prices([step - 1])[0, 0]))


def test_a_walk_ends_where_nothing_is_left_to_happen() -> None:
    setup = grid()
    road = road_of(setup, 1)
    walk = walked(setup, road)
    layers = walk.layers()
    emergency = layers[Layer.EMERGENCY]
    assert emergency is not None
    assert layers[Layer.LIQUIDATION] is None
    assert walk.step < road.n_steps
    assert not walk.session.engine.strategy_view.position_qty.any()
    assert (layers[Layer.FREEZE] or 0) <= (layers[Layer.PANIC] or 0) <= emergency


def test_a_grid_of_one_level_meets_no_layer_with_ample_money() -> None:
    setup = grid(capital=100_000.0, max_grid_levels_per_side=1)
    assert not any(walked(setup, road_of(setup, -1, 0.3)).layers().values())

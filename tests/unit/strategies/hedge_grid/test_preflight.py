"""Whether a capital carries the grid at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ballast.model.errors import ConfigError
from ballast.model.instrument import Instrument
from ballast.strategies.hedge_grid.preflight import (
    Pair,
    Preflight,
    next_worst_case,
    opening_cost,
    pairs_of,
    preflight,
    require,
)
from tests.unit.strategies.hedge_grid.desk import Desk

PAIR = Pair("SOLUSDT", 0.75, 100.0, 75.0, 1.5, 1.5)


def test_the_worst_case_is_the_next_step_of_every_leg() -> None:
    assert next_worst_case([PAIR]) == pytest.approx(4.0)
    assert next_worst_case([Pair("A", 1.0, 100.0, 100.0, 8.0, 2.0)]) == pytest.approx(10.0)
    assert next_worst_case([Pair("A", 1.0, 100.0, 100.0, 0.0, 2.0)]) == pytest.approx(2.0)


def test_opening_costs_fees_and_slippage_on_both_legs() -> None:
    assert opening_cost([PAIR], 0.00055, 0.001) == pytest.approx(150 * 0.00155)


def checked(pairs: Sequence[Pair], capital: float, **costs: float) -> Preflight:
    """Return the preflight of pairs without costs but for those given."""
    free = {"initial_margin": 2.0, "reserve": 0.0, "taker_fee_rate": 0.0, "slippage_rate": 0.0}
    return preflight(pairs, capital=capital, early_freeze_mult=3.0, **{**free, **costs})


@pytest.mark.parametrize(("capital", "is_frozen"), [(10.0, True), (14.08, True), (14.0825, False), (15.0, False)])
def test_ten_dollars_are_frozen_at_once_and_fifteen_are_not(capital: float, *, is_frozen: bool) -> None:
    found = checked([PAIR], capital, taker_fee_rate=0.00055)
    assert found.minimum_capital == pytest.approx(2.0 + 0.0825 + 12.0)
    assert found.is_frozen == is_frozen
    assert found.available == pytest.approx(capital - 2.0825)


@pytest.mark.parametrize("reserve", [0.0, 3.0])
def test_the_smallest_capital_that_would_do_is_enough(reserve: float) -> None:
    found = checked([PAIR], 1.0, initial_margin=1.1, reserve=reserve)
    enough = checked([PAIR], found.minimum_capital, initial_margin=1.1, reserve=reserve)
    assert found.is_frozen
    assert not enough.is_frozen
    assert enough.available == pytest.approx(3.0 * enough.next_worst_case)


def test_a_refusal_names_the_capital_and_what_would_do() -> None:
    with pytest.raises(ConfigError, match=r"initial_capital = 10: .* use at least 14$"):
        require([PAIR], checked([PAIR], 10.0))


def test_a_capital_that_carries_the_grid_passes() -> None:
    require([PAIR], checked([PAIR], 20.0))


def test_a_size_that_the_venue_refuses_is_named() -> None:
    small = Pair("BTCUSDT", 0.0, 60_000.0, 10.0, 0.0, 0.0)
    with pytest.raises(ConfigError, match="BTCUSDT"):
        require([small], checked([small], 10.0))


def test_the_pairs_are_those_that_the_grid_opens() -> None:
    desk = Desk(n_symbols=2, lot=(1, 10.0), max_grid_levels_per_side=3)
    desk.params.initial_position_size_usd[1] = 5.0
    desk.params.max_grid_levels_per_side[1] = 1
    instruments = Instrument.array(2)  # type: ignore[attr-defined]
    instruments["lot_units"], instruments["lot_scale"] = 1, 10.0
    pairs = pairs_of(desk.params, ["A", "B"], [100.0, 20.0], [75.0, 75.0], instruments)
    orders = desk.close(100.0, 20.0)
    assert [pair.qty for pair in pairs for _ in range(2)] == [order.qty for order in orders] == [0.7, 0.7, 18.7, 18.7]
    following = [qty for pair in pairs for qty in (pair.next_long_qty, pair.next_short_qty)]
    assert following == [order.next_qty for order in orders] == [1.4, 1.4, 0.0, 0.0]

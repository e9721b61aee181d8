"""The grid's first entries before there is an account."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.model.errors import ConfigError
from ballast.model.instrument import Instrument
from ballast.strategies.hedge_grid.preflight import first_quantities, refuse_start
from ballast.strategies.spec import Start
from tests.unit.strategies.hedge_grid.desk import Desk


def lots_of_a_tenth() -> Any:
    instruments = Instrument.array(2)  # type: ignore[attr-defined]
    instruments["lot_units"], instruments["lot_scale"] = 1, 10.0
    return instruments


def test_the_quantities_are_those_that_the_grid_opens() -> None:
    desk = Desk(n_symbols=2, lot=(1, 10.0))
    desk.params.initial_position_size_usd[1] = 5.0
    start = Start(["A", "B"], [100.0, 20.0], [75.0, 75.0], lots_of_a_tenth())
    orders = desk.close(100.0, 20.0)
    found = [qty for qty in first_quantities(desk.params, start) for _ in range(2)]
    assert found == [order.qty for order in orders] == [0.7, 0.7, 18.7, 18.7]
    refuse_start(desk.params, start)


def test_a_size_that_the_venue_refuses_is_named() -> None:
    desk = Desk(n_symbols=2, lot=(1, 10.0))
    start = Start(["SOLUSDT", "BTCUSDT"], [100.0, 60_000.0], [75.0, 10.0], lots_of_a_tenth())
    assert first_quantities(desk.params, start)[1] == 0.0
    with pytest.raises(ConfigError, match=r"too small for BTCUSDT at 60000 with leverage 10: .* raise it"):
        refuse_start(desk.params, start)

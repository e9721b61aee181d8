"""What is seen of the take-profits that rest while a run goes by."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pytest

from ballast.backtest import resting_exits
from ballast.backtest.resting_exits import run_watched
from ballast.backtest.run import run
from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.risk.settings import Profile
from ballast.strategies.hedge_grid.settings import Role
from tests.unit.backtest.margin_runs import GRID_SETTINGS, market, with_ladder
from tests.unit.strategies.hedge_grid.grid_run import grid_setup


def setup_of(profile: Profile = Profile.SAFE) -> Setup:
    """Return a calm run of two symbols."""
    bars = market(11, 600, [0.0, 0.0001, -0.0001], starts=(100.0, 7.3))
    return with_ladder(grid_setup(bars, capital=6_000.0, leverage=20.0, **GRID_SETTINGS), profile)


def test_looking_changes_nothing() -> None:
    watched, alone = Session(setup_of()), Session(setup_of())
    run_watched(watched)
    alone.run()
    assert watched.snapshot() == alone.snapshot()


def test_a_take_profit_fills_where_it_was_seen_to_rest_or_better() -> None:
    session = Session(setup_of(Profile.OFF))
    exits = run_watched(session)
    assert exits.frames.tolist() == list(range(len(session.frames)))
    fills = session.engine.fills[: int(session.engine.log.n_fills)]
    opens = session.frames["ts_ns"]
    own: list[Any] = [fill for fill in fills if fill["role"] == Role.TP]
    agreed = 0
    for fill in own:
        leg = 2 * int(fill["symbol"]) + int(fill["position_side"] == 2)
        frame = int(np.searchsorted(opens, fill["time_ns"], side="right")) - 1
        entered = [other for other in fills if _is_same_leg(other, fill) and _lies_in(other, session, frame)]
        if entered[0]["role"] == Role.TP and frame:
            # Nothing else happened to the leg in this bar before: what rested at its open is what filled, after a gap
            # at a better price.
            rested = exits.prices[frame - 1, leg]
            assert fill["side"] * (fill["price"] - rested) <= 0.0
            agreed += fill["price"] == rested
    assert agreed > 10


def _is_same_leg(one: Any, other: Any) -> bool:
    return all(one[name] == other[name] for name in ("symbol", "position_side"))


def _lies_in(fill: Any, session: Session, frame: int) -> bool:
    begin = int(session.frames["ts_ns"][frame])
    return bool(begin <= fill["time_ns"] < begin + session.setup.frames.interval_ns)


def test_a_long_profit_rests_above_the_entry_and_a_short_one_below() -> None:
    session = Session(setup_of(Profile.OFF))
    last = run_watched(session).prices[-1]
    view = session.engine.strategy_view
    for leg in range(4):
        sign = np.sign(view.position_qty[leg])
        assert sign * (last[leg] - view.entry_price[leg]) > 0.0


def test_an_account_that_was_closed_has_nothing_resting() -> None:
    bars = market(5, 900, [0.0, 0.0, 0.00036, 0.0004])
    setup = with_ladder(grid_setup(bars, capital=700.0, leverage=50.0, **GRID_SETTINGS), Profile.OFF)
    session = Session(setup)
    exits = run_watched(session)
    assert session.engine.log.liquidated_ns
    held = session.engine.strategy_view.position_qty[:2]
    assert np.isnan(exits.prices[-1]).tolist() == (held == 0.0).tolist()


def test_a_long_run_is_looked_at_no_more_often_than_a_chart_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(setup_of())
    every = run_watched(session)
    monkeypatch.setattr(resting_exits, "LOOKS", 90)
    told: list[float] = []
    some = run_watched(Session(setup_of()), told.append)
    assert some.frames.tolist() == [*range(6, 600, 7), 599]
    assert some.prices.tolist() == pytest.approx(every.prices[some.frames], nan_ok=True)
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_the_nearest_of_several_that_only_reduce_is_the_exit() -> None:
    session = Session(setup_of(Profile.OFF))
    run_watched(session)
    clock, orders = session.venue.clock, session.venue.orders
    for leg, side, worse in ((0, -1, 1.5), (1, 1, 0.5)):
        (index,) = [
            k
            for k in range(int(clock.n_orders))
            if orders[k]["reduce_only"] and orders[k]["symbol"] == 0 and orders[k]["side"] == side
        ]
        copy = int(clock.n_orders)
        orders[copy] = orders[index]
        orders[copy]["price"] *= worse
        clock.n_orders += 1
        assert resting_exits.resting(session)[leg] == orders[index]["price"]
        orders[copy]["price"] = orders[index]["price"] + side * 0.5
        orders[copy]["reduce_only"] = False
        assert resting_exits.resting(session)[leg] == orders[index]["price"]
        orders[index]["status"], orders[copy]["status"] = 0, 0
        assert str(resting_exits.resting(session)[leg]) == str(nan)


def test_a_run_looks_unless_it_is_told_not_to() -> None:
    looked, blind = run(setup_of()), run(setup_of(), with_exits=False)
    assert looked.margin is not None
    assert blind.margin is not None
    assert looked.margin.exits is not None
    assert blind.margin.exits is None
    assert looked.metrics == blind.metrics

"""
One path through the whole ladder: freeze, panic, policy, balancing, counter-trend profit, reopening, and back.

The market climbs until the short leg's ladder takes the account into PANIC, climbs on until the small long leg has
its profit, and falls all the way back. Every step is asserted by its reason and by its figure, worked out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import floor
from typing import Any

import numpy as np
import pytest

from ballast.backtest.session import Session
from ballast.backtest.setup import Setup
from ballast.model.enums import EngineRole, LadderState, MarginModel, PanicTakeProfit, PositionSide
from ballast.risk.reasons import LadderReason
from ballast.risk.settings import risk_settings
from ballast.strategies.hedge_grid.settings import Role, TakeProfitStatus
from tests.conformance.markets import Quote
from tests.unit.strategies.hedge_grid.desk import MAKER, SECOND_NS, TAKER
from tests.unit.strategies.hedge_grid.grid_run import grid_setup, trend

LEVERAGE = 20.0
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
BALANCE_FRACTION = 0.2
UNIT = 1.0 / LEVERAGE + 2.0 * TAKER
"""What a coin of balancing takes, as a part of its price, without slippage."""


def climb_and_fall() -> Sequence[Quote]:
    bars: list[Quote] = []
    price = 100.0
    for factor, n_bars in ((1.0, 3), (1.0025, 32), (1.0006, 40), (1 / 1.0025, 45)):
        bars += trend(price, factor, n_bars)
        price = bars[-1][1]  # type: ignore[index]
    return bars


def golden_setup() -> Setup:
    """Return the run: 40 of capital, 1 of margin a first entry, two per cent of profit, the textbook's margin."""
    setup = grid_setup(
        {"A": climb_and_fall()},
        capital=40.0,
        leverage=LEVERAGE,
        initial_position_size_usd=1.0,
        max_grid_levels_per_side=8,
        take_profit_percent=2.0,
    )
    values = {
        "max_account_drawdown": 0.0,
        "panic_balance_fraction": BALANCE_FRACTION,
        "panic_balance_retry_s": 36_000.0,
        "panic_tp_policy": int(PanicTakeProfit.CANCEL_HEAVIER),
    }
    return replace(setup, margin_model=MarginModel.TEXTBOOK, risk=risk_settings(values, has_margin=True))


@pytest.fixture(scope="module")
def whole() -> Session:
    session = Session(golden_setup())
    session.run()
    return session


def moves_of(session: Session) -> Any:
    return session.engine.moves[: int(session.engine.log.n_moves)]


def fills_of(session: Session, role: int, side: int, since_ns: int = 0) -> Any:
    fills = session.engine.fills[: int(session.engine.log.n_fills)]
    return fills[(fills["role"] == role) & (fills["position_side"] == side) & (fills["time_ns"] >= since_ns)]


def test_the_ladder_goes_up_and_comes_down_by_its_reasons(whole: Session) -> None:
    told = [(LadderState(m["before"]).name, LadderState(m["after"]).name, int(m["reason"])) for m in moves_of(whole)]
    assert told[:4] == [
        ("NORMAL", "FROZEN", LadderReason.EARLY_FREEZE),
        ("FROZEN", "PANIC", LadderReason.LOW_MARGIN),
        ("PANIC", "FROZEN", LadderReason.RECOVERED),
        ("FROZEN", "NORMAL", LadderReason.RECOVERED),
    ]


def test_it_freezes_with_the_third_short_at_less_than_three_worst_cases(whole: Session) -> None:
    frozen = moves_of(whole)[0]
    shorts = fills_of(whole, Role.AVERAGE, SHORT)
    assert shorts["qty"].tolist() == [0.4, 0.8]
    assert shorts["price"].tolist() == pytest.approx([101.0, 102.01], abs=0.001)
    assert frozen["time_ns"] == shorts["time_ns"][1]
    price = float(shorts["price"][1])
    # Long 0.2 at 100, short 0.2 at 100, 0.4 at 101, 0.8 at 102.01: what they earn, cost, hold, lack and would add.
    wallet = 40.0 - TAKER * (0.2 * 100 + 0.2 * 100 + 0.4 * shorts["price"][0] + 0.8 * price)
    equity = wallet + 0.2 * (price - 100) - 0.2 * (price - 100) - 0.4 * (price - float(shorts["price"][0]))
    reserve = 1.17 * 1.2 * price / LEVERAGE
    available = equity - 1.6 * price / LEVERAGE - reserve
    worst = (0.4 + 1.6) * price / LEVERAGE
    assert frozen["equity"] == pytest.approx(equity, abs=1e-9)
    assert frozen["available_for_trading"] == pytest.approx(available, abs=1e-6)
    assert frozen["next_worst_case"] == pytest.approx(worst, abs=1e-9)
    assert 1.5 * worst <= available < 3.0 * worst


def test_it_panics_exactly_where_one_and_a_half_worst_cases_are_left(whole: Session) -> None:
    panic = moves_of(whole)[1]
    assert panic["available_for_trading"] == pytest.approx(1.5 * panic["next_worst_case"], abs=1e-6)
    assert panic["available_for_trading"] < 1.5 * panic["next_worst_case"]


def test_the_heavier_legs_take_profit_goes_and_comes_back_with_the_way_out(whole: Session) -> None:
    setup = golden_setup()
    panic_ns, exit_ns = (int(move["time_ns"]) for move in moves_of(whole)[1:3])
    pieces = Session(setup)
    held = {}
    for frame in range(1, len(setup.frames.records) + 1):
        pieces.run(frame)
        now_ns = int(pieces.engine.strategy_view.time_ns)
        venue = pieces.venue
        orders = venue.orders[: int(venue.clock.n_orders)]
        resting = {int(order["position_side"]) for order in orders if order["role"] == Role.TP}
        leg = pieces.state.leg[1]
        held[now_ns] = (SHORT in resting, LONG in resting, bool(leg.is_take_profit_held))
        assert (leg.take_profit == TakeProfitStatus.RESTING) == (SHORT in resting)
    before = [told for now_ns, told in held.items() if now_ns < panic_ns and now_ns > panic_ns - 300 * SECOND_NS]
    inside = [told for now_ns, told in held.items() if panic_ns < now_ns < exit_ns]
    after = [told for now_ns, told in held.items() if exit_ns < now_ns < exit_ns + 300 * SECOND_NS]
    assert set(before) == {(True, True, False)}
    assert set(inside) == {(False, True, True)}
    assert set(after) == {(True, True, False)}


def test_balancing_buys_what_its_part_of_the_money_pays_for(whole: Session) -> None:
    panic = moves_of(whole)[1]
    balanced = fills_of(whole, EngineRole.BALANCE, LONG)
    assert len(balanced) == 1
    assert balanced["time_ns"][0] == panic["time_ns"]
    price = float(balanced["price"][0])
    missing = 1.4 - 0.35
    available = float(panic["available_for_trading"]) + 1.17 * missing * price / LEVERAGE
    scale = BALANCE_FRACTION * available / (missing * price * UNIT)
    assert 0.0 < scale < 1.0
    assert balanced["qty"][0] == pytest.approx(floor(missing * scale * 100) / 100, abs=1e-12)


def test_the_lighter_leg_takes_its_profit_in_panic_and_comes_back_by_the_ratio(whole: Session) -> None:
    panic_ns, exit_ns = (int(move["time_ns"]) for move in moves_of(whole)[1:3])
    taken = fills_of(whole, Role.TP, LONG, panic_ns)[0]
    balance = fills_of(whole, EngineRole.BALANCE, LONG)[0]
    opened = fills_of(whole, Role.REOPEN, LONG)
    earlier = opened[opened["time_ns"] < panic_ns][-1]
    entry = (0.35 * float(earlier["price"]) + balance["qty"] * balance["price"]) / (0.35 + balance["qty"])
    wanted = entry * (1.0 + 0.02 + TAKER) / (1.0 - MAKER)
    assert taken["time_ns"] < exit_ns
    assert taken["qty"] == pytest.approx(0.35 + balance["qty"])
    assert wanted <= taken["price"] <= wanted + 0.001 + 1e-9
    back = opened[opened["time_ns"] >= taken["time_ns"]][0]
    # Short 1.4 x price / 20 is 7.7 first entries: a quarter of it comes back, at once.
    assert 4.0 <= 1.4 * float(back["price"]) / LEVERAGE < 8.0
    assert back["time_ns"] == taken["time_ns"]
    assert back["qty"] == pytest.approx(0.35)


def test_panic_ends_after_a_calm_minute_and_freezing_with_hysteresis(whole: Session) -> None:
    _, panic, calm, thawed = moves_of(whole)[:4]
    assert calm["available_for_trading"] >= 1.65 * calm["next_worst_case"]
    assert calm["time_ns"] - panic["time_ns"] >= 60 * SECOND_NS
    points = whole.engine.margin
    times = whole.frames["ts_ns"] + whole.setup.frames.interval_ns
    is_worried = points["available_for_trading"] < 1.65 * points["next_worst_case"]
    last_worry_ns = int(times[is_worried & (times < calm["time_ns"])][-1])
    # Bars are a minute long: it turned calm within the bar after the last close that was not.
    assert 60 * SECOND_NS <= calm["time_ns"] - last_worry_ns <= 180 * SECOND_NS
    assert thawed["available_for_trading"] >= 3.3 * thawed["next_worst_case"]
    assert thawed["time_ns"] - calm["time_ns"] >= 10 * SECOND_NS


def middle_frames(session: Session) -> dict[str, int]:
    """Return a frame in the middle of each stay of the ladder."""
    closes = session.frames["ts_ns"] + session.setup.frames.interval_ns
    bounds = [closes[0], *moves_of(session)["time_ns"][:4], closes[-1]]
    names = ["normal", "frozen", "panic", "frozen again", "normal again"]
    middles = [(int(first) + int(last)) // 2 for first, last in pairwise(bounds)]
    return {name: int(np.searchsorted(closes, time_ns)) for name, time_ns in zip(names, middles, strict=True)}


def restarted(setup: Setup, frame: int) -> Session:
    """Return a new session that goes on, after ``frame`` frames, from the bytes that another one has left."""
    first = Session(setup)
    first.run(frame)
    parts = [np.asarray(first.venue), *map(np.asarray, first.engine), np.asarray(first._state)]
    kept = [(part.dtype, part.shape, part.tobytes()) for part in parts]
    del first, parts
    second = Session(setup)
    own = [np.asarray(second.venue), *map(np.asarray, second.engine), np.asarray(second._state)]
    for part, (dtype, shape, data) in zip(own, kept, strict=True):
        part[...] = np.frombuffer(data, dtype).reshape(shape)
    return second


@pytest.mark.parametrize("name", ["normal", "frozen", "panic", "frozen again", "normal again"])
def test_a_restart_from_bytes_in_the_middle_of_each_state_changes_nothing(name: str, whole: Session) -> None:
    session = restarted(golden_setup(), middle_frames(whole)[name])
    session.run()
    assert session.snapshot() == whole.snapshot()


def test_the_middles_lie_in_the_states_that_they_are_named_for(whole: Session) -> None:
    states = whole.engine.margin["state"]
    found = {name: LadderState(int(states[frame])).name.lower() for name, frame in middle_frames(whole).items()}
    assert {name: name.split()[0] for name in found} == found

"""The grid on the risk ladder: what is refused, what goes on, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ballast.backtest.session import Session
from ballast.model.enums import EngineRole, LadderState, PanicTakeProfit, PositionSide, Reason
from ballast.risk.settings import Profile, risk_settings
from ballast.strategies.hedge_grid.settings import Role
from tests.conformance.markets import Quote
from tests.unit.strategies.hedge_grid.grid_run import finished, grid_setup, trend

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def on_ladder(path: Sequence[Quote], capital: float, *, profile: Profile = Profile.SAFE, **values: Any) -> Session:
    """Return the grid's run over a path, with a ladder."""
    setup = grid_setup({"A": path}, capital=capital, **values)
    risk = risk_settings({"profile": int(profile), "max_account_drawdown": 0.0}, has_margin=True)
    risk.panic_tp_policy = PanicTakeProfit.KEEP_ALL
    return finished(replace(setup, risk=risk))


def moves(session: Session) -> list[tuple[int, int]]:
    """Return from which state to which the ladder went, in order."""
    return [(int(move.before), int(move.after)) for move in session.engine.moves[: session.engine.log.n_moves]]


def fills(session: Session) -> Any:
    return session.engine.fills[: session.engine.log.n_fills]


def states_at(session: Session, times: Any) -> list[int]:
    """Return in which state the ladder stood just before each of these times."""
    log = session.engine.moves[: session.engine.log.n_moves]
    return [int([0, *log["after"][log["time_ns"] < time]][-1]) for time in times]


def there_and_back(steps: int) -> Sequence[Quote]:
    """Return bars that rise by so many steps of a quarter percent, and fall all the way again."""
    up = trend(100.0, 1.0025, steps)
    return [*up, *trend(up[-1][1], 1 / 1.0025, 2 * steps)]  # type: ignore[index]


def test_no_level_is_added_above_normal_and_reopening_goes_on() -> None:
    session = on_ladder(there_and_back(30), 400.0)
    log = fills(session)
    assert (0, 1) in moves(session)
    added = log[log["role"] == Role.AVERAGE]["time_ns"]
    assert len(added) > 3
    assert set(states_at(session, added)) == {LadderState.NORMAL}
    reopened = log[log["role"] == Role.REOPEN]["time_ns"]
    assert LadderState.FROZEN in states_at(session, reopened)


def test_after_the_ladder_has_come_down_levels_are_added_again() -> None:
    session = on_ladder(there_and_back(30), 100.0)
    log = fills(session)
    first_freeze_ns = session.engine.moves["time_ns"][0]
    later = log[(log["role"] == Role.AVERAGE) & (log["time_ns"] > first_freeze_ns)]
    assert (1, 0) in moves(session)
    assert len(later) > 0


def test_a_gate_that_refuses_is_asked_again_and_no_level_is_skipped() -> None:
    session = on_ladder(there_and_back(20), 100.0)
    assert session.engine.log.rejects[Reason.LADDER_GATE] > 3
    shorts = fills(session)[(fills(session)["role"] == Role.AVERAGE) & (fills(session)["position_side"] == SHORT)]
    for cycle in set(shorts["cycle"].tolist()):
        levels = shorts["level"][shorts["cycle"] == cycle].tolist()
        assert levels == list(range(levels[0], levels[0] + len(levels)))


def test_balancing_in_panic_is_part_of_the_leg() -> None:
    session = on_ladder(trend(100.0, 1.01, 12), 100.0, profile=Profile.DOCUMENTED)
    log = fills(session)
    assert (0, 2) in moves(session)
    balanced = log[log["role"] == EngineRole.BALANCE]
    assert balanced["position_side"].tolist() == [LONG]
    assert session.state.n_balance == 1
    for side, leg in zip((LONG, SHORT), session.state.leg[:2], strict=True):
        assert leg.qty == abs(session.engine.strategy_view.position_qty[side - 1])


def test_an_emergency_leaves_no_order_and_no_position_and_nothing_comes_back() -> None:
    setup = grid_setup({"A": trend(100.0, 1.0025, 80)}, capital=100.0)
    risk = risk_settings({"profile": int(Profile.SAFE), "max_account_drawdown": 0.1}, has_margin=True)
    session = finished(replace(setup, risk=risk))
    assert moves(session)[-1][1] == LadderState.EMERGENCY
    assert session.engine.strategy_view.position_qty[:2].tolist() == [0.0, 0.0]
    assert session.venue.clock.n_orders == 0
    emergency = fills(session)[fills(session)["role"] == EngineRole.EMERGENCY]
    assert sorted(emergency["position_side"].tolist()) == [LONG, SHORT]
    assert fills(session)["time_ns"].max() == emergency["time_ns"].max()
    assert not session.venue.accounts[0].is_liquidated

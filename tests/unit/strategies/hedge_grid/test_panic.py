"""Take-profits while the ladder is in PANIC."""

from __future__ import annotations

import pytest

from ballast.model.enums import (
    EngineRole,
    EventKind,
    IntentKind,
    LadderState,
    PanicTakeProfit,
    PositionSide,
    Reason,
    Side,
)
from ballast.strategies.hedge_grid.panic import NEITHER, heavier_leg
from ballast.strategies.hedge_grid.settings import Role, TakeProfitStatus
from tests.unit.strategies.hedge_grid.desk import Asked, Desk, engine_order, of_role, resting

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def desk_with(long_adds: int, short_adds: int, **values: object) -> Desk:
    desk = Desk(**values)  # type: ignore[arg-type]
    desk.open_pair(100.0)
    for k in range(long_adds):
        desk.add(LONG, 100.0 * 0.99 ** (k + 1))
    for k in range(short_adds):
        desk.add(SHORT, 100.0 * 1.01 ** (k + 1))
    return desk


@pytest.mark.parametrize(
    ("long_adds", "short_adds", "recommended", "documented"), [(2, 0, 0, 0), (0, 2, 1, 1), (1, 1, NEITHER, 0)]
)
def test_the_published_heavier_sides(long_adds: int, short_adds: int, recommended: int, documented: int) -> None:
    desk = desk_with(long_adds, short_adds)
    assert heavier_leg(desk.view, desk.state, desk.params, 0) == recommended
    desk.params.is_documented = True
    assert heavier_leg(desk.view, desk.state, desk.params, 0) == documented


def test_keeping_all_asks_for_nothing() -> None:
    desk = desk_with(2, 0)
    assert desk.ladder(LadderState.PANIC) == []


def cancelled(desk: Desk) -> Asked:
    request = of_role(desk.ladder(LadderState.PANIC), Role.TP)
    assert request.kind == IntentKind.CANCEL
    desk.fail(request, Reason.CANCELLED_BY_STRATEGY, EventKind.CANCELLED)
    return request


def test_the_heavier_take_profit_goes_and_comes_back_when_panic_ends() -> None:
    desk = desk_with(2, 0, panic_tp_policy=PanicTakeProfit.CANCEL_HEAVIER)
    assert cancelled(desk).leg == LONG
    assert desk.leg(LONG).take_profit == TakeProfitStatus.NONE
    assert desk.leg(SHORT).take_profit == TakeProfitStatus.RESTING
    assert desk.close(98.0) == []
    back = of_role(desk.ladder(LadderState.FROZEN), Role.TP)
    assert (back.kind, back.leg, back.side, back.qty) == (IntentKind.PLACE, LONG, Side.SELL, 5.25)


def test_a_winner_that_closes_in_panic_comes_back_with_its_target() -> None:
    desk = desk_with(0, 2, panic_tp_policy=PanicTakeProfit.CANCEL_HEAVIER)
    cancelled(desk)
    reopened = of_role(desk.fill(resting(desk, LONG), 101.1), Role.REOPEN)
    assert of_role(desk.fill(reopened, 101.1), Role.TP).leg == LONG
    assert desk.leg(SHORT).take_profit == TakeProfitStatus.NONE


def test_legs_that_were_balanced_get_both_targets_back() -> None:
    desk = desk_with(2, 0, panic_tp_policy=PanicTakeProfit.CANCEL_HEAVIER)
    cancelled(desk)
    balance = engine_order(EngineRole.BALANCE, SHORT, 4.5, opens=True)
    followed = [order for order in desk.fill(balance, 98.0) if order.role == Role.TP]
    assert [(order.leg, order.kind) for order in followed] == [(LONG, IntentKind.PLACE), (SHORT, IntentKind.AMEND)]
    assert desk.levels(SHORT) == [0.75]
    assert desk.leg(SHORT).balance_qty == 4.5
    assert desk.state.n_balance == 1


def test_the_documented_tie_takes_the_long_target_away() -> None:
    desk = desk_with(0, 0, panic_tp_policy=PanicTakeProfit.CANCEL_HEAVIER, is_documented=True)
    assert of_role(desk.ladder(LadderState.PANIC), Role.TP).leg == LONG

"""An emergency cancels everything, then closes everything."""

from __future__ import annotations

from typing import Any

from ballast.model.enums import EngineRole, IntentKind, OrderType, PositionMode, PositionSide, Side
from ballast.model.intents import ANY, Intent
from ballast.risk.emergency import is_flat, plan_emergency
from tests.unit.risk.accounts import margin_view


def planned(view: Any) -> Any:
    intents = Intent.array(16)  # type: ignore[attr-defined]
    return intents[: plan_emergency(view, intents)]


def test_all_orders_are_cancelled_before_all_legs_are_closed_together() -> None:
    view = margin_view((5.0, 2.0), (0.0, 0.0), (0.0, 3.0))
    view.open_orders = (4, 1, 0)
    intents = planned(view)
    cancels, closes = intents[:2], intents[2:]
    assert [(i.kind, i.symbol, i.role, i.level, i.cycle) for i in cancels] == [
        (IntentKind.CANCEL, symbol, ANY, ANY, ANY) for symbol in (0, 1)
    ]
    assert [(i.symbol, i.side, i.position_side, i.qty) for i in closes] == [
        (0, Side.SELL, PositionSide.LONG, 5.0),
        (0, Side.BUY, PositionSide.SHORT, 2.0),
        (2, Side.BUY, PositionSide.SHORT, 3.0),
    ]
    assert all(i.reduce_only and i.type == OrderType.MARKET and i.role == EngineRole.EMERGENCY for i in closes)


def test_a_net_position_is_closed_without_a_leg() -> None:
    view = margin_view((0.0, 0.0), mode=PositionMode.ONE_WAY)
    view.position_qty[0] = -7.0
    (close,) = planned(view)
    assert (close.side, close.position_side, close.qty) == (Side.BUY, PositionSide.NONE, 7.0)


def test_nothing_held_and_nothing_open_is_nothing_to_do() -> None:
    view = margin_view((0.0, 0.0))
    assert is_flat(view)
    assert len(planned(view)) == 0
    assert not is_flat(margin_view((0.0, 0.0), (0.0, 1.0)))

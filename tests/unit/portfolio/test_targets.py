"""A wanted position becomes the one order that reaches it."""

from __future__ import annotations

from math import isnan
from typing import Any

import pytest

from ballast.engine.view import View
from ballast.model.enums import IntentKind, OrderType, QtyUnit, Side
from ballast.model.intents import Intent, place_limit, place_market
from ballast.portfolio.targets import resolve_target

NAN = float("nan")


def resolved(wanted: float, held: float, *, unit: QtyUnit = QtyUnit.BASE, price: float = 50.0) -> Any:
    view = View.new(symbols=2, legs=4, features=8)  # type: ignore[attr-defined]
    view.position_qty[2], view.price[1] = held, price
    intents = Intent.array(1)  # type: ignore[attr-defined]
    place_market(intents, 0, 1, Side.BUY, wanted, unit, 3)
    intents[0].kind = IntentKind.TARGET
    resolve_target(view, intents[0])
    return intents[0]


@pytest.mark.parametrize(
    ("wanted", "held", "side", "qty"),
    [
        (3.0, 1.0, Side.BUY, 2.0),
        (1.0, 3.0, Side.SELL, 2.0),
        (2.5, 3.0, Side.SELL, 0.5),
        (0.0, 3.0, Side.SELL, 3.0),
        (-2.0, 3.0, Side.SELL, 5.0),
        (0.0, -2.0, Side.BUY, 2.0),
    ],
)
def test_a_target_becomes_the_difference(wanted: float, held: float, side: Side, qty: float) -> None:
    intent = resolved(wanted, held)
    assert (intent.kind, intent.type, intent.side, intent.qty) == (IntentKind.PLACE, OrderType.MARKET, side, qty)
    assert (intent.qty_unit, intent.symbol, intent.reason) == (QtyUnit.BASE, 1, 3)


def test_a_value_is_divided_by_the_last_price() -> None:
    intent = resolved(500.0, 4.0, unit=QtyUnit.QUOTE)
    assert (intent.side, intent.qty, intent.qty_unit) == (Side.BUY, 6.0, QtyUnit.BASE)


@pytest.mark.parametrize("held", [0.0, 7.0, -7.0])
def test_a_target_that_is_met_becomes_a_note(held: float) -> None:
    assert resolved(held, held).kind == IntentKind.NOTE


@pytest.mark.parametrize("wanted", [100.0, 0.0])
def test_a_value_without_a_price_is_an_order_of_no_size_which_the_venue_refuses(wanted: float) -> None:
    intent = resolved(wanted, 1.0, unit=QtyUnit.QUOTE, price=NAN)
    assert intent.kind == IntentKind.PLACE
    assert isnan(intent.qty)


def test_a_target_forgets_the_price_of_another_kind_of_order() -> None:
    view = View.new(symbols=2, legs=4, features=8)  # type: ignore[attr-defined]
    intents = Intent.array(1)  # type: ignore[attr-defined]
    place_limit(intents, 0, 1, Side.SELL, 2.0, 40.0, 3)
    intents[0].kind = IntentKind.TARGET
    resolve_target(view, intents[0])
    assert (intents[0].type, intents[0].side) == (OrderType.MARKET, Side.BUY)

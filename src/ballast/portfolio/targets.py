"""A wanted position becomes one net market order."""

from __future__ import annotations

from ballast.model.compiled import compiled
from ballast.model.enums import IntentKind, OrderType, QtyUnit, Side
from ballast.model.intents import Intent

View = object
"""The engine's view: anything with ``position_qty`` by leg and ``price`` by symbol."""


@compiled
def resolve_target(view: View, intent: Intent) -> None:
    """
    Turn a TARGET into the PLACE that reaches it, in place.

    ``qty`` is the wanted signed position in base units, or its signed value at the last price when
    ``qty_unit`` is QUOTE. A target that is already met, or has no price to be valued at, becomes a NOTE.
    """
    wanted = intent.qty
    if intent.qty_unit == QtyUnit.QUOTE:
        wanted = wanted / view.price[intent.symbol]  # type: ignore[attr-defined]
    change = wanted - view.position_qty[2 * intent.symbol]  # type: ignore[attr-defined]
    intent.qty_unit = QtyUnit.BASE
    intent.type = OrderType.MARKET
    intent.side = Side.BUY if change > 0.0 else Side.SELL
    intent.qty = abs(change)
    # NaN stays an order, which the venue refuses aloud.
    intent.kind = IntentKind.NOTE if change == 0.0 else IntentKind.PLACE

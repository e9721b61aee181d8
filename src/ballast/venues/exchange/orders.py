"""Orders as clients know them, their fills, and what the venue says about both."""

from __future__ import annotations

from enum import IntEnum
from math import nan

import msgspec

from ballast.model.enums import OrderType, PositionSide, QtyUnit, Reason, Side, TimeInForce


class OrderState(IntEnum):
    """Where an order stands, in the client's eyes."""

    CREATED = 0  # handed to the kernel, nothing heard yet
    UNTRIGGERED = 1
    NEW = 2
    PARTIALLY_FILLED = 3
    FILLED = 4
    CANCELLED = 5
    REJECTED = 6
    DEACTIVATED = 7  # cancelled before its trigger
    TRIGGERED = 8  # met, and about to be sent


_OPEN = frozenset({
    OrderState.CREATED,
    OrderState.UNTRIGGERED,
    OrderState.NEW,
    OrderState.PARTIALLY_FILLED,
    OrderState.TRIGGERED,
})


class Origin(IntEnum):
    """Who made an order."""

    CLIENT = 0
    TAKE_PROFIT = 1
    STOP_LOSS = 2
    LIQUIDATION = 3
    ADL = 4


class Trigger(IntEnum):
    """On which way a conditional order's price is met."""

    NONE = 0
    RISES = 1
    FALLS = 2


class OrderRequest(msgspec.Struct, frozen=True, gc=False):
    """
    What a client asks for; prices on the tick grid.

    ``qty`` in base units, or with ``qty_unit`` QUOTE the money that a market order trades, without its fee.
    ``trigger_price`` NaN is an order without condition. ``take_profit`` and ``stop_loss`` are put on the leg once the
    order has filled, NaN for none. ``closes_all``: sized to the leg when it triggers.
    """

    symbol: str
    side: Side
    type: OrderType
    qty: float
    price: float = nan
    qty_unit: QtyUnit = QtyUnit.BASE
    position_side: PositionSide = PositionSide.NONE
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    trigger: Trigger = Trigger.NONE
    trigger_price: float = nan
    take_profit: float = nan
    stop_loss: float = nan
    closes_all: bool = False
    origin: Origin = Origin.CLIENT
    link_id: str = ""

    @property
    def opens(self) -> Side:
        """The side of the position that its protection is meant for."""
        if self.position_side == PositionSide.NONE:
            return self.side
        return Side.BUY if self.position_side == PositionSide.LONG else Side.SELL


def protection_of(
    symbol: str, held: float, position_side: PositionSide, origin: Origin, trigger: Trigger, price: float
) -> OrderRequest:
    """Return the order that closes all of a leg of ``held`` base units, signed, once ``price`` is met."""
    return OrderRequest(
        symbol=symbol,
        side=Side.SELL if held > 0.0 else Side.BUY,
        type=OrderType.MARKET,
        qty=abs(held),
        position_side=position_side,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
        trigger=trigger,
        trigger_price=price,
        closes_all=True,
        origin=origin,
    )


def forced_trade_of(symbol: str, side: Side, qty: float, position_side: PositionSide, origin: Origin) -> OrderRequest:
    """Return the order by which the venue itself reduces a leg by ``qty`` base units."""
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=OrderType.MARKET,
        qty=qty,
        position_side=position_side,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
        origin=origin,
    )


class Order(msgspec.Struct, eq=False, gc=False):
    """
    One order and what became of it.

    ``number`` is the venue's own count, from 1; ``kernel_id`` is the kernel's, 0 before it got there. ``filled_*``
    and ``fees`` are sums over fills; ``qty``, in base units, is what has filled where money was asked for.
    ``created_ns`` and ``updated_ns`` are times of the market.
    """

    number: int
    account: int
    symbol: int
    request: OrderRequest
    created_ns: int
    last_price: float
    state: OrderState = OrderState.CREATED
    reason: Reason = Reason.NONE
    qty: float = 0.0
    price: float = nan
    trigger_price: float = nan
    is_triggered: bool = False
    filled_qty: float = 0.0
    filled_value: float = 0.0
    fees: float = 0.0
    kernel_id: int = 0
    updated_ns: int = 0

    @property
    def is_live(self) -> bool:
        """Whether it may still fill."""
        return self.state in _OPEN

    @property
    def is_conditional(self) -> bool:
        """Whether it waits, or waited, for a trigger."""
        return self.request.trigger != Trigger.NONE

    @property
    def left_qty(self) -> float:
        """What may still fill, base units; 0 once it is closed."""
        return max(0.0, self.qty - self.filled_qty) if self.is_live else 0.0

    @property
    def average_price(self) -> float:
        """The average price of its fills; NaN without any."""
        return self.filled_value / self.filled_qty if self.filled_qty > 0.0 else nan


class Fill(msgspec.Struct, frozen=True, gc=False):
    """
    One execution. ``fee`` in quote money; ``closed_qty`` is what of it reduced the leg, and ``profit`` realised.

    ``closed_fees`` is what the closed part has cost to open and to close.
    """

    number: int
    order: Order
    qty: float
    price: float
    fee: float
    fee_rate: float
    is_maker: bool
    closed_qty: float
    profit: float
    mark_price: float
    time_ns: int
    closed_fees: float = 0.0


class FundingPaid(msgspec.Struct, frozen=True, gc=False):
    """What one leg paid (> 0) or received for holding ``qty``, signed, at a stamp."""

    number: int
    account: int
    symbol: int
    position_side: PositionSide
    qty: float
    mark_price: float
    payment: float
    time_ns: int


class OrderChanged(msgspec.Struct, frozen=True, gc=False):
    """An order as it stood at that moment."""

    order: Order


class PositionChanged(msgspec.Struct, frozen=True, gc=False):
    """Something happened to an account's symbol: read its legs anew."""

    account: int
    symbol: int


class WalletChanged(msgspec.Struct, frozen=True, gc=False):
    """An account's money moved."""

    account: int


class TradePrinted(msgspec.Struct, frozen=True, gc=False):
    """A trade of the market, as everybody sees it; ``side`` is the taker's."""

    number: int
    symbol: int
    side: Side
    price: float
    qty: float
    time_ns: int


class BestMoved(msgspec.Struct, frozen=True, gc=False):
    """The recorded market's best prices, or their sizes, have changed."""

    symbol: int


Update = OrderChanged | Fill | FundingPaid | PositionChanged | WalletChanged | TradePrinted | BestMoved

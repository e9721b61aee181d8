"""The venue's facts in the protocol's words: orders, trades, balances."""

from __future__ import annotations

from typing import Any

from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import OrderType, QtyUnit, Side, TimeInForce
from ballast.venues.exchange.market import Listing
from ballast.venues.exchange.orders import Fill, Order, OrderState

_ORDER_PREFIX, _ORDER_DIGITS = "C02__", 18
_LIVE = {OrderState.CREATED, OrderState.NEW, OrderState.TRIGGERED, OrderState.UNTRIGGERED}
STATUS_NUMBERS = {"NEW": 1, "FILLED": 2, "PARTIALLY_FILLED": 3, "CANCELED": 4, "PARTIALLY_CANCELED": 5}
TYPE_NUMBERS = {"LIMIT": 1, "LIMIT_MAKER": 2, "IMMEDIATE_OR_CANCEL": 3, "FILL_OR_KILL": 4, "MARKET": 5}
"""By which pushes call what REST calls by name."""
_TIMES_IN_FORCE = {TimeInForce.IOC: "IMMEDIATE_OR_CANCEL", TimeInForce.FOK: "FILL_OR_KILL"}


def order_id(number: int) -> str:
    """Return an order's id in the shape of the venue's."""
    return f"{_ORDER_PREFIX}{number:0{_ORDER_DIGITS}d}"


def order_number(text: str) -> int:
    """Return the number in an order's id; -1 if it is none of ours."""
    digits = text.removeprefix(_ORDER_PREFIX)
    is_ours = digits.isascii() and digits.isdigit() and len(digits) == _ORDER_DIGITS
    return int(digits) if is_ours and text == order_id(int(digits)) else -1


def trade_id(number: int) -> str:
    """Return the id of an account's trade."""
    return f"{number:0{_ORDER_DIGITS}d}X1"


def side_word(side: int) -> str:
    """Return BUY or SELL."""
    return "BUY" if side == Side.BUY else "SELL"


def side_number(side: int) -> int:
    """Return 1 for a buy, 2 for a sell."""
    return 1 if side == Side.BUY else 2


def money(value: float) -> str:
    """Return an amount of quote money."""
    return f"{value:.8f}"


def millis(time_ns: int) -> int:
    """Return a time in milliseconds."""
    return time_ns // MILLISECOND_NS


def status_word(order: Order) -> str:
    """Return where an order stands."""
    if order.state in _LIVE:
        return "NEW"
    if order.state in {OrderState.FILLED, OrderState.PARTIALLY_FILLED}:
        return order.state.name
    return "PARTIALLY_CANCELED" if order.filled_qty > 0.0 else "CANCELED"


def type_word(order: Order) -> str:
    """Return an order's type."""
    if order.request.type == OrderType.MARKET:
        return "MARKET"
    return "LIMIT_MAKER" if order.request.post_only else _TIMES_IN_FORCE.get(order.request.time_in_force, "LIMIT")


def placed_row(order: Order, listing: Listing) -> dict[str, Any]:
    """Return the answer to a new order, which only acknowledges it."""
    return {
        "symbol": order.request.symbol,
        "orderId": order_id(order.number),
        "orderListId": -1,
        "price": price_of(order, listing),
        "origQty": listing.qty(order.qty),
        "type": type_word(order),
        "side": side_word(order.request.side),
        "transactTime": millis(order.created_ns),
    }


def cancelled_row(order: Order, listing: Listing) -> dict[str, Any]:
    """Return the answer to a cancel."""
    return {
        "symbol": order.request.symbol,
        "origClientOrderId": order.request.link_id or None,
        "orderId": order_id(order.number),
        **_standing(order, listing),
    }


def _standing(order: Order, listing: Listing) -> dict[str, Any]:
    """Return what every answer about an order tells of where it stands."""
    return {
        "clientOrderId": order.request.link_id or None,
        "price": price_of(order, listing),
        "origQty": listing.qty(order.qty),
        "executedQty": listing.qty(order.filled_qty),
        "cummulativeQuoteQty": money(order.filled_value),
        "status": status_word(order),
        "timeInForce": "GTC",
        "type": type_word(order),
        "side": side_word(order.request.side),
    }


def order_row(order: Order, listing: Listing) -> dict[str, Any]:
    """Return an order."""
    by_money = order.request.qty_unit == QtyUnit.QUOTE
    return {
        "symbol": order.request.symbol,
        "orderId": order_id(order.number),
        "orderListId": -1,
        **_standing(order, listing),
        "stopPrice": None,
        "icebergQty": None,
        "time": millis(order.created_ns),
        "updateTime": millis(order.updated_ns),
        "isWorking": order.is_live,
        "origQuoteOrderQty": money(order.request.qty if by_money else 0.0),
    }


def price_of(order: Order, listing: Listing) -> str:
    """Return an order's limit; what a market order paid on average, "0" before that."""
    if order.request.type == OrderType.LIMIT:
        return listing.price(order.price)
    return listing.price(order.average_price if order.filled_qty > 0.0 else 0.0)


def trade_row(fill: Fill, listing: Listing) -> dict[str, Any]:
    """Return an account's trade."""
    return {
        "symbol": fill.order.request.symbol,
        "id": trade_id(fill.number),
        "orderId": order_id(fill.order.number),
        "orderListId": -1,
        "price": listing.price(fill.price),
        "qty": listing.qty(fill.qty),
        "quoteQty": money(fill.qty * fill.price),
        "commission": money(fill.fee),
        "commissionAsset": listing.quote,
        "time": millis(fill.time_ns),
        "isBuyer": fill.order.request.side == Side.BUY,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
        "isSelfTrade": False,
        "clientOrderId": fill.order.request.link_id or None,
    }


def order_push(order: Order, listing: Listing, last_qty: float) -> dict[str, Any]:
    """Return an order as it is pushed; ``last_qty`` is what has filled since the last push."""
    left = max(0.0, order.qty - order.filled_qty)
    is_limit = order.request.type == OrderType.LIMIT
    asked = order.request.qty if order.request.qty_unit == QtyUnit.QUOTE else 0.0
    worth = order.qty * order.price if is_limit else asked
    return {
        "id": order_id(order.number),
        "clientId": order.request.link_id,
        "price": price_of(order, listing),
        "quantity": listing.qty(order.qty),
        "amount": money(worth),
        "avgPrice": listing.price(order.average_price if order.filled_qty > 0.0 else 0.0),
        "orderType": TYPE_NUMBERS[type_word(order)],
        "tradeType": side_number(order.request.side),
        "remainAmount": money(max(0.0, left * order.price if is_limit else asked - order.filled_value)),
        "remainQuantity": listing.qty(left),
        "lastDealQuantity": listing.qty(last_qty),
        "cumulativeQuantity": listing.qty(order.filled_qty),
        "cumulativeAmount": money(order.filled_value),
        "status": STATUS_NUMBERS[status_word(order)],
        "createTime": millis(order.created_ns),
    }


def deal_push(fill: Fill, listing: Listing) -> dict[str, Any]:
    """Return an account's trade as it is pushed."""
    return {
        "price": listing.price(fill.price),
        "quantity": listing.qty(fill.qty),
        "amount": money(fill.qty * fill.price),
        "tradeType": side_number(fill.order.request.side),
        "isMaker": fill.is_maker,
        "tradeId": trade_id(fill.number),
        "clientOrderId": fill.order.request.link_id,
        "orderId": order_id(fill.order.number),
        "feeAmount": money(fill.fee),
        "feeCurrency": listing.quote,
        "time": millis(fill.time_ns),
    }

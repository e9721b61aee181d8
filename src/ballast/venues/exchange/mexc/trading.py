"""Endpoints of orders and trades."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import nan
from typing import Any, TypeVar

import msgspec

from ballast.model.durations import DAY_NS
from ballast.model.enums import OrderType, QtyUnit, Side, TimeInForce
from ballast.venues.exchange.market import plain
from ballast.venues.exchange.mexc import params
from ballast.venues.exchange.mexc.codes import (
    MISSING_PARAMETER,
    NO_SUCH_ORDER,
    UNKNOWN_ORDER,
    Rejection,
    missing,
    of_refusal,
    wrong,
)
from ballast.venues.exchange.mexc.desk import Body, Desk, time_ns, within
from ballast.venues.exchange.mexc.wire import (
    cancelled_row,
    order_id,
    order_number,
    order_row,
    placed_row,
    trade_row,
)
from ballast.venues.exchange.orders import Order, OrderRequest
from ballast.venues.exchange.refusals import Refused

T = TypeVar("T")
MOST_BATCHED = 20
ORDER_DAYS, TRADE_DAYS = 7, 30
"""How far back orders and trades can be asked for."""
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_TYPES = {
    "LIMIT": TimeInForce.GTC,
    "LIMIT_ORDER": TimeInForce.GTC,
    "LIMIT_MAKER": TimeInForce.GTC,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
    "MARKET": TimeInForce.IOC,
}


def create_order(desk: Desk, account: int, asked: params.NewOrder) -> Body:
    """Take an order; the answer only acknowledges it."""
    order = _place(desk, account, asked)
    return placed_row(order, desk.listing(order.symbol))


def test_order(desk: Desk, account: int, asked: params.NewOrder) -> Body:
    """Check an order as if it were sent."""
    request = _request(desk, asked)
    _translated(desk, request, lambda: desk.venue.check(account, request))
    return {}


def batch_orders(desk: Desk, account: int, asked: params.BatchOrders) -> Body:
    """Take up to 20 orders of one symbol, each for itself; the answer holds an order's id or its error."""
    try:
        items = msgspec.json.decode(asked.batch_orders or "null", type=list[dict[str, str | int | float | None]])
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        raise wrong("batchOrders is no list of orders") from None
    if not 0 < len(items) <= MOST_BATCHED:
        raise wrong(f"batchOrders holds from 1 to {MOST_BATCHED} orders")
    if len({item.get("symbol") for item in items}) > 1:
        raise wrong("batchOrders are of one symbol")
    return [_batched(desk, account, item) for item in items]


def _batched(desk: Desk, account: int, item: dict[str, Any]) -> dict[str, Any]:
    texts = {name: str(value) for name, value in item.items() if value is not None}
    named = {"newClientOrderId": texts["newClientOrderId"]} if "newClientOrderId" in texts else {}
    try:
        order = _place(desk, account, msgspec.convert(texts, params.NewOrder))
    except msgspec.ValidationError as error:
        return {**named, "msg": wrong(str(error)).message, "code": wrong("").code}
    except Rejection as error:
        return {**named, "msg": error.message, "code": error.code}
    return {"symbol": order.request.symbol, "orderId": order_id(order.number), **named, "orderListId": -1}


def _place(desk: Desk, account: int, asked: params.NewOrder) -> Order:
    request = _request(desk, asked)
    return _translated(desk, request, lambda: desk.venue.place(account, request))


def _translated(desk: Desk, request: OrderRequest, do: Callable[[], T]) -> T:
    """Do something about an order; what the venue refuses is told in the protocol's words."""
    try:
        return do()
    except Refused as error:
        symbol = desk.symbol(request.symbol)
        instrument, listing = desk.venue.record.instruments[symbol], desk.listing(symbol)
        raise of_refusal(
            error.refusal,
            request.side,
            least=listing.qty(float(instrument.min_qty)),
            most=plain(instrument.max_qty),
            worth=f"{plain(instrument.min_notional)}{listing.quote}",
        ) from None


def _request(desk: Desk, asked: params.NewOrder) -> OrderRequest:
    symbol = desk.open_symbol(asked.symbol)
    for name, given in (("side", asked.side), ("type", asked.type)):
        if not given:
            raise missing(name)
    if asked.side not in _SIDES:
        raise wrong("side")
    if asked.type not in _TYPES:
        raise wrong("type")
    if asked.stp_mode:
        raise wrong("stpMode: the local exchange has none; an account never trades with itself")
    is_market = asked.type == "MARKET"
    qty, unit = _amount(desk, symbol, asked, is_market=is_market)
    if not is_market and not asked.price:
        raise missing("price")
    return OrderRequest(
        symbol=asked.symbol,
        side=_SIDES[asked.side],
        type=OrderType.MARKET if is_market else OrderType.LIMIT,
        qty=qty,
        qty_unit=unit,
        price=nan if is_market else params.price(asked.price, desk.listing(symbol)),
        time_in_force=_TYPES[asked.type],
        post_only=asked.type == "LIMIT_MAKER",
        link_id=asked.new_client_order_id,
    )


def _amount(desk: Desk, symbol: int, asked: params.NewOrder, *, is_market: bool) -> tuple[float, QtyUnit]:
    if is_market and asked.quote_order_qty:
        if asked.quantity:
            raise wrong("quantity or quoteOrderQty, not both")
        return params.amount(asked.quote_order_qty, "quoteOrderQty"), QtyUnit.QUOTE
    if not asked.quantity:
        raise missing("quantity")
    return params.quantity(asked.quantity, desk.listing(symbol)), QtyUnit.BASE


def cancel_order(desk: Desk, account: int, asked: params.OneOrder) -> Body:
    """Take an order back."""
    desk.symbol(asked.symbol)
    order = _find(desk, account, asked, UNKNOWN_ORDER, "Unknown order sent.")
    _cancel(desk, order)
    return cancelled_row(order, desk.listing(order.symbol))


def _cancel(desk: Desk, order: Order) -> None:
    try:
        desk.venue.cancel(order)
    except Refused as error:
        raise of_refusal(error.refusal) from None


def cancel_open_orders(desk: Desk, account: int, asked: params.OpenOrders) -> Body:
    """Take all orders of a symbol back, or of up to five."""
    if not asked.symbol:
        raise missing("symbol")
    cancelled = _live(desk, account, desk.symbols(asked.symbol, most=5))
    for order in cancelled:
        _cancel(desk, order)
    return [{**cancelled_row(order, desk.listing(order.symbol)), "orderListId": -1} for order in cancelled]


def cancel_every_order(desk: Desk, account: int, _asked: params.Params) -> Body:
    """Take all orders of all symbols back."""
    for order in _live(desk, account, desk.symbols("")):
        _cancel(desk, order)
    return {"code": 200, "msg": "success", "timestamp": desk.wall_ms}


def query_order(desk: Desk, account: int, asked: params.OneOrder) -> Body:
    """Return one order, live or not."""
    order = _find(desk, account, asked, NO_SUCH_ORDER, "Order does not exist.")
    return order_row(order, desk.listing(order.symbol))


def open_orders(desk: Desk, account: int, asked: params.OpenOrders) -> Body:
    """List live orders, newest first."""
    symbols = desk.symbols(asked.symbol, most=5) if asked.symbol else desk.symbols("")
    newest_first = sorted(_live(desk, account, symbols), key=lambda order: -order.number)
    return [order_row(order, desk.listing(order.symbol)) for order in newest_first]


def all_orders(desk: Desk, account: int, asked: params.History) -> Body:
    """List a symbol's orders, newest first: of the last day, or of any time in the last seven."""
    symbol, limit = desk.symbol(asked.symbol), within(500 if asked.limit is None else asked.limit, 1_000)
    since, until = _span(desk, asked, default_days=1, most_days=ORDER_DAYS)
    rows = [
        order_row(order, desk.listing(symbol))
        for order in reversed(desk.venue.orders.all.values())
        if order.account == account and order.symbol == symbol and since <= order.created_ns < until
    ]
    return list(rows[:limit])


def my_trades(desk: Desk, account: int, asked: params.History) -> Body:
    """List an account's trades of a symbol in the last month, newest first."""
    symbol, limit = desk.symbol(asked.symbol), within(100 if asked.limit is None else asked.limit, 100)
    since, until = _span(desk, asked, default_days=TRADE_DAYS, most_days=TRADE_DAYS)
    number = order_number(asked.order_id) if asked.order_id else None
    rows: Iterator[dict[str, Any]] = (
        trade_row(fill, desk.listing(symbol))
        for fill in reversed(desk.venue.fills)
        if fill.order.account == account
        and fill.order.symbol == symbol
        and since <= fill.time_ns < until
        and number in {None, fill.order.number}
    )
    return [row for row, _ in zip(rows, range(limit), strict=False)]


def _span(desk: Desk, asked: params.History, *, default_days: int, most_days: int) -> tuple[int, int]:
    """Return the times that a request means, the end exclusive; raises ``Rejection`` for a longer span than allowed."""
    start, end = time_ns(asked.start_time), time_ns(asked.end_time)
    until = desk.venue.now_ns + 1 if end is None else end + 1_000_000
    since = until - default_days * DAY_NS if start is None else start
    if until - since > most_days * DAY_NS + 1_000_000:
        raise wrong(f"the span is longer than {most_days} days")
    return since, until


def _live(desk: Desk, account: int, symbols: list[int]) -> list[Order]:
    return [order for symbol in symbols for order in desk.venue.orders.live(account, symbol)]


def _find(desk: Desk, account: int, asked: params.OneOrder, code: int, words: str) -> Order:
    """Return an account's order by id, else by client's id; raises ``Rejection``."""
    if not asked.order_id and not asked.orig_client_order_id:
        raise Rejection(
            MISSING_PARAMETER, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        )
    number = order_number(asked.order_id) if asked.order_id else None
    try:
        order = desk.venue.orders.find(account, number=number, link_id=asked.orig_client_order_id)
    except Refused:
        raise Rejection(code, words) from None
    if asked.symbol not in {"", order.request.symbol}:
        raise Rejection(code, words)
    return order

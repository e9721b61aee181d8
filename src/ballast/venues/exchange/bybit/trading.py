"""Endpoints of orders and executions."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan, nan

from ballast.model.enums import OrderType, Side, TimeInForce
from ballast.venues.exchange.bybit import params
from ballast.venues.exchange.bybit.account import position_side
from ballast.venues.exchange.bybit.codes import wrong
from ballast.venues.exchange.bybit.desk import Body, Desk, check_category, check_scope, page
from ballast.venues.exchange.bybit.wire import CATEGORY, fill_row, funding_row, order_id, order_number, order_row
from ballast.venues.exchange.orders import Order, OrderRequest, OrderState, Trigger
from ballast.venues.exchange.preview import preview
from ballast.venues.exchange.refusals import Refused

DAY_NS = 86_400_000_000_000
FORGOTTEN_AFTER_A_DAY = frozenset({OrderState.CANCELLED, OrderState.REJECTED, OrderState.DEACTIVATED})
"""Closed orders whose history ends after 24 hours."""
RECENT_CLOSED = 500
MOST_RATE = 9_999.0
_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
_TYPES = {"Market": OrderType.MARKET, "Limit": OrderType.LIMIT}
_TIMES_IN_FORCE = {
    "": TimeInForce.GTC,
    "GTC": TimeInForce.GTC,
    "PostOnly": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}


def create_order(desk: Desk, account: int, asked: params.CreateOrder) -> Body:
    """Take an order; the answer only acknowledges it."""
    desk.symbol(asked.symbol, asked.category)
    order = desk.venue.place(account, _request(desk, account, asked))
    return _ids(order)


def _request(desk: Desk, account: int, asked: params.CreateOrder) -> OrderRequest:
    if asked.side not in _SIDES:
        raise wrong("Side invalid")
    if asked.order_type not in _TYPES:
        raise wrong("OrderType invalid")
    if asked.time_in_force not in _TIMES_IN_FORCE:
        raise wrong("TimeInForce invalid")
    _refuse_unserved(asked)
    is_limit = asked.order_type == "Limit"
    take_profit, stop_loss = _optional(asked.take_profit, "takeProfit"), _optional(asked.stop_loss, "stopLoss")
    if (asked.reduce_only or asked.close_on_trigger) and (not (isnan(take_profit) and isnan(stop_loss))):
        raise wrong("reduceOnly orders cannot carry takeProfit or stopLoss")
    trigger = _trigger(asked)
    return OrderRequest(
        symbol=asked.symbol,
        side=_SIDES[asked.side],
        type=_TYPES[asked.order_type],
        qty=params.number(asked.qty, "qty"),
        price=params.number(asked.price, "price") if is_limit else nan,
        position_side=position_side(desk, account, asked.position_idx),
        time_in_force=_TIMES_IN_FORCE[asked.time_in_force],
        post_only=is_limit and asked.time_in_force == "PostOnly",
        reduce_only=asked.reduce_only or asked.close_on_trigger,
        trigger=trigger,
        trigger_price=params.number(asked.trigger_price, "triggerPrice") if trigger else nan,
        take_profit=take_profit,
        stop_loss=stop_loss,
        link_id=asked.order_link_id,
    )


def pre_check(desk: Desk, account: int, asked: params.CreateOrder) -> Body:
    """Return the account's margin rates before an order and after it, in ten-thousandths; nothing stays of it."""
    desk.symbol(asked.symbol, asked.category)
    before, after = preview(desk.venue, account, _request(desk, account, asked))
    rates = {"preImrE4": before.im_rate, "preMmrE4": before.mm_rate, "postImrE4": after.im_rate}
    return {
        "orderId": "",
        "orderLinkId": asked.order_link_id,
        **{name: round(min(rate, MOST_RATE) * 1e4) for name, rate in {**rates, "postMmrE4": after.mm_rate}.items()},
    }


def _refuse_unserved(asked: params.CreateOrder) -> None:
    by_last = {"", "LastPrice"}
    if {asked.trigger_by, asked.tp_trigger_by, asked.sl_trigger_by} - by_last:
        raise wrong("The local exchange triggers by LastPrice alone")
    if asked.tpsl_mode == "Partial" or {asked.tp_order_type, asked.sl_order_type} - {"", "Market"}:
        raise wrong("The local exchange protects whole positions with market orders alone: tpslMode Full")


def _trigger(asked: params.CreateOrder) -> Trigger:
    has_price = asked.trigger_price not in {"", "0"}
    if not has_price:
        return Trigger.NONE
    if asked.trigger_direction not in {1, 2}:
        raise wrong("TriggerDirection invalid")
    return Trigger(asked.trigger_direction)


def _optional(text: str, name: str) -> float:
    return params.number(text, name) if text not in {"", "0"} else nan


def amend_order(desk: Desk, account: int, asked: params.AmendOrder) -> Body:
    """Change an order; the answer only acknowledges it."""
    order = _order(desk, account, asked.category, asked.symbol, asked.order_id, asked.order_link_id)
    changes = {"qty": asked.qty, "price": asked.price, "trigger_price": asked.trigger_price}
    desk.venue.amend(order, **{name: params.number(text, name) for name, text in changes.items() if text})
    return _ids(order)


def cancel_order(desk: Desk, account: int, asked: params.CancelOrder) -> Body:
    """Take an order back; the answer only acknowledges it."""
    order = _order(desk, account, asked.category, asked.symbol, asked.order_id, asked.order_link_id)
    desk.venue.cancel(order)
    return _ids(order)


def cancel_all(desk: Desk, account: int, asked: params.CancelAll) -> Body:
    """Take all orders back that the request means."""
    check_category(asked.category)
    in_scope = check_scope(asked.symbol, asked.settle_coin, asked.base_coin)
    cancelled = []
    for symbol in desk.symbols(asked.symbol, asked.category) if in_scope else []:
        for order in desk.venue.orders.live(account, symbol):
            if _passes_filter(order, asked.order_filter) and order.is_live:
                desk.venue.cancel(order)
                cancelled.append(_ids(order))
    return {"list": cancelled, "success": "1"}


def order_realtime(desk: Desk, account: int, asked: params.Orders) -> Body:
    """List live orders, or by id or with ``openOnly`` also the 500 that closed last; newest first."""
    found = list(_matching(desk, account, asked))
    live = [order for order in found if order.is_live]
    closed = [order for order in found if not order.is_live][:RECENT_CLOSED]
    by_id = bool(asked.order_id or asked.order_link_id)
    rows = live + closed if by_id else (closed if asked.open_only else live)
    return _order_page(desk, rows, asked)


def order_history(desk: Desk, account: int, asked: params.Orders) -> Body:
    """List closed orders, newest first; those that ended without a fill are forgotten after a day."""
    yesterday = desk.venue.now_ns - DAY_NS
    rows = [
        order
        for order in _matching(desk, account, asked)
        if not order.is_live
        and not (order.state in FORGOTTEN_AFTER_A_DAY and not order.filled_qty and order.updated_ns < yesterday)
    ]
    return _order_page(desk, rows, asked)


def _order_page(desk: Desk, rows: list[Order], asked: params.Orders) -> Body:
    chosen, cursor = page(rows, asked.limit, 50, asked.cursor)
    listed = [order_row(order, desk.listing(order.symbol)) for order in chosen]
    return {"category": CATEGORY, "list": listed, "nextPageCursor": cursor}


def _matching(desk: Desk, account: int, asked: params.Orders) -> Iterator[Order]:
    """Return an account's orders that a request means, newest first."""
    if asked.category in {"inverse", "option", "spot"}:
        return
    check_category(asked.category)
    if asked.symbol:
        desk.symbol(asked.symbol, asked.category)
    if asked.order_id or asked.order_link_id:
        try:
            found = _find(desk, account, asked.order_id, asked.order_link_id)
        except Refused:
            return
        if asked.symbol in {"", found.request.symbol}:
            yield found
        return
    for order in reversed(desk.venue.orders.all.values()):
        in_time = is_between(order.created_ns, asked.start_time, asked.end_time)
        is_meant = order.account == account and asked.symbol in {"", order.request.symbol}
        if is_meant and in_time and _passes_filter(order, asked.order_filter):
            yield order


def is_between(time_ns: int, start_ms: int | None, end_ms: int | None) -> bool:
    """Tell whether a time lies between two in milliseconds, both inclusive; None is open."""
    return (start_ms is None or start_ms <= time_ns // 1_000_000) and (end_ms is None or time_ns // 1_000_000 <= end_ms)


def _passes_filter(order: Order, word: str) -> bool:
    is_waiting = order.state == OrderState.UNTRIGGERED
    if word in {"StopOrder", "tpslOrder"}:
        return is_waiting
    return not (word == "Order" and is_waiting)


def execution_list(desk: Desk, account: int, asked: params.Executions) -> Body:
    """List fills and payments of funding, newest first."""
    if asked.category in {"inverse", "option", "spot"}:
        return {"category": asked.category, "list": [], "nextPageCursor": ""}
    symbols = set(desk.symbols(asked.symbol, asked.category))
    is_of_one = bool(asked.order_id or asked.order_link_id)
    rows = [
        (fill.number, fill.time_ns, fill_row(fill, desk.listing(fill.order.symbol)))
        for fill in desk.venue.fills
        if fill.order.account == account
        and fill.order.symbol in symbols
        and (not is_of_one or _is_meant(fill.order, asked))
    ]
    if not is_of_one:
        rows += [
            (paid.number, paid.time_ns, funding_row(paid, desk.listing(paid.symbol)))
            for paid in desk.venue.funding
            if paid.account == account and paid.symbol in symbols
        ]
    rows = [row for row in rows if is_between(row[1], asked.start_time, asked.end_time)]
    rows = [row for row in rows if asked.exec_type in {"", row[2]["execType"]}]
    newest_first = [row for _, _, row in sorted(rows, key=lambda row: -row[0])]
    chosen, cursor = page(newest_first, asked.limit, 100, asked.cursor)
    return {"category": CATEGORY, "list": chosen, "nextPageCursor": cursor}


def _is_meant(order: Order, asked: params.Executions) -> bool:
    if asked.order_id:
        return order.number == order_number(asked.order_id)
    return order.request.link_id == asked.order_link_id


def _find(desk: Desk, account: int, text: str, link_id: str) -> Order:
    """Return an account's order by id, else by link id; raises ``Refused``."""
    return desk.venue.orders.find(account, number=order_number(text) if text else None, link_id=link_id)


def _order(desk: Desk, account: int, category: str, symbol: str, text: str, link_id: str) -> Order:
    number = desk.symbol(symbol, category)
    if not text and not link_id:
        raise wrong("params error: orderId or orderLinkId is required")
    order = _find(desk, account, text, link_id)
    if order.symbol != number:
        raise wrong("params error: symbol does not match the order")
    return order


def _ids(order: Order) -> Body:
    return {"orderId": order_id(order.number), "orderLinkId": order.request.link_id}

"""Endpoints of orders and executions."""

from __future__ import annotations

from collections.abc import Iterator

from ballast.model.durations import DAY_NS, MILLISECOND_NS
from ballast.venues.exchange.bybit import params
from ballast.venues.exchange.bybit.codes import wrong
from ballast.venues.exchange.bybit.desk import Body, Desk, page
from ballast.venues.exchange.bybit.requests import order_request, price_of
from ballast.venues.exchange.bybit.wire import fill_row, funding_row, order_id, order_number, order_row
from ballast.venues.exchange.orders import Order, OrderState
from ballast.venues.exchange.preview import preview
from ballast.venues.exchange.refusals import Refusal, Refused

FORGOTTEN_AFTER_A_DAY = frozenset({OrderState.CANCELLED, OrderState.REJECTED, OrderState.DEACTIVATED})
"""Closed orders whose history ends after 24 hours."""
RECENT_CLOSED = 500
TPSL_FILTERS = frozenset({"tpslOrder", "OcoOrder", "BidirectionalTpslOrder"})
RATES, MOST_RATE = ("preImrE4", "preMmrE4", "postImrE4", "postMmrE4"), 9_999.0


def create_order(desk: Desk, account: int, asked: params.CreateOrder) -> Body:
    """Take an order; the answer only acknowledges it."""
    return _ids(desk.venue.place(account, order_request(desk, account, asked)))


def pre_check(desk: Desk, account: int, asked: params.CreateOrder) -> Body:
    """Return the account's margin rates before an order and after it, in ten-thousandths; nothing stays of it."""
    before, after = preview(desk.venue, account, order_request(desk, account, asked))
    rates = (before.im_rate, before.mm_rate, after.im_rate, after.mm_rate)
    if desk.category.is_spot:
        # Coins are paid, not margined.
        rates = (0.0,) * 4
    return {
        "orderId": "",
        "orderLinkId": asked.order_link_id,
        **{name: round(min(rate, MOST_RATE) * 1e4) for name, rate in zip(RATES, rates, strict=True)},
    }


def amend_order(desk: Desk, account: int, asked: params.AmendOrder) -> Body:
    """Change an order; the answer only acknowledges it."""
    if asked.take_profit or asked.stop_loss or asked.trigger_by not in {"", "LastPrice"}:
        raise wrong("The local exchange amends qty, price and triggerPrice alone; protection by position/trading-stop")
    order = _order(desk, account, asked.category, asked.symbol, asked.order_id, asked.order_link_id)
    changes = {"price": asked.price, "trigger_price": asked.trigger_price}
    prices = {name: price_of(desk, order.symbol, text, name) for name, text in changes.items() if text}
    desk.venue.amend(order, qty=params.number(asked.qty, "qty") if asked.qty else None, **prices)
    return _ids(order)


def cancel_order(desk: Desk, account: int, asked: params.CancelOrder) -> Body:
    """Take an order back; the answer only acknowledges it."""
    order = _order(desk, account, asked.category, asked.symbol, asked.order_id, asked.order_link_id)
    # In spot a request means orders of one kind, those that have no trigger ahead unless it says otherwise.
    if desk.category.is_spot and not _passes_filter(desk, order, asked.order_filter or "Order"):
        raise Refused(Refusal.UNKNOWN_ORDER)
    desk.venue.cancel(order)
    return _ids(order)


def cancel_all(desk: Desk, account: int, asked: params.CancelAll) -> Body:
    """Take all orders back that the request means."""
    desk.check_category(asked.category)
    meant = asked.order_filter or ("Order" if desk.category.is_spot else "")
    cancelled = []
    for symbol in desk.scope(asked.symbol, asked.settle_coin, asked.base_coin):
        for order in desk.venue.orders.live(account, symbol):
            if _passes_filter(desk, order, meant) and order.is_live:
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
    listed = [order_row(order, desk.listing(order.symbol), desk.category) for order in chosen]
    return {"category": desk.category.name, "list": listed, "nextPageCursor": cursor}


def _matching(desk: Desk, account: int, asked: params.Orders) -> Iterator[Order]:
    """Return an account's orders that a request means, newest first."""
    if desk.is_elsewhere(asked.category):
        return
    desk.check_category(asked.category)
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
        if is_meant and in_time and _passes_filter(desk, order, asked.order_filter):
            yield order


def is_between(time_ns: int, start_ms: int | None, end_ms: int | None) -> bool:
    """Tell whether a time lies between two in milliseconds, both inclusive; None is open."""
    return (start_ms is None or start_ms <= time_ns // MILLISECOND_NS) and (
        end_ms is None or time_ns // MILLISECOND_NS <= end_ms
    )


def _passes_filter(desk: Desk, order: Order, word: str) -> bool:
    is_waiting = order.state == OrderState.UNTRIGGERED
    if word == "StopOrder":
        return is_waiting
    if word in TPSL_FILTERS:
        # Spot has none here; of contracts the word means the same as StopOrder.
        return is_waiting and not desk.category.is_spot
    return not (word == "Order" and is_waiting)


def execution_list(desk: Desk, account: int, asked: params.Executions) -> Body:
    """List fills and payments of funding, newest first."""
    if desk.is_elsewhere(asked.category):
        return {"category": asked.category, "list": [], "nextPageCursor": ""}
    symbols = set(desk.symbols(asked.symbol, asked.category))
    is_of_one = bool(asked.order_id or asked.order_link_id)
    rows = [
        (fill.number, fill.time_ns, fill_row(fill, desk.listing(fill.order.symbol), desk.category))
        for fill in desk.venue.fills
        if fill.order.account == account
        and fill.order.symbol in symbols
        and (not is_of_one or _is_meant(fill.order, asked))
    ]
    if not is_of_one:
        rows += [
            (paid.number, paid.time_ns, funding_row(paid, desk.listing(paid.symbol), desk.category))
            for paid in desk.venue.funding
            if paid.account == account and paid.symbol in symbols
        ]
    rows = [row for row in rows if is_between(row[1], asked.start_time, asked.end_time)]
    rows = [row for row in rows if asked.exec_type in {"", row[2]["execType"]}]
    newest_first = [row for _, _, row in sorted(rows, key=lambda row: -row[0])]
    chosen, cursor = page(newest_first, asked.limit, 100, asked.cursor)
    return {"category": desk.category.name, "list": chosen, "nextPageCursor": cursor}


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

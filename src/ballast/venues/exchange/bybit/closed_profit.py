"""The endpoint of closed profit: what each order has closed, at which prices, and what is left of it after fees."""

from __future__ import annotations

from typing import Any

from ballast.model.enums import OrderType, Side
from ballast.venues.exchange.bybit import params
from ballast.venues.exchange.bybit.desk import Body, Desk, page
from ballast.venues.exchange.bybit.trading import is_between
from ballast.venues.exchange.bybit.wire import EXECUTIONS, millis, money, order_id, side_word
from ballast.venues.exchange.market import plain
from ballast.venues.exchange.orders import Fill


def closed_profits(desk: Desk, account: int, asked: params.ClosedProfits) -> Body:
    """List orders that have closed anything, newest first."""
    if desk.is_elsewhere(asked.category):
        return {"category": asked.category, "list": [], "nextPageCursor": ""}
    desk.check_contracts(asked.category)
    symbols = set(desk.symbols(asked.symbol, asked.category))
    by_order: dict[int, list[Fill]] = {}
    for fill in desk.venue.fills:
        if fill.closed_qty and fill.order.account == account and fill.order.symbol in symbols:
            by_order.setdefault(fill.order.number, []).append(fill)
    newest_first = sorted(by_order.values(), key=lambda fills: -fills[-1].number)
    meant = [fills for fills in newest_first if is_between(fills[-1].time_ns, asked.start_time, asked.end_time)]
    chosen, cursor = page(meant, asked.limit, 100, asked.cursor)
    return {"category": desk.category.name, "list": [_row(desk, fills) for fills in chosen], "nextPageCursor": cursor}


def _row(desk: Desk, fills: list[Fill]) -> dict[str, Any]:
    order = fills[-1].order
    listing, side = desk.listing(order.symbol), Side(order.request.side)
    closed = sum(fill.closed_qty for fill in fills)
    exit_value = sum(fill.closed_qty * fill.price for fill in fills)
    # A sale closes a long leg: what it brought less what was earned is what the leg had cost.
    profit = sum(fill.profit for fill in fills)
    entry_value = exit_value + side * profit
    digits = listing.price_decimals + 4
    return {
        "symbol": listing.symbol,
        "orderId": order_id(order.number),
        "side": side_word(side),
        "qty": listing.qty(order.qty),
        "orderPrice": listing.price(fills[-1].price if order.request.type == OrderType.MARKET else order.price),
        "orderType": "Market" if order.request.type == OrderType.MARKET else "Limit",
        "execType": EXECUTIONS.get(order.request.origin, "Trade"),
        "closedSize": listing.qty(closed),
        "cumEntryValue": money(entry_value),
        "avgEntryPrice": f"{entry_value / closed:.{digits}f}",
        "cumExitValue": money(exit_value),
        "avgExitPrice": f"{exit_value / closed:.{digits}f}",
        "closedPnl": money(profit - sum(fill.closed_fees for fill in fills)),
        "fillCount": str(len(fills)),
        "leverage": plain(desk.venue.leg(order.account, order.symbol, order.request.position_side).leverage),
        "createdTime": millis(order.created_ns),
        "updatedTime": millis(fills[-1].time_ns),
    }

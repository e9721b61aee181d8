"""The venue's facts in the protocol's words: orders, executions, positions."""

from __future__ import annotations

from math import isnan
from typing import Any

from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import OrderType, PositionSide, QtyUnit, Reason, Side, TimeInForce
from ballast.venues.exchange.accounts import position, sides_of
from ballast.venues.exchange.bybit.category import LINEAR, Category
from ballast.venues.exchange.market import Listing, plain
from ballast.venues.exchange.orders import Fill, FundingPaid, Order, OrderRequest, OrderState, Origin
from ballast.venues.exchange.venue import LocalVenue

NOTHING = "0.00000000"
MOST_VALUE = 1e12
"""What is told of a risk tier that has no end, quote money."""
_STATES = {
    OrderState.CREATED: "New",
    OrderState.UNTRIGGERED: "Untriggered",
    OrderState.TRIGGERED: "Triggered",
    OrderState.NEW: "New",
    OrderState.PARTIALLY_FILLED: "PartiallyFilled",
    OrderState.FILLED: "Filled",
    OrderState.CANCELLED: "Cancelled",
    OrderState.REJECTED: "Rejected",
    OrderState.DEACTIVATED: "Deactivated",
}
_REJECT_REASONS = {
    Reason.NONE: "EC_NoError",
    Reason.WOULD_CROSS: "EC_PostOnlyWillTakeLiquidity",
    Reason.IMMEDIATE_UNFILLED: "EC_NoImmediateQtyToFill",
    Reason.CANCELLED_BY_STRATEGY: "EC_PerCancelRequest",
}
_CANCEL_TYPES = {
    Reason.CANCELLED_BY_STRATEGY: "CancelByUser",
    Reason.LIQUIDATION: "CancelByPrepareLiq",
    Reason.NOTHING_TO_REDUCE: "CancelByReduceOnly",
}
_CREATED_BY = {
    Origin.CLIENT: "CreateByUser",
    Origin.TAKE_PROFIT: "CreateByTakeProfit",
    Origin.STOP_LOSS: "CreateByStopLoss",
    Origin.LIQUIDATION: "CreateByLiq",
    Origin.ADL: "CreateByAdl_PassThrough",
}
_STOP_TYPES = {Origin.TAKE_PROFIT: "TakeProfit", Origin.STOP_LOSS: "StopLoss"}
EXECUTIONS = {Origin.LIQUIDATION: "BustTrade", Origin.ADL: "AdlTrade"}
_TIMES_IN_FORCE = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}
_DROPPED = frozenset({OrderState.CANCELLED, OrderState.DEACTIVATED})


def order_id(number: int) -> str:
    """Return an order's id in the shape of the venue's."""
    return f"00000000-0000-4000-8000-{number:012d}"


def order_number(text: str) -> int:
    """Return the number in an order's id; -1 if it is none of ours."""
    tail = text.rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdigit() and order_id(int(tail)) == text else -1


def side_word(side: int) -> str:
    """Return Buy or Sell."""
    return "Buy" if side == Side.BUY else "Sell"


def money(value: float) -> str:
    """Return an amount of money; "" for NaN."""
    if value == 0.0:
        return NOTHING
    return "" if isnan(value) else f"{value:.8f}"


def millis(time_ns: int) -> str:
    """Return a time in milliseconds."""
    return str(time_ns // MILLISECOND_NS)


def order_row(order: Order, listing: Listing, category: Category) -> dict[str, Any]:
    """Return an order."""
    request, filled, left = order.request, order.filled_qty, order.left_qty
    is_market, is_conditional = request.type == OrderType.MARKET, order.is_conditional
    fees, take_profit, stop_loss = money(order.fees), request.take_profit, request.stop_loss
    row = {
        "category": category.name,
        "symbol": request.symbol,
        "orderId": order_id(order.number),
        "orderLinkId": request.link_id,
        "blockTradeId": "",
        "side": side_word(request.side),
        "positionIdx": int(request.position_side),
        "orderStatus": _STATES[order.state],
        "orderType": "Market" if is_market else "Limit",
        "createType": _CREATED_BY[request.origin],
        "cancelType": _cancel_type(order),
        "rejectReason": _reject_reason(order),
        "timeInForce": _time_in_force(request, is_market=is_market),
        "price": listing.price(0.0 if is_market else order.price),
        "qty": listing.qty(order.qty),
        "avgPrice": f"{order.average_price:.{listing.price_decimals + 4}f}" if filled else "",
        "leavesQty": listing.qty(left),
        "leavesValue": money(left * (order.last_price if is_market else order.price)),
        "cumExecQty": listing.qty(filled),
        "cumExecValue": money(order.filled_value),
        "cumExecFee": fees,
        "cumFeeDetail": {category.coin: fees} if filled else {},
        "feeCurrency": category.coin,
        "isLeverage": "",
        "stopOrderType": _STOP_TYPES.get(request.origin, "Stop" if is_conditional else ""),
        "orderIv": "",
        "triggerPrice": listing.price(order.trigger_price) if is_conditional else "",
        "triggerDirection": int(request.trigger),
        "triggerBy": "LastPrice" if is_conditional else "",
        "takeProfit": listing.price(take_profit),
        "stopLoss": listing.price(stop_loss),
        "tpslMode": "Full" if request.closes_all or not isnan(take_profit) else "",
        "tpTriggerBy": "" if isnan(take_profit) else "LastPrice",
        "slTriggerBy": "" if isnan(stop_loss) else "LastPrice",
        "tpLimitPrice": "0",
        "slLimitPrice": "0",
        "lastPriceOnCreated": listing.price(order.last_price),
        "reduceOnly": request.reduce_only,
        "closeOnTrigger": request.closes_all,
        "placeType": "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "createdTime": millis(order.created_ns),
        "updatedTime": millis(order.updated_ns),
    }
    return _spot_order(row, order) if category.is_spot else row


def _spot_order(row: dict[str, Any], order: Order) -> dict[str, Any]:
    """
    Return an order of spot, which does not say how it came about.

    What asked for money tells its quantity in that, and one that was cancelled after a fill has a word of its own.
    """
    del row["createType"], row["tpslMode"]
    request = order.request
    row |= {"isLeverage": "0", "marketUnit": "", "ocoTriggerBy": "OcoTriggerByUnknown"}
    if request.type == OrderType.MARKET:
        is_money = request.qty_unit == QtyUnit.QUOTE
        row["marketUnit"] = "quoteCoin" if is_money else "baseCoin"
        if is_money:
            row |= {"qty": money(request.qty), "leavesValue": money(max(0.0, request.qty - order.filled_value))}
    if order.state == OrderState.CANCELLED and order.filled_qty:
        row["orderStatus"] = "PartiallyFilledCanceled"
    return row


def _time_in_force(request: OrderRequest, *, is_market: bool) -> str:
    if request.post_only:
        return "PostOnly"
    return "IOC" if is_market else _TIMES_IN_FORCE[request.time_in_force]


def _cancel_type(order: Order) -> str:
    if order.state not in _DROPPED:
        return "UNKNOWN"
    if order.request.closes_all and order.reason == Reason.NOTHING_TO_REDUCE:
        return "CancelByTpSlTsClear"
    return _CANCEL_TYPES.get(order.reason, "UNKNOWN")


def _reject_reason(order: Order) -> str:
    return "EC_NoError" if not order.reason else _REJECT_REASONS.get(order.reason, "EC_Others")


def fill_row(fill: Fill, listing: Listing, category: Category) -> dict[str, Any]:
    """Return an execution."""
    order = fill.order
    row = {
        "category": category.name,
        "symbol": order.request.symbol,
        "orderId": order_id(order.number),
        "orderLinkId": order.request.link_id,
        "side": side_word(order.request.side),
        "orderPrice": listing.price(fill.price if isnan(order.price) else order.price),
        "orderQty": listing.qty(order.qty),
        "leavesQty": listing.qty(order.left_qty),
        "orderType": "Market" if order.request.type == OrderType.MARKET else "Limit",
        "stopOrderType": _STOP_TYPES.get(order.request.origin, "Stop" if order.is_conditional else "UNKNOWN"),
        "createType": _CREATED_BY[order.request.origin],
        "execId": _execution_id(fill.number),
        "execType": EXECUTIONS.get(order.request.origin, "Trade"),
        "execPrice": listing.price(fill.price),
        "execQty": listing.qty(fill.qty),
        "execValue": money(fill.qty * fill.price),
        "execFee": money(fill.fee),
        "execPnl": money(fill.profit),
        "feeRate": f"{fill.fee_rate:.8f}",
        "feeCurrency": category.coin,
        "execTime": millis(fill.time_ns),
        "isMaker": fill.is_maker,
        "isLeverage": "0",
        "closedSize": listing.qty(fill.closed_qty),
        "markPrice": listing.price(fill.mark_price),
        "indexPrice": "",
        "underlyingPrice": "",
        "tradeIv": "",
        "markIv": "",
        "blockTradeId": "",
        "seq": fill.number,
    }
    return _spot_fill(row) if category.is_spot else row


def _spot_fill(row: dict[str, Any]) -> dict[str, Any]:
    """Return an execution of spot: it closes nothing, and does not say how its order came about."""
    del row["createType"]
    return row | {"closedSize": "", "execPnl": "", "markPrice": "", "feeCoin": row["feeCurrency"]}


def funding_row(paid: FundingPaid, listing: Listing, category: Category) -> dict[str, Any]:
    """Return the execution by which a payment of funding arrives."""
    value = abs(paid.qty) * paid.mark_price
    is_long = paid.qty > 0.0
    rate = paid.payment / (paid.qty * paid.mark_price) if value else 0.0
    return {
        "category": category.name,
        "symbol": listing.symbol,
        "orderId": _execution_id(paid.number),
        "orderLinkId": "",
        "side": "Sell" if is_long else "Buy",
        "orderPrice": "0",
        "orderQty": "0",
        "leavesQty": "0",
        "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "createType": "",
        "execId": _execution_id(paid.number),
        "execType": "Funding",
        "execPrice": listing.price(paid.mark_price),
        "execQty": listing.qty(abs(paid.qty)),
        "execValue": money(value),
        "execFee": money(paid.payment),
        "execPnl": "",
        "feeRate": f"{rate:.8f}",
        "feeCurrency": category.coin,
        "execTime": millis(paid.time_ns),
        "isMaker": False,
        "isLeverage": "0",
        "closedSize": "0",
        "markPrice": listing.price(paid.mark_price),
        "indexPrice": "",
        "underlyingPrice": "",
        "tradeIv": "",
        "markIv": "",
        "blockTradeId": "",
        "seq": paid.number,
    }


def _execution_id(number: int) -> str:
    return f"00000000-0000-5000-8000-{number:012d}"


def position_rows(venue: LocalVenue, account: int, symbol: int, *, price_key: str = "avgPrice") -> list[dict[str, Any]]:
    """Return a symbol's legs; ``price_key`` is "avgPrice" over REST and "entryPrice" in pushes."""
    return [_position_row(venue, account, symbol, side, price_key) for side in sides_of(venue, account)]


def _position_row(venue: LocalVenue, account: int, symbol: int, side: PositionSide, price_key: str) -> dict[str, Any]:
    listing, one = venue.market.listings[symbol], position(venue, account, symbol, side)
    is_flat = one.qty == 0.0
    realised = money(venue.realised_profit(account, symbol, side))
    initial, maintenance = ("", "") if is_flat else (money(one.initial_margin), money(one.maintenance_margin))
    return {
        "category": LINEAR.name,
        "symbol": listing.symbol,
        "positionIdx": int(side),
        "side": "" if is_flat else side_word(Side.BUY if one.qty > 0.0 else Side.SELL),
        "size": listing.qty(abs(one.qty)),
        price_key: "0" if is_flat else f"{one.entry_price:.{listing.price_decimals + 8}f}",
        "positionValue": "" if is_flat else money(one.value),
        "markPrice": listing.price(one.mark_price),
        "leverage": plain(one.leverage),
        "unrealisedPnl": "" if is_flat else money(one.profit),
        "curRealisedPnl": realised,
        "cumRealisedPnl": realised,
        "positionIM": initial,
        "positionMM": maintenance,
        "positionIMByMp": initial,
        "positionMMByMp": maintenance,
        "liqPrice": listing.price(one.liquidation_price),
        "bustPrice": "",
        "takeProfit": _protection(venue, account, symbol, side, Origin.TAKE_PROFIT),
        "stopLoss": _protection(venue, account, symbol, side, Origin.STOP_LOSS),
        "trailingStop": "0",
        "sessionAvgPrice": "",
        "tpslMode": "Full",
        "tradeMode": 0,
        "riskId": 1,
        "riskLimitValue": plain(min(venue.market.first_limits[symbol], MOST_VALUE)),
        "positionStatus": "Normal",
        "positionBalance": "0",
        "adlRankIndicator": 0 if is_flat else 2,
        "autoAddMargin": 0,
        "isReduceOnly": False,
        "leverageSysUpdatedTime": "",
        "mmrSysUpdatedTime": "",
        "createdTime": millis(venue.market.start_ns),
        "updatedTime": millis(venue.now_ns),
        "seq": len(venue.fills),
    }


def _protection(venue: LocalVenue, account: int, symbol: int, side: PositionSide, origin: Origin) -> str:
    price = venue.protection(account, symbol, side, origin)
    return venue.market.listings[symbol].price(price) if price else ""

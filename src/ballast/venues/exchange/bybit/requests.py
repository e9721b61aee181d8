"""What a request for an order means: of contracts with their legs and protection, of spot with coins or money."""

from __future__ import annotations

from math import isnan, nan

from ballast.model.enums import OrderType, QtyUnit, Side, TimeInForce
from ballast.venues.exchange.bybit import params
from ballast.venues.exchange.bybit.account import position_side
from ballast.venues.exchange.bybit.codes import Rejection, wrong
from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.checks import is_on_grid
from ballast.venues.exchange.orders import OrderRequest, Trigger
from ballast.venues.exchange.refusals import Refusal, Refused

MOST_DECIMALS = 8
"""Of the money that a market order trades."""
_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
_TYPES = {"Market": OrderType.MARKET, "Limit": OrderType.LIMIT}
_TIMES_IN_FORCE = {
    "": TimeInForce.GTC,
    "GTC": TimeInForce.GTC,
    "PostOnly": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_UNITS = {"baseCoin": QtyUnit.BASE, "quoteCoin": QtyUnit.QUOTE}
_NOTHING = {"", "0"}


def order_request(desk: Desk, account: int, asked: params.CreateOrder) -> OrderRequest:
    """Return what a request asks for; raises ``Rejection``, or ``Refused``."""
    symbol = desk.symbol(asked.symbol, asked.category)
    if desk.category.is_spot:
        return _of_spot(desk, account, symbol, asked)
    return _of_contracts(desk, account, symbol, asked)


def _of_contracts(desk: Desk, account: int, symbol: int, asked: params.CreateOrder) -> OrderRequest:
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
        price=price_of(desk, symbol, asked.price, "price") if is_limit else nan,
        position_side=position_side(desk, account, asked.position_idx),
        time_in_force=_TIMES_IN_FORCE[asked.time_in_force],
        post_only=is_limit and asked.time_in_force == "PostOnly",
        reduce_only=asked.reduce_only or asked.close_on_trigger,
        trigger=trigger,
        trigger_price=price_of(desk, symbol, asked.trigger_price, "triggerPrice") if trigger else nan,
        take_profit=take_profit,
        stop_loss=stop_loss,
        link_id=asked.order_link_id,
    )


def _refuse_unserved(asked: params.CreateOrder) -> None:
    by_last = {"", "LastPrice"}
    if {asked.trigger_by, asked.tp_trigger_by, asked.sl_trigger_by} - by_last:
        raise wrong("The local exchange triggers by LastPrice alone")
    if asked.tpsl_mode == "Partial" or {asked.tp_order_type, asked.sl_order_type} - {"", "Market"}:
        raise wrong("The local exchange protects whole positions with market orders alone: tpslMode Full")


def _trigger(asked: params.CreateOrder) -> Trigger:
    if asked.trigger_price in _NOTHING:
        return Trigger.NONE
    if asked.trigger_direction not in {1, 2}:
        raise wrong("TriggerDirection invalid")
    return Trigger(asked.trigger_direction)


def _optional(text: str, name: str) -> float:
    return params.number(text, name) if text not in _NOTHING else nan


def _of_spot(desk: Desk, account: int, symbol: int, asked: params.CreateOrder) -> OrderRequest:
    if asked.side not in _SIDES:
        raise Rejection(170117, "Invalid side.")
    if asked.order_type not in _TYPES:
        raise Rejection(170116, "Invalid orderType.")
    if asked.time_in_force not in _TIMES_IN_FORCE:
        raise Rejection(170115, "Invalid timeInForce.")
    _refuse_unserved_spot(asked)
    is_limit = asked.order_type == "Limit"
    qty, unit = _amount(asked)
    trigger, trigger_price = _spot_trigger(desk, symbol, asked)
    return OrderRequest(
        symbol=asked.symbol,
        side=_SIDES[asked.side],
        type=_TYPES[asked.order_type],
        qty=qty,
        qty_unit=unit,
        price=price_of(desk, symbol, asked.price, "price") if is_limit else nan,
        position_side=position_side(desk, account, asked.position_idx),
        time_in_force=_TIMES_IN_FORCE[asked.time_in_force],
        post_only=is_limit and asked.time_in_force == "PostOnly",
        trigger=trigger,
        trigger_price=trigger_price,
        link_id=asked.order_link_id,
    )


def _refuse_unserved_spot(asked: params.CreateOrder) -> None:
    if asked.reduce_only or asked.close_on_trigger:
        raise wrong("params error: reduceOnly and closeOnTrigger are not of category spot")
    if asked.is_leverage:
        raise Rejection(170037, "Cross Margin Trading not yet supported by the selected coin.")
    if not {asked.take_profit, asked.stop_loss} <= _NOTHING or asked.order_filter == "tpslOrder":
        raise wrong("The local exchange has no TP/SL orders of spot: use orderFilter StopOrder")
    if asked.order_filter not in {"", "Order", "StopOrder"}:
        raise Rejection(170202, "Invalid orderFilter parameter.")


def _amount(asked: params.CreateOrder) -> tuple[float, QtyUnit]:
    """Return how much an order is for; market buys mean money unless they say otherwise, sells coins."""
    qty, is_market = params.number(asked.qty, "qty"), asked.order_type == "Market"
    if asked.market_unit and (not is_market or asked.market_unit not in _UNITS):
        raise wrong("params error: marketUnit is baseCoin or quoteCoin, and of market orders")
    if qty <= 0.0:
        raise Refused(Refusal.BELOW_MINIMUM_QTY)
    default = "quoteCoin" if is_market and asked.side == "Buy" else "baseCoin"
    unit = _UNITS[asked.market_unit or default]
    if unit == QtyUnit.QUOTE and len(asked.qty.partition(".")[2].rstrip("0")) > MOST_DECIMALS:
        raise Rejection(170148, "Market order amount decimal too long.")
    return qty, unit


def _spot_trigger(desk: Desk, symbol: int, asked: params.CreateOrder) -> tuple[Trigger, float]:
    """Return on which way to its trigger the price is; one that is given makes an order conditional."""
    if asked.trigger_price in _NOTHING:
        if asked.order_filter == "StopOrder":
            raise Rejection(170203, "Please enter the TP/SL price.")
        return Trigger.NONE, nan
    price, last = price_of(desk, symbol, asked.trigger_price, "triggerPrice"), desk.venue.last_price(symbol)
    if isnan(last):
        raise Refused(Refusal.NO_PRICE)
    return Trigger.FALLS if price < last else Trigger.RISES, price


def price_of(desk: Desk, symbol: int, text: str, name: str) -> float:
    """Return a price; in spot it lies on the tick grid. Raises ``Rejection``."""
    price = params.number(text, name)
    if desk.category.is_spot and price > 0.0 and not is_on_grid(price, desk.listing(symbol).tick):
        raise Rejection(170134, "Order price decimal too long.")
    return price

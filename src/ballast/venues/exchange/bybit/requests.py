"""What a request for an order means: of contracts with their legs and protection, of spot with coins or money."""

from __future__ import annotations

from math import isnan, nan

from ballast.model.enums import OrderType, QtyUnit, Side, TimeInForce
from ballast.venues.exchange.bybit import params
from ballast.venues.exchange.bybit.account import position_side
from ballast.venues.exchange.bybit.codes import Rejection, wrong
from ballast.venues.exchange.bybit.desk import Desk
from ballast.venues.exchange.checks import is_on_grid, way_to
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
    words = (("side", asked.side, _SIDES), ("orderType", asked.order_type, _TYPES))
    for name, word, known in (*words, ("timeInForce", asked.time_in_force, _TIMES_IN_FORCE)):
        if word not in known:
            raise Rejection(*desk.category.invalid[name])
    _refuse_unknown_ways(asked)
    (_refuse_unserved_spot if desk.category.is_spot else _refuse_unserved)(asked)
    is_limit = asked.order_type == "Limit"
    qty, unit = _spot_amount(asked) if desk.category.is_spot else (params.number(asked.qty, "qty"), QtyUnit.BASE)
    trigger, trigger_price = _trigger(desk, symbol, asked)
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
        reduce_only=asked.reduce_only or asked.close_on_trigger,
        trigger=trigger,
        trigger_price=trigger_price,
        take_profit=_optional(asked.take_profit, "takeProfit"),
        stop_loss=_optional(asked.stop_loss, "stopLoss"),
        link_id=asked.order_link_id,
    )


def _refuse_unknown_ways(asked: params.CreateOrder) -> None:
    """Refuse what would change how an order fills, rather than fill it otherwise."""
    tolerance, smp = {asked.slippage_tolerance, asked.slippage_tolerance_type}, {"", "None"}
    if tolerance - _NOTHING or asked.bbo_side_type or asked.smp_type not in smp:
        raise wrong("The local exchange has no slippageTolerance, bboSideType or smpType: leave them out")


def _refuse_unserved(asked: params.CreateOrder) -> None:
    by_last = {"", "LastPrice"}
    if {asked.trigger_by, asked.tp_trigger_by, asked.sl_trigger_by} - by_last:
        raise wrong("The local exchange triggers by LastPrice alone")
    with_limits = {asked.tp_order_type, asked.sl_order_type} - {"", "Market"}
    with_limits |= {asked.tp_limit_price, asked.sl_limit_price} - _NOTHING
    if asked.tpsl_mode == "Partial" or with_limits:
        raise wrong("The local exchange protects whole positions with market orders alone: tpslMode Full")
    if (asked.reduce_only or asked.close_on_trigger) and not {asked.take_profit, asked.stop_loss} <= _NOTHING:
        raise wrong("reduceOnly orders cannot carry takeProfit or stopLoss")


def _refuse_unserved_spot(asked: params.CreateOrder) -> None:
    if asked.reduce_only or asked.close_on_trigger:
        raise wrong("params error: reduceOnly and closeOnTrigger are not of category spot")
    if asked.is_leverage:
        raise Rejection(170037, "Cross Margin Trading not yet supported by the selected coin.")
    if not {asked.take_profit, asked.stop_loss} <= _NOTHING or asked.order_filter == "tpslOrder":
        raise wrong("The local exchange has no TP/SL orders of spot: use orderFilter StopOrder")
    if asked.order_filter not in {"", "Order", "StopOrder"}:
        raise Rejection(170202, "Invalid orderFilter parameter.")


def _spot_amount(asked: params.CreateOrder) -> tuple[float, QtyUnit]:
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


def _trigger(desk: Desk, symbol: int, asked: params.CreateOrder) -> tuple[Trigger, float]:
    """Return on which way its trigger is met; in spot that follows from where the price stands."""
    is_spot = desk.category.is_spot
    if asked.trigger_price in _NOTHING:
        if is_spot and asked.order_filter == "StopOrder":
            raise Rejection(170203, "Please enter the TP/SL price.")
        return Trigger.NONE, nan
    price, last = price_of(desk, symbol, asked.trigger_price, "triggerPrice"), desk.venue.last_price(symbol)
    if not is_spot:
        if asked.trigger_direction not in {1, 2}:
            raise wrong("TriggerDirection invalid")
        return Trigger(asked.trigger_direction), price
    if isnan(last):
        raise Refused(Refusal.NO_PRICE)
    return way_to(price, last), price


def _optional(text: str, name: str) -> float:
    return params.number(text, name) if text not in _NOTHING else nan


def price_of(desk: Desk, symbol: int, text: str, name: str) -> float:
    """Return a price; in spot it lies on the tick grid. Raises ``Rejection``."""
    price = params.number(text, name)
    if desk.category.is_spot and price > 0.0 and not is_on_grid(price, desk.listing(symbol).tick):
        raise Rejection(170134, "Order price decimal too long.")
    return price

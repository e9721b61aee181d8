"""The table of REST endpoints: weights, fuzzing and dispatch read it, and nothing else knows a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ballast.venues.exchange.mexc import account, market, params, trading
from ballast.venues.exchange.mexc.desk import Body, Desk
from ballast.venues.exchange.mexc.limits import Weight

Handler = Callable[[Desk, int, Any], Body]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint; ``weight_of_all`` is what a request without a symbol costs, where that is more."""

    method: str
    path: str
    params: type[params.Params]
    handler: Handler
    weight: Weight
    is_private: bool = False
    weight_of_all: Weight | None = None


def _public(path: str, of: type[params.Params], handler: Handler, weight: int = 1, of_all: int = 0) -> Endpoint:
    weight_of_all = Weight(of_all) if of_all else None
    return Endpoint("GET", f"/api/v3/{path}", of, handler, Weight(weight), weight_of_all=weight_of_all)


def _private(method: str, path: str, of: type[params.Params], handler: Handler, weight: Weight) -> Endpoint:
    return Endpoint(method, f"/api/v3/{path}", of, handler, weight, is_private=True)


ENDPOINTS: tuple[Endpoint, ...] = (
    _public("ping", params.Params, market.ping),
    _public("time", params.Params, market.server_time),
    _public("defaultSymbols", params.Params, market.default_symbols),
    _public("exchangeInfo", params.Symbols, market.exchange_info, 10),
    _public("depth", params.OneSymbol, market.depth),
    _public("trades", params.OneSymbol, market.trades, 5),
    _public("aggTrades", params.Trades, market.agg_trades),
    _public("klines", params.Klines, market.klines),
    _public("avgPrice", params.OneSymbol, market.average_price),
    _public("ticker/24hr", params.Symbols, market.ticker_day, 1, of_all=40),
    _public("ticker/price", params.Symbols, market.ticker_price, 1, of_all=2),
    _public("ticker/bookTicker", params.Symbols, market.ticker_book),
    Endpoint("GET", "/api/v1/contract/detail", params.Params, market.contracts, Weight(1)),
    _private("GET", "account", params.Params, account.account_info, Weight(10, per_second=2)),
    _private("GET", "tradeFee", params.OneSymbol, account.trade_fee, Weight(20)),
    _private("GET", "selfSymbols", params.Params, account.own_symbols, Weight(1)),
    _private("GET", "capital/config/getall", params.Params, account.coin_info, Weight(10)),
    _private("POST", "order", params.NewOrder, trading.create_order, Weight(1, 1)),
    _private("POST", "order/test", params.NewOrder, trading.test_order, Weight(1)),
    _private("POST", "batchOrders", params.BatchOrders, trading.batch_orders, Weight(1, 1, per_second=2)),
    _private("GET", "order", params.OneOrder, trading.query_order, Weight(2)),
    _private("DELETE", "order", params.OneOrder, trading.cancel_order, Weight(1)),
    _private("DELETE", "order/all", params.Params, trading.cancel_every_order, Weight(1)),
    _private("GET", "openOrders", params.OpenOrders, trading.open_orders, Weight(3)),
    _private("DELETE", "openOrders", params.OpenOrders, trading.cancel_open_orders, Weight(1)),
    _private("GET", "allOrders", params.History, trading.all_orders, Weight(10)),
    _private("GET", "myTrades", params.History, trading.my_trades, Weight(10)),
    _private("POST", "userDataStream", params.Params, account.make_listen_key, Weight(1)),
    _private("GET", "userDataStream", params.Params, account.list_listen_keys, Weight(1)),
    _private("PUT", "userDataStream", params.ListenKey, account.extend_listen_key, Weight(1)),
    _private("DELETE", "userDataStream", params.ListenKey, account.end_listen_key, Weight(1)),
)

BY_ROUTE = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}

"""The table of REST endpoints: rate limits, fuzzing and dispatch read it, and nothing else knows a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ballast.venues.exchange.bybit import account, batches, closed_profit, market, params, trading
from ballast.venues.exchange.bybit.desk import Batch, Body, Desk
from ballast.venues.exchange.bybit.limits import RateLimit, order_limit

Handler = Callable[[Desk, int, Any], Body | Batch]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint; ``limit`` None is public, and needs no signature."""

    method: str
    path: str
    params: type[params.Params]
    handler: Handler
    limit: RateLimit | None = None

    @property
    def is_private(self) -> bool:
        """Whether a request has to be signed."""
        return self.limit is not None


def _public(path: str, of: type[params.Params], handler: Handler) -> Endpoint:
    return Endpoint("GET", f"/v5/market/{path}", of, handler)


def _read(path: str, of: type[params.Params], handler: Handler, per_second: int = 50) -> Endpoint:
    return Endpoint("GET", f"/v5/{path}", of, handler, RateLimit(path, per_second))


def _write(path: str, of: type[params.Params], handler: Handler, per_second: int = 10) -> Endpoint:
    return Endpoint("POST", f"/v5/{path}", of, handler, RateLimit(path, per_second))


def _order(verb: str, of: type[params.Params], handler: Handler) -> Endpoint:
    return Endpoint("POST", f"/v5/order/{verb}", of, handler, order_limit(verb))


def _batch(handler: Handler, limit: RateLimit) -> Endpoint:
    return Endpoint("POST", f"/v5/{limit.group}", params.Batch, handler, limit)


ENDPOINTS: tuple[Endpoint, ...] = (
    _public("time", params.ServerTime, market.server_time),
    _public("instruments-info", params.Instruments, market.instruments_info),
    _public("tickers", params.OneSymbol, market.tickers),
    _public("orderbook", params.OneSymbol, market.orderbook),
    _public("recent-trade", params.OneSymbol, market.recent_trade),
    _public("kline", params.Klines, market.kline),
    _public("mark-price-kline", params.Klines, market.mark_price_kline),
    _public("index-price-kline", params.Klines, market.mark_price_kline),
    _public("funding/history", params.FundingHistory, market.funding_history),
    _public("risk-limit", params.OneSymbol, market.risk_limit),
    _read("asset/coin/query-info", params.Coins, market.coin_info, 5),
    _read("user/query-api", params.Params, account.query_api, 10),
    _read("account/info", params.Params, account.account_info),
    _write("account/set-margin-mode", params.SetMarginMode, account.set_margin_mode, 5),
    _read("account/wallet-balance", params.WalletBalance, account.wallet_balance),
    _read("account/fee-rate", params.OneSymbol, account.fee_rate, 5),
    _read("position/list", params.Positions, account.position_list),
    _read("position/closed-pnl", params.ClosedProfits, closed_profit.closed_profits),
    _write("position/switch-mode", params.SwitchMode, account.switch_mode),
    _write("position/set-leverage", params.SetLeverage, account.set_leverage),
    _write("position/trading-stop", params.TradingStop, account.trading_stop),
    _order("create", params.CreateOrder, trading.create_order),
    _order("amend", params.AmendOrder, trading.amend_order),
    _order("cancel", params.CancelOrder, trading.cancel_order),
    _order("cancel-all", params.CancelAll, trading.cancel_all),
    _batch(batches.create_batch, batches.create_limit),
    _batch(batches.amend_batch, batches.amend_limit),
    _batch(batches.cancel_batch, batches.cancel_limit),
    _write("order/pre-check", params.CreateOrder, trading.pre_check),
    _read("order/realtime", params.Orders, trading.order_realtime),
    _read("order/history", params.Orders, trading.order_history),
    _read("execution/list", params.Executions, trading.execution_list),
)

BY_ROUTE = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}
_VERBS = [f"{verb}{batch}" for verb in ("create", "amend", "cancel") for batch in ("", "-batch")]
TRADE_OPERATIONS = {f"order.{verb}": BY_ROUTE["POST", f"/v5/order/{verb}"] for verb in _VERBS}
"""What the trade socket can do, through the same handlers and budgets."""

"""What requests carry, as typed structs: field names are the protocol's. Numbers are text; unknown fields pass."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any

import msgspec

from ballast.venues.exchange.bybit.codes import wrong

LONGEST_NUMBER = 40
MOST_IN_A_BATCH = 10

Text = Annotated[str, msgspec.Meta(max_length=200)]
LinkId = Annotated[str, msgspec.Meta(max_length=36, pattern=r"^[A-Za-z0-9_-]*\Z")]


class Params(msgspec.Struct, rename="camel", kw_only=True):
    """The base of all: no parameters."""


class ServerTime(Params):
    """Nothing."""


class Instruments(Params):
    """Which instruments to list; ``status`` other than Trading lists none."""

    category: Text
    symbol: Text = ""
    status: Text = ""
    base_coin: Text = ""
    limit: int = 500
    cursor: Text = ""


class OneSymbol(Params):
    """A category, and a symbol or all."""

    category: Text = "linear"
    symbol: Text = ""
    limit: int = 0
    cursor: Text = ""


class Klines(Params):
    """Bars by open time, milliseconds, both ends inclusive."""

    symbol: Text
    interval: Text
    category: Text = "linear"
    start: int | None = None
    end: int | None = None
    limit: int = 200


class FundingHistory(Params):
    """Stamps by time, milliseconds, both ends inclusive."""

    category: Text
    symbol: Text
    start_time: int | None = None
    end_time: int | None = None
    limit: int = 200


class Coins(Params):
    """A coin, or all."""

    coin: Text = ""


class WalletBalance(Params):
    """An account's money."""

    account_type: Text
    coin: Text = ""


class Positions(Params):
    """A symbol's legs, flat ones too; or of all symbols those that are held."""

    category: Text
    symbol: Text = ""
    settle_coin: Text = ""
    base_coin: Text = ""
    limit: int = 20
    cursor: Text = ""


class SwitchMode(Params):
    """``mode`` 0 is one-way, 3 hedge."""

    category: Text
    mode: int
    symbol: Text = ""
    coin: Text = ""


class SetLeverage(Params):
    """Leverage of both legs."""

    category: Text
    symbol: Text
    buy_leverage: Text
    sell_leverage: Text


class TradingStop(Params):
    """Take-profit and stop-loss of a leg; "0" takes one away, absent leaves it."""

    category: Text
    symbol: Text
    position_idx: int
    tpsl_mode: Text = "Full"
    take_profit: Text | None = None
    stop_loss: Text | None = None
    trailing_stop: Text | None = None
    active_price: Text | None = None
    tp_trigger_by: Text = "LastPrice"
    sl_trigger_by: Text = "LastPrice"
    tp_order_type: Text = "Market"
    sl_order_type: Text = "Market"


class CreateOrder(Params):
    """A new order."""

    category: Text
    symbol: Text
    side: Text
    order_type: Text
    qty: Text
    price: Text = ""
    time_in_force: Text = ""
    order_link_id: LinkId = ""
    position_idx: int = 0
    reduce_only: bool = False
    close_on_trigger: bool = False
    trigger_direction: int = 0
    trigger_price: Text = ""
    trigger_by: Text = ""
    order_filter: Text = ""
    take_profit: Text = ""
    stop_loss: Text = ""
    tpsl_mode: Text = ""
    tp_trigger_by: Text = ""
    sl_trigger_by: Text = ""
    tp_order_type: Text = ""
    sl_order_type: Text = ""
    market_unit: Text = ""
    is_leverage: int = 0
    slippage_tolerance: Text = ""
    slippage_tolerance_type: Text = ""
    bbo_side_type: Text = ""
    smp_type: Text = "None"
    tp_limit_price: Text = ""
    sl_limit_price: Text = ""


class AmendOrder(Params):
    """Another quantity, price or trigger of a live order."""

    category: Text
    symbol: Text
    order_id: Text = ""
    order_link_id: LinkId = ""
    qty: Text = ""
    price: Text = ""
    trigger_price: Text = ""
    take_profit: Text = ""
    stop_loss: Text = ""
    trigger_by: Text = ""


class CancelOrder(Params):
    """One order by either id; ``order_filter`` "StopOrder" means a spot order that is not triggered yet."""

    category: Text
    symbol: Text
    order_id: Text = ""
    order_link_id: LinkId = ""
    order_filter: Text = ""


class CancelAll(Params):
    """All orders of a symbol, or of a coin; ``order_filter`` "StopOrder" means those not triggered yet."""

    category: Text
    symbol: Text = ""
    settle_coin: Text = ""
    base_coin: Text = ""
    order_filter: Text = ""


class Batch(Params):
    """Several orders to create, amend or cancel, each with the fields of its single request but for the category."""

    category: Text
    request: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MOST_IN_A_BATCH)]


class SetMarginMode(Params):
    """``set_margin_mode`` is REGULAR_MARGIN, cross; others are refused."""

    set_margin_mode: Text


class ClosedProfits(Params):
    """Which closing orders to list, newest first."""

    category: Text
    symbol: Text = ""
    start_time: int | None = None
    end_time: int | None = None
    limit: int = 50
    cursor: Text = ""


class Orders(Params):
    """Which orders to list, newest first."""

    category: Text
    symbol: Text = ""
    settle_coin: Text = ""
    base_coin: Text = ""
    order_id: Text = ""
    order_link_id: LinkId = ""
    order_filter: Text = ""
    order_status: Text = ""
    open_only: int = 0
    start_time: int | None = None
    end_time: int | None = None
    limit: int = 20
    cursor: Text = ""


class Executions(Params):
    """Which executions to list, newest first."""

    category: Text
    symbol: Text = ""
    settle_coin: Text = ""
    base_coin: Text = ""
    order_id: Text = ""
    order_link_id: LinkId = ""
    exec_type: Text = ""
    start_time: int | None = None
    end_time: int | None = None
    limit: int = 50
    cursor: Text = ""


def number(text: str, name: str) -> float:
    """Return the number that a parameter's text holds; raises ``Rejection``."""
    is_plain = 0 < len(text) <= LONGEST_NUMBER and text.isascii() and text.strip() == text and "_" not in text
    try:
        value = float(text) if is_plain else float("nan")
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise wrong(f"params error: {name} invalid")
    return value

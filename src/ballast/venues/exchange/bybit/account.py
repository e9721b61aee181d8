"""Endpoints of accounts and positions."""

from __future__ import annotations

from ballast.model.durations import MILLISECOND_NS
from ballast.model.enums import PositionMode, PositionSide
from ballast.venues.exchange.bybit import params
from ballast.venues.exchange.bybit.codes import NOT_MODIFIED, Rejection, wrong
from ballast.venues.exchange.bybit.desk import Body, Desk, page
from ballast.venues.exchange.bybit.wallet import wallet_row
from ballast.venues.exchange.bybit.wire import position_rows
from ballast.venues.exchange.market import plain
from ballast.venues.exchange.orders import Origin
from ballast.venues.exchange.refusals import Refusal, Refused

_MODES = {0: PositionMode.ONE_WAY, 3: PositionMode.HEDGE}


def query_api(desk: Desk, account: int, _asked: params.Params) -> Body:
    """Tell a key of itself."""
    key = next(key for key in desk.keys.values() if key.account == account)
    return {
        "id": str(account + 1),
        "note": desk.venue.setup.accounts[account].name,
        "apiKey": key.key,
        "readOnly": 0,
        "secret": "",
        "permissions": {
            "ContractTrade": [] if desk.category.is_spot else ["Order", "Position"],
            "Spot": ["SpotTrade"] if desk.category.is_spot else [],
            "Wallet": ["AccountTransfer"],
            "Options": [],
            "Derivatives": [] if desk.category.is_spot else ["DerivativesTrade"],
            "CopyTrading": [],
            "BlockTrade": [],
            "Exchange": [],
            "NFT": [],
            "Affiliate": [],
        },
        "ips": ["*"],
        "type": 1,
        "deadlineDay": 90,
        "expiredAt": "2099-01-01T00:00:00Z",
        "createdAt": "2025-01-01T00:00:00Z",
        "unified": 0,
        "uta": 1,
        "userID": account + 1,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }


def account_info(desk: Desk, _account: int, _asked: params.Params) -> Body:
    """Tell which kind of account it is: unified, cross margin."""
    return {
        "marginMode": "REGULAR_MARGIN",
        "updatedTime": str(desk.venue.market.start_ns // MILLISECOND_NS),
        "unifiedMarginStatus": 6,
        "dcpStatus": "OFF",
        "timeWindow": 0,
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }


def wallet_balance(desk: Desk, account: int, asked: params.WalletBalance) -> Body:
    """Return the account's money."""
    if asked.account_type != "UNIFIED":
        raise wrong("accountType only support UNIFIED.")
    coins = {name.strip() for name in asked.coin.split(",")} - {""}
    return {"list": [wallet_row(desk.venue, account, desk.category, coins)]}


def fee_rate(desk: Desk, account: int, asked: params.OneSymbol) -> Body:
    """Return fee rates."""
    holder = desk.venue.record.accounts[account]
    rates = {"takerFeeRate": plain(holder.taker_fee_rate), "makerFeeRate": plain(holder.maker_fee_rate)}
    rows = [
        {"symbol": desk.listing(symbol).symbol, "baseCoin": "", **rates}
        for symbol in desk.symbols(asked.symbol, asked.category)
    ]
    return {"category": desk.category.name, "list": rows}


def set_margin_mode(_desk: Desk, _account: int, asked: params.SetMarginMode) -> Body:
    """Accept cross margin, which is what there is; refuse the others rather than margin as something else."""
    if asked.set_margin_mode != "REGULAR_MARGIN":
        raise wrong(f"this exchange has cross margin alone, not {asked.set_margin_mode[:40]}: nothing was changed")
    return {"reasons": []}


def position_list(desk: Desk, account: int, asked: params.Positions) -> Body:
    """Return positions: of a symbol all legs, of a coin those that are held."""
    if asked.category != "spot" and desk.is_elsewhere(asked.category):
        return {"category": asked.category, "list": [], "nextPageCursor": ""}
    desk.check_contracts(asked.category)
    symbols = desk.scope(asked.symbol, asked.settle_coin, asked.base_coin)
    rows = [row for symbol in symbols for row in position_rows(desk.venue, account, symbol)]
    if not asked.symbol:
        rows = [row for row in rows if row["side"]]
    chosen, cursor = page(rows, asked.limit, 200, asked.cursor)
    return {"category": desk.category.name, "list": chosen, "nextPageCursor": cursor}


def switch_mode(desk: Desk, account: int, asked: params.SwitchMode) -> Body:
    """Change the position mode: of the whole account, whatever symbol or coin is named."""
    desk.check_contracts(asked.category)
    if not asked.symbol and not asked.coin:
        raise wrong("params error: symbol or coin is required")
    if asked.symbol:
        desk.symbol(asked.symbol, asked.category)
    mode = _MODES.get(asked.mode)
    if mode is None:
        raise wrong("params error: mode must be 0 or 3")
    try:
        desk.venue.set_position_mode(account, mode)
    except Refused as error:
        if error.refusal != Refusal.NOT_MODIFIED:
            raise
        # A coin that has the mode already is no error: bots set it whenever they start.
        if asked.symbol:
            raise Rejection(110025, "Position mode is not modified") from None
    return {}


def set_leverage(desk: Desk, account: int, asked: params.SetLeverage) -> Body:
    """Change a symbol's leverage, the same in both legs."""
    desk.check_contracts(asked.category)
    symbol = desk.symbol(asked.symbol, asked.category)
    buy, sell = params.number(asked.buy_leverage, "buyLeverage"), params.number(asked.sell_leverage, "sellLeverage")
    if buy != sell:
        raise wrong("buy leverage invalid: in cross margin it must equal sell leverage")
    if buy < 1.0:
        raise wrong("buy leverage invalid")
    try:
        desk.venue.set_leverage(account, symbol, buy)
    except Refused as error:
        if error.refusal == Refusal.NOT_MODIFIED:
            raise Rejection(110043, "Set leverage has not been modified.") from None
        raise
    return {}


def trading_stop(desk: Desk, account: int, asked: params.TradingStop) -> Body:
    """Set or clear a leg's take-profit and stop-loss, which close all of it by a market order."""
    desk.check_contracts(asked.category)
    symbol = desk.symbol(asked.symbol, asked.category)
    if asked.tpsl_mode != "Full" or {asked.tp_order_type, asked.sl_order_type} != {"Market"}:
        raise wrong("The local exchange protects whole positions with market orders alone: tpslMode Full")
    if {asked.tp_trigger_by, asked.sl_trigger_by} != {"LastPrice"}:
        raise wrong("The local exchange triggers by LastPrice alone")
    if asked.trailing_stop not in {None, "", "0"} or asked.active_price not in {None, "", "0"}:
        raise wrong("The local exchange has no trailing stop")
    side = position_side(desk, account, asked.position_idx)
    wanted = [(Origin.TAKE_PROFIT, asked.take_profit), (Origin.STOP_LOSS, asked.stop_loss)]
    changes = [(origin, params.number(text, "price")) for origin, text in wanted if text]
    if not changes:
        raise wrong("params error: takeProfit or stopLoss is required")
    n_changed = 0
    # Both or none.
    for origin, price in changes:
        desk.venue.check_protection(account, symbol, side, origin, price, is_ahead=True)
    for origin, price in changes:
        try:
            desk.venue.protect(account, symbol, side, origin, price)
            n_changed += 1
        except Refused as error:
            if error.refusal != Refusal.NOT_MODIFIED:
                raise
    if n_changed == 0:
        raise Rejection(NOT_MODIFIED, "not modified")
    return {}


def position_side(desk: Desk, account: int, position_idx: int) -> PositionSide:
    """Return the leg that an index means in the account's mode; raises ``Rejection``."""
    if position_idx not in ((1, 2) if desk.venue.is_hedged(account) else (0,)):
        raise wrong("position idx not match position mode")
    return PositionSide(position_idx)

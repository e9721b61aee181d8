"""Endpoints of an account: what it holds, what it pays, and its listen keys."""

from __future__ import annotations

from ballast.venues.exchange.mexc import params
from ballast.venues.exchange.mexc.codes import missing
from ballast.venues.exchange.mexc.desk import Body, Desk
from ballast.venues.exchange.mexc.market import default_symbols


def account_info(desk: Desk, account: int, _asked: params.Params) -> Body:
    """Return what an account holds; coins that it has none of are left out, quote money is not."""
    return {
        "makerCommission": None,
        "takerCommission": None,
        "buyerCommission": None,
        "sellerCommission": None,
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "updateTime": None,
        "accountType": "SPOT",
        "balances": [
            {"asset": coin, "free": free, "locked": locked}
            for coin, (free, locked) in balances(desk, account).items()
            if coin == desk.quote or float(free) or float(locked)
        ],
        "permissions": ["SPOT"],
    }


def balances(desk: Desk, account: int) -> dict[str, tuple[str, str]]:
    """Return (free, locked) by coin, as the venue writes them."""
    return {coin: (free, locked) for coin, (_, free, locked) in desk.venue.spot.written(account).items()}


def trade_fee(desk: Desk, account: int, asked: params.OneSymbol) -> Body:
    """Return what an account pays on a symbol's trades, as fractions."""
    desk.symbol(asked.symbol)
    terms = desk.venue.setup.accounts[account]
    fees = {"makerCommission": terms.maker_fee_rate, "takerCommission": terms.taker_fee_rate}
    return {"data": fees, "code": 0, "msg": "success", "timestamp": desk.wall_ms}


def own_symbols(desk: Desk, account: int, asked: params.Params) -> Body:
    """List the symbols that the account's keys trade: the same for all."""
    return default_symbols(desk, account, asked)


def coin_info(desk: Desk, _account: int, _asked: params.Params) -> Body:
    """List coins; nothing can be deposited or withdrawn here."""
    coins = [desk.quote, *(listing.base for listing in desk.venue.market.listings)]
    return [{"coin": coin, "Name": coin, "networkList": []} for coin in coins]


def make_listen_key(desk: Desk, account: int, _asked: params.Params) -> Body:
    """Make a key by which a socket hears of the account."""
    return {"listenKey": desk.listen_keys.make(account, desk.wall_ms)}


def list_listen_keys(desk: Desk, account: int, _asked: params.Params) -> Body:
    """List the account's keys that live."""
    return {"listenKey": desk.listen_keys.of(account, desk.wall_ms)}


def extend_listen_key(desk: Desk, account: int, asked: params.ListenKey) -> Body:
    """Let a key live another hour."""
    if not asked.listen_key:
        raise missing("listenKey")
    desk.listen_keys.extend(account, asked.listen_key, desk.wall_ms)
    return {"listenKey": asked.listen_key}


def end_listen_key(desk: Desk, account: int, asked: params.ListenKey) -> Body:
    """End a key; the sockets that hear by it are closed."""
    if not asked.listen_key:
        raise missing("listenKey")
    desk.listen_keys.end(account, asked.listen_key, desk.wall_ms)
    return {"listenKey": asked.listen_key}

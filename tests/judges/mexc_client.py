"""How an unmodified ccxt is pointed at the MEXC face, and how its view of a spot account is held against the kernel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.judges.truth import Differs, State, same_money

FEE_RATE = 0.0005
DIGITS = 18


def connect(kind: Callable[..., Any], ready: State, key: int) -> Any:
    """Return a client that knows nothing of the exchange but its addresses and a key."""
    venue = ready["venues"]["mexc"]
    credentials = venue["keys"][key]
    client = kind({
        "apiKey": credentials["api_key"],
        "secret": credentials["api_secret"],
        "enableRateLimit": False,
    })
    rest = venue["rest_url"]
    client.urls["api"] |= {
        "spot": {"public": rest, "private": rest},
        "contract": {"public": f"{rest}/api/v1/contract", "private": f"{rest}/api/v1/private"},
        "ws": {"spot": venue["public_url"], "swap": venue["public_url"]},
    }
    return client


def number_of(order_id: str) -> int:
    """Return the exchange's own number of an order."""
    return int(order_id[-DIGITS:])


def holdings_of(account: State) -> dict[str, tuple[float, float]]:
    """Return (total, locked) by coin, from the kernel's money, coins and resting orders."""
    locked: dict[str, float] = defaultdict(float)
    for order in account["orders"]:
        if order["side"] == "BUY":
            locked["USDT"] += order["qty_left"] * order["price"] * (1.0 + FEE_RATE)
        else:
            locked[order["symbol"].removesuffix("USDT")] += order["qty_left"]
    held = {leg["symbol"].removesuffix("USDT"): leg["qty"] for leg in account["positions"]}
    return {coin: (total, locked[coin]) for coin, total in (held | {"USDT": account["cash"]}).items()}


def same_holdings(balance: State, account: State) -> None:
    """Compare a balance that a client has parsed with what the kernel holds."""
    for coin, (total, locked) in holdings_of(account).items():
        seen = balance.get(coin) or {"total": 0.0, "used": 0.0}
        same_money(seen["total"], total, f"{coin} in all")
        same_money(seen["used"], locked, f"{coin} that orders have locked")


def same_trades(trades: dict[str, State], account: State) -> None:
    """Compare an account's trades, by id, with the coins it holds, the fees it paid and the money it has left."""
    held: dict[str, float] = defaultdict(float)
    spent = fees = 0.0
    for trade in trades.values():
        sign = 1 if trade["side"] == "buy" else -1
        held[trade["symbol"].replace("/", "")] += sign * trade["amount"]
        spent += sign * trade["price"] * trade["amount"]
        fees += trade["fee"]["cost"]
    for leg in account["positions"]:
        if abs(held[leg["symbol"]] - leg["qty"]) > 1e-6:
            raise Differs(f"trades of {leg['symbol']} sum to {held[leg['symbol']]}, the kernel holds {leg['qty']}")
    if abs(fees - account["fees"]) > 1e-8 * (len(trades) + 1):
        raise Differs(f"fees of trades sum to {fees}, the kernel has taken {account['fees']}")
    if abs(spent + fees - (account["opened_with"] - account["cash"])) > 1e-6:
        raise Differs(f"trades and fees cost {spent + fees}, the kernel holds {account['cash']}")

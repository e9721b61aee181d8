"""How a client's view of a spot account is held against the kernel: coins, money, locks, trades and fees."""

from __future__ import annotations

from collections import defaultdict

from tests.judges.truth import Differs, State, same_money


def holdings_of(account: State, fee_rate: float) -> dict[str, tuple[float, float]]:
    """Return (total, locked) by coin, from the kernel's money, coins and resting orders."""
    locked: dict[str, float] = defaultdict(float)
    for order in account["orders"]:
        if order["side"] == "BUY":
            locked["USDT"] += order["qty_left"] * order["price"] * (1.0 + fee_rate)
        else:
            locked[order["symbol"].removesuffix("USDT")] += order["qty_left"]
    held = {leg["symbol"].removesuffix("USDT"): leg["qty"] for leg in account["positions"]}
    return {coin: (total, locked[coin]) for coin, total in (held | {"USDT": account["cash"]}).items()}


def same_holdings(balance: State, account: State, fee_rate: float) -> None:
    """Compare a balance that a client has parsed with what the kernel holds; ``fee_rate`` is the dearer one."""
    for coin, (total, locked) in holdings_of(account, fee_rate).items():
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
        if trade["fee"]["currency"] != "USDT":
            raise Differs(f"trade {trade['id']}: the fee is paid in {trade['fee']['currency']}")
        fees += trade["fee"]["cost"]
    for leg in account["positions"]:
        if abs(held[leg["symbol"]] - leg["qty"]) > 1e-6:
            raise Differs(f"trades of {leg['symbol']} sum to {held[leg['symbol']]}, the kernel holds {leg['qty']}")
    if abs(fees - account["fees"]) > 1e-8 * (len(trades) + 1):
        raise Differs(f"fees of trades sum to {fees}, the kernel has taken {account['fees']}")
    if abs(spent + fees - (account["opened_with"] - account["cash"])) > 1e-6:
        raise Differs(f"trades and fees cost {spent + fees}, the kernel holds {account['cash']}")

"""
An unmodified pybit trades spot at the Bybit face, over REST and the trade socket; its view must equal the kernel's.

Run by a test, in an environment of its own: ``python pybit_spot_judge.py READY.json ACTIONS SEED``. What the private
socket has told by the end must add up to what the kernel holds. Prints a summary as JSON.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from pybit.exceptions import InvalidRequestError

from tests.judges import pybit_judge
from tests.judges.pybit_judge import run
from tests.judges.spot_truth import same_holdings
from tests.judges.truth import Differs, same_money

FEE_RATE = 0.001


def balance_of(coins: list[dict[str, Any]]) -> dict[str, Any]:
    """Return total and used by coin, from rows of a wallet."""
    return {row["coin"]: {"total": float(row["walletBalance"]), "used": float(row["locked"])} for row in coins}


class Heard(pybit_judge.Heard):
    """What the private socket has said of a spot account."""

    def __init__(self) -> None:
        super().__init__()
        self.coins: dict[str, dict[str, Any]] = {}
        self.fees = Decimal()
        self.bought: defaultdict[str, Decimal] = defaultdict(Decimal)

    def execution(self, message: dict[str, Any]) -> None:
        for row in message["data"]:
            if row["execId"] in self.executions:
                self.faults.append(f"execution {row['execId']} came twice")
            self.executions.add(row["execId"])
            self.bought[row["symbol"]] += Decimal(row["execQty"]) * (1 if row["side"] == "Buy" else -1)
            self.fees += Decimal(row["execFee"])

    def money(self, message: dict[str, Any]) -> None:
        super().money(message)
        # Only coins that have changed are told.
        self.coins |= {row["coin"]: row for row in self.wallet["coin"]}


class Judge(pybit_judge.Judge):
    """One client of one account, in spot."""

    category = "spot"
    actions = (
        *("market", "market", "spend", "limit", "limit", "limit", "socket"),
        *("stop", "cancel", "cancel_all", "batch", "amend", "amend", "wrong", "step", "step"),
    )
    heard: Heard

    def listener(self) -> Heard:
        return Heard()

    def prepare(self) -> None:
        """There is nothing to choose."""

    def lot_of(self, sizes: dict[str, Any]) -> str:
        return str(sizes["basePrecision"])

    def compare_wallet(self, wallet: dict[str, Any], account: dict[str, Any]) -> None:
        same_money(float(wallet["totalEquity"]), account["equity"], "equity")
        same_money(float(wallet["totalAvailableBalance"]), account["available"], "available balance")
        same_holdings(balance_of(wallet["coin"]), account, FEE_RATE)
        worth = sum(float(row["usdValue"]) for row in wallet["coin"])
        if abs(worth - account["equity"]) > 1e-7:
            raise Differs(f"coins are worth {worth} together, the account {account['equity']}")

    def order(self, symbol: str, **more: Any) -> dict[str, Any]:
        last, (lot, tick) = self.price(symbol), self.steps[symbol]
        value = Decimal(self.dice.choice((1_000, 1_000, 15_000))) * Decimal(self.dice.uniform(0.01, 1.0))
        body = {
            "category": "spot",
            "symbol": symbol,
            "side": self.dice.choice(("Buy", "Sell")),
            "orderType": "Limit",
            "qty": self.on_grid(value / last, lot),
            "price": self.on_grid(last * Decimal(self.dice.uniform(0.995, 1.005)), tick),
        }
        if more.get("orderType") == "Market":
            body["marketUnit"] = "baseCoin"
        return body | more

    def spend(self, symbol: str) -> None:
        """Trade an amount of money; a market buy means money unless it says otherwise."""
        side = self.dice.choice(("Buy", "Sell"))
        body = self.order(symbol, orderType="Market", side=side, qty=f"{self.dice.uniform(1.0, 900.0):.2f}")
        del body["marketUnit"]
        if side == "Sell":
            body["marketUnit"] = "quoteCoin"
        made = self.client.place_order(**body)["result"]["orderId"]
        (row,) = self.client.get_open_orders(category="spot", orderId=made)["result"]["list"]
        spent = Decimal(row["cumExecValue"])
        if not 0 <= Decimal(body["qty"]) - spent <= self.price(symbol) * self.steps[symbol][0] * Decimal("1.01"):
            raise Differs(f"an order for {body['qty']} has traded {spent}")

    def conditional(self, *, rises: bool) -> dict[str, Any]:
        # The price says on which side it lies.
        return {"orderFilter": "StopOrder"}

    def cancel_all(self, symbol: str) -> None:
        word = self.dice.choice(({}, {"orderFilter": "StopOrder"}))
        self.client.cancel_all_orders(category="spot", symbol=symbol, **word)
        rows = self.client.get_open_orders(category="spot", symbol=symbol)["result"]["list"]
        if any((row["orderStatus"] == "Untriggered") == bool(word) for row in rows):
            raise Differs(f"orders of {symbol} are left after all with {word} were cancelled")

    def batch(self, symbol: str) -> None:
        orders = [self.order(symbol) for _ in range(3)]
        for order in orders:
            del order["category"]
        answer = self.client.place_batch_order(category="spot", request=orders)
        self.done["batched"] += sum(one["code"] == 0 for one in answer["retExtInfo"]["list"])

    def wrong(self, symbol: str) -> None:
        """Ask for what there is not in spot, or not on this grid: each has its code."""
        changes: dict[str, tuple[int, dict[str, Any]]] = {
            "leg": (10001, {"positionIdx": 1}),
            "reduce": (10001, {"reduceOnly": True}),
            "tick": (170134, {"price": f"{self.price(symbol)}1"}),
            "lot": (170137, {"qty": format(self.steps[symbol][0] * Decimal("1000.5"), "f")}),
            "leverage": (170037, {"isLeverage": 1}),
            "symbol": (170121, {"symbol": "NOUSDT"}),
        }
        code, change = changes[self.dice.choice(sorted(changes))]
        try:
            self.client.place_order(**self.order(symbol, side="Buy") | change)
        except InvalidRequestError as error:
            if error.status_code != code:
                raise Differs(f"{change} is refused with {error.status_code}") from None
            return
        raise Differs(f"{change} was taken")

    def _compare_held(self, account: dict[str, Any]) -> None:
        held = {leg["symbol"]: leg["qty"] for leg in account["positions"]}
        for symbol, qty in self.heard.bought.items():
            if abs(float(qty) - held[symbol]) > 1e-9:
                raise Differs(f"executions of {symbol} sum to {qty}, the kernel holds {held[symbol]}")
        if abs(float(self.heard.fees) - account["fees"]) > 1e-6:
            raise Differs(f"executions cost {self.heard.fees}, the kernel has taken {account['fees']}")
        same_holdings(balance_of(list(self.heard.coins.values())), account, FEE_RATE)


if __name__ == "__main__":
    run(Judge)

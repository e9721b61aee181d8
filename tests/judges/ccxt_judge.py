"""
An unmodified ccxt trades at the local exchange; after every action what it parses must equal what the kernel holds.

Run by a test, in an environment of its own: ``python ccxt_judge.py READY.json ACTIONS SEED``. Prints a summary as JSON.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import ccxt

from tests.judges.truth import Operator, arguments, play, same_money, same_orders, same_positions

SIDES = {"long": "LONG", "short": "SHORT"}


def connect(ready: dict[str, Any], key: int, kind: str = "swap") -> Any:
    """Return a client of swaps or spot that knows nothing of the exchange but its address and a key."""
    credentials = ready["keys"][key]
    client = ccxt.bybit({
        "apiKey": credentials["api_key"],
        "secret": credentials["api_secret"],
        "enableRateLimit": False,
        "options": {"defaultType": kind, "fetchMarkets": {"types": ["spot" if kind == "spot" else "linear"]}},
    })
    client.urls["api"] = dict.fromkeys(("spot", "futures", "v2", "public", "private"), ready["rest_url"])
    return client


class Judge:
    """One client of one account, in hedge mode."""

    def __init__(self, ready: dict[str, Any], seed: int) -> None:
        self.operator = Operator(ready["operator_url"], "bybit")
        self.client = connect(ready, 0)
        self.dice = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.client.load_markets()
        self.client.set_position_mode(hedged=True, params={"category": "linear"})
        # The sample market lists a coin late: before that it has no price.
        self.symbols = [symbol for symbol, ticker in self.client.fetch_tickers().items() if ticker["last"]]

    def compare(self) -> None:
        """Hold balance, positions and open orders against the kernel."""
        account = self.operator.state()["accounts"][0]
        balance = self.client.fetch_balance()
        row = balance["info"]["result"]["list"][0]
        same_money(balance["USDT"]["total"], account["cash"], "balance")
        same_money(float(row["totalInitialMargin"]), account["initial_margin"], "initial margin")
        same_money(float(row["totalMaintenanceMargin"]), account["maintenance_margin"], "maintenance margin")
        same_money(float(row["totalAvailableBalance"]), account["available"], "available balance")
        ids = self.client.markets
        same_positions(
            (
                (
                    (ids[one["symbol"]]["id"], SIDES[one["side"]]),
                    one["contracts"] * (1 if one["side"] == "long" else -1),
                    one["entryPrice"],
                )
                for one in self.client.fetch_positions()
            ),
            account,
        )
        orders = [order for order in self.client.fetch_open_orders() if order["info"]["orderStatus"] != "Untriggered"]
        same_orders(
            (
                (
                    int(order["id"][-12:]),
                    ids[order["symbol"]]["id"],
                    order["side"].upper(),
                    order["remaining"],
                    order["price"],
                )
                for order in orders
            ),
            account,
        )

    def qty(self, symbol: str, price: float) -> float:
        value = self.dice.choice((2_000, 2_000, 2_000, 60_000)) * self.dice.uniform(0.01, 1.0)
        return float(self.client.amount_to_precision(symbol, value / price))

    def act(self) -> None:
        """Do one thing at random; what the venue refuses is an answer like any other."""
        name = self.dice.choice((
            "market",
            "market",
            "limit",
            "limit",
            "limit",
            "reduce",
            "stop",
            "cancel",
            "edit",
            "leverage",
            "step",
            "step",
        ))
        symbol = self.dice.choice(self.symbols)
        try:
            getattr(self, name)(symbol)
            self.done[name] += 1
        except (ccxt.InsufficientFunds, ccxt.InvalidOrder, ccxt.BadRequest, ccxt.OrderNotFound, ccxt.NoChange) as error:
            self.done[f"{name} refused: {type(error).__name__}"] += 1

    def market(self, symbol: str) -> None:
        side, leg = self.dice.choice((("buy", 1), ("sell", 2)))
        price = self.client.fetch_ticker(symbol)["last"]
        self.client.create_order(symbol, "market", side, self.qty(symbol, price), None, {"positionIdx": leg})

    def limit(self, symbol: str) -> None:
        side, leg = self.dice.choice((("buy", 1), ("sell", 2)))
        price = self.client.fetch_ticker(symbol)["last"] * self.dice.uniform(0.995, 1.005)
        price = float(self.client.price_to_precision(symbol, price))
        extra = self.dice.choice(({}, {}, {"timeInForce": "PostOnly"}, {"timeInForce": "IOC"}))
        self.client.create_order(symbol, "limit", side, self.qty(symbol, price), price, {"positionIdx": leg, **extra})

    def reduce(self, symbol: str) -> None:
        side, leg = self.dice.choice((("sell", 1), ("buy", 2)))
        price = self.client.fetch_ticker(symbol)["last"]
        parameters = {"positionIdx": leg, "reduceOnly": True}
        self.client.create_order(symbol, "market", side, self.qty(symbol, price), None, parameters)

    def stop(self, symbol: str) -> None:
        side, leg = self.dice.choice((("sell", 1), ("buy", 2)))
        last = self.client.fetch_ticker(symbol)["last"]
        trigger = last * (0.997 if side == "sell" else 1.003)
        parameters = {
            "positionIdx": leg,
            "reduceOnly": True,
            "triggerPrice": float(self.client.price_to_precision(symbol, trigger)),
            "triggerDirection": "descending" if side == "sell" else "ascending",
        }
        self.client.create_order(symbol, "market", side, self.qty(symbol, last), None, parameters)

    def cancel(self, symbol: str) -> None:
        orders = self.client.fetch_open_orders(symbol)
        if orders:
            self.client.cancel_order(self.dice.choice(orders)["id"], symbol)

    def edit(self, symbol: str) -> None:
        orders = [order for order in self.client.fetch_open_orders(symbol) if order["type"] == "limit"]
        if orders:
            order = self.dice.choice(orders)
            price = float(self.client.price_to_precision(symbol, order["price"] * self.dice.uniform(0.998, 1.002)))
            self.client.edit_order(order["id"], symbol, "limit", order["side"], order["amount"], price)

    def leverage(self, symbol: str) -> None:
        self.client.set_leverage(self.dice.randint(2, 20), symbol)

    def step(self, _symbol: str) -> None:
        self.operator.step(by_ms=self.dice.randint(1_000, 90_000))


def main() -> None:
    ready, n_actions, seed = arguments()
    print(json.dumps(play(Judge(ready, seed), n_actions)))


if __name__ == "__main__":
    main()

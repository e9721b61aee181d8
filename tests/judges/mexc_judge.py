"""
An unmodified ccxt trades at the MEXC face; after every action what it parses must equal what the kernel holds.

Run by a test, in an environment of its own: ``python mexc_judge.py READY.json ACTIONS SEED``. Prints a summary as JSON.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import ccxt

from tests.judges.mexc_client import FEE_RATE, connect, number_of, same_holdings, same_trades
from tests.judges.truth import Differs, Operator, State, arguments, play, same_orders

REFUSALS = (ccxt.InsufficientFunds, ccxt.InvalidOrder, ccxt.BadRequest, ccxt.BadSymbol, ccxt.OrderNotFound)
ACTIONS = ("buy", "buy", "sell", "spend", "limit", "limit", "limit", "limit", "cancel", "cancel_all", "look_up", "step")


class Judge:
    """One client of one account."""

    def __init__(self, ready: State, seed: int) -> None:
        self.operator, self.client = Operator(ready["operator_url"], "mexc"), connect(ccxt.mexc, ready, 0)
        self.dice, self.done = random.Random(seed), Counter[str]()
        self.trades: dict[str, State] = {}
        self.opened_with = self.operator.state()["accounts"][0]["cash"]
        markets = self.client.load_markets()
        # The sample market lists a coin late: before that it has no price.
        self.symbols = [symbol for symbol, ticker in self.client.fetch_tickers().items() if ticker["last"]]
        self.touched = self.symbols
        self.closed = [symbol for symbol, market in markets.items() if not market["active"]]
        self.open = [symbol for symbol in self.symbols if symbol not in self.closed]
        fee = self.client.fetch_trading_fee(self.symbols[0])
        if (fee["maker"], fee["taker"]) != (0.0, FEE_RATE) or markets[self.symbols[0]]["taker"] != FEE_RATE:
            raise Differs(f"the fee rates are 0 and {FEE_RATE}, the client sees {fee}")

    def compare(self) -> None:
        """Hold balances, open orders and trades against the kernel."""
        account = self.operator.state()["accounts"][0] | {"opened_with": self.opened_with}
        same_holdings(self.client.fetch_balance(), account)
        orders = self.client.fetch_open_orders()
        ids = self.client.markets
        same_orders(
            (
                (number_of(one["id"]), ids[one["symbol"]]["id"], one["side"].upper(), one["remaining"], one["price"])
                for one in orders
            ),
            account,
        )
        for symbol in self.touched:
            self.trades |= {trade["id"]: trade for trade in self.client.fetch_my_trades(symbol)}
        same_trades(self.trades, account)

    def act(self) -> None:
        """Do one thing at random; what the venue refuses is an answer like any other."""
        name, symbol = self.dice.choice(ACTIONS), self.dice.choice(self.open)
        if self.closed and self.dice.random() < 0.05:
            name, symbol = "buy", self.dice.choice(self.closed)
        # Only time moves more than one symbol.
        self.touched = self.symbols if name == "step" else [symbol]
        try:
            getattr(self, name)(symbol)
            self.done[name] += 1
        except REFUSALS as error:
            self.done[f"{name} refused: {type(error).__name__}"] += 1

    def price(self, symbol: str) -> float:
        return float(self.client.fetch_ticker(symbol)["last"])

    def qty(self, symbol: str, price: float) -> float:
        value = self.dice.choice((2_000, 2_000, 2_000, 40_000)) * self.dice.uniform(0.01, 1.0)
        return float(self.client.amount_to_precision(symbol, value / price))

    def ended_as(self, order: State, symbol: str, **expected: Any) -> None:
        seen = self.client.fetch_order(order["id"], symbol)
        for name, value in expected.items():
            if seen[name] != value:
                raise Differs(f"order {order['id']}: {name} is {seen[name]!r}, not {value!r}")

    def buy(self, symbol: str) -> None:
        if symbol in self.closed:
            self.client.create_order(symbol, "market", "buy", 1)
            raise Differs(f"{symbol} is not open to the API and was traded")
        qty = self.qty(symbol, self.price(symbol))
        order = self.client.create_order(symbol, "market", "buy", qty)
        self.ended_as(order, symbol, status="closed", filled=qty)

    def sell(self, symbol: str) -> None:
        free = (self.client.fetch_balance().get(symbol.partition("/")[0]) or {"free": 0.0})["free"]
        qty = float(self.client.amount_to_precision(symbol, free * self.dice.choice((0.3, 0.7, 1.0)) or 1.0))
        order = self.client.create_order(symbol, "market", "sell", qty)
        self.ended_as(order, symbol, status="closed", filled=qty)

    def spend(self, symbol: str) -> None:
        money = round(self.dice.choice((0.5, 50.0, 2_000.0)) * self.dice.uniform(0.5, 1.0), 2)
        order = self.client.create_order(symbol, "market", "buy", None, None, {"cost": money})
        seen = self.client.fetch_order(order["id"], symbol)
        if not 0.0 <= money - seen["cost"] <= self.price(symbol) * 1.01:
            raise Differs(f"an order for {money} has spent {seen['cost']}")

    def limit(self, symbol: str) -> None:
        side = self.dice.choice(("buy", "sell"))
        price = float(self.client.price_to_precision(symbol, self.price(symbol) * self.dice.uniform(0.995, 1.005)))
        extra = self.dice.choice(({}, {}, {"postOnly": True}, {"timeInForce": "IOC"}, {"timeInForce": "FOK"}))
        if self.dice.random() < 0.1:
            self.client.create_order(symbol, "limit", side, self.qty(symbol, price), price, {"test": True})
            return
        order = self.client.create_order(symbol, "limit", side, self.qty(symbol, price), price, extra)
        if extra.get("timeInForce") and self.client.fetch_order(order["id"], symbol)["status"] == "open":
            raise Differs(f"an order that was {extra} still rests")

    def cancel(self, symbol: str) -> None:
        orders = self.client.fetch_open_orders(symbol)
        if orders:
            order = self.dice.choice(orders)
            self.client.cancel_order(order["id"], symbol)
            self.ended_as(order, symbol, status="canceled")

    def cancel_all(self, symbol: str) -> None:
        of = self.dice.choice((symbol, symbol, None))
        self.client.cancel_all_orders(of)
        if self.client.fetch_open_orders(of):
            raise Differs(f"orders of {of or 'the account'} are left after all were cancelled")

    def look_up(self, symbol: str) -> None:
        """Place an order by a name of its own, find it by that, and see that the name is spent."""
        named = {"clientOrderId": f"judge-{self.dice.getrandbits(60):x}"}
        price = float(self.client.price_to_precision(symbol, self.price(symbol) * 0.9))
        qty = self.qty(symbol, price)
        order = self.client.create_order(symbol, "limit", "buy", qty, price, named)
        if self.client.fetch_order("", symbol, named)["id"] != order["id"]:
            raise Differs(f"{named} is another order than {order['id']}")
        try:
            self.client.create_order(symbol, "limit", "buy", qty, price, named)
        except ccxt.BadRequest:
            return
        raise Differs(f"{named} was taken twice")

    def step(self, _symbol: str) -> None:
        self.operator.step(by_ms=self.dice.randint(1_000, 90_000))


def main() -> None:
    ready, n_actions, seed = arguments()
    judge = Judge(ready, seed)
    summary = play(judge, n_actions)
    print(json.dumps(summary | {"n_closed": len(judge.closed)}))


if __name__ == "__main__":
    main()

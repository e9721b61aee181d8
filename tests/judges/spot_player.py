"""An unmodified ccxt trades a spot account at random; after every action what it parses must equal the kernel's."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

import ccxt

from tests.judges.spot_truth import same_holdings, same_trades
from tests.judges.truth import Differs, Operator, State, same_orders

REFUSALS = (ccxt.InsufficientFunds, ccxt.InvalidOrder, ccxt.BadRequest, ccxt.BadSymbol, ccxt.OrderNotFound)
ACTIONS = ("buy", "buy", "sell", "spend", "limit", "limit", "limit", "limit", "cancel", "cancel_all", "look_up", "step")


class SpotPlayer(ABC):
    """
    One client of one account; a venue says how orders are numbered and found, and what else there is to do.

    Parameters
    ----------
    operator : Operator
    client : ccxt.Exchange
    seed : int
    fee_rates : (float, float)
        Of maker and taker.
    """

    actions: tuple[str, ...] = ACTIONS

    def __init__(self, operator: Operator, client: Any, seed: int, fee_rates: tuple[float, float]) -> None:
        self.operator, self.client, self.fee_rate = operator, client, max(fee_rates)
        self.dice, self.done = random.Random(seed), Counter[str]()
        self.trades: dict[str, State] = {}
        self.opened_with = self.operator.state()["accounts"][0]["cash"]
        self.markets = self.client.load_markets()
        # The sample market lists a coin late: before that it has no price.
        self.symbols = [symbol for symbol, ticker in self.client.fetch_tickers().items() if ticker["last"]]
        self.touched = self.symbols
        fee = self.client.fetch_trading_fee(self.symbols[0])
        if (fee["maker"], fee["taker"]) != fee_rates:
            raise Differs(f"the fee rates are {fee_rates}, the client sees {fee}")

    @abstractmethod
    def number_of(self, order_id: str) -> int:
        """Return the exchange's own number of an order."""

    def find(self, order_id: str, symbol: str) -> State:
        """Return an order as the client sees it, whether it is open or not."""
        return dict(self.client.fetch_order(order_id, symbol))

    def open_orders(self, symbol: str | None = None) -> list[State]:
        """Return orders that may still fill."""
        return list(self.client.fetch_open_orders(symbol))

    def resting(self) -> list[State]:
        """Return the open orders that are on the book."""
        return self.open_orders()

    def compare(self) -> None:
        """Hold balances, open orders and trades against the kernel."""
        account = self.operator.state()["accounts"][0] | {"opened_with": self.opened_with}
        same_holdings(self.client.fetch_balance(), account, self.fee_rate)
        ids = self.client.markets
        same_orders(
            (
                (
                    self.number_of(one["id"]),
                    ids[one["symbol"]]["id"],
                    one["side"].upper(),
                    one["remaining"],
                    one["price"],
                )
                for one in self.resting()
            ),
            account,
        )
        for symbol in self.touched:
            self.trades |= {trade["id"]: trade for trade in self.client.fetch_my_trades(symbol)}
        same_trades(self.trades, account)

    def chosen(self) -> tuple[str, str]:
        """Return what to do next, and to which symbol."""
        return self.dice.choice(self.actions), self.dice.choice(self.symbols)

    def act(self) -> None:
        """Do one thing at random; what the venue refuses is an answer like any other."""
        name, symbol = self.chosen()
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
        seen = self.find(order["id"], symbol)
        for name, value in expected.items():
            if seen[name] != value:
                raise Differs(f"order {order['id']}: {name} is {seen[name]!r}, not {value!r}")

    def buy(self, symbol: str) -> None:
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
        seen = self.find(order["id"], symbol)
        # A lot more would have been too much, and the price is cut to ticks before it is sent.
        if not 0.0 <= money - seen["cost"] <= self.price(symbol) * 1.01:
            raise Differs(f"an order for {money} has spent {seen['cost']}")

    def limit(self, symbol: str) -> None:
        side = self.dice.choice(("buy", "sell"))
        price = float(self.client.price_to_precision(symbol, self.price(symbol) * self.dice.uniform(0.995, 1.005)))
        extra = self.dice.choice(({}, {}, {"postOnly": True}, {"timeInForce": "IOC"}, {"timeInForce": "FOK"}))
        order = self.client.create_order(symbol, "limit", side, self.qty(symbol, price), price, extra)
        if extra.get("timeInForce") and self.find(order["id"], symbol)["status"] == "open":
            raise Differs(f"an order that was {extra} still rests")

    def take_back(self, order: State, symbol: str) -> None:
        """Cancel an order."""
        self.client.cancel_order(order["id"], symbol)

    def cancel(self, symbol: str) -> None:
        orders = self.open_orders(symbol)
        if orders:
            order = self.dice.choice(orders)
            self.take_back(order, symbol)
            self.ended_as(order, symbol, status=self.cancelled(order))

    def cancelled(self, order: State) -> str:
        """Return what an order is said to be once it has been cancelled."""
        return "canceled"

    def cancel_all(self, symbol: str) -> None:
        of = self.dice.choice((symbol, symbol, None))
        self.client.cancel_all_orders(of)
        left = [order["id"] for order in self.resting() if of in {None, order["symbol"]}]
        if left:
            raise Differs(f"orders of {of or 'the account'} are left after all were cancelled: {left}")

    def look_up(self, symbol: str) -> None:
        """Place an order by a name of its own, find it by that, and see that the name is spent."""
        name = f"judge-{self.dice.getrandbits(60):x}"
        price = float(self.client.price_to_precision(symbol, self.price(symbol) * 0.9))
        qty = self.qty(symbol, price)
        order = self.client.create_order(symbol, "limit", "buy", qty, price, {"clientOrderId": name})
        if self.named(name, symbol)["id"] != order["id"]:
            raise Differs(f"{name} is another order than {order['id']}")
        try:
            self.client.create_order(symbol, "limit", "buy", qty, price, {"clientOrderId": name})
        except (ccxt.BadRequest, ccxt.InvalidOrder):
            return
        raise Differs(f"{name} was taken twice")

    def named(self, name: str, symbol: str) -> State:
        """Return an order by the client's own name for it."""
        return dict(self.client.fetch_order("", symbol, {"clientOrderId": name}))

    def step(self, _symbol: str) -> None:
        self.operator.step(by_ms=self.dice.randint(1_000, 90_000))

"""
An unmodified ccxt trades spot at the Bybit face; after every action what it parses must equal what the kernel holds.

Run by a test, in an environment of its own: ``python ccxt_spot_judge.py READY.json ACTIONS SEED``. Prints a summary as
JSON.
"""

from __future__ import annotations

import json

from tests.judges.ccxt_judge import connect
from tests.judges.spot_player import ACTIONS, SpotPlayer
from tests.judges.truth import Differs, Operator, State, arguments, play

FEE_RATES = (0.001, 0.001)
PAGE = 50


class Judge(SpotPlayer):
    """A player who also amends orders, lets them wait for a price, and sells for money."""

    actions = (*ACTIONS, "edit", "edit", "stop", "stop", "earn", "step", "step")

    def __init__(self, ready: State, seed: int) -> None:
        super().__init__(Operator(ready["operator_url"], "bybit"), connect(ready, 0, "spot"), seed, FEE_RATES)

    def number_of(self, order_id: str) -> int:
        return int(order_id[-12:])

    def find(self, order_id: str, symbol: str) -> State:
        return dict(self.client.fetch_order(order_id, symbol, {"acknowledged": True}))

    def open_orders(self, symbol: str | None = None) -> list[State]:
        return list(self.client.fetch_open_orders(symbol, None, PAGE))

    def resting(self) -> list[State]:
        return [order for order in self.open_orders() if order["info"]["orderStatus"] != "Untriggered"]

    def named(self, name: str, symbol: str) -> State:
        (order,) = self.client.fetch_open_orders(symbol, None, PAGE, {"orderLinkId": name})
        return dict(order)

    def take_back(self, order: State, symbol: str) -> None:
        waits = order["info"]["orderStatus"] == "Untriggered"
        self.client.cancel_order(order["id"], symbol, {"trigger": True} if waits else {})

    def cancelled(self, order: State) -> str:
        # The venue has a word of its own for what was cancelled after a fill, and the client takes that for done.
        return "closed" if order["filled"] else "canceled"

    def earn(self, symbol: str) -> None:
        """Sell for an amount of money."""
        money = round(self.dice.choice((50.0, 500.0)) * self.dice.uniform(0.5, 1.0), 2)
        order = self.client.create_order(symbol, "market", "sell", 1, None, {"cost": money})
        seen = self.find(order["id"], symbol)
        if not 0.0 <= money - seen["cost"] <= self.price(symbol) * 1.01:
            raise Differs(f"an order for {money} has brought {seen['cost']}")

    def edit(self, symbol: str) -> None:
        orders = [order for order in self.open_orders(symbol) if order["type"] == "limit"]
        if orders:
            order = self.dice.choice(orders)
            price = float(self.client.price_to_precision(symbol, order["price"] * self.dice.uniform(0.998, 1.002)))
            amount = order["amount"] * self.dice.choice((1.0, 1.0, 2.0, 20.0))
            self.client.edit_order(order["id"], symbol, "limit", order["side"], amount, price)

    def stop(self, symbol: str) -> None:
        """Let an order wait for a price on either side, market or limit, for coins or for money."""
        last, side = self.price(symbol), self.dice.choice(("buy", "sell"))
        trigger = float(self.client.price_to_precision(symbol, last * self.dice.choice((0.997, 1.003))))
        kind = self.dice.choice(("market", "limit"))
        extra = {"triggerPrice": trigger}
        if kind == "market" and side == "buy" and self.dice.random() < 0.5:
            extra["cost"] = round(self.dice.uniform(20.0, 500.0), 2)
        limit = float(self.client.price_to_precision(symbol, trigger * (1.001 if side == "buy" else 0.999)))
        price = limit if kind == "limit" else None
        self.client.create_order(symbol, kind, side, self.qty(symbol, last), price, extra)


def main() -> None:
    ready, n_actions, seed = arguments()
    print(json.dumps(play(Judge(ready, seed), n_actions)))


if __name__ == "__main__":
    main()

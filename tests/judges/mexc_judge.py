"""
An unmodified ccxt trades at the MEXC face; after every action what it parses must equal what the kernel holds.

Run by a test, in an environment of its own: ``python mexc_judge.py READY.json ACTIONS SEED``. Prints a summary as JSON.
"""

from __future__ import annotations

import json

import ccxt

from tests.judges.mexc_client import FEE_RATE, connect, number_of
from tests.judges.spot_player import SpotPlayer
from tests.judges.truth import Differs, Operator, State, arguments, play


class Judge(SpotPlayer):
    """A player who also tries what is not open to the API, and orders that are only tests."""

    def __init__(self, ready: State, seed: int) -> None:
        operator, client = Operator(ready["operator_url"], "mexc"), connect(ccxt.mexc, ready, 0)
        super().__init__(operator, client, seed, (0.0, FEE_RATE))
        if self.markets[self.symbols[0]]["taker"] != FEE_RATE:
            raise Differs(f"the market's fee rate is {FEE_RATE}, the client sees {self.markets[self.symbols[0]]}")
        self.closed = [symbol for symbol, market in self.markets.items() if not market["active"]]
        self.open = [symbol for symbol in self.symbols if symbol not in self.closed]

    def number_of(self, order_id: str) -> int:
        return number_of(order_id)

    def chosen(self) -> tuple[str, str]:
        name, symbol = self.dice.choice(self.actions), self.dice.choice(self.open)
        return ("buy", self.dice.choice(self.closed)) if self.closed and self.dice.random() < 0.05 else (name, symbol)

    def buy(self, symbol: str) -> None:
        if symbol in self.closed:
            self.client.create_order(symbol, "market", "buy", 1)
            raise Differs(f"{symbol} is not open to the API and was traded")
        super().buy(symbol)

    def limit(self, symbol: str) -> None:
        if self.dice.random() < 0.1:
            price = float(self.client.price_to_precision(symbol, self.price(symbol)))
            self.client.create_order(symbol, "limit", "buy", self.qty(symbol, price), price, {"test": True})
            return
        super().limit(symbol)


def main() -> None:
    ready, n_actions, seed = arguments()
    judge = Judge(ready, seed)
    summary = play(judge, n_actions)
    print(json.dumps(summary | {"n_closed": len(judge.closed)}))


if __name__ == "__main__":
    main()

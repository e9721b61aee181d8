"""
An unmodified ccxt.pro watches and trades spot over the sockets of the Bybit face.

Run by a test, in an environment of its own: ``python ccxt_pro_spot_judge.py READY.json ACTIONS SEED``. Orders go in
over the trade socket. What ``watch_*`` has shown must equal what the kernel holds, its books and bars what REST says.
Prints a summary as JSON.
"""

from __future__ import annotations

import asyncio
import json

from tests.judges.ccxt_pro_judge import connect
from tests.judges.spot_watcher import SYMBOL, SpotWatcher
from tests.judges.truth import Differs, Operator, State, arguments

FEE_RATE = 0.001


class Judge(SpotWatcher):
    """A watcher at Bybit, whose tickers of spot tell a price and no book."""

    depth = 50
    most_trades = 60

    def number_of(self, order_id: str) -> int:
        return int(order_id[-12:])

    async def place(self, kind: str, side: str, qty: float, price: float | None = None) -> None:
        await self.client.create_order_ws(SYMBOL, kind, side, qty, price)

    async def take_back(self, order_id: str) -> None:
        await self.client.cancel_order_ws(order_id, SYMBOL)

    def ticker_is_right(self, book: State) -> None:
        last = self.public[-1]["price"]
        if self.ticker["last"] != last and not book["bids"][0][0] <= self.ticker["last"] <= book["asks"][0][0]:
            raise Differs(f"the watched price is {self.ticker['last']}, the last trade {last}")


def main() -> None:
    ready, n_actions, seed = arguments()
    judge = Judge(Operator(ready["operator_url"], "bybit"), connect(ready, "spot"), seed, FEE_RATE)
    print(json.dumps(asyncio.run(judge.played(n_actions))))


if __name__ == "__main__":
    main()

"""
An unmodified ccxt.pro watches and trades spot over the sockets of the Bybit face.

Run by a test, in an environment of its own: ``python ccxt_pro_spot_judge.py READY.json ACTIONS SEED``. Orders go in
over the trade socket; what ``watch_*`` has shown by the end must equal what the kernel holds. Prints a summary as JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress

import ccxt.pro

from tests.judges import ccxt_pro_judge
from tests.judges.ccxt_pro_judge import ID, run
from tests.judges.spot_truth import same_holdings, same_trades
from tests.judges.truth import Differs, State, same_orders

FEE_RATE = 0.001


class Judge(ccxt_pro_judge.Judge):
    """One client of a spot account, with six watchers."""

    symbol, kind = "BLORP/USDT", "spot"

    def __init__(self, ready: State, seed: int) -> None:
        super().__init__(ready, seed)
        self.opened_with = self.operator.state()["accounts"][0]["cash"]
        self.ticker: State = {}
        self.bars: dict[int, list[float]] = {}

    def keep_bars(self, rows: list[list[float]]) -> None:
        self.bars |= {int(row[0]): row for row in rows}

    def watchers(self) -> list[Awaitable[None]]:
        client = self.client
        return [
            self.watch(client.watch_orders, lambda rows: self.orders.update({row["id"]: dict(row) for row in rows})),
            self.watch(client.watch_my_trades, lambda rows: self.trades.update({row["id"]: dict(row) for row in rows})),
            self.watch(client.watch_balance, self.balance.update),
            self.watch(lambda: client.watch_order_book(self.symbol, 50), self.book.update),
            self.watch(lambda: client.watch_ticker(self.symbol), self.ticker.update),
            self.watch(lambda: client.watch_ohlcv(self.symbol), self.keep_bars),
        ]

    def compare(self) -> None:
        account = self.operator.state()["accounts"][0] | {"opened_with": self.opened_with}
        same_holdings(self.balance, account, FEE_RATE)
        live = [order for order in self.orders.values() if order["status"] == "open"]
        same_orders(
            ((int(one["id"][-12:]), ID, one["side"].upper(), one["remaining"], one["price"]) for one in live), account
        )
        same_trades(self.trades, account)

    async def book_is_right(self) -> None:
        await super().book_is_right()
        last = (await self.client.fetch_ticker(self.symbol))["last"]
        if self.ticker["last"] != last:
            raise Differs(f"the watched price is {self.ticker['last']}, the fetched one {last}")
        for row in await self.client.fetch_ohlcv(self.symbol, "1m", limit=3):
            if self.bars.get(row[0], row) != row:
                raise Differs(f"the watched bar is {self.bars[row[0]]}, the fetched one {row}")

    async def act(self) -> None:
        with suppress(ccxt.pro.InsufficientFunds):
            await super().act()


if __name__ == "__main__":
    run(Judge)
